"""Four hundred days through scheduler, planner, delivery and membership: no desired member lapses, and each slot has its run or is counted.

Daily syncs run on all of them; the hourly ones on thirty days about the week's outage and the end of summer time, since an hourly
sync has 9,600 runs in 400 days. `./dev simulate` lets them run on all days too.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta

import pytest

from desk import NOON
from memory_stores import RememberingVersions
from tradewind.crontab import longest_wait
from tradewind.model.plan import Operation
from tradewind.model.run import Run, RunKind, RunOutcome, RunState
from tradewind.model.sync import Cadence, Refresh, SyncState
from tradewind.operations import syncs
from tradewind.planning.refresh import margin
from tradewind.schedule import next_fire
from tradewind.worker import Stop, run_once
from world import World

ZONE = "America/New_York"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TTL = timedelta(days=30)
MEMBERS = 12
IDENTIFIERS = 18
"""Each has one alone and one with another."""

DAYS = 400
HOURLY = (0, DAYS) if "TRADEWIND_SIMULATE" in os.environ else (234, 264)
"""From which day to which there are hourly syncs."""

OUTAGE = range(250, 257)
"""A week: three days without a worker, then four on which the source cannot be read."""

EMPTY = range(150, 165)
"""Days on which the cohort `south` gives nobody, so that its runs are held."""

PAUSED, ENDED, ONCE = range(100, 120), 200, (3, 20)
"""The days of a pause, the day on which a sync is given up, and those on which the One-Time Sync is run."""

LIVES = {
    "daily-every": (Cadence.DAILY, Refresh.EVERY_SYNC, 0, DAYS),
    "daily-before": (Cadence.DAILY, Refresh.BEFORE_EXPIRY, 0, DAYS),
    "hourly-every": (Cadence.HOURLY, Refresh.EVERY_SYNC, *HOURLY),
    "hourly-before": (Cadence.HOURLY, Refresh.BEFORE_EXPIRY, *HOURLY),
    "tight": (Cadence.DAILY, Refresh.BEFORE_EXPIRY, 0, 245),
    "held": (Cadence.DAILY, Refresh.BEFORE_EXPIRY, 0, DAYS),
    "paused": (Cadence.DAILY, Refresh.EVERY_SYNC, 0, DAYS),
    "ended": (Cadence.DAILY, Refresh.EVERY_SYNC, 0, ENDED),
    "once": (Cadence.ONE_TIME, Refresh.EVERY_SYNC, 0, DAYS),
    "cron": (Cadence.CRON, Refresh.BEFORE_EXPIRY, 0, DAYS),
    "change": (Cadence.ON_CHANGE, Refresh.BEFORE_EXPIRY, *HOURLY),
}

CRON = {"cron": "30 2 * * 1,4"}
"""Each sync: cadence, refresh policy, the day it is added, and the day it is ended."""

SHORT = {"tight": 5 * DAY}
"""TTLs that are not the usual one: who has two days left to the second when the worker goes for two days must have been renewed before.
It would not outlast the week."""


def down(day: int) -> bool:
    """A day without a worker: one of every seven, every fourth week the one after it too, and the first three of the outage."""
    return day % 7 == 5 or day % 28 == 6 or day in OUTAGE[:3]


def period_of(sync: str) -> timedelta:
    """The longest time between two of its runs."""
    return longest_wait(CRON[sync]) if sync in CRON else LIVES[sync][0].period


def cohort(sync: str) -> str:
    """Whom a sync is about."""
    return "south" if sync == "held" else "north"


@dataclass
class Simulation:
    """The days so far: what each segment should hold as far as a run could know, what was sent, and the runs that have ended."""

    world: World
    desired: dict[str, frozenset[bytes]] = field(default_factory=dict)
    ended: dict[str, Run] = field(default_factory=dict)
    sent: Counter[tuple[str, Operation]] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)

    @property
    def now(self) -> datetime:
        """The time."""
        return self.world.clock.now()

    @property
    def day(self) -> int:
        """How many days have passed."""
        return (self.now - NOON).days

    def go(self) -> None:
        """All the days, from slot to slot."""
        seen = -1
        while self.day < DAYS:
            if self.day != seen:
                seen = self.day
                self.dawn()
            active = [each for each in self.world.catalog.syncs("default") if each.state is SyncState.ACTIVE]
            fires = [next_fire(each.cadence, ZONE, each.at, self.now, each.cron) for each in active]
            moment = min([NOON + (self.day + 1) * DAY, *(fire for fire in fires if fire)])
            self.world.clock.sleep((moment - self.now).total_seconds() + 5)
            self.look()
            if not down(self.day):
                self.work()

    def dawn(self) -> None:
        """What people and operators do on a day."""
        day, crowd, catalog = self.day, self.world.crowd, self.world.parts.catalog
        youngest = day // 5
        crowd.members["north"] = set(range(youngest, youngest + MEMBERS))
        crowd.members["south"] = set() if day in EMPTY else set(range(MEMBERS))
        crowd.broken = day in OUTAGE[3:]
        for name, (cadence, refresh, first, last) in LIVES.items():
            if day == first:
                wish = syncs.Wish(cohort(name), cohort(name), name, name, SHORT.get(name, TTL).days, cadence, time(2, 30), refresh)
                wish = replace(wish, cron=CRON.get(name, ""))
                syncs.add(self.world.parts, "default", wish)
            if day == last:
                catalog.set_sync_state("default", name, SyncState.ENDED)
                self.desired.pop(name, None)
        if day in {PAUSED[0], PAUSED[-1] + 1}:
            catalog.set_sync_state("default", "paused", SyncState.PAUSED if day in PAUSED else SyncState.ACTIVE)
        if day in ONCE:
            self.account(syncs.run(self.world.parts, "default", "once", None, lambda *_: None))
        if day == ONCE[-1] + TTL.days:
            assert not self.inside("once"), "the members of a One-Time Sync lapse when their time is over"
            self.desired.pop("once")
        if day == ENDED + TTL.days:
            assert not self.inside("ended"), "who was let go has lapsed"
        self.tidy()

    def look(self) -> None:
        """Nobody has lapsed who should be there."""
        for name, wanted in self.desired.items():
            if name == "once" and self.now > NOON + ONCE[-1] * DAY + TTL:
                continue
            lost = wanted - self.inside(name)
            assert not lost, f"{len(lost)} of segment {name} have lapsed on day {self.day}"

    def work(self) -> None:
        """The worker does what is due, each sync once; after a clean run the segment is the cohort."""
        done = list(run_once(self.world.parts, Stop()))
        assert len({each.sync for each in done}) == len(done), "a sync was run twice"
        for each in done:
            if each.run:
                self.account(each.run)
        for arrival in self.world.desk.arrivals:
            self.sent[arrival.segment, arrival.operation] += len(arrival.keys)
            self.requests[arrival.segment] += 1
        self.world.desk.arrivals.clear()

    def account(self, run: Run) -> None:
        """Remember whom a clean run put into its segment; they are there, and nobody else."""
        assert (run.state, run.outcome) in {(RunState.CLOSED, RunOutcome.CLEAN), (RunState.HELD, None)}
        assert (run.state is RunState.HELD) == (run.sync == "held" and self.day in EMPTY)
        if run.outcome is RunOutcome.CLEAN:
            self.desired[run.sync] = self.world.crowd.asked[run.id]
            assert self.inside(run.sync) == self.desired[run.sync], f"segment {run.sync} is not its cohort on day {self.day}"

    def inside(self, sync: str) -> set[bytes]:
        """Who is in the segment of a sync."""
        return self.world.desk.inside(f"adv-{cohort(sync)}", sync)

    def tidy(self) -> None:
        """Runs that ended long ago are put aside, and rows of memberships long gone, so that the days stay as quick as the first."""
        ledger, versions = self.world.ledger, self.world.parts.versions
        assert isinstance(versions, RememberingVersions)
        versions.forget(self.now - 9 * DAY)
        kept = {run.id for name in LIVES if (run := ledger.newest("default", name, self.now))}
        for run in ledger.history("default"):
            if run.closed_at and self.now - run.closed_at > 2 * DAY and run.id not in kept:
                self.ended[run.id] = run
                ledger.forget(run.id)
                shutil.rmtree(self.world.folder / "runs" / run.id, ignore_errors=True)

    def runs(self, sync: str) -> list[Run]:
        """Every run of a sync that had a slot, in their order."""
        self.ended.update({run.id: run for run in self.world.ledger.history("default")})
        mine = [run for run in self.ended.values() if run.sync == sync and run.slot and run.kind is RunKind.SYNC]
        return sorted(mine, key=lambda run: run.slot or run.opened_at)


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    """The four hundred days, lived once."""
    world = World()
    simulation = Simulation(world)
    simulation.go()
    yield simulation
    world.close()


@pytest.mark.timeout(7200)
def test_no_desired_member_lapses_in_four_hundred_days(simulation: Simulation) -> None:
    """The days themselves look after each slot; here they have passed, and everybody is there still."""
    assert simulation.day == DAYS
    assert set(simulation.desired) == {name for name, (*_, last) in LIVES.items() if last == DAYS and name != "once"}


@pytest.mark.timeout(7200)
def test_each_slot_has_one_run_or_is_counted_as_missed(simulation: Simulation) -> None:
    """Also where the clocks change and after a week's outage: one catch-up, which says how many it stands for."""
    for name, (cadence, _, first, last) in LIVES.items():
        found = simulation.runs(name)
        if cadence is Cadence.ONE_TIME:
            assert not found
            continue
        cron = CRON.get(name, "")
        slots = [run.slot for run in found if run.slot]
        assert len(set(slots)) == len(slots) == len(found)

        if cadence is Cadence.ON_CHANGE:  # one that fails is tried again between its daily slots
            continue
        expected, moment = 1, slots[0]
        while moment < slots[-1]:
            expected += 1
            moment = next_fire(cadence, ZONE, time(2, 30), moment, cron) or slots[-1]
        assert sum(1 + run.missed for run in found[1:]) + 1 == expected
        away = 3 * DAY // period_of(name)  # the catch-up is for the last of these slots
        assert max(run.missed for run in found) >= (away - 1 if first < OUTAGE[0] < last else 0)


@pytest.mark.timeout(7200)
def test_before_expiry_sends_what_must_be_sent(simulation: Simulation, capsys: pytest.CaptureFixture[str]) -> None:
    """At most 1.2 refreshes where one would do; both policies' traffic stands side by side."""
    lines, wrong = [f"{'sync':14} {'days':>5} {'runs':>6} {'adds':>6} {'removals':>9} {'refreshes':>10} {'requests':>9}"], []
    for name, (_, refresh, first, last) in LIVES.items():
        adds, removals, refreshes = (simulation.sent[name, wish] for wish in (Operation.ADD, Operation.REMOVE, Operation.REFRESH))
        runs = len(simulation.runs(name))
        lines.append(f"{name:14} {last - first:5} {runs:6,} {adds:6,} {removals:9,} {refreshes:10,} {simulation.requests[name]:9,}")
        if refresh is Refresh.BEFORE_EXPIRY:
            ttl = SHORT.get(name, TTL)
            due = IDENTIFIERS * (last - first) * DAY / (ttl - margin(period_of(name), int(ttl.total_seconds()) // 60))
            wrong += [f"{refreshes} refreshes of {name}, where {due:.0f} must be"] if refreshes > 1.2 * due else []
            lines[-1] += f"  {refreshes / due:.2f} of what must be"
    with capsys.disabled():
        print("\n" + "\n".join(lines))
    assert not wrong
