"""Windows as spans between instants: whole days of the project's zone, half-open, right on days of 23 or 25 hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tradewind.errors import ConfigurationError
from tradewind.model.cohort import Between, FirstUse, Interval, Last, LastHours, Since, Window

MOST_INTERVALS = 100
"""Parts of a window that a clause is asked of at most."""


@dataclass(frozen=True)
class Span:
    """From `first` (None: from the beginning) to before `end`, aware and in UTC; empty where the one is not before the other.

    With `of_first_use` also only so long after a person's first event of all.
    """

    first: datetime | None
    end: datetime
    of_first_use: timedelta | None = None


def span(window: Window | None, as_of: datetime, zone: str) -> Span:
    """The instants of a window; no window reaches past `as_of` (aware).

    Raises ConfigurationError when `zone` is not an IANA time zone.
    """
    place = zone_of(zone)
    end = as_of.astimezone(UTC)
    today = as_of.astimezone(place).date()
    match window:
        case None:
            return Span(None, end)
        case Last(days, offset, complete):
            until = end if not (offset or complete) else min(end, _midnight(today - timedelta(days=max(offset - 1, 0)), place))
            return Span(_midnight(today - timedelta(days=days + offset), place), until)
        case LastHours(hours):
            return Span(end - timedelta(hours=hours), end)
        case Since(first):
            return Span(_midnight(first, place), end)
        case Between(first, until_day):
            return Span(_midnight(first, place), min(end, _midnight(until_day, place)))
        case FirstUse(days):
            return Span(None, end, timedelta(days=days))


def bounds(window: Window | None, as_of: datetime, zone: str) -> tuple[datetime | None, datetime]:
    """The first instant of a window (None: from the beginning) and the one it ends before, for everybody alike."""
    found = span(window, as_of, zone)
    return found.first, found.end


def parts(window: Window, interval: Interval, as_of: datetime, zone: str) -> tuple[Span, ...]:
    """The whole days, or runs of seven days, of a window that begins and has ended before `as_of`, at most MOST_INTERVALS.

    They are counted from its first day; what is left over at its end is in none of them.
    """
    place, whole = zone_of(zone), span(window, as_of, zone)
    assert whole.first is not None, "a window without a beginning has no parts"
    day, length = whole.first.astimezone(place).date(), timedelta(days=7 if interval is Interval.WEEK else 1)
    found: list[Span] = []
    while len(found) < MOST_INTERVALS and (end := _midnight(day + length, place)) <= whole.end:
        found.append(Span(_midnight(day, place), end))
        day += length
    return tuple(found)


def _midnight(day: date, place: ZoneInfo) -> datetime:
    """The first instant of a day; where clocks skip midnight, the instant they skip it."""
    return datetime.combine(day, time(), place).astimezone(UTC)


def zone_of(name: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises ConfigurationError when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(f"'{name[:60]}' is not a time zone; expected a name such as Europe/Berlin") from error
