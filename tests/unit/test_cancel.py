"""A run is told to stop: at every phase it ends, nothing more is sent, and what was sent or may have been is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from town import NOON, Town
from tradewind.errors import DefinitionError
from tradewind.model.run import Answer, Receipt, Run, RunKind, RunOutcome, RunState
from tradewind.model.sync import Cadence, Leaving, SyncState
from tradewind.operations import endings, runs, syncs
from tradewind.operations.claims import take
from tradewind.operations.ledger import verify
from tradewind.worker import Stop, run_once

DAY = timedelta(days=1)
WHY = "the wrong people"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A home on a SQLite ledger, whose platform takes twenty at a time."""
    town = Town(tmp_path)
    town.platform.items = 20
    yield town
    town.close()


def watch(*_: object) -> None:
    """Nobody looks."""


def tell(town: Town) -> Run:
    """A person tells the newest run to stop, while the worker is at it."""
    newest = town.parts.ledger.history("default")[0]
    town.parts.ledger.tell(newest.id, WHY)
    town.clock.sleep(2)
    return newest


def ended(town: Town, run: Run) -> Run:
    """The run as it is now; the books are sound."""
    found = town.parts.ledger.find("default", run.id)
    assert found
    assert all(finding.ok for finding in verify(town.parts, watch))
    return found


def test_while_it_delivers_the_answer_under_way_is_waited_for_and_the_rest_stays(town: Town) -> None:
    """Who was added is in and known to be; the account balances; the next slot makes the segment whole."""
    sync = town.add("s", Cadence.DAILY)
    town.at(NOON + DAY)
    town.platform.on_send = partial(tell, town)
    (done,) = run_once(town.parts, Stop())
    town.platform.on_send = lambda: None
    assert done.run
    run, account = ended(town, done.run), town.parts.ledger.account(done.run.id)
    assert (run.state, run.outcome, run.reason) == (RunState.CLOSED, RunOutcome.CANCELLED, WHY)
    assert 0 < account.accepted < 100
    assert account.balances()
    assert len(town.held(sync)) == account.accepted == town.parts.versions.newest(run.target).rows  # type: ignore[union-attr]
    assert not list(run_once(town.parts, Stop())), "it is not taken up again"
    town.clock.sleep(DAY.total_seconds())
    list(run_once(town.parts, Stop()))
    assert town.held(sync) == town.people.numbers


def test_what_was_not_answered_is_in_the_membership_as_unknown(town: Town) -> None:
    """A removal later cannot forget who may be there."""
    sync = town.add("s", Cadence.DAILY)
    town.at(NOON + DAY)
    town.platform.answers.extend([Receipt(Answer.UNKNOWN, note="the answer was lost")] * 9)
    town.platform.on_send = partial(tell, town)
    (done,) = run_once(town.parts, Stop())
    assert done.run
    run, account = ended(town, done.run), town.parts.ledger.account(done.run.id)
    assert (run.outcome, account.unknown > 0, account.accepted) == (RunOutcome.CANCELLED, True, 0)
    assert town.parts.versions.newest(run.target).rows == account.unknown  # type: ignore[union-attr]
    assert sync.state is SyncState.ACTIVE


@pytest.mark.parametrize("phase", ["evaluate", "resolve"])
def test_before_anything_is_sent_it_ends_before_the_next_phase(town: Town, phase: str) -> None:
    """The query at hand is ended, and nothing of it is used."""
    town.add("s", Cadence.DAILY)
    town.at(NOON + DAY)
    work = town.people.evaluate if phase == "evaluate" else town.parts.resolve

    def told(*given: Any, **named: Any) -> Any:
        tell(town)
        return work(*given, **named)

    if phase == "evaluate":
        town.people.evaluate = told  # type: ignore[method-assign]  # what a person does while the query runs
    (done,) = run_once(town.parts if phase == "evaluate" else replace(town.parts, resolve=told), Stop())
    assert done.run
    assert (ended(town, done.run).outcome, town.platform.sent) == (RunOutcome.CANCELLED, [])


def test_one_that_nobody_is_at_is_ended_by_who_says_so(town: Town) -> None:
    """Asked for and not begun, or held: it is over at once, and its sync is not."""
    sync = town.add("s", Cadence.DAILY)
    asked = syncs.ask(town.parts, "default", sync.id)
    done = runs.cancel(town.parts, "default", asked.id, WHY, watch)
    assert (done.outcome, done.reason, done.told) == (RunOutcome.CANCELLED, WHY, WHY)
    syncs.run(town.parts, "default", sync.id, None, watch)
    town.people.numbers = {1}
    held = syncs.run(town.parts, "default", sync.id, None, watch)
    assert held.state is RunState.HELD
    assert runs.cancel(town.parts, "default", held.id, WHY, watch).outcome is RunOutcome.CANCELLED
    with pytest.raises(DefinitionError, match="closed already"):
        runs.cancel(town.parts, "default", held.id, WHY, watch)


def test_one_that_another_is_at_is_only_told(town: Town) -> None:
    """Also where that is another thread of this process: a claim is a thread's."""
    sync = town.add("s", Cadence.DAILY)
    asked = syncs.ask(town.parts, "default", sync.id)
    claim = take(town.parts.ledger, asked.id, town.clock)
    assert claim.owner.count(":") == 3
    town.parts.ledger.release(claim)
    now = town.clock.now()
    town.parts.ledger.claim(asked.id, claim.owner + "1", now, now + DAY)
    told = runs.cancel(town.parts, "default", asked.id, WHY, watch)
    assert (told.state, told.told) == (RunState.OPEN, WHY)


def test_a_run_that_takes_people_out_is_not_cancelled(town: Town) -> None:
    """Who is to leave leaves."""
    sync = town.add("s", Cadence.DAILY)
    syncs.run(town.parts, "default", sync.id, None, watch)
    endings.remove_sync(town.parts, "default", sync.id, Leaving.EMPTY, None)
    stop = Stop()
    town.platform.on_send = lambda: setattr(stop, "requested", True)
    list(run_once(town.parts, stop))
    (drain,) = town.parts.ledger.unclosed()
    assert drain.kind is RunKind.DRAIN
    with pytest.raises(DefinitionError, match="takes people out"):
        runs.cancel(town.parts, "default", drain.id, WHY, watch)
