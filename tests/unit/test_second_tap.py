"""A change of mind after a lost answer is sent twice, so that whatever arrives late is undone, by either ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from town import Town
from tradewind.ledger.memory import MemoryLedger
from tradewind.model.plan import Delta, Operation, Plan
from tradewind.model.run import Answer, Receipt, Run, RunOutcome, RunState
from tradewind.model.sync import Cadence, Refresh, Sync
from tradewind.operations import syncs
from tradewind.operations.ledger import verify
from tradewind.planning.doubt import HOLD
from tradewind.worker import Stop, run_once

MINUTE = timedelta(minutes=1)
LOST = Receipt(Answer.UNKNOWN, note="no answer")
FORBIDDEN = Receipt(Answer.FORBIDDEN, status=403)


@pytest.fixture(params=["sqlite", "memory"])
def town(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Town]:
    """A hundred people are in the segment of an hourly sync that refreshes nobody yet."""
    town = Town(tmp_path, MemoryLedger() if request.param == "memory" else None)
    yield town
    town.close()


def settled_sync(town: Town) -> Sync:
    """The sync, once everybody is in."""
    sync = town.add("all", Cadence.HOURLY, refresh=Refresh.BEFORE_EXPIRY)
    assert run(town, sync).outcome is RunOutcome.CLEAN
    town.clock.sleep(600)
    return sync


def run(town: Town, sync: Sync) -> Run:
    return syncs.run(town.parts, "default", sync.id, None, lambda *_: None)


def plan_of(town: Town, run: Run) -> Delta:
    planned = town.parts.ledger.recall(run.id, RunState.PLANNED, Plan)
    assert planned is not None
    return planned.delta


def lands_late(town: Town, request: int) -> None:
    """A request that was never answered is applied now, after whatever was sent since."""
    town.platform._apply(town.platform.sent[request].fingerprint, set())


def worker(town: Town) -> list[Run | None]:
    """What a worker does that looks in now."""
    return [done.run for done in run_once(town.parts, Stop())]


def all_is_well(town: Town) -> bool:
    """The record is whole, and every version of the membership is what its run must have made."""
    return all(finding.ok for finding in verify(town.parts, lambda *_: None))


@pytest.mark.parametrize("first", [Operation.REMOVE, Operation.ADD])
def test_a_change_of_mind_is_sent_at_once_and_again_when_nothing_older_can_arrive(town: Town, first: Operation) -> None:
    """The first request lands late and undoes the second; the third, five minutes after it began, puts it right."""
    sync, person = settled_sync(town), 100 if first is Operation.REMOVE else 101
    change, back = ("discard", "add") if first is Operation.REMOVE else ("add", "discard")
    getattr(town.people.numbers, change)(person)
    before = len(town.platform.sent)
    town.platform.answers.append(LOST)
    began = town.clock.now()
    assert run(town, sync).outcome is RunOutcome.CLEAN, "the same request went through when it was sent again"

    town.clock.sleep(60)
    getattr(town.people.numbers, back)(person)
    waiting = run(town, sync)
    assert waiting.state is RunState.SETTLING
    assert town.held(sync) == town.people.numbers
    assert (plan_of(town, waiting).twice, plan_of(town, waiting).settles_at) == (1, began + HOLD)
    lands_late(town, before)
    assert town.held(sync) != town.people.numbers, "the lost request undid what was sent since"

    assert worker(town) == [], "nothing can be done yet"
    assert run(town, sync).state is RunState.SETTLING
    town.at(began + HOLD)
    (done,) = worker(town)
    assert done
    assert (done.id, done.outcome) == (waiting.id, RunOutcome.CLEAN)
    assert town.held(sync) == town.people.numbers
    account = town.parts.ledger.account(done.id)
    assert (account.planned, account.accepted) == (1, 1), "what is sent again is not counted again"
    assert all_is_well(town)
    following = run(town, sync)
    assert (following.outcome, plan_of(town, following).unchanged, plan_of(town, following).parts) == (
        RunOutcome.CLEAN,
        len(town.people.numbers),
        (),
    )


def test_the_same_wish_and_a_late_change_of_mind_are_sent_once(town: Town) -> None:
    """A lost removal that is wished again needs no second request, nor does an add that begins five minutes after it."""
    sync = settled_sync(town)
    town.people.numbers.discard(100)
    town.platform.answers.extend([LOST] * 5)
    assert run(town, sync).outcome is RunOutcome.INCOMPLETE
    again = run(town, sync)
    assert (again.outcome, plan_of(town, again).twice) == (RunOutcome.CLEAN, 0)
    town.clock.sleep(HOLD.total_seconds())
    town.people.numbers.add(100)
    later = run(town, sync)
    assert (later.outcome, plan_of(town, later).twice) == (RunOutcome.CLEAN, 0)
    assert town.held(sync) == town.people.numbers
    assert all_is_well(town)


def test_what_could_not_be_sent_again_stays_in_doubt_until_a_run_settles_it(town: Town) -> None:
    """The account is refused when it is time: the run is incomplete, and once that is mended the next one says it anew."""
    sync = settled_sync(town)
    town.people.numbers.discard(100)
    before = len(town.platform.sent)
    town.platform.answers.append(LOST)
    run(town, sync)
    town.people.numbers.add(100)
    assert run(town, sync).state is RunState.SETTLING
    lands_late(town, before)
    town.clock.sleep(HOLD.total_seconds())
    town.platform.answers.append(FORBIDDEN)
    assert run(town, sync).outcome is RunOutcome.INCOMPLETE
    assert all_is_well(town)
    town.parts.catalog.resume_connection("default", "main")
    done = run(town, sync)
    assert (done.outcome, plan_of(town, done).count(Operation.ADD)) == (RunOutcome.CLEAN, 1)
    assert town.held(sync) == town.people.numbers
    assert all_is_well(town)
