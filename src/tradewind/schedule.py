"""Cadence to instants: when a sync fires next, and which slot is due after any time away; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tradewind.errors import DefinitionError
from tradewind.model.sync import Cadence

HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)

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


def next_fire(cadence: Cadence, zone: str, at: time, after: datetime) -> datetime | None:
    """The first slot later than an instant, in UTC; None for a one-time sync, which has none.

    Hourly: every hour of UTC at the minute of `at`. Daily: at the local time `at` of `zone`, once a local day; where that
    time is skipped the first instant after the gap, where it comes twice the first.
    """
    match cadence:
        case Cadence.ONE_TIME:
            return None
        case Cadence.HOURLY:
            return _hour(at, after) + HOUR
        case Cadence.DAILY:
            return next(slot for slot, _ in _days_around(zone, at, after) if slot > after)


def slots_due(cadence: Cadence, zone: str, at: time, last: datetime, now: datetime) -> Due | None:
    """What is due now when everything up to `last` has been seen to: the newest slot alone, since a run covers all before it."""
    match cadence:
        case Cadence.ONE_TIME:
            return None
        case Cadence.HOURLY:
            newest, passed = _hour(at, now), (_hour(at, now) - _hour(at, last)) // HOUR
        case Cadence.DAILY:
            (newest, today), (_, then) = _latest(zone, at, now), _latest(zone, at, last)
            passed = (today - then).days
    return Due(newest, max(passed - 1, 0)) if newest > last else None


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
