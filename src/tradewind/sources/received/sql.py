"""Events that wait to be brought in: a row and a file for each request, until they are handed over as one upload."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tradewind.database import Database, Transaction, metadata
from tradewind.sources.uploads.sql import Upload, UploadKind, upload_table

KEPT = timedelta(days=7)
"""How long it can be seen what came of requests; the import that brought their events in is known for ever."""

received_table = sa.Table(
    "received",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("project", sa.String, nullable=False),
    sa.Column("path", sa.String, nullable=False, unique=True),
    sa.Column("events", sa.Integer, nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("received_of_a_project", "project", "number"),
)
"""`path` is relative to the home."""


@dataclass(frozen=True)
class Waiting:
    """A request that waits."""

    number: int
    path: str
    events: int
    bytes: int
    received_at: datetime


class Received:
    """The requests of every project."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, project: str, path: str, events: int, size: int, now: datetime) -> None:
        """Name a request whose file is on the disk: from now on nothing loses it."""
        with self.database.transaction() as db:
            db.execute(received_table.insert().values(project=project, path=path, events=events, bytes=size, received_at=now))

    def waiting(self, project: str) -> tuple[Waiting, ...]:
        """Those that wait, in the order in which they came."""
        query = sa.select(received_table).where(received_table.c.project == project).order_by(received_table.c.number)
        with self.database.reading() as db:
            return tuple(_waiting(row) for row in db.execute(query))

    def size(self, project: str) -> int:
        """Bytes that wait."""
        query = sa.select(sa.func.coalesce(sa.func.sum(received_table.c.bytes), 0)).where(received_table.c.project == project)
        with self.database.reading() as db:
            return int(db.execute(query).scalar_one())

    def projects(self) -> tuple[str, ...]:
        """Those that have requests waiting."""
        with self.database.reading() as db:
            return tuple(db.execute(sa.select(received_table.c.project).distinct().order_by(received_table.c.project)).scalars())

    def hand_over(self, rows: Sequence[Waiting], upload: Upload) -> bool:
        """Put an upload, which holds what they hold, in their place; False when another has done so meanwhile."""
        old = upload_table.c
        over = (old.kind == UploadKind.RECEIVED.value, old.project == upload.project, old.finished_at < upload.received_at - KEPT)
        try:
            with self.database.transaction() as db:
                _take_out(db, [row.path for row in rows])
                db.execute(upload_table.delete().where(*over))
                db.execute(upload_table.insert().values(**vars(upload)))
        except _OvertakenError:
            return False
        return True


class _OvertakenError(Exception):
    """Another worker was faster."""


def _take_out(db: Transaction, paths: Sequence[str]) -> None:
    for start in range(0, len(paths), 500):
        some = paths[start : start + 500]
        if db.execute(received_table.delete().where(received_table.c.path.in_(some))).rowcount != len(some):
            raise _OvertakenError


def _waiting(row: Any) -> Waiting:
    at = row.received_at
    return Waiting(row.number, row.path, row.events, row.bytes, at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC))
