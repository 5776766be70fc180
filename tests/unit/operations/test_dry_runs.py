"""A dry run works out what a run would do and stands among the runs; nothing is sent, and no run goes by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from town import Town
from tradewind.errors import TakenError
from tradewind.model.plan import Decision, Operation
from tradewind.model.run import RunKind, RunOutcome, RunState
from tradewind.model.sync import Cadence
from tradewind.operations import runs, segments, syncs
from tradewind.operations.alerting import Watchman
from tradewind.worker import Stop, run_once


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    town.add("s", Cadence.DAILY)
    yield town
    town.close()


def watch(_what: str, _done: int, _total: int) -> None:
    """Nobody looks."""


def rehearsed(town: Town) -> runs.RunReport:
    opened = syncs.rehearse(town.parts, "default", "s")
    assert [done.error for done in run_once(town.parts, Stop()) if done.run and done.run.id == opened.id] == [None]
    return runs.report(town.parts, "default", opened.id)


def test_what_would_be_done_is_kept_and_nothing_is_sent(town: Town) -> None:
    found = rehearsed(town)
    assert (found.run.kind, found.run.state, found.run.outcome) == (RunKind.DRY, RunState.CLOSED, RunOutcome.DRY)
    assert found.plan
    assert (found.plan.delta.count(Operation.ADD), found.requests, found.account.planned) == (100, 0, 0)
    assert not town.platform.held("https://memory.invalid", "adv1", "segment s")
    assert [run.id for run in runs.listed(town.parts, "default", "s")] == [found.run.id]


def test_it_is_worked_out_here_where_no_worker_does_it(town: Town) -> None:
    done = syncs.rehearse_now(town.parts, "default", "s", watch)
    assert (done.kind, done.outcome) == (RunKind.DRY, RunOutcome.DRY)
    assert not town.platform.held("https://memory.invalid", "adv1", "segment s")


def test_no_run_goes_by_it(town: Town) -> None:
    syncs.run(town.parts, "default", "s", None, watch)
    before, last = (
        Watchman(town.parts).facts_of("default", town.parts.versions.heads()),
        segments.portrait(town.parts, "default", "s").segment,
    )
    town.people.numbers = set(range(1, 20))
    found = rehearsed(town)
    assert found.plan
    assert found.plan.decision is Decision.HOLD
    assert Watchman(town.parts).facts_of("default", town.parts.versions.heads()) == before
    assert segments.portrait(town.parts, "default", "s").segment == last
    assert segments.listed(town.parts, "default")[0] == last
    town.people.numbers = set(range(1, 99))
    assert syncs.run(town.parts, "default", "s", None, watch).outcome is RunOutcome.CLEAN


def test_one_that_is_held_stays_and_one_under_way_is_not_disturbed(town: Town) -> None:
    syncs.run(town.parts, "default", "s", None, watch)
    town.people.numbers = set(range(1, 20))
    held = syncs.run(town.parts, "default", "s", None, watch)
    assert rehearsed(town).run.outcome is RunOutcome.DRY
    assert runs.found(town.parts, "default", held.id).state is RunState.HELD
    asked = syncs.rehearse(town.parts, "default", "s")
    assert syncs.rehearse(town.parts, "default", "s") == asked
    list(run_once(town.parts, Stop()))
    syncs.ask(town.parts, "default", "s")
    with pytest.raises(TakenError, match="ask again when it has ended"):
        syncs.rehearse(town.parts, "default", "s")
