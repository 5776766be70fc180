"""Who is sent again so that nobody lapses, and which TTL is too short for a cadence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tradewind.errors import DefinitionError
from tradewind.model.sync import Cadence, Refresh, Sync
from tradewind.planning.refresh import check_lasting, margin, renewal

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def a_sync(cadence: Cadence, days: int, refresh: Refresh = Refresh.BEFORE_EXPIRY) -> Sync:
    return Sync("default", "s", "c", "k", "Segment", days * 1440, cadence, refresh=refresh)


@pytest.mark.parametrize(
    ("cadence", "ttl_days", "days"),
    [(Cadence.DAILY, 30, 10), (Cadence.DAILY, 3, 2.25), (Cadence.HOURLY, 3, 1), (Cadence.ONE_TIME, 30, 10)],
)
def test_little_time_is_two_periods_and_a_quarter_or_a_third_of_the_ttl(cadence: Cadence, ttl_days: int, days: float) -> None:
    """Whichever is more."""
    assert margin(cadence.period, ttl_days * 1440) == days * DAY
    assert renewal(a_sync(cadence, ttl_days), NOW).before == NOW + days * DAY


def test_every_sync_sends_everyone_again() -> None:
    """Nobody's time is so long that it would be left out."""
    assert renewal(a_sync(Cadence.DAILY, 180, Refresh.EVERY_SYNC), NOW).before > NOW + 100_000 * DAY


@pytest.mark.parametrize(("cadence", "ttl_days", "hours"), [(Cadence.DAILY, 30, 48), (Cadence.HOURLY, 1, 8)])
def test_urgent_is_two_days_or_the_whole_margin_of_a_short_ttl(cadence: Cadence, ttl_days: int, hours: int) -> None:
    """With a TTL of a day everybody has less than two days left, and that must not put every removal last."""
    assert renewal(a_sync(cadence, ttl_days), NOW).urgent == NOW + timedelta(hours=hours)


def test_a_shorter_ttl_is_given_to_those_who_have_more() -> None:
    """More time left than a refresh gives now is a time that the sync no longer wants."""
    assert renewal(a_sync(Cadence.DAILY, 7), NOW).after == NOW + 7 * DAY


@pytest.mark.parametrize("refresh", Refresh)
def test_a_ttl_that_one_missed_run_outlasts_is_refused_with_one_that_would_do(refresh: Refresh) -> None:
    """By either policy."""
    with pytest.raises(DefinitionError, match=r"TTL of 1 day is too short for a sync that runs daily: .* give it 2 days or more"):
        check_lasting(a_sync(Cadence.DAILY, 1, refresh))
    with pytest.raises(DefinitionError, match="no TTL is long enough"):
        check_lasting(replace(a_sync(Cadence.CRON, 180, refresh), cron="0 6 1 1 *"))
    for lasting in ((Cadence.DAILY, 2), (Cadence.HOURLY, 1), (Cadence.ONE_TIME, 1)):
        check_lasting(a_sync(*lasting, refresh))
