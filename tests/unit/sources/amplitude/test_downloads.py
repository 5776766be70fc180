"""The rows of downloads and requests: counted before they are asked for, shared while young, and kept to Amplitude's pace."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tradewind.clock import StandingClock
from tradewind.database import Database
from tradewind.errors import EngineError
from tradewind.migrations import database_upgrade
from tradewind.sources.amplitude.budget import AT_ONCE, DOWNLOADS, MONTH, REQUESTS, VALID, WITHIN
from tradewind.sources.amplitude.sql import LEASE, Downloads, DownloadState

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def downloads(tmp_path: Path) -> Iterator[Downloads]:
    database = Database.at(tmp_path)
    database_upgrade(database)
    yield Downloads(database)
    database.close()


def test_a_download_counts_from_before_it_is_asked_for_until_it_is_a_month_old(downloads: Downloads) -> None:
    downloads.ask("ann", "payers", (), NOON)
    assert downloads.budget("ann", NOON).spent == 1
    assert downloads.budget("ann", NOON + MONTH - MINUTE).spent == 1
    assert downloads.budget("ann", NOON + MONTH).spent == 0
    assert downloads.budget("bob", NOON).spent == 0


def test_one_that_amplitude_did_not_take_is_not_counted_and_one_that_is_gone_is(downloads: Downloads) -> None:
    refused, gone = (downloads.ask("ann", "payers", (), NOON) for _ in range(2))
    downloads.mark(refused, DownloadState.REFUSED)
    downloads.mark(gone, DownloadState.GONE)
    assert downloads.budget("ann", NOON).spent == 1


def test_the_five_hundred_and_first_is_refused_with_the_time_of_the_next(downloads: Downloads) -> None:
    for _ in range(DOWNLOADS):
        downloads.ask("ann", "payers", (), NOON)
    with pytest.raises(EngineError, match=r"500 downloads .* are spent; the next is free at 2026-04-01 12:00 UTC"):
        downloads.ask("ann", "payers", (), NOON + MINUTE)
    assert downloads.budget("ann", NOON).spent == DOWNLOADS
    downloads.ask("ann", "payers", (), NOON + MONTH)


def test_a_download_is_used_by_who_wants_no_more_of_it_while_it_is_valid(downloads: Downloads) -> None:
    asked = downloads.ask("ann", "payers", ("idfa", "uid2"), NOON)

    def usable(properties: tuple[str, ...] = (), since: datetime = NOON, now: datetime = NOON + MINUTE, cohort: str = "payers") -> bool:
        return downloads.usable("ann", cohort, properties, since, now) is not None

    assert not usable(), "nobody can fetch what has no request id"
    downloads.answered(asked, "r1")
    assert usable()
    assert usable(("uid2",))
    assert not usable(("uid2", "tdid"))
    assert not usable(since=NOON + MINUTE)
    assert not usable(cohort="others")
    assert usable(now=NOON + VALID - MINUTE)
    assert not usable(now=NOON + VALID)
    downloads.mark(asked, DownloadState.FETCHED)
    assert usable(), "the link stays after the first to fetch it"
    downloads.mark(asked, DownloadState.GONE)
    assert not usable()


def test_requests_of_all_processes_keep_to_one_pace(downloads: Downloads) -> None:
    clock = StandingClock(NOON)
    one, other = downloads.pace("ann", clock), Downloads(downloads.database).pace("ann", clock)
    for number in range(REQUESTS):
        with (one if number % 2 else other).turn():
            pass
    assert clock.now() == NOON
    with one.turn():
        assert clock.now() == NOON + WITHIN
    with downloads.pace("bob", clock).turn():
        assert clock.now() == NOON + WITHIN


def test_a_place_of_a_process_that_died_is_free_after_its_lease(downloads: Downloads) -> None:
    clock = StandingClock(NOON)
    pace = downloads.pace("ann", clock)
    lost = [pace.turn() for _ in range(AT_ONCE)]
    for turn in lost:
        turn.__enter__()
    with pace.turn():
        assert clock.now() == NOON + LEASE


def test_a_wait_that_amplitude_asked_for_holds_everybody(downloads: Downloads) -> None:
    clock = StandingClock(NOON)
    downloads.pace("ann", clock).hold_off(90)
    downloads.pace("ann", clock).hold_off(5)
    with downloads.pace("ann", clock).turn():
        assert clock.now() == NOON + timedelta(seconds=90)
