"""The instant a person means by `--as-of`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from tradewind.cohorts.reading import FIRST_YEAR, LAST_YEAR
from tradewind.errors import DefinitionError

DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})")


def instant(text: str | None, zone: str, now: datetime) -> datetime:
    """The instant in UTC: now, or a time with its offset, or the first moment of a date in the project's zone.

    Raises DefinitionError when it is neither, does not exist, or lies centuries away.
    """
    if text is None:
        return now
    found = _read(text, zone)
    if found is None:
        raise DefinitionError(f"'{text[:40]}' is not an instant; write 2026-07-01, or 2026-07-01T09:30:00+02:00 with its offset")
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise DefinitionError(f"'{text[:40]}' is too far away; expected an instant in the years {FIRST_YEAR} to {LAST_YEAR}")
    return found.astimezone(UTC)


def _read(text: str, zone: str) -> datetime | None:
    try:
        if DATE.fullmatch(text):
            return datetime.combine(date.fromisoformat(text), time(), ZoneInfo(zone))
        return datetime.fromisoformat(text) if MOMENT.fullmatch(text) else None
    except ValueError:
        return None
