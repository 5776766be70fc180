"""Every ledger keeps the laws of the suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tradewind.database import Database, metadata
from tradewind.ledger.memory import MemoryLedger
from tradewind.ledger.sql import SqlLedger
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
        metadata.create_all(database.engine)
        yield SqlLedger(database)
        database.close()
