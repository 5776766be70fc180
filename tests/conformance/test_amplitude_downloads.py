"""Downloads and requests on SQLite and PostgreSQL alike: counted before they are asked for, shared while young, at Amplitude's pace."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tradewind.clock import StandingClock
from tradewind.database import Database
from tradewind.errors import EngineError
from tradewind.sources.amplitude.budget import ANSWERS, AT_ONCE, DOWNLOADS, MONTH, REQUESTS, VALID, WITHIN
from tradewind.sources.amplitude.sql import LEASE, Download, Downloads, DownloadState, download_table

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Patience(StandingClock):
    """A clock that stands, and whose sleepers wait a moment for the others."""

    def sleep(self, seconds: float) -> None:
        """Let others go on."""
        threading.Event().wait(0.01)


def ask(downloads: Downloads, cohort: str, now: datetime, *properties: str, account: str = "ann") -> Download:
    """Count a new download of a cohort."""
    new = downloads.obtain(account, cohort, properties, now, now)
    assert new is not None
    assert new.request is None
    return new


def spend(downloads: Downloads, number: int) -> None:
    """So many downloads were asked for at noon."""
    first = ask(downloads, "payers", NOON)
    rows = [vars(first) | {"id": f"d{n}", "properties": [], "state": first.state.value} for n in range(1, number)]
    with downloads.database.transaction() as db:
        db.execute(download_table.insert(), rows)


class DownloadsSuite:
    """Subclass it with a `database` fixture that gives an empty, migrated database."""

    @pytest.fixture
    def downloads(self, database: Database) -> Downloads:
        return Downloads(database)

    def test_a_download_counts_from_before_it_is_asked_for_until_it_is_a_month_old(self, downloads: Downloads) -> None:
        ask(downloads, "payers", NOON)
        assert downloads.budget("ann", NOON).spent == 1
        assert downloads.budget("ann", NOON + MONTH - MINUTE).spent == 1
        assert downloads.budget("ann", NOON + MONTH).spent == 0
        assert downloads.budget("bob", NOON).spent == 0

    def test_one_that_amplitude_did_not_take_is_not_counted_and_one_that_is_gone_is(self, downloads: Downloads) -> None:
        refused, gone = (ask(downloads, name, NOON) for name in ("payers", "others"))
        downloads.mark(refused, DownloadState.REFUSED)
        downloads.mark(gone, DownloadState.GONE)
        assert downloads.budget("ann", NOON).spent == 1

    def test_the_five_hundred_and_first_is_refused_with_the_time_of_the_next(self, downloads: Downloads) -> None:
        spend(downloads, DOWNLOADS)
        with pytest.raises(EngineError, match=r"500 downloads .* are spent; the next is free at 2026-04-01 12:00 UTC"):
            ask(downloads, "others", NOON + MINUTE)
        assert downloads.budget("ann", NOON).spent == DOWNLOADS
        ask(downloads, "others", NOON + MONTH)

    def test_a_download_is_used_by_who_wants_no_more_of_it_while_it_is_valid(self, downloads: Downloads) -> None:
        asked = ask(downloads, "payers", NOON, "uid2", "idfa")
        downloads.answered(asked, "r1", 12)

        def used(*properties: str, since: datetime = NOON, now: datetime = NOON + MINUTE, cohort: str = "payers") -> bool:
            found = downloads.obtain("ann", cohort, properties, since, now)
            assert found is not None
            if found.request is None:
                downloads.mark(found, DownloadState.REFUSED)
            return found.request == "r1"

        assert used()
        assert used("uid2")
        assert not used("uid2", "tdid")
        assert not used(since=NOON + MINUTE)
        assert not used(cohort="others")
        assert used(now=NOON + VALID - MINUTE)
        assert not used(now=NOON + VALID)
        downloads.mark(asked, DownloadState.FETCHED)
        assert used(), "the link stays after the first to fetch it"
        downloads.mark(asked, DownloadState.GONE)
        assert not used()

    def test_who_wants_what_another_is_asking_for_waits_for_the_answer_a_while(self, downloads: Downloads) -> None:
        first = ask(downloads, "payers", NOON, "idfa")
        soon = NOON + ANSWERS / 2
        assert downloads.obtain("ann", "payers", ("idfa",), NOON, soon) is None
        assert downloads.obtain("ann", "payers", (), NOON, soon) is None
        ask(downloads, "others", soon)
        downloads.answered(first, "r1", 12)
        assert downloads.obtain("ann", "payers", (), NOON, soon) == replace(first, request="r1", state=DownloadState.ASKED, size=12)
        lost = ask(downloads, "third", NOON)
        later = downloads.obtain("ann", "third", (), NOON, NOON + ANSWERS)
        assert later is not None
        assert later.id != lost.id, "whoever was asking has died"

    def test_requests_of_all_processes_keep_to_one_pace(self, downloads: Downloads) -> None:
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

    def test_a_place_of_a_process_that_died_is_free_after_its_lease(self, downloads: Downloads) -> None:
        clock = StandingClock(NOON)
        pace = downloads.pace("ann", clock)
        lost = [pace.turn() for _ in range(AT_ONCE)]
        for turn in lost:
            turn.__enter__()
        clock.sleep(LEASE.total_seconds() - 2)
        with pace.turn():
            assert clock.now() == NOON + LEASE

    def test_a_wait_that_amplitude_asked_for_holds_everybody(self, downloads: Downloads) -> None:
        clock = StandingClock(NOON)
        downloads.pace("ann", clock).hold_off(90)
        downloads.pace("ann", clock).hold_off(5)
        with downloads.pace("ann", clock).turn():
            assert clock.now() == NOON + timedelta(seconds=90)

    def test_of_many_who_ask_at_once_no_more_are_let_through_than_there_are_downloads(self, downloads: Downloads) -> None:
        spend(downloads, DOWNLOADS - 2)

        def asks(number: int) -> bool:
            with suppress(EngineError):
                ask(downloads, f"cohort {number}", NOON)
                return True
            return False

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(asks, range(6))) == 2

    def test_of_many_who_go_at_once_four_are_under_way(self, downloads: Downloads) -> None:
        clock, gate, inside = Patience(NOON), threading.Barrier(AT_ONCE), []

        def goes(_: int) -> None:
            with downloads.pace("ann", clock).turn():
                inside.append(1)
                with suppress(threading.BrokenBarrierError):
                    gate.wait(5)
                assert len(inside) <= AT_ONCE
                inside.pop()

        with ThreadPoolExecutor(2 * AT_ONCE) as pool:
            list(pool.map(goes, range(2 * AT_ONCE)))


class TestSqliteDownloads(DownloadsSuite):
    """In a file."""

    @pytest.fixture
    def database(self, on_sqlite: Database) -> Database:
        return on_sqlite


class TestPostgresDownloads(DownloadsSuite):
    """On a server."""

    @pytest.fixture
    def database(self, on_postgresql: Database) -> Database:
        return on_postgresql
