"""The worker: one run a slot, one catch-up after any time away, nobody lost to a held run or a failure, and an orderly stop."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest

from memory_stores import RememberingCatalog
from town import NOON, Town
from tradewind.ledger.memory import MemoryLedger
from tradewind.model.plan import Approval, Operation
from tradewind.model.run import Run, RunOutcome, RunState
from tradewind.model.sync import Cadence, Refresh, Sync, SyncState
from tradewind.operations import runs, syncs
from tradewind.schedule import next_fire
from tradewind.worker import Done, Stop, run_once, work

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SIX = time(6)


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Town]:
    """A home on the ledger in memory, for many days."""
    town = Town(tmp_path, MemoryLedger())
    yield town
    town.close()


def once(town: Town) -> list[Done]:
    """Whatever is due now."""
    return list(run_once(town.parts, Stop()))


def of(town: Town, sync: Sync) -> list[Run]:
    """The runs of a sync, oldest first."""
    return list(reversed(town.parts.ledger.history("default", sync.id)))


def is_off(moment: datetime) -> bool:
    """One day of seven the machine is off."""
    return (moment - NOON).days % 7 == 5


def test_each_slot_of_sixty_days_has_its_run_or_is_counted_as_missed(tmp_path: Path) -> None:
    """The worker is called at odd times, with a day off a week, across a change of the clocks: no slot twice, none unaccounted."""
    zone = "America/New_York"
    town, chance = Town(tmp_path, MemoryLedger(), zone), random.Random(7)
    town.people.broken = True
    town.parts = replace(town.parts, catalog=RememberingCatalog(town.database))
    each = [town.add("hourly", Cadence.HOURLY, time(0, 20)), town.add("daily", Cadence.DAILY)]
    while town.clock.now() < NOON + 60 * DAY:
        town.clock.sleep(chance.randint(300, 4000))
        if not is_off(town.clock.now()):
            once(town)
    for sync in each:
        found = of(town, sync)
        slots = [run.slot for run in found]
        expected, moment = [], next_fire(sync.cadence, zone, sync.at, NOON)
        while moment and moment <= (slots[-1] or NOON):
            expected.append(moment)
            moment = next_fire(sync.cadence, zone, sync.at, moment)
        assert len(set(slots)) == len(slots)
        assert set(slots) <= set(expected)
        assert sum(1 + run.missed for run in found) == len(expected)
        assert all(run.slot and run.opened_at - run.slot < DAY + 2 * HOUR for run in found)
        assert {run.outcome for run in found} == {RunOutcome.FAILED}
        assert {run.reason for run in found} == {"the events cannot be read"}
    town.close()


@pytest.mark.parametrize(("cadence", "ttl_days", "days"), [(Cadence.DAILY, 4, 60), (Cadence.HOURLY, 2, 7)])
def test_nobody_who_should_be_in_the_segment_ever_lapses(quick: Town, cadence: Cadence, ttl_days: int, days: int) -> None:
    """People come and go, a day a week is missed: before each run everybody of the last is there still, after it the segment is right."""
    sync = quick.add("s", cadence, ttl_days=ttl_days)
    desired: set[int] = set()
    number = 100
    while quick.clock.now() < NOON + days * DAY:
        quick.at(next_fire(cadence, "UTC", sync.at, quick.clock.now()) or NOON)
        assert quick.held(sync) == desired
        number += 1
        quick.people.numbers = (quick.people.numbers - {number - 100}) | {number}
        if is_off(quick.clock.now()):
            continue
        (done,) = once(quick)
        assert done.run
        assert done.run.outcome is RunOutcome.CLEAN
        desired = set(quick.people.numbers)
        assert quick.held(sync) == desired
        assert not once(quick), "a slot is run once"


@pytest.mark.parametrize("trouble", ["held", "broken"])
def test_who_was_accepted_stays_while_a_run_is_held_or_its_source_fails(quick: Town, trouble: str) -> None:
    """Three weeks of trouble with a TTL of six days: nobody lapses, nobody is added or removed, and the reports show who was kept."""
    sync = quick.add("s", Cadence.DAILY, ttl_days=6)
    quick.at(NOON + DAY)
    once(quick)
    everybody = set(range(1, 101))
    assert quick.held(sync) == everybody
    quick.people.broken = trouble == "broken"
    quick.people.numbers = {1, 2, 3, 500}
    before = len(quick.platform.sent)
    for _ in range(21):
        quick.clock.sleep(DAY.total_seconds())
        (done,) = once(quick)
        assert (done.run and done.run.state) == (RunState.HELD if trouble == "held" else None)
        assert quick.held(sync) == everybody
    keepers = [run for run in of(quick, sync) if run.keeps]
    assert 4 <= len(keepers) <= 6, "only when little time is left"
    assert len(quick.platform.sent) - before == len(keepers)
    for run in keepers:
        report = runs.report(quick.parts, "default", run.id)
        assert report.plan
        assert {part.operation for part in report.plan.delta.parts} == {Operation.REFRESH}
        assert report.account.accepted == report.account.planned == 100
        assert [kept.run for kept in runs.report(quick.parts, "default", run.keeps or "").kept] == [run.id]
    quick.people.broken = False
    quick.people.numbers = everybody - {1} | {500}
    quick.clock.sleep(DAY.total_seconds())
    once(quick)
    assert quick.held(sync) == everybody - {1} | {500}


def test_before_expiry_sends_members_again_only_when_their_time_runs_short(quick: Town) -> None:
    """Twenty days long nothing is sent of those who stay, and then everything, with ten days left."""
    sync = quick.add("sparing", Cadence.DAILY, refresh=Refresh.BEFORE_EXPIRY)
    sent = []
    for day in (1, 2, 20, 21, 22):
        quick.at(NOON + day * DAY)
        (done,) = once(quick)
        assert done.run, done.error
        account = quick.parts.ledger.account(done.run.id)
        assert account.planned == account.accepted
        sent.append((day, account.planned, runs.report(quick.parts, "default", done.run.id).holds))
        assert quick.held(sync) == quick.people.numbers
    assert sent == [(1, 100, 100), (2, 0, 100), (20, 0, 100), (21, 0, 100), (22, 100, 100)]


def test_an_approved_run_goes_on_after_people_were_kept(town: Town) -> None:
    """What was renewed meanwhile does not stand in the way of the removal that was waiting."""
    sync = town.add("s", Cadence.DAILY, ttl_days=6)
    town.at(NOON + DAY)
    once(town)
    town.people.numbers = {1, 2, 3}
    town.clock.sleep(5 * DAY.total_seconds())
    (done,) = once(town)
    assert done.run
    assert done.run.missed == 4
    assert len([run for run in of(town, sync) if run.keeps == done.run.id]) == 1
    runs.approve(town.parts, "default", done.run.id, (Approval("shrink", 97),), lambda *_: None)
    assert town.held(sync) == {1, 2, 3}
    report = runs.report(town.parts, "default", done.run.id)
    assert report.account.accepted == report.account.planned == 100
    assert report.holds == 3


def test_a_sync_that_fails_does_not_stop_the_others(town: Town) -> None:
    """Its run is closed with the reason, and the next slot is tried again; a paused connection opens no run at all."""
    first, second = town.add("a", Cadence.DAILY), town.add("b", Cadence.DAILY, time(7))
    town.at(NOON + DAY)
    once(town)
    town.clock.sleep(DAY.total_seconds())
    town.parts.catalog.pause_connection("default", "main", "the secret is wrong")
    paused = f"connection 'main' is paused: the secret is wrong; mend that, and test it with: {MEND}"
    assert [str(done.error) for done in once(town)] == [paused] * 2
    town.parts.catalog.resume_connection("default", "main")
    town.people.broken = True
    assert [(done.sync, str(done.error)) for done in once(town)] == [(name, "the events cannot be read") for name in "ab"]
    town.people.broken = False
    assert not once(town)
    town.clock.sleep(DAY.total_seconds())
    assert [done.run and done.run.outcome for done in once(town)] == [RunOutcome.CLEAN] * 2
    for sync in (first, second):
        assert [run.outcome for run in of(town, sync)] == [RunOutcome.CLEAN, RunOutcome.FAILED, RunOutcome.CLEAN]


MEND = "tradewind connections test main"


def test_a_disk_without_room_fails_one_run_and_the_next_pass_finishes_it(town: Town) -> None:
    """What the system refuses is told like any other error; the run stays open and goes on once there is room."""
    sync = town.add("a", Cadence.DAILY)
    town.at(NOON + DAY)
    runs = town.parts.home / "runs"
    runs.mkdir(exist_ok=True)
    runs.rename(town.parts.home / "elsewhere")
    runs.write_text("not a folder")
    (failed,) = once(town)
    assert "see to rights, free space" in str(failed.error)
    runs.unlink()
    (town.parts.home / "elsewhere").rename(runs)
    assert [done.run and done.run.outcome for done in once(town)] == [RunOutcome.CLEAN]
    assert [run.outcome for run in of(town, sync)] == [RunOutcome.CLEAN]


def test_only_active_syncs_with_a_cadence_are_started_and_never_before_their_first_slot(town: Town) -> None:
    """One-time, paused and brand-new syncs wait; a run by hand counts for the slots before it."""
    town.add("once", Cadence.ONE_TIME)
    paused, daily = town.add("paused", Cadence.DAILY), town.add("daily", Cadence.DAILY)
    town.parts.catalog.set_sync_state("default", paused.id, SyncState.PAUSED)
    assert not once(town)
    syncs.run(town.parts, "default", daily.id, None, lambda *_: None)
    town.at(NOON + 18 * HOUR)
    assert [done.sync for done in once(town)] == ["daily"]
    town.at(NOON + DAY + 17 * HOUR)
    syncs.run(town.parts, "default", daily.id, None, lambda *_: None)
    assert not once(town)


def test_a_clock_that_jumps_makes_no_slot_run_twice_and_none_wait_for_years(town: Town) -> None:
    """A year ahead and back, a day back: each slot has one run at most, and the next real one runs."""
    sync = town.add("s", Cadence.DAILY)
    for moment in (NOON + DAY, NOON + 366 * DAY, NOON + DAY + HOUR, NOON + 2 * DAY, NOON + DAY, NOON + 3 * DAY):
        town.clock.sleep((moment - town.clock.now()).total_seconds())
        once(town)
    slots = [run.slot for run in of(town, sync) if run.slot]
    assert sorted(slots) == [datetime.combine((NOON + days * DAY).date(), SIX, NOON.tzinfo) for days in (1, 2, 3, 366)]


def test_the_loop_wakes_for_each_slot_and_stops_when_asked(town: Town) -> None:
    """It sleeps until the slot and starts within a second of it; asked to stop, it ends."""
    town.add("s", Cadence.HOURLY, time(0, 17))
    stop, seen = Stop(), []

    def tell(done: Done) -> None:
        seen.append(done.run)
        stop.requested = len(seen) == 3

    work(town.parts, stop, tell)
    assert [run and run.slot for run in seen] == [NOON + timedelta(minutes=17) + HOUR * n for n in range(3)]
    assert all(run and run.slot and run.opened_at - run.slot <= timedelta(seconds=1) for run in seen)


def test_a_stop_between_two_requests_leaves_a_run_that_goes_on(town: Town) -> None:
    """The request under way is settled and none after it is sent, the claim is given back; the next pass finishes the same run."""
    sync, stop = town.add("s", Cadence.DAILY), Stop()
    town.at(NOON + DAY)
    once(town)
    town.people.numbers = town.people.numbers - {1} | {500}
    town.clock.sleep(DAY.total_seconds())
    before = len(town.platform.sent)
    town.platform.on_send = lambda: setattr(stop, "requested", True)
    assert not list(run_once(town.parts, stop))
    assert len(town.platform.sent) == before + 1
    cut = of(town, sync)[-1]
    account = town.parts.ledger.account(cut.id)
    assert (cut.state, account.planned, account.accepted) == (RunState.DELIVERING, 101, 1)
    assert account.not_sent >= 99, "at most the intent of the next batch was written"
    assert town.parts.ledger.holder(cut.id) is None
    town.platform.on_send = lambda: None
    (done,) = once(town)
    assert done.run
    assert (done.run.id, done.run.outcome) == (cut.id, RunOutcome.CLEAN)
    assert town.held(sync) == town.people.numbers


def test_what_another_had_in_hand_is_finished_before_the_rest_of_what_is_due(town: Town) -> None:
    """Its claim ends while others of a long list are run: the next of them waits for it."""
    town.people.numbers = {1}
    first, stop = town.add("a", Cadence.DAILY), Stop()
    town.at(NOON + DAY)
    town.platform.on_send = lambda: setattr(stop, "requested", True)
    town.people.numbers = set(range(1, 4))
    assert not list(run_once(town.parts, stop))
    cut = of(town, first)[-1]
    for name in ("b", "c", "d"):
        town.add(name, Cadence.DAILY, time(20))
    town.at(NOON + DAY + 9 * HOUR)
    town.parts.ledger.claim(cut.id, "elsewhere:1:2:3", town.clock.now(), town.clock.now() + timedelta(seconds=8))
    town.platform.on_send = lambda: town.clock.sleep(11)
    done = [each for each in once(town) if each.run]
    assert [each.sync for each in done] == ["b", "a", "c", "d"]
    assert {each.run and each.run.outcome for each in done} == {RunOutcome.CLEAN}
    assert done[1].run
    assert done[1].run.id == cut.id
