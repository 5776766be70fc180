"""Windows of days as instants: whole days of the project's zone, half-open, right on days of 23 or 25 hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tradewind.errors import ConfigurationError
from tradewind.model.cohort import Between, Last, Since, Window


def bounds(window: Window | None, as_of: datetime, zone: str) -> tuple[datetime | None, datetime]:
    """The first instant of `window` (None: from the beginning) and the one it ends before, both aware and in UTC.

    No window reaches past `as_of` (aware). It may be empty (first >= end) when it lies after that instant.
    Raises ConfigurationError when `zone` is not an IANA time zone.
    """
    place = zone_of(zone)
    end = as_of.astimezone(UTC)
    match window:
        case None:
            return None, end
        case Last(days):
            return _midnight(as_of.astimezone(place).date() - timedelta(days=days), place), end
        case Since(first):
            return _midnight(first, place), end
        case Between(first, until):
            return _midnight(first, place), min(end, _midnight(until, place))


def _midnight(day: date, place: ZoneInfo) -> datetime:
    """The first instant of a day; where clocks skip midnight, the instant they skip it."""
    return datetime.combine(day, time(), place).astimezone(UTC)


def zone_of(name: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises ConfigurationError when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(f"'{name[:60]}' is not a time zone; expected a name such as Europe/Berlin") from error
