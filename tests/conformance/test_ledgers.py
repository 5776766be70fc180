"""Every ledger keeps the laws of the suite."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from postgres_process import Server
from sandbox_process import wait_until
from tradewind.database import Database
from tradewind.errors import LedgerError
from tradewind.ledger.memory import MemoryLedger
from tradewind.ledger.slots.base import Wish
from tradewind.ledger.sql import SqlLedger
from tradewind.testing.ledger_suite import NOON, LedgerSuite


class TestMemoryLedger(LedgerSuite):
    """In plain Python."""

    @pytest.fixture
    def ledger(self) -> MemoryLedger:
        return MemoryLedger()


class TakenByMany:
    """What a store must bear that several processes share."""

    def test_owners_who_ask_at_the_same_moment_never_have_more_than_there_is(self, ledger: SqlLedger) -> None:
        """Six of them, each in a thread and on a connection of its own."""
        held, lock, most = dict.fromkeys("abcdef", 0), threading.Lock(), [0]

        def ask(owner: str) -> None:
            for turn in range(15):
                with lock:
                    held[owner] = 0
                share = ledger.slots.hold("e", owner, Wish(1 + turn % 4, 0, 4), NOON, NOON + timedelta(minutes=1))
                with lock:
                    held[owner] = share.slots
                    most.append(sum(held.values()))

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(ask, held))
        assert 1 <= max(most) <= 4


class TestSqliteLedger(TakenByMany, LedgerSuite):
    """In a SQLite file."""

    @pytest.fixture
    def ledger(self, on_sqlite: Database) -> SqlLedger:
        return SqlLedger(on_sqlite)


class TestPostgresLedger(TakenByMany, LedgerSuite):
    """In a PostgreSQL, migrated as an installation is."""

    @pytest.fixture
    def ledger(self, on_postgresql: Database) -> SqlLedger:
        return SqlLedger(on_postgresql)


def test_who_stands_still_in_a_transaction_holds_up_the_others_for_a_minute_alone(server: Server) -> None:
    """A worker that is stopped, or a host that is cut off, loses its transaction to the server; here after a moment."""
    database = Database(server.admin)

    def stand_still(database: Database) -> None:
        still = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        with database.transaction() as db:
            db.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = '20ms'"))
            wait_until(lambda: server.count(still) == 0, "the server has ended it")
            db.execute(sa.text("SELECT 1"))

    with database.transaction() as db:
        assert db.execute(sa.text("SHOW idle_in_transaction_session_timeout")).scalar() == "1min"
        assert db.execute(sa.text("SHOW lock_timeout")).scalar() == "90s"
    with pytest.raises(LedgerError, match="cannot be used"):
        stand_still(database)
    with database.transaction() as db:
        assert db.execute(sa.text("SELECT 1")).scalar() == 1, "the next one has a connection of its own"
    database.close()
