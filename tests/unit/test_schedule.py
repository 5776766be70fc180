"""When syncs fire: once a local day whatever the clocks do, every hour of UTC, and one catch-up after any time away."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.errors import DefinitionError
from tradewind.model.sync import Cadence
from tradewind.schedule import Due, next_fire, slots_due, time_of_day

ZONES = (
    "America/New_York", "America/Santiago", "America/Havana", "America/Nuuk", "America/St_Johns", "Europe/Berlin", "Europe/London",
    "Africa/Cairo", "Asia/Beirut", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Chatham",
)  # fmt: skip
TIMES = (time(0), time(0, 30), time(1, 30), time(2), time(2, 30), time(3), time(6), time(23, 30))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

instants = st.integers(0, 9 * 365 * 86_400).map(lambda seconds: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
cadences = st.sampled_from([Cadence.HOURLY, Cadence.DAILY])


def fires(cadence: Cadence, zone: str, at: time, first: datetime, last: datetime) -> list[datetime]:
    """Every slot after an instant, up to another."""
    found: list[datetime] = []
    while (slot := next_fire(cadence, zone, at, found[-1] if found else first)) and slot <= last:
        found.append(slot)
    return found


def transitions(zone: str) -> list[date]:
    """The local days of 2024 to 2032 on which the clocks of a zone change."""
    found = []
    days = [date(2024, 1, 1) + DAY * number for number in range(9 * 365 + 3)]
    offsets = [datetime.combine(day, time(12), ZoneInfo(zone)).utcoffset() for day in days]
    for day, (before, after) in zip(days[1:], pairwise(offsets), strict=True):
        if before != after:
            found += [day - DAY, day]
    return found


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("at", TIMES, ids=str)
def test_daily_fires_once_for_each_local_day_across_every_change_of_the_clocks(zone: str, at: time) -> None:
    """One slot for each day about a change: when the clocks on the wall first show that time, or first are past it."""
    for day in transitions(zone):
        grid = [datetime.combine(day - 4 * DAY, time(), UTC) + timedelta(minutes=15) * step for step in range(8 * 96)]
        walls = [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for moment in grid]
        wanted = [datetime.combine(day + DAY * days, at) for days in (-2, -1, 0, 1, 2)]
        expected = [next(moment for moment, wall in zip(grid, walls, strict=True) if wall >= each) for each in wanted]
        assert fires(Cadence.DAILY, zone, at, expected[0] - HOUR, expected[-1]) == expected


@pytest.mark.parametrize(
    ("zone", "at", "after", "expected"),
    [
        ("America/New_York", "02:30", "2026-03-08T00:00-05:00", "2026-03-08T03:00-04:00"),
        ("America/New_York", "01:30", "2026-11-01T00:00-04:00", "2026-11-01T01:30-04:00"),
        ("America/New_York", "01:30", "2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00"),
        ("America/Santiago", "00:00", "2026-09-05T12:00-04:00", "2026-09-06T01:00-03:00"),
        ("Australia/Lord_Howe", "02:15", "2026-10-04T00:00+10:30", "2026-10-04T02:30+11:00"),
        ("Asia/Kolkata", "06:30", "2026-06-01T06:30+05:30", "2026-06-02T06:30+05:30"),
    ],
)
def test_daily_by_example(zone: str, at: str, after: str, expected: str) -> None:
    """What gap and fold mean, in the words of the reference."""
    found = next_fire(Cadence.DAILY, zone, time_of_day(at), datetime.fromisoformat(after))
    assert found == datetime.fromisoformat(expected)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-08", 23), ("2026-06-01", 24), ("2026-11-01", 25)])
def test_hourly_fires_as_often_as_the_day_has_hours(day: str, hours: int) -> None:
    """In UTC an hour is an hour: 23, 24 or 25 in a local day, each 3,600 s after the last."""
    zone = ZoneInfo("America/New_York")
    first = datetime.combine(date.fromisoformat(day), time(), zone)
    second = datetime.combine(date.fromisoformat(day) + DAY, time(), zone)
    slots = fires(Cadence.HOURLY, "America/New_York", time(6, 17), first, second)
    assert len(slots) == hours
    assert {later - earlier for earlier, later in pairwise(slots)} == {HOUR}
    assert {slot.minute for slot in slots} == {17}


def test_a_one_time_sync_has_no_slot() -> None:
    """It runs when a person says so."""
    now = datetime(2026, 7, 1, tzinfo=UTC)
    assert next_fire(Cadence.ONE_TIME, "UTC", time(6), now) is None
    assert slots_due(Cadence.ONE_TIME, "UTC", time(6), now - 400 * DAY, now) is None


@given(cadences, st.sampled_from(ZONES), times, instants)
def test_the_next_slot_is_later_and_soon_and_nothing_lies_between(cadence: Cadence, zone: str, at: time, after: datetime) -> None:
    """Strictly later, within a period and a change of the clocks, and the same from any instant before it."""
    slot = next_fire(cadence, zone, at, after)
    assert slot is not None
    assert after < slot <= after + cadence.period + 2 * HOUR
    assert next_fire(cadence, zone, at, after + (slot - after) / 2) == slot
    assert next_fire(cadence, zone, at, slot - timedelta(microseconds=1)) == slot


@given(cadences, st.sampled_from(ZONES), times, instants, st.timedeltas(timedelta(0), timedelta(days=12)))
def test_after_any_time_away_one_slot_is_due_and_the_others_are_counted(
    cadence: Cadence, zone: str, at: time, last: datetime, away: timedelta
) -> None:
    """The newest slot alone, and every slot before it in the count; nothing where none has passed."""
    now = last + away
    passed = fires(cadence, zone, at, last, now)
    assert slots_due(cadence, zone, at, last, now) == (Due(passed[-1], len(passed) - 1) if passed else None)


def test_a_clock_that_went_back_makes_nothing_due() -> None:
    """What ran in the future ran."""
    now = datetime(2026, 7, 1, 12, tzinfo=UTC)
    for cadence in (Cadence.HOURLY, Cadence.DAILY):
        assert slots_due(cadence, "UTC", time(6), now + DAY, now) is None


@pytest.mark.parametrize("text", ["6:30", "24:00", "12:60", "noon", "", "06:30:00", "06-30"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    """One sentence says what is expected."""
    with pytest.raises(DefinitionError, match="HH:MM"):
        time_of_day(text)
