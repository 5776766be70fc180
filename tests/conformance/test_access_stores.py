"""Stores of users, sessions, tokens and the audit trail keep the same promises in memory, on SQLite and on PostgreSQL."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa

from tradewind.access.base import Access
from tradewind.access.memory import MemoryAccess
from tradewind.access.roles import Factor
from tradewind.access.sql import SqlAccess, SqlTrail, audit_table
from tradewind.access.trail import Deed
from tradewind.catalog.sql import Catalog
from tradewind.database import Database
from tradewind.model.project import Project, ProjectPlan
from tradewind.testing.access_suite import ANN, NOON, AccessSuite


def stocked(database: Database) -> SqlAccess:
    """A store in a database with two projects."""
    for name in ("default", "other"):
        Catalog(database).add_project(Project(name, name.title(), ProjectPlan.PAID, "UTC", ()), "test")
    return SqlAccess(database)


class TestInMemory(AccessSuite):
    @pytest.fixture
    def access(self) -> Access:
        return MemoryAccess()


class _Undone(Exception):
    """A change that was only tried."""


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

    def test_any_row_of_the_trail_that_is_changed_swapped_or_removed_is_found(self, access: SqlAccess) -> None:
        """Each column of each row; but for the removal of the newest, which nothing after it can tell."""
        for number in range(5):
            access.trail.write(Deed("ann", "cohort.save", f"c{number}", "default", {"name": f"n{number}"}), NOON)
        other = {"number": 99, "at": NOON.replace(year=2027).isoformat(), "details": {"name": "x"}}
        for number in range(1, 6):
            for column in audit_table.c:
                self._found(
                    access, audit_table.update().where(audit_table.c.number == number).values({column: other.get(column.name, "x")})
                )
            if number < 5:
                self._found(access, audit_table.delete().where(audit_table.c.number == number))
                self._found(access, audit_table.update().where(audit_table.c.number > number).values(number=audit_table.c.number + 100))

    @staticmethod
    def _found(access: SqlAccess, change: sa.Update | sa.Delete) -> None:
        damage = ""
        with contextlib.suppress(_Undone), access.database.transaction() as db:
            db.execute(change)
            damage = SqlTrail(access.database, db).damage()
            raise _Undone
        assert damage, str(change)
        assert access.trail.damage() == ""

    def test_of_many_who_spend_one_code_at_once_one_does(self, access: SqlAccess) -> None:
        access.users.add(ANN)
        before = Factor(ANN.id, 1, NOON, 4, frozenset(("d1",)))
        access.factors.change(ANN.id, None, before)
        together, spent = Barrier(4), list[bool]()

        def spend() -> None:
            together.wait(30)
            spent.append(access.factors.change(ANN.id, before, replace(before, codes=frozenset())))

        spenders = [Thread(target=spend) for _ in range(4)]
        for spender in spenders:
            spender.start()
        for spender in spenders:
            spender.join()
        assert sorted(spent) == [False, False, False, True]


class TestOnSqlite(_InSql):
    @pytest.fixture
    def access(self, on_sqlite: Database) -> SqlAccess:
        return stocked(on_sqlite)


class TestOnPostgres(_InSql):
    @pytest.fixture
    def access(self, on_postgresql: Database) -> SqlAccess:
        return stocked(on_postgresql)
