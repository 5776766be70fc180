"""What the pages tell a new user to type is typed here, against a sandbox, and does what they say."""

from __future__ import annotations

import json
import re
import shlex
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from product import Called, Product
from sandbox_process import SandboxProcess

ROOT = Path(__file__).resolve().parents[2]
HELD = 12


@dataclass
class Terminal:
    """A folder and an environment in which the lines of a page are typed: each in a process of its own, or by the same door in this one."""

    product: Product
    alone: bool = False

    def type(self, line: str, code: int = 0) -> None:
        """One `tradewind` or `export` line. RUN stands for the newest run, as a reader would take it from the list."""
        if line.startswith("export "):
            for each in shlex.split(line)[1:]:
                name, _, value = each.partition("=")
                self.product.environment.setdefault(name, value)
            return
        words = [self.newest_run() if word == "RUN" else word for word in shlex.split(line)]
        done = self.run(*words[1:])
        assert done.code == code, f"{line}\n{done.output}{done.error}"

    def run(self, *words: str) -> Called:
        return self.product.apart(*words) if self.alone else self.product.text(*words)

    def ask(self, *words: str) -> Any:
        return self.product.ok(*words)

    def newest_run(self) -> str:
        return str(self.ask("runs", "list")["runs"][0]["id"])


def terminal(folder: Path, sandbox: SandboxProcess, *, alone: bool = False) -> Terminal:
    return Terminal(Product(folder, sandbox.url), alone)


def lines_of(text: str) -> list[str]:
    """The indented lines of a page that call the program or set a variable; the sandbox runs already."""
    typed = re.findall(r"^ {4}((?:tradewind|export) .*)$", text, re.MULTILINE)
    return [line for line in typed if line != "tradewind sandbox"]


def saved_files(text: str) -> dict[str, str]:
    """Name -> content of what a page asks the reader to save."""
    return dict(re.findall(r"^Save this as `([^`]+)`[^\n]*(?:\n[^`\n][^\n]*)*\n\n```\w+\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


def test_the_tutorial_does_what_it_says(tmp_path: Path, sandbox: SandboxProcess) -> None:
    text = (ROOT / "docs" / "tutorial" / "own-events.md").read_text("utf-8")
    here, segment = terminal(tmp_path, sandbox, alone=True), "[Tradewind] Cart and no purchase: cart-no-buy"
    files = saved_files(text)
    assert files.keys() == {"events.json", "shop.yaml"}
    for name, content in files.items():
        (tmp_path / name).write_text(content, "utf-8")
    lines = lines_of(text)
    for line in lines[:-1]:
        here.type(line, HELD if "syncs run" in line and "2026-08-15" in line else 0)
    assert here.ask("cohorts", "preview", "cart-no-buy", "--as-of", "2026-06-18")["members"] == 2
    assert sandbox.members("ready1", segment) == {("DAID", "6f1c2b6e-2f53-4f0e-9d0a-2f1c7a3be001")}
    here.type(lines[-1])
    assert sandbox.members("ready1", segment) == set()


def test_the_retargeting_example_reaches_whom_it_names(tmp_path: Path, sandbox: SandboxProcess) -> None:
    here = terminal(ROOT, sandbox)
    here.product.environment["TRADEWIND_HOME"] = str(tmp_path / "home")
    day = 86_400_000
    noon = 1_781_697_600_000  # 17 June 2026, 12:00 UTC
    did = [("ann", "Open App", 6), ("ann", "Add to Cart", 2), ("bob", "Open App", 6), ("bob", "Add to Cart", 2), ("bob", "Purchase", 1)]
    did += [("eve", "Open App", 2), ("eve", "Add to Cart", 3)]
    guid = {
        "ann": "6f1c2b6e-2f53-4f0e-9d0a-2f1c7a3be001",
        "bob": "6f1c2b6e-2f53-4f0e-9d0a-2f1c7a3be002",
        "eve": "6f1c2b6e-2f53-4f0e-9d0a-2f1c7a3be003",
    }
    events = [
        {"event_type": what, "user_id": who, "device_id": f"d-{who}", "insert_id": f"{who}-{what}-{n}", "time": noon - n * day,
         "user_properties": {"advertising_id": guid[who]}}
        for who, what, times in did for n in range(times)
    ]  # fmt: skip
    (tmp_path / "events.json").write_text("\n".join(map(json.dumps, events)), "utf-8")
    here.type("tradewind init")
    here.type(f"tradewind events import {tmp_path / 'events.json'}")
    lines = lines_of((ROOT / "examples" / "retargeting" / "README.md").read_text("utf-8"))
    assert lines[-1].startswith("tradewind syncs run")
    for line in lines[:-1]:
        here.type(line)
    here.type(f"{lines[-1]} --as-of 2026-06-18")
    assert sandbox.members("ready1", "retargeting: left-a-full-cart") == {("DAID", guid["ann"])}


def shop_events(people: dict[str, list[tuple[str, int]]], plans: dict[str, str] | None = None) -> str:
    """Lines of events: who did what so many milliseconds ago; each has a device id of their own, and perhaps a plan."""
    now = int(time.time() * 1000)
    return "\n".join(
        json.dumps(
            {"event_type": what, "user_id": who, "device_id": f"d-{who}", "insert_id": f"{who} {what} {ago}", "time": now - ago,
             "event_properties": {"price": 20 + ago % 7},
             "user_properties": {"advertising_id": guid_of(who), "plan": (plans or {}).get(who)}}
        )
        for who, deeds in people.items() for what, ago in deeds
    )  # fmt: skip


def guid_of(who: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{who}.example"))


def with_account(folder: Path, sandbox: SandboxProcess) -> Terminal:
    """A home with events to come and the account that pages call `acme`, which the sandbox knows."""
    here = terminal(folder, sandbox)
    here.type("tradewind init")
    here.product.environment["ACME_SECRET"] = "sandbox-secret-ready1"
    here.type("tradewind connections add acme --advertiser ready1 --region sandbox --secret-env ACME_SECRET --map user.advertising_id=DAID")
    return here


def test_who_buys_leaves_as_the_page_on_retargeting_says(tmp_path: Path, sandbox: SandboxProcess) -> None:
    text = (ROOT / "docs" / "how-to" / "retargeting.md").read_text("utf-8")
    here, minute = with_account(tmp_path, sandbox), 60_000
    (tmp_path / "carts.json").write_text(shop_events({who: [("Add to Cart", 5 * minute)] for who in ("ann", "bob", "eve")}), "utf-8")
    here.type("tradewind events import carts.json")
    for name, content in saved_files(text).items():
        (tmp_path / name).write_text(content, "utf-8")
    lines = lines_of(text)
    segment = "[Tradewind] Left a cart: left-a-cart"
    for line in lines[:2]:
        here.type(line)
    assert sandbox.members("ready1", segment) == {("DAID", guid_of(who)) for who in ("ann", "bob", "eve")}
    (tmp_path / "bought.json").write_text(shop_events({"bob": [("Purchase", 1)]}), "utf-8")
    for line in lines[2:]:
        here.type(line)
    assert sandbox.members("ready1", segment) == {("DAID", guid_of(who)) for who in ("ann", "eve")}
    removal = here.ask("runs", "show", here.newest_run())["removal"]
    assert removal["removed"] == 1
    assert 0 < removal["median"] == removal["p95"] < 60


def people(folder: Path) -> None:
    """Enough devices for a seed."""
    (folder / "people.csv").write_text("idfa\n" + "".join(f"{uuid.UUID(int=(0xA << 60) + n)}\n" for n in range(1, 5_301)), "utf-8")


def test_the_page_on_better_targeting_does_what_it_says(tmp_path: Path, sandbox: SandboxProcess) -> None:
    here = terminal(tmp_path, sandbox)
    people(tmp_path)
    lines = lines_of((ROOT / "docs" / "how-to" / "target-better.md").read_text("utf-8"))
    for line in lines[:-1]:
        here.type(line)
    there = sandbox.get("/_sandbox/platform?advertiser=ready1")
    assert (there["data_groups"], there["audiences"]) == ([], []), "a plan changes nothing"
    here.type(lines[-1])
    there = sandbox.get("/_sandbox/platform?advertiser=ready1")
    (segment,), (group,), (audience,) = there["segments"], there["data_groups"], there["audiences"]
    assert (segment["ids"], group["holds"], audience["holds"]) == (5_300, [segment["id"]], [group["id"]])
    assert audience["name"] == "Spring sale"


def test_the_page_on_seeds_does_what_it_says(tmp_path: Path, sandbox: SandboxProcess) -> None:
    here = terminal(tmp_path, sandbox)
    people(tmp_path)
    for line in lines_of((ROOT / "docs" / "how-to" / "seeds.md").read_text("utf-8")):
        here.type(line)
    there = sandbox.get("/_sandbox/platform?advertiser=ready1")
    assert [(each["name"], each["segments"], each["default"]) for each in there["seeds"]] == [
        ("Best buyers", [there["segments"][0]["id"]], True)
    ]


def test_each_plan_has_a_segment_as_the_page_on_creatives_says(tmp_path: Path, sandbox: SandboxProcess) -> None:
    text = (ROOT / "docs" / "how-to" / "personalised-creative.md").read_text("utf-8")
    here = with_account(tmp_path, sandbox)
    plans = {"ann": "free", "bob": "growth", "kim": "growth", "eve": "enterprise", "joe": "trial"}
    (tmp_path / "opened.json").write_text(shop_events({key: [("Open App", 60000)] for key in plans}, plans), "utf-8")
    here.type("tradewind events import opened.json")
    for name, content in saved_files(text).items():
        (tmp_path / name).write_text(content, "utf-8")
    for line in lines_of(text):
        here.type(line)

    def segments() -> list[set[tuple[str, str]]]:
        return [sandbox.members("ready1", f"Engaged on {plan}") for plan in ("free", "growth", "enterprise")]

    assert segments() == [{("DAID", guid_of(who)) for who in each} for each in (("ann",), ("bob", "kim"), ("eve",))]
    (tmp_path / "moved.json").write_text(shop_events({"bob": [("Open App", 1)]}, {"bob": "free"}), "utf-8")
    here.type("tradewind events import moved.json")
    here.type("tradewind syncs run engaged-by-plan")
    assert segments() == [{("DAID", guid_of(who)) for who in each} for each in (("ann", "bob"), ("kim",), ("eve",))]


def test_a_campaign_is_measured_as_the_page_says(tmp_path: Path, sandbox: SandboxProcess) -> None:
    text = (ROOT / "docs" / "how-to" / "measure-a-campaign.md").read_text("utf-8")
    here, people = with_account(tmp_path, sandbox), [f"p{number}" for number in range(200)]
    (tmp_path / "carts.json").write_text(shop_events({key: [("Add to Cart", 60000)] for key in people}), "utf-8")
    here.type("tradewind events import carts.json")
    (tmp_path / "carts.yaml").write_text("{id: cart-no-buy, name: Carts, kind: behavioural, who: {did: Add to Cart}}", "utf-8")
    here.type("tradewind apply carts.yaml")
    added, ran, compared, week, ended = lines_of(text)
    here.type(added)
    here.type(ran)
    held = here.ask("runs", "show", here.newest_run())["snapshot"]["held_out"]
    assert 5 < held < 40
    (tmp_path / "bought.json").write_text(shop_events({key: [("Purchase", 0)] for key in people[:60]}), "utf-8")
    here.type("tradewind events import bought.json")
    here.type(compared)
    found = here.ask("lift", "carts", "--event", "Purchase")
    assert (found["held_out"]["people"], found["sent"]["people"]) == (held, 200 - held)
    assert found["sent"]["converted"] + found["held_out"]["converted"] == 60
    assert found["conversion"]["low"] < found["conversion"]["difference"] < found["conversion"]["high"]
    assert week == "tradewind lift carts --event Purchase --days 7"
    here.type(week, 10)
    here.type(ended)
    assert [each["holdout"] for each in here.ask("syncs", "list")["syncs"]] == [None]
