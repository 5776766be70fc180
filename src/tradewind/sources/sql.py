"""The rows that name the versions of lists; a version's file counts only once its row is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tradewind.database import Database, metadata

list_table = sa.Table(
    "list_version",
    metadata,
    sa.Column("project", sa.String, primary_key=True),
    sa.Column("cohort", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("change", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("sha256", sa.String, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
)


@dataclass(frozen=True)
class ListVersion:
    """A version of a static cohort's list: made by `change` from the file `name`, with `rows` rows after it."""

    project: str
    cohort: str
    version: int
    change: str
    name: str
    sha256: str
    rows: int
    changed_at: datetime


class ListVersions:
    """The history of every list."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def newest(self, project: str, cohort: str) -> ListVersion | None:
        """The version in force, or None when the list was never given."""
        here = (list_table.c.project == project, list_table.c.cohort == cohort)
        with self.database.reading() as db:
            row = db.execute(sa.select(list_table).where(*here).order_by(list_table.c.version.desc()).limit(1)).first()
        return ListVersion(*row) if row else None

    def add(self, version: ListVersion) -> None:
        """Name a version whose file is complete: from now on it is the list."""
        with self.database.transaction() as db:
            db.execute(list_table.insert().values(**vars(version)))
