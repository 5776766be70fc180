"""One cohort as one segment for each value of a property: exact, nobody in two at any moment, and a move is done in one pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations, count
from pathlib import Path

import pytest

from town import Town, drawn, guid
from tradewind.catalog import yaml
from tradewind.cohorts.document import read_text
from tradewind.cohorts.parse import parse_cohort
from tradewind.engines.duckdb import DuckDBEngine
from tradewind.errors import DefinitionError
from tradewind.model.plan import Plan
from tradewind.model.run import Run, RunState
from tradewind.model.snapshot import Snapshot
from tradewind.model.sync import Cadence, Holdout, Only, Sync, SyncState
from tradewind.operations import runs, splits, syncs
from tradewind.operations.events import import_files
from tradewind.operations.funnel import funnel
from tradewind.operations.lift import lift
from tradewind.worker import Stop, run_once

COHORT = "{id: openers, name: Openers, kind: behavioural, who: {did: Open}}"
PLANS = ("free", "plus", "growth")
NUMBERS = count()


class Watched:
    """Looks after each request whether anybody is in two segments of the split at once."""

    def __init__(self, town: Town, parts: tuple[Sync, ...]) -> None:
        self.town, self.parts = town, parts

    def __call__(self) -> None:
        for one, other in combinations(self.parts, 2):
            assert not self.town.held(one) & self.town.held(other)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """The real engine over the real event store; person n is on plan n modulo 5 of which two are in no list, or on none."""
    town = Town(tmp_path)
    town.parts = replace(town.parts, engine=DuckDBEngine(town.parts.events, town.parts.bounds))
    town.parts.catalog.save_cohort(parse_cohort(read_text(COHORT, "openers"), "default"))
    opened(town, {number: [*PLANS, "other", None][number % 5] for number in range(1, 51)})
    yield town
    town.close()


def opened(town: Town, plans: dict[int, str | None]) -> None:
    """These people open the app now, and state their plans."""
    now = int(town.clock.now().timestamp() * 1000)
    lines = [
        {"event_type": "Open", "user_id": f"u{number}", "device_id": f"d{number}", "insert_id": f"{next(NUMBERS)}", "time": now - 1,
         "user_properties": {"ad": str(guid(number))} | ({"plan": plan} if plan else {})}
        for number, plan in plans.items()
    ]  # fmt: skip
    path = town.parts.home / f"opened-{next(NUMBERS)}.json"
    path.write_text("\n".join(map(json.dumps, lines)))
    import_files(town.parts, "default", [path], lambda *_: None)


def split(town: Town, cadence: Cadence = Cadence.DAILY, **more: int) -> tuple[Sync, ...]:
    """By plan; watched from now on."""
    wish = syncs.Wish("openers", "main", "by-plan", "openers {value}", cadence=cadence, **more)  # type: ignore[arg-type]
    parts = splits.add(town.parts, "default", wish, "user.plan", PLANS)
    town.platform.on_send = Watched(town, parts)
    return parts


def run(town: Town, as_of: str | None = None) -> tuple[Run, ...]:
    """All parts, by hand."""
    town.clock.sleep(60)
    return splits.run(town.parts, "default", "by-plan", as_of, lambda *_: None)


def by_worker(town: Town) -> tuple[Run, ...]:
    """All parts, by the worker at the next slot."""
    town.clock.sleep(86_400)
    return tuple(done.run for done in run_once(town.parts, Stop()) if done.run)


def of(town: Town, parts: tuple[Sync, ...]) -> list[set[int]]:
    """Who is in which segment."""
    return [town.held(each) for each in parts]


def expected(moved: dict[int, str | None]) -> list[set[int]]:
    """By what each stated last."""
    plans = {number: [*PLANS, "other", None][number % 5] for number in range(1, 51)} | moved
    return [{number for number, plan in plans.items() if plan == each} for each in PLANS]


def test_each_value_has_its_people_and_the_rest_go_nowhere(town: Town) -> None:
    parts = split(town)
    assert [(each.id, each.segment) for each in parts] == [(f"by-plan-{plan}", f"openers {plan}") for plan in PLANS]
    done = run(town)
    assert of(town, parts) == expected({})
    assert {each.as_of for each in done} == {done[0].as_of}
    snapshots = [town.parts.ledger.recall(each.id, RunState.EVALUATED, Snapshot) for each in done]
    assert [(each.members, each.whole, each.unlisted) for each in snapshots if each] == [(10, 50, 20)] * 3


@pytest.mark.parametrize("way", [run, by_worker], ids=["by hand", "by the worker"])
def test_a_move_in_any_direction_is_one_pass(town: Town, way: Callable[[Town], tuple[Run, ...]]) -> None:
    """From a part that runs earlier to one that runs later and back, in circles, out of all and into one."""
    parts = split(town)
    way(town)
    moved: dict[int, str | None] = {5: "growth", 10: "growth", 2: "free", 1: "free", 7: "plus", 3: "plus", 6: "other", 4: "free"}
    opened(town, moved)
    done = way(town)
    assert of(town, parts) == expected(moved)
    assert len(done) > 3, "who had to wait was let in by a run of its own"
    assert {each.as_of for each in done} == {done[0].as_of}
    for each in done:
        report = runs.report(town.parts, "default", each.id)
        unique, sent = (next(step for step in funnel(report.resolution, report.plan, report.tallies) if step.name == name)
                        for name in ("unique", "sent"))  # fmt: skip
        assert unique.count == sent.count + sum(loss.count for loss in sent.lost)


def test_who_could_not_be_taken_out_of_one_does_not_come_into_another(town: Town) -> None:
    """The part that they are to leave is paused: they wait, and are let in when it has gone on."""
    parts = split(town)
    run(town)
    town.parts.catalog.set_sync_state("default", "by-plan-free", SyncState.PAUSED)
    opened(town, {5: "growth"})
    town.clock.sleep(60)
    done = syncs.run(town.parts, "default", "by-plan-growth", None, lambda *_: None)
    assert 5 not in town.held(parts[2])
    planned = town.parts.ledger.recall(done.id, RunState.PLANNED, Plan)
    assert planned is not None
    assert (planned.delta.waiting, planned.delta.desired) == (1, 10)
    town.parts.catalog.set_sync_state("default", "by-plan-free", SyncState.ACTIVE)
    run(town)
    assert of(town, parts) == expected({5: "growth"})


def test_what_arrives_between_the_parts_does_not_divide_a_person(town: Town) -> None:
    """All parts of a pass answer from one snapshot."""
    parts = split(town)
    first = town.platform.on_send

    def arrives() -> None:
        first()
        town.platform.on_send = first
        opened(town, {5: "growth", 6: "free"})

    town.platform.on_send = arrives
    run(town)
    assert of(town, parts) == expected({})
    run(town)
    assert of(town, parts) == expected({5: "growth", 6: "free"})


def test_the_same_people_are_held_out_of_all_parts(town: Town) -> None:
    parts = split(town, holdout=30)
    run(town)
    out = drawn(30, "by-plan", set(range(1, 51)))
    assert of(town, parts) == [each - out for each in expected({})]


def test_what_sending_does_is_compared_over_all_parts(town: Town) -> None:
    """Who moves from one to another takes part once, from their first day on."""
    split(town, holdout=30)
    run(town)
    town.clock.sleep(86_400)
    opened(town, {number: "free" for number in range(1, 51) if number % 5 == 1})
    run(town)
    opened(town, dict.fromkeys(range(1, 11), "free"))
    town.clock.sleep(60)
    everybody = set().union(*expected({}))
    out = drawn(30, "by-plan", everybody)
    found = lift(town.parts, "default", "by-plan", "Open", None, None, None)
    assert (found.sent.people, found.held_out.people) == (len(everybody - out), len(out))
    done = {number for number in everybody if number % 5 == 1 or number <= 10}
    assert (found.sent.converted, found.held_out.converted) == (len(done - out), len(done & out))
    part = lift(town.parts, "default", "by-plan-growth", "Open", None, None, None)
    assert part.sent.people + part.held_out.people == 10
    splits.change(town.parts, "default", "by-plan-growth", syncs.Change(holdout=30, salt="other"))
    run(town)
    with pytest.raises(DefinitionError, match="the parts of split 'by-plan' hold different people out"):
        lift(town.parts, "default", "by-plan", "Open", None, None, None)


def test_all_parts_are_changed_together_or_none(town: Town) -> None:
    """Whoever is held out later is the same in all of them, too."""
    parts = split(town)
    with pytest.raises(DefinitionError, match="a TTL of 0 days is not possible"):
        splits.change(town.parts, "default", "by-plan", syncs.Change(holdout=30, ttl_days=0))
    assert {each.holdout for each in town.parts.catalog.syncs("default")} == {None}
    changed = splits.change(town.parts, "default", "by-plan", syncs.Change(holdout=30))
    assert {each.holdout for each in changed} == {Holdout(30, "by-plan")}
    run(town)
    out = drawn(30, "by-plan", set(range(1, 51)))
    assert of(town, parts) == [each - out for each in expected({})]
    alone = splits.change(town.parts, "default", parts[0].id, syncs.Change(holdout=0))
    assert [each.holdout for each in alone] == [None]


def test_an_identifier_of_two_people_is_in_one_segment(town: Town) -> None:
    """It stays where it came first, and the run counts it as waiting."""
    opened(town, {5: "free"})
    shared = json.dumps({"event_type": "Open", "user_id": "u99", "device_id": "d99", "insert_id": "99", "time": 1_700_000_000_000,
                         "user_properties": {"ad": str(guid(5)), "plan": "plus"}})  # fmt: skip
    (town.parts.home / "shared.json").write_text(shared)
    import_files(town.parts, "default", [town.parts.home / "shared.json"], lambda *_: None)
    parts = split(town)
    assert len(run(town)) == len(run(town)) == 3
    assert of(town, parts) == expected({})


def test_a_split_is_written_in_yaml_once_and_shown_part_by_part(tmp_path: Path) -> None:
    text = (
        "syncs: [{id: by-plan, cohort: openers, connection: main, cadence: hourly, split_by: plan,"
        " values: [free, Growth plan], segment: 'Plan {value}', holdout: {percent: 10}}]"
    )
    found = [each.value for each in yaml.read_sent(text, "default").syncs]
    assert [(each.id, each.segment, each.only) for each in found] == [
        ("by-plan-free", "Plan free", Only("by-plan", "plan", "free")),
        ("by-plan-growth-plan", "Plan Growth plan", Only("by-plan", "plan", "Growth plan")),
    ]
    assert {each.holdout.salt for each in found if each.holdout} == {"by-plan"}
    again = [each.value for each in yaml.read_sent(yaml.write(syncs=found), "default").syncs]
    assert again == found


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ("split_by: plan", "a split lists its values in values"),
        ("values: [a]", "name the user property with split_by"),
        ("split_by: plan, values: []", "1 to 50 values; this one has 0"),
        ("split_by: plan, values: [a b, A-B]", "the values 'a b' and 'A-B' would both be sync 's-a-b'"),
        ("split_by: plan, values: ['#']", "cannot be a value of a split"),
        ("split_by: plan, values: [a], segment: One", "write {value} where each has its own"),
        ("split_by: plan, values: [1]", "expected a text"),
    ],
)
def test_what_a_split_cannot_be(fields: str, sentence: str) -> None:
    with pytest.raises(DefinitionError) as error:
        yaml.read_sent(f"syncs: [{{id: s, cohort: c, connection: k, cadence: daily, {fields}}}]", "default")
    assert sentence in str(error.value)


def test_a_part_joins_its_fellows_alone(town: Town) -> None:
    split(town)
    for only, cohort, sentence in (
        (Only("by-plan", "tier", "gold"), "openers", "split 'by-plan' is by user.plan of cohort 'openers'"),
        (Only("by-plan", "plan", "gold"), "all", "split 'by-plan' is by user.plan of cohort 'openers'"),
        (Only("by-plan", "plan", "free"), "openers", "sync 'by-plan-free' takes the value 'free' of split 'by-plan' already"),
    ):
        with pytest.raises(DefinitionError, match=sentence):
            syncs.add(town.parts, "default", syncs.Wish(cohort, "main", "more", "more", only=only))
    with pytest.raises(DefinitionError, match="there is no split 'by-plam'"):
        splits.run(town.parts, "default", "by-plam", None, lambda *_: None)
