"""Cadence to instants: when a sync fires next, and which slot is due after any time away; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from tradewind import crontab
from tradewind.errors import DefinitionError
from tradewind.model.sync import Cadence

HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)

AGAIN = timedelta(minutes=15)
"""How long after a run that failed, or left something undone, a sync on change runs again though nothing has changed."""

COUNTED = 5000
"""Slots of a cron expression that are counted as missed, at most."""

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True)
class Due:
    """The one slot to run now, and how many before it passed without a run."""

    slot: datetime
    missed: int


def time_of_day(text: str) -> time:
    """A local time such as 06:30. Raises DefinitionError."""
    found = _TIME.fullmatch(text)
    if not found:
        raise DefinitionError(f"'{text[:20]}' is not a time of day; expected HH:MM from 00:00 to 23:59, such as 06:30")
    return time(int(found[1]), int(found[2]))


def cron_for(cadence: Cadence, text: str) -> str:
    """The cron expression of a sync with a cadence: there is one by cron, and none by another. Raises DefinitionError."""
    if cadence is Cadence.CRON and not text:
        raise DefinitionError("a sync with the cadence cron needs a cron expression as well, such as 15 6 * * 1-5")
    if cadence is not Cadence.CRON and text:
        raise DefinitionError(f"a cron expression is for a sync with the cadence cron, not {cadence.value}")
    return crontab.checked(text) if text else ""


def next_fire(cadence: Cadence, zone: str, at: time, after: datetime, cron: str = "") -> datetime | None:
    """The first slot later than an instant, in UTC; None for a one-time sync, which has none.

    Hourly: every hour of UTC at the minute of `at`. Daily: at the local time `at` of `zone`, once a local day; where that
    time is skipped the first instant after the gap, where it comes twice the first. By cron: as `crontab.slots` says. On change: as
    daily; what a change makes due says `change_due`.
    """
    match cadence:
        case Cadence.ONE_TIME:
            return None
        case Cadence.HOURLY:
            return _hour(at, after) + HOUR
        case Cadence.CRON:
            return next(crontab.slots(cron, zone, after))
        case Cadence.DAILY | Cadence.ON_CHANGE:
            return next(slot for slot, _ in _days_around(zone, at, after) if slot > after)


def slots_due(cadence: Cadence, zone: str, at: time, last: datetime, now: datetime, cron: str = "") -> Due | None:
    """What is due now when everything up to `last` has been seen to: the newest slot alone, since a run covers all before it."""
    match cadence:
        case Cadence.ONE_TIME:
            return None
        case Cadence.HOURLY:
            newest, passed = _hour(at, now), (_hour(at, now) - _hour(at, last)) // HOUR
        case Cadence.CRON:
            return _cron_due(cron, zone, last, now)
        case Cadence.DAILY | Cadence.ON_CHANGE:
            (newest, today), (_, then) = _latest(zone, at, now), _latest(zone, at, last)
            passed = (today - then).days
    return Due(newest, max(passed - 1, 0)) if newest > last else None


def change_due(last: datetime | None, now: datetime, *, changed: bool, failed: bool) -> Due | None:
    """What a change of its cohort makes due for a sync on change: this minute, which is its slot, unless a run began in it already.

    `last` is the slot or instant of its last run, None before the first, which is due at once; after one that `failed` it is tried again.
    """
    minute = now.astimezone(UTC).replace(second=0, microsecond=0)
    if last is None:
        return Due(minute, 0)
    wanted = changed or (failed and now - last >= AGAIN)
    return Due(minute, 0) if wanted and minute > last else None


def _cron_due(cron: str, zone: str, last: datetime, now: datetime) -> Due | None:
    """Slots are counted one by one, and after very long with very many no further than COUNTED."""
    passed = 0
    newest = None
    for slot in islice(crontab.slots(cron, zone, last), COUNTED):
        if slot > now:
            break
        newest, passed = slot, passed + 1
    if newest is None:
        return None
    back = HOUR
    while passed == COUNTED and back < now - newest:
        later = [slot for slot in islice(crontab.slots(cron, zone, now - back), COUNTED) if slot <= now]
        if later:
            newest = later[-1]
            break
        back *= 24
    return Due(newest, passed - 1)


def _hour(at: time, moment: datetime) -> datetime:
    """The last full hour, counted from the minute of `at`, that is not later than a moment."""
    minute = timedelta(minutes=at.minute)
    return (moment.astimezone(UTC) - minute).replace(minute=0, second=0, microsecond=0) + minute


def _latest(zone: str, at: time, moment: datetime) -> tuple[datetime, date]:
    return max(each for each in _days_around(zone, at, moment) if each[0] <= moment)


def _days_around(zone: str, at: time, moment: datetime) -> list[tuple[datetime, date]]:
    """The slots of the days about a moment, each with its day, in order; at least one is earlier than it and one later."""
    today = moment.astimezone(ZoneInfo(zone)).date()
    days = [today + days * DAY for days in range(-2, 3)]
    return [(_instant(day, at, ZoneInfo(zone)), day) for day in days]


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """When a local time comes on a day, in UTC: its first time, or the end of the gap that swallows it."""
    wall = datetime.combine(day, at, zone)
    first = wall.astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return first
    before, after = wall.replace(fold=1).astimezone(UTC), first
    offset = after.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = (before + (after - before) / 2).replace(microsecond=0)
        before, after = (before, middle) if middle.astimezone(zone).utcoffset() == offset else (middle, after)
    return after
