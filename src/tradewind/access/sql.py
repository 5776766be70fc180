"""The audit trail in SQL, on SQLite or PostgreSQL."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from tradewind.access.trail import Deed, Entry, damage, seal
from tradewind.database import Database, Transaction, metadata

audit_table = sa.Table(
    "audit",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("what", sa.String, nullable=False),
    sa.Column("object", sa.String, nullable=False),
    sa.Column("project", sa.String, nullable=False),
    sa.Column("details", sa.JSON, nullable=False),
    sa.Column("seal", sa.String, nullable=False),
)
"""`at` is text, to the microsecond and in UTC, because the seal is over that text on every database."""


class SqlTrail:
    """The promises of `trail.Trail`. Writers take turns, so that numbers have no gap."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._within: Transaction | None = None

    def within(self, transaction: Transaction) -> SqlTrail:
        """The same trail, whose entries belong to a transaction that is open already: no deed without its entry."""
        inside = copy.copy(self)
        inside._within = transaction
        return inside

    def write(self, deed: Deed, at: datetime) -> Entry:
        """Add an entry; see the Protocol."""
        with self._transaction() as db:
            if db.dialect.name == "postgresql":
                db.execute(sa.text("LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE"))
            last = db.execute(sa.select(audit_table.c.number, audit_table.c.seal).order_by(audit_table.c.number.desc()).limit(1)).first()
            number, moment = (last.number if last else 0) + 1, at.astimezone(UTC)
            entry = Entry(number, moment, deed, seal(last.seal if last else "", number, moment, deed))
            db.execute(audit_table.insert().values(number=number, at=moment.isoformat(), **vars(deed), seal=entry.seal))
        return entry

    def entries(self, project: str | None = None, before: int | None = None, limit: int = 50) -> tuple[Entry, ...]:
        """The newest first; see the Protocol."""
        query = sa.select(audit_table).order_by(audit_table.c.number.desc()).limit(limit)
        if project is not None:
            query = query.where(audit_table.c.project == project)
        if before is not None:
            query = query.where(audit_table.c.number < before)
        with self._transaction() as db:
            return tuple(_entry(row) for row in db.execute(query))

    def damage(self) -> str:
        """What is wrong with the whole trail; see the Protocol."""
        with self._transaction() as db:
            return damage(_entry(row) for row in db.execute(sa.select(audit_table).order_by(audit_table.c.number)))

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        if self._within is not None:
            yield self._within
            return
        with self.database.transaction() as db:
            yield db


def _entry(row: Any) -> Entry:
    return Entry(row.number, datetime.fromisoformat(row.at), Deed(row.actor, row.what, row.object, row.project, row.details), row.seal)
