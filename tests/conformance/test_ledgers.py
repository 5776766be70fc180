"""Every ledger keeps the laws of the suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from postgres_process import Server, postgres
from tradewind.database import Database
from tradewind.ledger.memory import MemoryLedger
from tradewind.ledger.sql import SqlLedger
from tradewind.migrations import database_upgrade
from tradewind.testing.ledger_suite import LedgerSuite


class TestMemoryLedger(LedgerSuite):
    """In plain Python."""

    @pytest.fixture
    def ledger(self) -> MemoryLedger:
        return MemoryLedger()


class TestSqliteLedger(LedgerSuite):
    """In a SQLite file."""

    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[SqlLedger]:
        database = Database.at(tmp_path)
        database_upgrade(database)
        yield SqlLedger(database)
        database.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real PostgreSQL; without its programs these tests skip and say so."""
    with postgres() as running:
        yield running


class TestPostgresLedger(LedgerSuite):
    """In a PostgreSQL, migrated as an installation is."""

    @pytest.fixture
    def ledger(self, server: Server) -> Iterator[SqlLedger]:
        server.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        database = Database(server.admin)
        database_upgrade(database)
        yield SqlLedger(database)
        database.close()
