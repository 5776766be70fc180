"""Who is suppressed is in no plan: neither added nor renewed, removed where held, and no reason to hold a run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from town import Town, guid
from tradewind.ledger.memory import MemoryLedger
from tradewind.model.identifier import IdType, Refusal
from tradewind.model.plan import Operation
from tradewind.model.run import RunOutcome, RunState
from tradewind.model.sync import Cadence, Sync
from tradewind.operations import cohorts, runs, syncs


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A hundred people."""
    town = Town(tmp_path, MemoryLedger())
    yield town
    town.close()


def suppress(town: Town, *numbers: int) -> None:
    """These people say no."""
    name = f"p{town.clock.now():%Y%m%d%H%M%S}"
    town.parts.suppressions.add("default", name, 0, [guid(number).bytes for number in numbers], town.clock.now())


def run(town: Town, sync: Sync) -> runs.RunReport:
    """Run it, an hour later."""
    town.clock.sleep(3600)
    done = syncs.run(town.parts, "default", sync.id, None, lambda *_: None)
    return runs.report(town.parts, "default", done.id)


def test_the_suppressed_are_never_added(town: Town) -> None:
    """They are counted as refused, and every value is accounted for."""
    sync = town.add("one", Cadence.DAILY)
    suppress(town, 3, 4, 1_000)
    resolution = run(town, sync).resolution
    assert resolution is not None
    assert town.held(sync) == set(range(1, 101)) - {3, 4}
    assert resolution.refused[IdType.DAID][Refusal.SUPPRESSED] == 2
    assert resolution.values == 98 + resolution.duplicates + sum(resolution.refused[IdType.DAID].values())


def test_a_plan_and_a_preview_leave_them_out_too(town: Town) -> None:
    """What is shown is what would be sent."""
    sync = town.add("one", Cadence.DAILY)
    suppress(town, 3)
    proposal = syncs.plan(town.parts, "default", sync.id, None, lambda *_: None)
    assert proposal.plan.delta.count(Operation.ADD) == 99
    preview = cohorts.preview(town.parts, "default", "all", None, "main", 5)
    assert preview.resolution
    assert preview.resolution.identifiers == {IdType.DAID: 99}


def test_those_who_are_held_leave_and_no_guard_counts_them(town: Town) -> None:
    """Nine of ten say no: the run goes on, for they are no loss of data."""
    sync = town.add("one", Cadence.DAILY)
    run(town, sync)
    suppress(town, *range(1, 91))
    report = run(town, sync)
    assert report.run.outcome is RunOutcome.CLEAN
    assert report.plan
    assert report.plan.delta.suppressed == report.plan.delta.count(Operation.REMOVE) == 90
    assert town.held(sync) == set(range(91, 101))


def test_everybody_may_say_no(town: Town) -> None:
    """The segment is emptied without asking a person."""
    sync = town.add("one", Cadence.DAILY)
    run(town, sync)
    suppress(town, *range(1, 101))
    assert run(town, sync).run.outcome is RunOutcome.CLEAN
    assert town.held(sync) == set()


def test_those_who_leave_for_other_reasons_still_hold_a_run(town: Town) -> None:
    """The people who said no are taken off both sides of the guard's count."""
    sync = town.add("one", Cadence.DAILY)
    run(town, sync)
    suppress(town, *range(1, 11))
    town.people.numbers = set(range(60, 101))
    report = run(town, sync)
    assert report.run.state is RunState.HELD
    assert report.plan
    assert [(each.guard, each.count, each.limit) for each in report.plan.verdicts] == [("shrink", 49, 45)]


def test_while_a_run_is_held_nobody_suppressed_is_renewed(town: Town) -> None:
    """The others are."""
    sync = town.add("one", Cadence.DAILY)
    run(town, sync)
    suppress(town, 100)
    town.people.numbers = {1, 2}
    town.clock.sleep(timedelta(days=21).total_seconds())
    assert run(town, sync).run.state is RunState.HELD
    town.clock.sleep(timedelta(days=10).total_seconds())
    assert town.held(sync) == set(range(1, 100))
