"""Real people, three cohorts, two instants: members and identifiers equal a plain computation that shares no code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

import plain
from product import Product
from sandbox_process import SandboxProcess

ZONE = "America/New_York"
FIRST, LATER = "2026-07-01", "2026-08-15"

DEFINITIONS = """
cohorts:
  - id: frequent
    name: Frequent committers
    kind: behavioural
    who: {did: commit, count: ">= 5", in: {last: 180 days}}
  - id: no-merge
    name: Committed but did not merge
    kind: behavioural
    who: {all: [{did: commit, in: {last: 365 days}}, {did_not: merge, in: {last: 365 days}}]}
  - id: coders
    name: Frequent committers who pay and changed Python or TypeScript
    kind: behavioural
    who:
      all:
        - {did: file_changed, where: {event.ext: {is: [.py, .ts]}, event.added: {greater: 5}}, in: {since: 2026-01-01}}
        - {user.plan: {is_not: [free]}}
        - {in_cohort: frequent}
connections:
  - id: main
    name: Main
    destination: thetradedesk
    advertiser: ready1
    region: sandbox
    auth: token
    secret: {env: REAL_EVENTS_TOKEN}
    identity: [{from: user.advertising_id, to: DAID}, {from: user.uid2, to: UID2}, {from: user.tdid, to: TDID}]
syncs:
  - {id: frequent, cohort: frequent, connection: main, cadence: daily}
  - {id: no-merge, cohort: no-merge, connection: main, cadence: daily}
  - {id: coders, cohort: coders, connection: main, cadence: daily}
"""


def frequent(done: list[plain.Act], as_of: datetime) -> set[str]:
    """At least five commits in the last 180 days."""
    begin = plain.days_before(as_of, 180, ZONE)
    counts = Counter(act.person for act in done if act.what == "commit" and act.at >= begin)
    return {person for person, count in counts.items() if count >= 5}


def no_merge(done: list[plain.Act], as_of: datetime) -> set[str]:
    """Committed and did not merge in the last 365 days."""
    begin = plain.days_before(as_of, 365, ZONE)
    did = {what: {act.person for act in done if act.what == what and act.at >= begin} for what in ("commit", "merge")}
    return did["commit"] - did["merge"]


def coders(done: list[plain.Act], as_of: datetime) -> set[str]:
    """Changed Python or TypeScript by more than 5 lines since January, pays, and commits often."""
    begin = plain.start_of(date(2026, 1, 1), ZONE)
    changed = {
        act.person
        for act in done
        if act.what == "file_changed" and act.at >= begin and act.event.get("ext") in {".py", ".ts"} and act.event.get("added", 0) > 5
    }
    pays = {person for person, plan in plain.latest(done, "plan").items() if plan != "free"}
    return changed & pays & frequent(done, as_of)


ANSWERS: dict[str, Callable[[list[plain.Act], datetime], set[str]]] = {
    "frequent": frequent,
    "no-merge": no_merge,
    "coders": coders,
}


@pytest.fixture
def product(tmp_path: Path, sandbox: SandboxProcess) -> Product:
    """The product over the real events, with the three cohorts and their syncs."""
    folder = plain.real_events()
    if folder is None:
        pytest.skip("the real events are not here; set TRADEWIND_REAL_EVENTS to their folder")
    product = Product(tmp_path, sandbox.url, REAL_EVENTS_TOKEN="sandbox-token-ready1")
    product.ok("init", "--zone", ZONE)
    assert product.ok("events", "import", str(folder))["events_new"] == 121_575
    product.write("definitions.yaml", DEFINITIONS)
    product.ok("apply", "definitions.yaml")
    return product


def account(report: dict[str, Any]) -> dict[str, int]:
    """Identifiers by operation."""
    counts: Counter[str] = Counter()
    for part in report["plan"]["delta"]["parts"]:
        counts[part["operation"]] += part["rows"]
    return dict(counts)


def run(product: Product, sync: str, as_of: str) -> dict[str, Any]:
    """Run a sync; a mass removal that the answer expects is approved, as a person would."""
    report = product.call("syncs", "run", sync, "--as-of", as_of)
    if report.code == 12:
        verdicts = report.json["plan"]["verdicts"]
        words = [word for verdict in verdicts for word in ("--guard", f"{verdict['guard']}={verdict['count']}")]
        report = product.call("runs", "approve", report.json["run"]["id"], *words)
    assert report.code == 0, report.error
    return report.json


@pytest.mark.timeout(900)
def test_three_cohorts_at_two_instants(product: Product, sandbox: SandboxProcess) -> None:
    """Members and identifiers as of 1 July; nothing but refreshes at once after; the right changes by 15 August."""
    folder = plain.real_events()
    assert folder is not None
    events = plain.load(folder)
    held: dict[str, set[tuple[str, str]]] = {}
    for as_of in (FIRST, LATER):
        moment = plain.start_of(date.fromisoformat(as_of), ZONE)
        done = plain.acts(events, moment)
        for cohort, answer in ANSWERS.items():
            people = answer(done, moment)
            expected = plain.identifiers(done, people)
            report = run(product, cohort, as_of)
            assert report["snapshot"]["members"] == len(people), cohort
            segment = report["binding"]["target"]["segment"]
            assert sandbox.members("ready1", segment) == expected, cohort
            before = held.get(cohort, set())
            changes = {"add": len(expected - before), "remove": len(before - expected), "refresh": len(expected & before)}
            assert account(report) == {name: count for name, count in changes.items() if count}, cohort
            assert report["account"]["accepted"] == report["account"]["planned"] == sum(changes.values())
            again = run(product, cohort, as_of)
            assert account(again) == ({"refresh": len(expected)} if expected else {}), cohort
            held[cohort] = expected
    assert all(len(ids) > 5 for ids in held.values()), "a cohort of nobody proves nothing"


def test_the_computation_itself_finds_people() -> None:
    """The plain computation is over enough people to mean something, and the later instant differs."""
    folder = plain.real_events()
    if folder is None:
        pytest.skip("the real events are not here; set TRADEWIND_REAL_EVENTS to their folder")
    events = plain.load(folder)
    sizes = {}
    for as_of in (datetime(2026, 7, 1, 4, tzinfo=UTC), datetime(2026, 8, 15, 4, tzinfo=UTC)):
        done = plain.acts(events, as_of)
        sizes[as_of] = {name: answer(done, as_of) for name, answer in ANSWERS.items()}
    first, later = sizes.values()
    assert all(first[name] != later[name] for name in ANSWERS)
    assert all(len(people) >= 5 for people in first.values())
