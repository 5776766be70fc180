"""What Amplitude allows: the arithmetic of cadences, the month's budget, and the pace of requests."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from tradewind.errors import DefinitionError
from tradewind.model.sync import Cadence
from tradewind.sources.amplitude.budget import DOWNLOADS, MONTH, Use, budget, check_cadence, monthly, wait

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def daily(cohort: str, hour: int = 6) -> Use:
    return Use(cohort, Cadence.DAILY, time(hour), "UTC")


def test_hourly_is_refused_with_the_arithmetic_and_the_ways_that_work() -> None:
    with pytest.raises(DefinitionError) as caught:
        check_cadence([Use("payers", Cadence.HOURLY, time(6), "UTC")], [])
    sentence = str(caught.value)
    assert "hourly is 720 downloads a month, and Amplitude allows 500" in sentence
    assert "16 cohorts daily in all (16 x 30 = 480)" in sentence
    assert "events pulled from Amplitude" in sentence
    assert "webhook" in sentence


def test_sixteen_cohorts_may_be_daily_and_the_seventeenth_not() -> None:
    sixteen = [daily(f"c{n}") for n in range(16)]
    check_cadence(sixteen[-1:], sixteen[:-1])
    with pytest.raises(DefinitionError, match="daily is 30 downloads a month, beside 480 that other syncs"):
        check_cadence([daily("one more")], sixteen)


def test_syncs_of_one_cohort_at_one_time_share_each_download() -> None:
    sixteen = [daily(f"c{n}") for n in range(16)]
    check_cadence([daily("c3")], sixteen)
    assert monthly([daily("c1"), daily("c1"), daily("c1", hour=18)]) == 60


def test_a_one_time_sync_always_passes() -> None:
    check_cadence([Use("payers", Cadence.ONE_TIME, time(6), "UTC")], [daily(f"c{n}") for n in range(16)])


def test_the_budget_says_when_the_next_download_is_free() -> None:
    asked = [NOON + timedelta(minutes=n) for n in range(DOWNLOADS)]
    assert budget(asked[:-1]).next_free is None
    assert budget(asked[:-1]).left == 1
    assert (budget(asked).left, budget(asked).next_free) == (0, NOON + MONTH)


def test_the_sixty_first_request_waits_until_the_first_is_ten_minutes_old() -> None:
    calls = [(NOON + timedelta(seconds=n), NOON + timedelta(seconds=n, milliseconds=100)) for n in range(60)]
    now = NOON + timedelta(seconds=60)
    assert wait(calls[:59], None, now) == 0
    assert wait(calls, None, now) == 540
    assert wait(calls, None, NOON + timedelta(minutes=10)) == 0


def test_the_fifth_at_once_looks_again_until_one_of_four_has_ended() -> None:
    under_way = [(NOON, NOON + timedelta(seconds=10 + n)) for n in range(4)]
    assert wait(under_way[:3], None, NOON) == 0
    assert wait(under_way, None, NOON) == 1
    assert wait(under_way, None, NOON + timedelta(seconds=10)) == 0


def test_all_wait_as_long_as_amplitude_asked() -> None:
    assert wait([], NOON + timedelta(seconds=30), NOON) == 30
