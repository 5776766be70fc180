"""A run that was cut short goes on while its time lasts; afterwards it is ended, and a newer plan decides with later stamps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from town import NOON, Town
from tradewind.errors import EngineError
from tradewind.model.destination import Secret
from tradewind.model.run import Answer, Receipt, Run, RunKind, RunOutcome, RunState
from tradewind.model.sync import Cadence, Refresh, Sync, SyncState
from tradewind.operations import syncs
from tradewind.operations.ledger import verify
from tradewind.planning.doubt import HOLD
from tradewind.worker import Done, Stop, run_once

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def once(town: Town) -> list[Done]:
    """Whatever is due now."""
    return list(run_once(town.parts, Stop()))


def by_hand(town: Town, sync: Sync) -> Run:
    """A person runs the sync."""
    return syncs.run(town.parts, "default", sync.id, None, lambda *_: None)


def cut_short(town: Town, sync: Sync) -> Run:
    """The sync is run, and whoever works on it ends while its first request is under way, which arrives all the same."""

    def end() -> None:
        raise OSError("the machine went down")

    town.clock.sleep(60)
    town.platform.on_send = end
    with pytest.raises((OSError, EngineError)):
        by_hand(town, sync)
    town.platform.on_send = lambda: None
    return now(town, town.parts.ledger.history("default", sync.id, 1)[0])


def now(town: Town, run: Run) -> Run:
    """A run as it is now."""
    found = town.parts.ledger.find("default", run.id)
    assert found
    return found


def filled(town: Town, cadence: Cadence, refresh: Refresh = Refresh.EVERY_SYNC) -> Sync:
    """A sync of which everybody is in since the first day."""
    sync = town.add("s", cadence, refresh=refresh)
    town.at(NOON + DAY)
    by_hand(town, sync)
    return town.parts.catalog.sync("default", sync.id)


def bodies(town: Town) -> list[str]:
    """What was sent, in order."""
    return [request.fingerprint for request in town.platform.sent]


def test_before_the_next_slot_it_goes_on_with_the_same_bytes(town: Town) -> None:
    """The batch in doubt is sent again as it was; the run ends as its plan says, whoever has come since."""
    sync = filled(town, Cadence.DAILY)
    town.people.numbers = town.people.numbers - {1} | {500}
    cut, planned = cut_short(town, sync), set(town.people.numbers)
    town.people.numbers = planned | {600}
    town.clock.sleep(HOUR.total_seconds())
    (done,) = once(town)
    assert done.run
    assert (done.run.id, done.run.outcome) == (cut.id, RunOutcome.CLEAN)
    assert bodies(town)[1] == bodies(town)[2], "the removal"
    assert town.held(sync) == planned


@pytest.mark.parametrize("who", ["worker", "person"])
def test_when_the_next_slot_has_come_a_newer_plan_decides(town: Town, who: str) -> None:
    """Nothing of the old plan is sent any more: what was in doubt is known as that, and the new run goes by the people of now."""
    sync = filled(town, Cadence.DAILY)
    town.people.numbers = town.people.numbers - {1} | {500}
    cut = cut_short(town, sync)
    assert town.held(sync) == set(range(2, 101)), "the removal arrived, and nobody heard so"
    town.people.numbers = set(range(1, 101)) - {2}
    town.clock.sleep(DAY.total_seconds())
    before = len(town.platform.sent)
    new = once(town)[0].run if who == "worker" else by_hand(town, sync)

    ended, account = now(town, cut), town.parts.ledger.account(cut.id)
    assert (ended.state, ended.outcome, ended.reason) == (
        RunState.CLOSED,
        RunOutcome.INCOMPLETE,
        "it was cut short, and the next slot has come",
    )
    assert (account.planned, account.accepted, account.unknown, account.not_sent) == (101, 0, 1, 100)
    assert new
    assert (new.state, new.slot is not None, new.missed) == (RunState.SETTLING, who == "worker", 0), "one removed in doubt is wanted again"
    assert new.id != cut.id
    town.clock.sleep(HOLD.total_seconds())
    assert [done.run and (done.run.id, done.run.outcome) for done in once(town)] == [(new.id, RunOutcome.CLEAN)]
    assert not set(bodies(town)[:before]) & set(bodies(town)[before:]), "nothing is sent again as it was"
    assert town.held(sync) == town.people.numbers
    assert all(finding.ok for finding in verify(town.parts, lambda *_: None))
    assert not once(town)


def test_one_that_has_sent_nothing_makes_way_too(town: Town) -> None:
    """Cut short before its plan, it is cancelled when the next slot has come; each slot has its one run."""
    sync, stop = filled(town, Cadence.DAILY), Stop()
    town.clock.sleep(DAY.total_seconds())
    evaluate = town.people.evaluate

    def stopped(*given: Any, **named: Any) -> object:
        stop.requested = True
        return evaluate(*given, **named)

    town.people.evaluate = stopped  # type: ignore[method-assign,assignment]
    assert not list(run_once(town.parts, stop))
    del town.people.evaluate
    cut = town.parts.ledger.history("default", sync.id, 1)[0]
    assert cut.state is RunState.EVALUATED
    town.clock.sleep(DAY.total_seconds())
    (done,) = once(town)
    assert done.run
    assert (now(town, cut).outcome, done.run.outcome, done.run.missed) == (RunOutcome.CANCELLED, RunOutcome.CLEAN, 0)
    assert cut.slot
    assert done.run.slot == cut.slot + DAY


def test_what_was_sent_a_day_ago_is_not_sent_again_where_there_are_no_slots(town: Town) -> None:
    """The worker ends the run of a One-Time Sync and runs it anew; once everybody is in, the sync ends."""
    sync = town.add("once", Cadence.ONE_TIME)
    cut = cut_short(town, sync)
    town.clock.sleep((DAY + HOUR).total_seconds())
    (done,) = once(town)
    assert done.run
    assert now(town, cut).reason == "it was cut short, and what it sent is too old to be sent again"
    assert (done.run.outcome, done.run.id != cut.id) == (RunOutcome.CLEAN, True)
    assert bodies(town)[0] != bodies(town)[1]
    assert town.held(sync) == town.people.numbers
    assert town.parts.catalog.sync("default", "once").state is SyncState.ENDED


def test_a_change_of_the_account_ends_it_and_the_sync_is_run_anew(town: Town) -> None:
    """By the new secret, at once, and not with the next slot."""
    sync = filled(town, Cadence.DAILY)
    town.people.numbers = town.people.numbers - {1} | {500}
    cut = cut_short(town, sync)
    town.parts.vault.seal("default", "main", Secret("another"))
    (done,) = once(town)
    assert done.run
    assert now(town, cut).reason == "it was cut short, and the connection, its secret or the sync was changed meanwhile"
    assert (done.run.outcome, done.run.id != cut.id) == (RunOutcome.CLEAN, True)
    assert town.parts.ledger.binding(done.run.binding).secret_version == 2
    assert town.held(sync) == town.people.numbers


def test_one_that_waits_to_send_again_has_its_own_time(town: Town) -> None:
    """It is finished first, also when slots have passed; then comes the slot."""
    sync = filled(town, Cadence.HOURLY, refresh=Refresh.BEFORE_EXPIRY)
    town.clock.sleep(600)
    town.people.numbers.discard(100)
    town.platform.answers.append(Receipt(Answer.UNKNOWN, note="no answer"))
    by_hand(town, sync)
    town.people.numbers.add(100)
    waiting = by_hand(town, sync)
    assert waiting.state is RunState.SETTLING
    town.clock.sleep((3 * HOUR + HOLD).total_seconds())
    (first,) = once(town)
    assert first.run
    assert (first.run.id, first.run.outcome) == (waiting.id, RunOutcome.CLEAN)
    (second,) = once(town)
    assert second.run
    assert (second.run.outcome, second.run.missed) == (RunOutcome.CLEAN, 2)


def test_a_run_that_kept_people_makes_way_as_well(town: Town) -> None:
    """What it did not come to is planned anew; nobody lapses meanwhile."""
    sync = town.add("s", Cadence.DAILY, ttl_days=6)
    town.at(NOON + DAY)
    by_hand(town, sync)
    town.people.broken = True
    town.clock.sleep(4 * DAY.total_seconds())
    cut_short(town, sync)
    (keeper,) = [run for run in town.parts.ledger.history("default", sync.id) if run.keeps]
    assert (keeper.kind, keeper.state) == (RunKind.KEEP, RunState.DELIVERING)
    town.people.broken = False
    town.clock.sleep(DAY.total_seconds())
    (done,) = once(town)
    assert done.run
    assert now(town, keeper).reason == "it was cut short, and the next slot has come"
    assert (done.run.kind, done.run.outcome) == (RunKind.SYNC, RunOutcome.CLEAN)
    assert town.held(sync) == town.people.numbers
