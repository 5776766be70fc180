"""The rows that name membership versions; a version's files count only once its row is there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tradewind.database import Database, metadata
from tradewind.errors import LedgerError, TakenError
from tradewind.membership.buckets import Buckets
from tradewind.model.identifier import IdType

version_table = sa.Table(
    "membership_version",
    metadata,
    sa.Column("target", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("run", sa.String, nullable=False, unique=True),
    sa.Column("path", sa.String, nullable=False),
    sa.Column("buckets", sa.Integer, nullable=False),
    sa.Column("types", sa.String, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
)


@dataclass(frozen=True)
class Version:
    """One state of belief about a target: for each id type `buckets` files in `path` (relative to home); `rows` identifiers in all."""

    target: str
    version: int
    run: str
    path: str
    buckets: int
    types: tuple[IdType, ...]
    rows: int
    created_at: datetime

    def held(self, home: Path) -> Buckets:
        """Its files."""
        return Buckets(home / self.path, self.buckets, self.types)


class Versions:
    """The list of membership versions."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def newest(self, target: str) -> Version | None:
        """The current belief about a target, or None when nothing was ever sent to it."""
        query = sa.select(version_table).where(version_table.c.target == target).order_by(version_table.c.version.desc()).limit(1)
        with self.database.reading() as db:
            row = db.execute(query).first()
        return _version(row) if row else None

    def heads(self) -> dict[str, Version]:
        """The current belief about every target that anything was ever sent to."""
        newest = sa.select(version_table.c.target, sa.func.max(version_table.c.version).label("version")).group_by(version_table.c.target)
        found = newest.subquery()
        here = sa.and_(version_table.c.target == found.c.target, version_table.c.version == found.c.version)
        with self.database.reading() as db:
            return {row.target: _version(row) for row in db.execute(sa.select(version_table).join(found, here))}

    def of_run(self, run: str) -> Version | None:
        """The version a run left behind, or None."""
        with self.database.reading() as db:
            row = db.execute(sa.select(version_table).where(version_table.c.run == run)).first()
        return _version(row) if row else None

    def of_runs(self, runs: Iterable[str]) -> dict[str, Version]:
        """The versions that runs left behind, by run."""
        with self.database.reading() as db:
            return {row.run: _version(row) for row in db.execute(sa.select(version_table).where(version_table.c.run.in_(list(runs))))}

    def recent(self, target: str, limit: int) -> tuple[Version, ...]:
        """The newest versions of a target, newest first."""
        query = sa.select(version_table).where(version_table.c.target == target).order_by(version_table.c.version.desc()).limit(limit)
        with self.database.reading() as db:
            return tuple(_version(row) for row in db.execute(query))

    def add(self, version: Version) -> None:
        """Name a version whose files are complete: from now on it is the belief. Raises TakenError when its run has left one already."""
        try:
            with self.database.transaction() as db:
                db.execute(version_table.insert().values(**_row(version)))
        except sa.exc.IntegrityError as error:
            raise TakenError(f"the membership after run {version.run} is on record already: another worker has taken the run") from error

    def chain(self, target: str | None = None) -> tuple[Version, ...]:
        """Every version of a target, or of all of them, each target's in the order in which they were made."""
        with self.database.reading() as db:
            return _chain(db, target)

    def replace(self, target: str, seen: Sequence[Version], by: Sequence[Version]) -> None:
        """Name other files, all at once. Raises LedgerError when the target's versions are no longer those that were seen."""
        with self.database.transaction() as db:
            if _chain(db, target) != tuple(seen):
                raise LedgerError("a run has written the membership meanwhile; nothing was replaced, so do the same again")
            db.execute(version_table.delete().where(version_table.c.target == target))
            if by:
                db.execute(version_table.insert(), [_row(version) for version in by])


def _chain(db: sa.Connection, target: str | None) -> tuple[Version, ...]:
    query = sa.select(version_table).order_by(version_table.c.target, version_table.c.version)
    return tuple(_version(row) for row in db.execute(query if target is None else query.where(version_table.c.target == target)))


def _row(version: Version) -> dict[str, Any]:
    return vars(version) | {"types": " ".join(version.types)}


def _version(row: Any) -> Version:
    moment: datetime = row.created_at
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    types = tuple(IdType(word) for word in row.types.split())
    return Version(row.target, row.version, row.run, row.path, row.buckets, types, row.rows, moment)
