"""Rows of the platform's own view: which connections may ask for it, and what it said of each target, kept for ever."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from tradewind.database import Store, aware, metadata
from tradewind.ledger.batches.sql import attempt_table
from tradewind.ledger.runs.sql import run_table
from tradewind.model.platform import Activity, Listing, Reader, Reading
from tradewind.model.run import Answer

reader_table = sa.Table(
    "platform_reader",
    metadata,
    sa.Column("project", sa.String, primary_key=True),
    sa.Column("connection", sa.String, primary_key=True),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("read_at", sa.DateTime(timezone=True)),
    sa.Column("problem", sa.String, nullable=False),
)

_COUNTS = ("ids", "web", "in_app", "connected_tv", "persons", "households")

reading_table = sa.Table(
    "platform_reading",
    metadata,
    sa.Column("target", sa.String, primary_key=True),
    sa.Column("read_at", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("listing", sa.BigInteger),
    sa.Column("name", sa.String, nullable=False),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in _COUNTS),
    sa.Column("held", sa.BigInteger, nullable=False),
    sa.Column("sent_since", sa.DateTime(timezone=True)),
)
"""`listing` is NULL where the platform did not know the segment."""


class Readings(Store):
    """Written by whoever asks the platform, read by everybody."""

    def readers(self, project: str | None = None) -> tuple[Reader, ...]:
        """The connections that may ask, of a project or of all."""
        query = sa.select(reader_table).order_by(reader_table.c.project, reader_table.c.connection)
        with self._reading() as db:
            return tuple(_reader(row) for row in db.execute(query if project is None else query.where(reader_table.c.project == project)))

    def reader(self, project: str, connection: str) -> Reader | None:
        """One of them; None where the connection may not ask."""
        return next((each for each in self.readers(project) if each.connection == connection), None)

    def admit(self, project: str, connection: str, now: datetime) -> None:
        """Let a connection ask, from now on."""
        now = now.astimezone(UTC)
        with self._transaction() as db:
            db.execute(reader_table.delete().where(*_is(project, connection)))
            db.execute(reader_table.insert().values(project=project, connection=connection, since=now, next_at=now, problem=""))

    def dismiss(self, project: str, connection: str) -> None:
        """Let a connection ask no more."""
        with self._transaction() as db:
            db.execute(reader_table.delete().where(*_is(project, connection)))

    def take(self, reader: Reader, until: datetime) -> bool:
        """Claim a turn, so that of several workers one asks; whether it is ours. Nobody else has one before `until`."""
        mine = (*_is(reader.project, reader.connection), reader_table.c.next_at == reader.next_at.astimezone(UTC))
        with self._transaction() as db:
            return db.execute(reader_table.update().where(*mine).values(next_at=until.astimezone(UTC))).rowcount == 1

    def write(self, project: str, connection: str, readings: Iterable[Reading], now: datetime, next_at: datetime) -> None:
        """What was read, and when to ask next."""
        rows = [_row(each) for each in readings]
        done = {"next_at": next_at.astimezone(UTC), "read_at": now.astimezone(UTC), "problem": ""}
        with self._transaction() as db:
            for row in rows:
                same = (reading_table.c.target == row["target"], reading_table.c.read_at == row["read_at"])
                db.execute(reading_table.delete().where(*same))
            if rows:
                db.execute(reading_table.insert(), rows)
            db.execute(reader_table.update().where(*_is(project, connection)).values(**done))

    def trouble(self, project: str, connection: str, problem: str, next_at: datetime) -> None:
        """Why nothing was read, and when to try again."""
        values = {"next_at": next_at.astimezone(UTC), "problem": problem}
        with self._transaction() as db:
            db.execute(reader_table.update().where(*_is(project, connection)).values(**values))

    def newest(self, targets: Iterable[str]) -> dict[str, Reading]:
        """The last word on each of some targets."""
        wanted, r = list(targets), reading_table.c
        if not wanted:
            return {}
        last = sa.select(r.target, sa.func.max(r.read_at).label("read_at")).where(r.target.in_(wanted)).group_by(r.target).subquery()
        here = sa.and_(r.target == last.c.target, r.read_at == last.c.read_at)
        with self._reading() as db:
            return {row.target: _reading(row) for row in db.execute(sa.select(reading_table).join(last, here))}

    def history(self, target: str, limit: int) -> tuple[Reading, ...]:
        """The youngest readings of a target, newest first."""
        query = sa.select(reading_table).where(reading_table.c.target == target).order_by(reading_table.c.read_at.desc()).limit(limit)
        with self._reading() as db:
            return tuple(_reading(row) for row in db.execute(query))

    def sent_since(self, target: str) -> datetime | None:
        """When the platform first accepted a batch for a target."""
        a, r = attempt_table.c, run_table.c
        query = sa.select(sa.func.min(a.answered_at)).join(run_table, r.id == a.run)
        with self._reading() as db:
            found = db.execute(query.where(r.target == target, a.answer == Answer.APPLIED.value)).scalar()
        return aware(found) if found else None


def _is(project: str, connection: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return reader_table.c.project == project, reader_table.c.connection == connection


def _reader(row: Any) -> Reader:
    return Reader(row.project, row.connection, aware(row.since), aware(row.next_at), row.read_at and aware(row.read_at), row.problem)


def _row(reading: Reading) -> dict[str, Any]:
    listing = reading.listing or Listing(0, "", Activity(0))
    return {
        "target": reading.target, "read_at": reading.read_at.astimezone(UTC), "listing": listing.id or None, "name": listing.name,
        **asdict(listing.activity), "held": reading.held, "sent_since": reading.sent_since and reading.sent_since.astimezone(UTC),
    }  # fmt: skip


def _reading(row: Any) -> Reading:
    activity = Activity(**{name: getattr(row, name) for name in _COUNTS})
    listing = Listing(row.listing, row.name, activity) if row.listing is not None else None
    return Reading(row.target, aware(row.read_at), listing, row.held, row.sent_since and aware(row.sent_since))
