"""Windows begin and end at midnights of the project's zone, whatever its clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tradewind.cohorts.windows import bounds
from tradewind.errors import ConfigurationError
from tradewind.model.cohort import Between, Last, Since, Window

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "as_of", "zone", "first", "end"),
    [
        (None, "2026-07-01 12:00", "UTC", None, "2026-07-01 12:00"),
        (Last(30), "2026-07-01 12:00", "UTC", "2026-06-01 00:00", "2026-07-01 12:00"),
        (Last(1), "2026-07-01 02:00", "America/New_York", "2026-06-29 04:00", "2026-07-01 02:00"),
        (Last(2), "2026-03-30 10:00", "Europe/Berlin", "2026-03-27 23:00", "2026-03-30 10:00"),
        (Last(1), "2026-03-30 10:00", "Europe/Berlin", "2026-03-28 23:00", "2026-03-30 10:00"),
        (Last(1), "2026-10-26 10:00", "Europe/Berlin", "2026-10-24 22:00", "2026-10-26 10:00"),
        (Since(date(2026, 6, 1)), "2026-07-01 12:00", "Asia/Kathmandu", "2026-05-31 18:15", "2026-07-01 12:00"),
        (Between(date(2026, 6, 1), date(2026, 6, 2)), "2026-07-01 12:00", "Asia/Tokyo", "2026-05-31 15:00", "2026-06-01 15:00"),
        (Between(date(2026, 6, 1), date(2027, 1, 1)), "2026-07-01 12:00", "UTC", "2026-06-01 00:00", "2026-07-01 12:00"),
        # Clocks went from 00:00 to 01:00: the day began an hour late.
        (Since(date(2018, 11, 4)), "2026-07-01 12:00", "America/Sao_Paulo", "2018-11-04 03:00", "2026-07-01 12:00"),
    ],
)
def test_bounds(window: Window | None, as_of: str, zone: str, first: str | None, end: str) -> None:
    assert bounds(window, utc(as_of), zone) == (utc(first) if first else None, utc(end))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "x" * 5000])
def test_a_zone_that_is_none_is_refused(zone: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a time zone"):
        bounds(Last(1), NOON, zone)
