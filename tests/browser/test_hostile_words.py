"""Forty texts that would be scripts if a page took them for such stand in every field that is stored, and no page runs one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Dialog, expect

from browser_desk import Desk, Visit
from sandbox_process import SandboxProcess

Visits = Callable[..., Visit]

WORDS = tuple(
    text.replace("@", f"alert({number})")
    for number, text in enumerate(
        (
            "<script>@</script>",
            "</script><script>@</script>",
            "</title><script>@</script>",
            "</textarea><script>@</script>",
            "</style><script>@</script>",
            "--><script>@</script>",
            "]]><script>@</script>",
            "<ScRiPt/x>@</sCrIpT>",
            '"><script>@</script>',
            "'><script>@</script>",
            "<script src=/canary.js></script>",
            "<script src=//canary.invalid/x.js></script>",
            "<img src=/canary onerror=@>",
            '"><img src=/canary onerror=@>',
            "<img/src='/canary'/onerror='@'>",
            "<svg onload=@>",
            "<svg><script>@</script></svg>",
            "<svg><animate onbegin=@ attributeName=x dur=1s>",
            "<math><mi><style><img src=/canary onerror=@></style>",
            "<noscript><p title='</noscript><img src=/canary onerror=@>'>",
            "<iframe srcdoc='<script>@</script>'></iframe>",
            "<iframe src=javascript:@></iframe>",
            "<object data=javascript:@></object>",
            "<embed src=javascript:@>",
            "<a href=javascript:@ autofocus>here</a>",
            "javascript:@",
            "JaVaScRiPt:@//",
            "[here](javascript:@)",
            "data:text/html,<script>@</script>",
            "<form action=javascript:@><input type=submit autofocus>",
            "<input autofocus onfocus=@>",
            "<details open ontoggle=@>",
            "<video><source onerror=@></video>",
            "<body onload=@>",
            "<meta http-equiv=refresh content='0;url=javascript:@'>",
            "<base href=//canary.invalid/>",
            "<link rel=stylesheet href=//canary.invalid/x.css>",
            "{{constructor.constructor('@')()}}",
            "${@}",
            "';@//\";@//",
        )
    )
)

PACKED = " ".join(WORDS[:4]), " ".join(WORDS[12:17]), " ".join(WORDS[24:28])
"""Several in one, for what there is once."""

HERE = "/projects/hostile"
PAGES = {
    "/overview": 10,
    "/cohorts": 40,
    "/cohorts/c0": 1,
    "/cohorts/all": 40,
    "/cohorts/all/edit": 40,
    "/cohorts/list": 5,
    "/cohorts/list/sync?to=thetradedesk": 40,
    "/syncs": 40,
    "/runs": 5,
    "/segments": 40,
    "/segments/list": 5,
    "/segments/s0": 2,
    "/segments/list/lift": 5,
    "/catalog/destinations/thetradedesk": 40,
    "/catalog/destinations/thetradedesk/a0": 1,
    "/catalog/sources": 5,
    "/settings/people": 12,
    "/settings/events": 1,
    "/settings/tokens": 12,
}
"""Where the texts stand, and how many of them at least."""

SHOWN = """([words, least]) => {
    const fields = [...document.querySelectorAll("input, textarea, [title], [aria-label], [aria-description]")];
    const beside = fields.flatMap((each) => [each.value, each.title, each.ariaLabel, each.ariaDescription]);
    const text = [document.body.textContent, ...beside].join("\\n");
    return words.filter((word) => text.includes(word) || text.includes(word.replace(/["'`,^]/g, ""))).length >= least;
}"""
MADE = """() => document.querySelectorAll("[src*=canary], [href*=canary], [href^='javascript:' i], [src^='javascript:' i], [action]," +
    "[srcdoc], [onerror], [onload], [onfocus], [ontoggle], [onbegin], embed, object, base").length"""
"""Elements that no page of ours has."""

INSERT = """(words) => {
    window.refused = 0;
    document.addEventListener("securitypolicyviolation", () => { refused += 1; });
    words.forEach((word) => document.body.insertAdjacentHTML("beforeend", word));
}"""
"""What no page of ours does: take the texts for parts of itself."""

MOVE = "(path) => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')); }"
"""To another page of the console, without loading it anew."""


@pytest.fixture(scope="module")
def hostile(desk: Desk, chromium: Browser) -> Iterator[Desk]:
    """A project whose every word is one."""
    product = desk.product
    desk.state(chromium)

    def ok(*words: str) -> dict[str, Any]:
        return product.ok("--project", "hostile", *words)

    product.ok("projects", "add", "hostile", "--name", PACKED[0])
    product.ok("projects", "plan", "hostile", "paid")
    product.ok("destinations", "admit", "thetradedesk", "hostile")
    product.ok("projects", "enable", "hostile", "thetradedesk", "--paid-plan")
    product.environment |= {"THEIR_SECRET": "sandbox-secret-ready2", "AMP_API": "made-up-api-key", "AMP_SECRET": "made-up-secret"}
    keys = ("--api-key-env", "AMP_API", "--secret-key-env", "AMP_SECRET")
    ok("sources", "add", "amplitude", "amp", "--name", PACKED[1], "--region", "eu", *keys)
    events = [
        {"event_type": text, "user_id": text, "time": 1767225600000, "insert_id": f"i{number}"}
        | {"event_properties": {text: text}, "user_properties": {text: text}}
        for number, text in enumerate(WORDS)
    ]
    ok("events", "import", str(product.write("hostile.ndjson", "\n".join(map(json.dumps, events)))))
    product.write("people.csv", "idfa\n" + "".join(f"{UUID(int=(0xB << 120) + number, version=4)}\n" for number in range(30)))
    ok("apply", str(product.write("hostile.yaml", json.dumps(catalog()))))
    SandboxProcess(desk.sandbox).faults({"kind": "answer", "status": 403, "body": json.dumps({"Message": PACKED[0]})})
    product.call("--project", "hostile", "syncs", "run", "list")
    product.ok("destinations", "contact", "thetradedesk", PACKED[2])
    for number, text in enumerate(PACKED):
        product.ok("users", "add", f"hostile-{number}", "--name", text, "--role", "hostile=viewer")
        ok("tokens", "issue", "ada", text)
    yield desk
    product.ok("destinations", "contact", "thetradedesk", "")


def catalog() -> dict[str, Any]:
    """The project as YAML has it."""
    account: dict[str, Any] = {"destination": "thetradedesk", "advertiser": "ready2", "region": "sandbox", "auth": "signature"}
    account |= {"secret": {"env": "THEIR_SECRET"}, "identity": [{"from": "column.idfa", "to": "DAID"}]}
    cohorts: list[dict[str, Any]] = [
        {
            "id": f"c{number}",
            "name": text,
            "kind": "behavioural",
            "who": {"all": [{"did": text, "where": {f"event.{text}": {"is": [text]}}}]},
        }
        for number, text in enumerate(WORDS)
    ]
    cohorts.append({"id": "all", "name": PACKED[0], "kind": "behavioural", "who": {"any": [{"did": text} for text in WORDS]}})
    cohorts.append({"id": "list", "name": PACKED[1], "kind": "static", "file": "people.csv"})
    syncs: list[dict[str, Any]] = [
        {"id": f"s{n}", "cohort": f"c{n}", "connection": "a0", "cadence": "daily", "segment": named(text)} for n, text in enumerate(WORDS)
    ]
    syncs[0] |= {"only": {"split": "parts", "property": WORDS[0], "value": WORDS[12]}, "holdout": {"percent": 20, "salt": WORDS[24]}}
    syncs.append({"id": "list", "cohort": "list", "connection": "a1", "cadence": "daily", "segment": named(PACKED[2])})
    return {
        "cohorts": cohorts,
        "connections": [account | {"id": f"a{number}", "name": text} for number, text in enumerate(WORDS)],
        "syncs": syncs,
    }


def named(text: str) -> str:
    """As the name of a segment, which holds no quotes."""
    return re.sub("[\"'`,^]", "", text)


def test_no_stored_text_is_ever_run(visit: Visits, hostile: Desk) -> None:
    """And would the page take one for what it pretends to be, its policy would not."""
    here = visit()
    dialogs: list[str] = []

    def heard(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    here.page.on("dialog", heard)

    def stand(least: int) -> None:
        here.page.wait_for_function(SHOWN, arg=[WORDS, least])
        assert here.page.evaluate(MADE) == 0

    page = here.go("/")
    stand(4)
    for path, least in PAGES.items():
        page.evaluate(MOVE, f"{HERE}{path}")
        page.wait_for_url(f"**{path}")
        stand(least)
    page.evaluate(MOVE, f"{HERE}/cohorts/all")
    page.get_by_role("tab", name="YAML").click()
    stand(40)
    page.get_by_role("tab", name="People").click()
    stand(20)
    page.get_by_role("button", name="Why is").first.click()
    page.get_by_role("status").wait_for()
    stand(20)
    (run,) = hostile.product.ok("--project", "hostile", "runs", "list")["runs"]
    here.go(f"{HERE}/runs/{run['id']}")
    expect(page.get_by_role("alert")).to_contain_text(WORDS[0])
    page.get_by_role("button", name="Show requests").click()
    stand(12)
    assert here.complaints == []
    page.evaluate(INSERT, WORDS)
    assert page.evaluate(MADE) > 15, "this finds what a page makes of them"
    page.wait_for_function("() => refused > 10 && [...document.images].every((each) => each.complete)")
    here.complaints.clear()
    assert dialogs == []
