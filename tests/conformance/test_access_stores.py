"""Stores of users, sessions, tokens and the audit trail keep the same promises in memory, on SQLite and on PostgreSQL."""

from __future__ import annotations

from threading import Thread

import pytest

from tradewind.access.base import Access
from tradewind.access.memory import MemoryAccess
from tradewind.access.sql import SqlAccess
from tradewind.access.trail import Deed
from tradewind.catalog.sql import Catalog
from tradewind.database import Database
from tradewind.model.project import Project, ProjectPlan
from tradewind.testing.access_suite import NOON, AccessSuite


def stocked(database: Database) -> SqlAccess:
    """A store in a database with two projects."""
    for name in ("default", "other"):
        Catalog(database).add_project(Project(name, name.title(), ProjectPlan.PAID, "UTC", ()), "test")
    return SqlAccess(database)


class TestInMemory(AccessSuite):
    @pytest.fixture
    def access(self) -> Access:
        return MemoryAccess()


class _InSql(AccessSuite):
    def test_writers_of_the_trail_take_turns(self, access: SqlAccess) -> None:
        def write(name: str) -> None:
            for number in range(10):
                access.trail.write(Deed(name, "cohort.save", str(number)), NOON)

        writers = [Thread(target=write, args=(f"writer {number}",)) for number in range(3)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert [each.number for each in access.trail.entries(limit=99)] == list(range(30, 0, -1))
        assert access.trail.damage() == ""


class TestOnSqlite(_InSql):
    @pytest.fixture
    def access(self, on_sqlite: Database) -> SqlAccess:
        return stocked(on_sqlite)


class TestOnPostgres(_InSql):
    @pytest.fixture
    def access(self, on_postgresql: Database) -> SqlAccess:
        return stocked(on_postgresql)
