"""When syncs fire: once a local day whatever the clocks do, every hour of UTC, and one catch-up after any time away."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.crontab import a_month, checked, explained, longest_wait, slots
from tradewind.errors import DefinitionError
from tradewind.model.sync import Cadence
from tradewind.schedule import AGAIN, COUNTED, Due, change_due, cron_for, next_fire, slots_due, time_of_day

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


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("at", [time(0), time(1, 30), time(2, 30)], ids=str)
def test_cron_at_a_time_of_day_fires_when_daily_does_across_every_change_of_the_clocks(zone: str, at: time) -> None:
    """Both were written apart: two ways of counting agree on every gap and every hour that comes twice."""
    expression = f"{at.minute} {at.hour} * * *"
    for day in transitions(zone)[::3]:
        first = datetime.combine(day - 2 * DAY, time(), UTC)
        found = [next_fire(Cadence.CRON, zone, at, first + hours * HOUR, expression) for hours in range(0, 96, 5)]
        assert found == [next_fire(Cadence.DAILY, zone, at, first + hours * HOUR) for hours in range(0, 96, 5)]


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        ("15 6 * * 1-5", "Europe/Berlin", "2026-11-27T06:15+01:00", "2026-11-30T06:15+01:00"),
        ("50 1 * * *", "America/New_York", "2026-11-01T01:45-05:00", "2026-11-02T01:50-05:00"),
        ("0 0 * * *", "America/Santiago", "2026-09-05T12:00-04:00", "2026-09-06T01:00-03:00"),
        ("*/30 * * * *", "America/New_York", "2026-11-01T01:30-04:00", "2026-11-01T01:00-05:00"),
        ("0 9 L * *", "UTC", "2028-02-01T00:00+00:00", "2028-02-29T09:00+00:00"),
    ],
)
def test_cron_by_example(cron: str, zone: str, after: str, expected: str) -> None:
    """Weekdays; the second of two equal hours; a midnight that is skipped; what counts instants; the last of a month."""
    assert next_fire(Cadence.CRON, zone, time(6), datetime.fromisoformat(after), cron) == datetime.fromisoformat(expected)


@given(
    st.sampled_from(["15 6 * * 1-5", "*/20 1-3 * * *", "0 0 1,15 * *"]),
    st.sampled_from(ZONES),
    instants,
    st.timedeltas(timedelta(0), DAY * 9),
)
def test_of_a_cron_expression_too_one_slot_is_due_and_the_others_are_counted(cron: str, zone: str, last: datetime, away: timedelta) -> None:
    """The newest alone, with those before it in the count."""
    now = last + away
    passed = list(takewhile(lambda slot: slot <= now, slots(cron, zone, last)))
    assert slots_due(Cadence.CRON, zone, time(6), last, now, cron) == (Due(passed[-1], len(passed) - 1) if passed else None)


def test_after_years_of_minutes_the_newest_slot_is_due_and_the_count_has_an_end() -> None:
    """A sync that waits for its connection to be mended costs each pass of the worker the same."""
    now = datetime(2028, 5, 1, 12, 0, 30, tzinfo=UTC)
    assert slots_due(Cadence.CRON, "Europe/Berlin", time(6), now - 700 * DAY, now, "* * * * *") == Due(now.replace(second=0), COUNTED - 1)


@pytest.mark.parametrize(
    ("cron", "wait", "month"),
    [
        ("15 6 * * 1-5", 3 * DAY, 22),
        ("* * * * *", timedelta(minutes=1), 43_200),
        ("0 6,18 * * *", 12 * HOUR, 60),
        ("0 6,7 * * *", 23 * HOUR, 60),
        ("0 9 13 * *", 31 * DAY, 2),
        ("0 0 29 2 *", 1461 * DAY, 1),
    ],
)
def test_the_longest_wait_and_the_busiest_month_of_an_expression(cron: str, wait: timedelta, month: int) -> None:
    """What TTLs and the downloads of an account are judged by."""
    assert (longest_wait(cron), a_month(cron)) == (wait, month)


@pytest.mark.parametrize(
    "text", ["", "6 * * *", "0 15 6 * * 1-5", "61 * * * *", "a b c d e", "0 0 30 2 *", "@daily", "* * * * MON\0", "* " * 60]
)
def test_what_is_no_cron_expression_is_refused(text: str) -> None:
    """Also one with seconds, and one whose day never comes."""
    with pytest.raises(DefinitionError, match=r"cron expression|never comes"):
        checked(text)


def test_an_expression_goes_with_the_cadence_cron_and_with_no_other() -> None:
    """One without the other says which of the two is wrong."""
    assert cron_for(Cadence.CRON, "15  6 * * 1-5") == "15 6 * * 1-5"
    assert explained("15 6 * * 1-5") == "At 06:15 on Monday through Friday"
    with pytest.raises(DefinitionError, match="needs a cron expression"):
        cron_for(Cadence.CRON, "")
    with pytest.raises(DefinitionError, match="not daily"):
        cron_for(Cadence.DAILY, "0 6 * * *")


def test_a_change_is_due_once_a_minute_and_a_failed_run_again_after_a_while() -> None:
    """The first run at once; a change in the minute of a run with the next minute; nothing without a change."""
    now = datetime(2026, 7, 1, 12, 0, 20, tzinfo=UTC)
    minute = now.replace(second=0)
    assert change_due(None, now, changed=False, failed=False) == Due(minute, 0)
    assert change_due(minute - HOUR, now, changed=True, failed=False) == Due(minute, 0)
    assert change_due(minute, now, changed=True, failed=False) is None
    assert change_due(minute, now + timedelta(seconds=40), changed=True, failed=False) == Due(minute + timedelta(minutes=1), 0)
    assert change_due(minute - HOUR, now, changed=False, failed=False) is None
    assert change_due(now - AGAIN + timedelta(seconds=1), now, changed=False, failed=True) is None
    assert change_due(now - AGAIN, now, changed=False, failed=True) == Due(minute, 0)
    assert change_due(now + DAY, now, changed=True, failed=True) is None
