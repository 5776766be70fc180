"""The cadences of many syncs at once: fifty over sixty days with a clock that jumps, three hundred at one instant, and those on change."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import count
from pathlib import Path

import pytest

from memory_stores import RememberingCatalog
from town import NOON, Town
from tradewind.clock import StandingClock
from tradewind.errors import DefinitionError
from tradewind.events import sql as events
from tradewind.events.manifest import ImportRow
from tradewind.ledger.memory import MemoryLedger
from tradewind.model.cohort import Behaviour, Cohort, CohortKind, Did, InCohort, Select
from tradewind.model.run import Run, RunOutcome, RunState
from tradewind.model.sync import Cadence, Sync
from tradewind.operations import syncs
from tradewind.schedule import Due, next_fire
from tradewind.worker import Stop, run_once, todo, work

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONE = "America/New_York"

NUMBERS = count()

MANY = 300 if "TRADEWIND_SIMULATE" in os.environ else 30
"""Syncs that are due at one instant; `./dev simulate` takes three hundred."""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A home on the ledger in memory."""
    town = Town(tmp_path, MemoryLedger(), ZONE)
    yield town
    town.close()


def pass_(town: Town) -> list[Run]:
    """The runs of one pass of the worker; none may end with an error."""
    done = list(run_once(town.parts, Stop()))
    assert not [each.error for each in done if each.error]
    return [each.run for each in done if each.run]


def arrive(town: Town, events_new: int = 1) -> None:
    """An import brings events, or none that are new."""
    now = town.clock.now()
    name = f"i{next(NUMBERS)}"
    events.insert_import(town.database, "default", ImportRow(name, now, now, events_new, events_new, 0, 0, 0, (), (), 0), [], [])


def of(town: Town, sync: Sync) -> list[Run]:
    """The runs of a sync, oldest first."""
    return list(reversed(town.parts.ledger.history("default", sync.id)))


class Recorder(MemoryLedger):
    """A ledger whose runs are written down and are over; as every ledger it refuses a slot that had its run."""

    def __init__(self) -> None:
        super().__init__()
        self.of: dict[str, list[Run]] = defaultdict(list)

    def newest(self, project: str, sync: str, until: datetime) -> Run | None:
        return max((run for run in self.of[sync] if run.opened_at <= until), key=lambda run: run.opened_at, default=None)

    def take(self, due: Iterable[tuple[Sync, Due | Run]], now: datetime) -> None:
        """A run for each slot that is due, and nothing else is."""
        for sync, slot in due:
            assert isinstance(slot, Due)
            if slot.slot not in {run.slot for run in self.of[sync.id]}:
                run = Run(f"r{len(self.of[sync.id])}", "default", sync.id, "", "", 1, now, now, RunState.CLOSED, RunOutcome.CLEAN)
                self.of[sync.id].append(replace(run, slot=slot.slot, missed=slot.missed))


def test_no_slot_of_fifty_syncs_is_missed_or_doubled_in_sixty_days_whatever_the_clock_does(town: Town) -> None:
    """The clock of the machine goes back and forth by a second, an hour and a day; each slot has one run, or is in the count of one."""
    chance, recorder = random.Random(11), Recorder()
    parts = replace(town.parts, catalog=RememberingCatalog(town.database), ledger=recorder)
    crons = ("15 6 * * 1-5", "30 2 * * *", "0 */8 * * *", "0 12 1,15 * *", "45 23 * * 0")
    each = [town.add("hourly", Cadence.HOURLY, time(0, 20))]
    each += [town.add(f"daily-{number}", Cadence.DAILY, time(number, 30)) for number in range(24)]
    each += [town.add(f"cron-{number}", Cadence.CRON, cron=crons[number % 5], ttl_days=60) for number in range(25)]
    furthest = NOON
    while furthest < NOON + 60 * DAY:
        town.clock.sleep(chance.randint(1200, 12_000))
        if chance.random() < 0.1:
            town.clock.jump(chance.choice((-SECOND, HOUR, -HOUR, DAY, -DAY)))
        recorder.take(todo(parts), town.clock.now())
        furthest = max(furthest, town.clock.now())
    for sync in each:
        found = sorted((run.slot or NOON, run.missed) for run in recorder.of[sync.id])
        slots = [slot for slot, _ in found]
        expected, moment = [], next_fire(sync.cadence, ZONE, sync.at, NOON, sync.cron)
        while moment and moment <= slots[-1]:
            expected.append(moment)
            moment = next_fire(sync.cadence, ZONE, sync.at, moment, sync.cron)
        assert len(set(slots)) == len(slots), f"a slot of {sync.id} was run twice"
        assert set(slots) <= set(expected)
        assert len(slots) <= len(expected) <= sum(1 + missed for _, missed in found), f"a slot of {sync.id} is in no account"


def test_many_syncs_that_are_due_at_once_all_run_in_flat_memory(tmp_path: Path) -> None:
    """One pass takes them all, those that wait longest first, and the last costs no more memory than the one in the middle."""
    town = Town(tmp_path, MemoryLedger())
    town.people.numbers = {1, 2, 3}
    late = [town.add(f"late-{number}", Cadence.DAILY, time(7)) for number in range(MANY // 10)]
    early = [town.add(f"zearly-{number}", Cadence.DAILY, time(6)) for number in range(MANY - len(late))]
    town.at(NOON + DAY)
    pages, order = [], []
    for done in run_once(town.parts, Stop()):
        assert done.run is not None
        assert done.run.outcome is RunOutcome.CLEAN
        order.append(done.run.sync)
        pages.append(int(Path("/proc/self/statm").read_text().split()[1]))
    assert set(order[: len(early)]) == {sync.id for sync in early}
    assert set(order[len(early) :]) == {sync.id for sync in late}
    assert all(town.held(sync) == {1, 2, 3} for sync in (*early, *late))
    assert (pages[-1] - pages[MANY // 2]) * 4096 < 24 << 20
    town.close()


def test_a_sync_on_change_runs_at_once_then_when_events_have_come_and_daily(town: Town) -> None:
    """Not again without news, nor for an import that brought nothing; within the minute of a run never twice."""
    sync = town.add("s", Cadence.ON_CHANGE, time(6))
    assert [run.slot for run in pass_(town)] == [NOON]
    for _ in range(3):
        town.clock.sleep(70)
        assert pass_(town) == []
    arrive(town, events_new=0)
    assert pass_(town) == []

    town.people.numbers = set(range(1, 102))
    arrive(town)
    (run,) = pass_(town)
    assert run.slot is not None
    assert run.slot <= town.clock.now() < run.slot + MINUTE
    assert town.held(sync) == town.people.numbers

    town.people.numbers = set(range(1, 103))
    town.clock.sleep(1)
    arrive(town)
    assert pass_(town) == [], "one run a minute"
    town.clock.sleep(60)
    (run,) = pass_(town)
    assert town.held(sync) == town.people.numbers

    town.at(NOON + DAY)
    (daily,) = pass_(town)
    assert daily.slot == next_fire(Cadence.DAILY, ZONE, time(6), NOON)
    town.clock.sleep(90)
    assert pass_(town) == []


def test_the_worker_sees_a_change_within_a_minute_by_itself(town: Town) -> None:
    """It looks often while there is a sync on change, and when the minute is full."""
    sync, stop = town.add("s", Cadence.ON_CHANGE), Stop()

    class Eventful(StandingClock):
        came: datetime | None = None

        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if self.came is None and self.now() >= NOON + 30 * SECOND:
                self.came = self.now()
                arrive(town)
            stop.requested = self.now() > NOON + 10 * MINUTE

    clock = Eventful(NOON)
    work(replace(town.parts, clock=clock), stop, lambda _done: None)
    first, second = of(town, sync)
    assert clock.came
    assert timedelta() <= second.opened_at - clock.came <= MINUTE
    assert (first.outcome, second.outcome) == (RunOutcome.CLEAN, RunOutcome.CLEAN)


def test_of_two_workers_that_saw_one_change_in_different_minutes_the_second_leaves_it(town: Town) -> None:
    """It looked before the other ran it, and comes to it afterwards."""
    other, sync = town.add("other", Cadence.ON_CHANGE), town.add("sync", Cadence.ON_CHANGE)
    town.clock.sleep(65)
    first = run_once(town.parts, Stop())
    done = next(first)
    left = {other.id, sync.id} - {done.sync}
    assert {run.sync for run in pass_(town)} == left, "the other worker"
    assert not list(first)


def test_a_new_definition_also_of_a_part_is_a_change(town: Town) -> None:
    """What a cohort is made of counts as itself does."""
    town.parts.catalog.save_cohort(Cohort("default", "part", "Part", CohortKind.BEHAVIOURAL, Behaviour(Did("Open"))))
    town.parts.catalog.save_cohort(Cohort("default", "whole", "Whole", CohortKind.BEHAVIOURAL, Behaviour(InCohort("part"))))
    town.add("s", Cadence.ON_CHANGE, cohort="whole")
    assert len(pass_(town)) == 1
    town.clock.sleep(61)
    town.parts.catalog.save_cohort(Cohort("default", "part", "Part", CohortKind.BEHAVIOURAL, Behaviour(Did("Close"))))
    assert len(pass_(town)) == 1


def test_a_run_on_change_that_failed_is_tried_again_though_nothing_has_changed(town: Town) -> None:
    """Not in every pass, and not first with the next change."""
    sync = town.add("s", Cadence.ON_CHANGE)
    town.people.broken = True
    list(run_once(town.parts, Stop()))
    town.clock.sleep(14 * 60)
    assert pass_(town) == []
    town.people.broken = False
    town.clock.sleep(60)
    assert [run.outcome for run in pass_(town)] == [RunOutcome.CLEAN]
    assert [run.outcome for run in of(town, sync)] == [RunOutcome.FAILED, RunOutcome.CLEAN]


def test_a_held_run_on_change_waits_for_its_approval_until_the_daily_slot(town: Town) -> None:
    """A change a minute would take the run away from whoever reads why it is held."""
    sync = town.add("s", Cadence.ON_CHANGE, time(6))
    pass_(town)
    town.people.numbers = {1}
    town.clock.sleep(61)
    arrive(town)
    (held,) = pass_(town)
    assert held.state is RunState.HELD
    for _ in range(3):
        town.clock.sleep(61)
        arrive(town)
        assert pass_(town) == []
    town.at(NOON + DAY)
    pass_(town)
    assert of(town, sync)[1].outcome is RunOutcome.SUPERSEDED


def test_a_run_as_of_an_earlier_instant_leaves_the_change_to_be_seen(town: Town) -> None:
    """It says nothing of what the cohort is now."""
    sync = town.add("s", Cadence.ON_CHANGE)
    pass_(town)
    town.clock.sleep(120)
    syncs.run(town.parts, "default", sync.id, "2026-03-01T12:00:00Z", lambda *_: None)
    town.clock.sleep(61)
    assert len(pass_(town)) == 1


def test_a_cohort_that_cannot_tell_of_changes_is_refused_for_on_change(town: Town) -> None:
    """Added or changed, alone or as a part; the sentence names the cohort and the cadences that do."""
    town.parts.catalog.save_cohort(Cohort("default", "sql", "Sql", CohortKind.SQL, Select("SELECT 1 AS id", people="id")))
    with pytest.raises(DefinitionError, match=r"cohort 'sql' is of kind sql.*hourly, daily or cron"):
        town.add("s", Cadence.ON_CHANGE, cohort="sql")
    sync = town.add("s", Cadence.DAILY, cohort="sql")
    with pytest.raises(DefinitionError, match="does not say when it changes"):
        syncs.change(town.parts, "default", sync.id, syncs.Change(cadence=Cadence.ON_CHANGE))


def test_a_change_of_cadence_takes_the_expression_with_it(town: Town) -> None:
    """One by cron keeps its expression while other things change; the longest wait decides which TTL will do."""
    sync = town.add("s", Cadence.CRON, cron="15 6 * * 1-5")
    assert syncs.change(town.parts, "default", sync.id, syncs.Change(ttl_days=20)).cron == "15 6 * * 1-5"
    with pytest.raises(DefinitionError, match=r"by the cron expression '15 6 \* \* 1-5'.*give it 6 days or more"):
        syncs.change(town.parts, "default", sync.id, syncs.Change(ttl_days=5))
    with pytest.raises(DefinitionError, match="needs a cron expression"):
        syncs.change(town.parts, "default", sync.id, syncs.Change(cadence=Cadence.CRON, cron=""))
    daily = syncs.change(town.parts, "default", sync.id, syncs.Change(cadence=Cadence.DAILY))
    assert (daily.cadence, daily.cron) == (Cadence.DAILY, "")
