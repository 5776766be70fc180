"""What Amplitude allows an account, and what syncs would use of it; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from tradewind.crontab import a_month
from tradewind.errors import DefinitionError
from tradewind.model.sync import Cadence

DOWNLOADS = 500
"""Downloads of cohorts that Amplitude allows a month."""

MONTH = timedelta(days=31)
"""Amplitude does not say when its month begins: downloads are counted over any 31 days, so that no month of the calendar has more."""

VALID = timedelta(days=7)
"""How long a download can be fetched after it was asked for."""

ANSWERS = timedelta(seconds=10)
"""How long whoever wants the same waits for somebody who is asking already; should that one have died, it asks itself then."""

YOUNG = timedelta(minutes=30)
"""A download asked for at most so long before a run's instant answers for that instant too."""

REQUESTS, WITHIN, AT_ONCE = 60, timedelta(minutes=10), 4
"""Requests that Amplitude takes in a stretch of time, and how many of them at once."""

GLANCE = timedelta(seconds=1)
"""Time between two looks while all places are taken."""

A_MONTH = {Cadence.HOURLY: 24 * 30, Cadence.DAILY: 30, Cadence.ON_CHANGE: 30, Cadence.ONE_TIME: 0}
"""Runs of a sync in a month of thirty days; by cron its expression says."""


@dataclass(frozen=True)
class Use:
    """A sync that downloads a cohort of an account. Syncs of one cohort with the same slots share each download."""

    cohort: str
    cadence: Cadence
    at: time
    zone: str
    cron: str = ""

    @property
    def a_month(self) -> int:
        """Runs in a month of thirty days."""
        return a_month(self.cron) if self.cadence is Cadence.CRON else A_MONTH[self.cadence]


@dataclass(frozen=True)
class Budget:
    """Downloads an account asked for in the last 31 days, of how many; when one more may be asked for once none is left."""

    spent: int
    allowed: int
    next_free: datetime | None

    @property
    def left(self) -> int:
        """How many may still be asked for now."""
        return max(self.allowed - self.spent, 0)


def budget(asked: Sequence[datetime]) -> Budget:
    """The budget of an account that asked for downloads at these instants, in their order, none of them older than `MONTH`."""
    over = len(asked) - DOWNLOADS
    return Budget(len(asked), DOWNLOADS, asked[over] + MONTH if over >= 0 else None)


def monthly(uses: Iterable[Use]) -> int:
    """Downloads a month of all these syncs together."""
    return sum(use.a_month for use in set(uses))


def check_cadence(wanted: Collection[Use], others: Collection[Use]) -> None:
    """Raise DefinitionError, with the arithmetic and what to do, when a sync would need more downloads than its account has."""
    before, after = monthly(others), monthly([*others, *wanted])
    if after <= DOWNLOADS or after == before:
        return
    daily, cohorts = A_MONTH[Cadence.DAILY], DOWNLOADS // A_MONTH[Cadence.DAILY]
    beside = f", beside {before:,} that other syncs of this Amplitude project use" if before else ""
    first = next(iter(wanted))
    raise DefinitionError(
        f"{first.cron or first.cadence.value} is {monthly(wanted):,} downloads a month{beside}, and Amplitude allows {DOWNLOADS}: "
        f"enough for {cohorts} cohorts daily in all ({cohorts} x {daily} = {cohorts * daily}), and for none hourly; "
        "hourly works with a behavioural cohort over events pulled from Amplitude (tradewind events pull), "
        "or with a cohort of kind webhook, which Amplitude pushes"
    )


def wait(calls: Sequence[tuple[datetime, datetime]], not_before: datetime | None, now: datetime) -> float:
    """Seconds until it is worth asking for a place again, 0 when there is one.

    `calls` are the instants at which others began and, at the latest, end, in order. One under way may end before that.
    """
    free = [now]
    recent = [began for began, _ in calls if began > now - WITHIN]
    if len(recent) >= REQUESTS:
        free.append(recent[-REQUESTS] + WITHIN)
    if not_before:
        free.append(not_before)
    if sum(end > now for _, end in calls) >= AT_ONCE:
        free.append(now + GLANCE)
    return (max(free) - now).total_seconds()
