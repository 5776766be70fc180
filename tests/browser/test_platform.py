"""What the platform says of a segment, in the console: an account is given its token, the segment is asked about and put to use."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from playwright.sync_api import Browser, expect

from browser_desk import Desk, Visit
from sandbox_process import SandboxProcess

HOME = "/projects/lab"
TEXT = """
cohorts: [{id: vip, name: Best customers, kind: static, file: lab.csv, identifiers: {idfa: DAID}}]
connections: [{id: acme, name: Acme, destination: thetradedesk, advertiser: ready1, region: sandbox, auth: signature,
  secret: {env: LAB_SECRET}, identity: [{from: column.idfa, to: DAID}]}]
syncs:
  - {cohort: vip, connection: acme, id: vip, cadence: daily, segment: Lab customers}
  - {cohort: vip, connection: acme, id: again, cadence: daily, segment: Lab customers once more}
"""


def prepared(desk: Desk, chromium: Browser) -> None:
    """A project whose one segment was sent, with enough people for a seed."""
    product = desk.product
    product.ok("projects", "add", "lab", "--name", "The lab")
    product.ok("projects", "plan", "lab", "paid")
    product.ok("destinations", "admit", "thetradedesk", "lab")
    product.ok("projects", "enable", "lab", "thetradedesk", "--paid-plan")
    product.environment["LAB_SECRET"] = "sandbox-secret-ready1"
    product.write("lab.csv", "idfa\n" + "".join(f"{UUID(int=(0xB << 120) + number, version=4)}\n" for number in range(5_400)))
    product.write("lab.yaml", TEXT)
    product.ok("--project", "lab", "apply", "lab.yaml")
    for sync in ("vip", "again"):
        product.ok("--project", "lab", "syncs", "run", sync)
    desk.state(chromium)


def test_an_account_is_given_a_token_and_its_segment_is_put_to_use(visit: Callable[..., Visit], chromium: Browser, desk: Desk) -> None:
    prepared(desk, chromium)
    seen = visit()
    page = seen.go(f"{HOME}/segments/vip")
    expect(page.get_by_text("What the platform saw of these people is not asked.")).to_be_visible()
    page.get_by_role("link", name="Give the account a token").click()
    page.get_by_label("Platform token").fill("sandbox-token-ready1")
    page.get_by_role("button", name="Let it be asked").click()
    expect(page.get_by_text("is not for the platform's API")).to_be_visible()
    seen.complaints.clear()  # the browser says of every refusal that it was one
    page.get_by_label("Platform token").fill("sandbox-platform-token-ready1")
    page.get_by_role("button", name="Let it be asked").click()
    expect(page.get_by_role("button", name="Ask no more")).to_be_visible()
    assert seen.faults() == []

    page = seen.go(f"{HOME}/segments/vip")
    page.get_by_role("button", name="Ask now").click()
    expect(page.get_by_text("5,400 of 5,400 sent")).to_be_visible()
    assert seen.faults() == []
    page.get_by_role("button", name="Put into an audience").click()
    page.get_by_role("textbox", name="Audience").fill("Spring sale")
    page.get_by_role("button", name="See what would change").click()
    expect(page.get_by_text("Make audience 'Spring sale' of data group 'Lab customers'.")).to_be_visible()
    assert seen.faults() == []
    page.get_by_role("textbox", name="Audience").fill("Summer sale")
    expect(page.get_by_role("button", name="Do it")).to_have_count(0)
    page.get_by_role("button", name="See what would change").click()
    page.get_by_role("button", name="Do it").click()
    expect(page.get_by_text("choose the audience in an ad group")).to_be_visible()
    page.get_by_role("button", name="Done", exact=True).click()
    page.get_by_role("button", name="Make a seed").click()
    page.get_by_role("combobox", name="Made of these segments").click()
    page.get_by_role("option", name="Lab customers once more").click()
    page.keyboard.press("Tab")
    page.get_by_role("button", name="See what would change").click()
    page.get_by_role("button", name="Do it").click()
    expect(page.get_by_text("It is pending for up to a day.")).to_be_visible()
    there = SandboxProcess(desk.sandbox).get("/_sandbox/platform?advertiser=ready1")
    assert [each["name"] for kind in ("data_groups", "audiences", "seeds") for each in there[kind]] == [
        "Lab customers", "Summer sale", "Lab customers",
    ]  # fmt: skip
    assert len(there["seeds"][0]["segments"]) == 2

    narrow = visit(390)
    page = narrow.go(f"{HOME}/segments/vip")
    expect(page.get_by_text("5,400 of 5,400 sent")).to_be_visible()
    assert narrow.faults() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
