"""The rows that name files of people in the arms of a sync with a holdout; a file counts only once its row is there."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tradewind.database import Database, metadata

trial_table = sa.Table(
    "trial",
    metadata,
    sa.Column("project", sa.String, primary_key=True),
    sa.Column("sync", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("run", sa.String, nullable=False, unique=True),
    sa.Column("path", sa.String, nullable=False),
    sa.Column("salt", sa.String, nullable=False),
    sa.Column("least", sa.Integer, nullable=False),
    sa.Column("most", sa.Integer, nullable=False),
    sa.Column("people", sa.Integer, nullable=False),
    sa.Column("late", sa.Boolean, nullable=False),
    sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ended", sa.Boolean, nullable=False),
)


@dataclass(frozen=True)
class Trial:
    """Everybody who has come into the cohort of a sync since its holdout began, each with the instant of their first run.

    `path` (relative to home) is a Parquet file of `member` (16 bytes) and `since` (timestamp, UTC). The holdout has been `least` to
    `most` percent of the lots of `salt`: who is below the one was always held out, who is not below the other never was. `late` says
    that the sync had sent before it had a holdout, `ended` that it has sent without one since.
    """

    project: str
    sync: str
    number: int
    run: str
    path: str
    salt: str
    least: int
    most: int
    people: int
    late: bool
    began_at: datetime
    ended: bool = False


class Trials:
    """The trials of all syncs; of each a row for every run that took part, the newest of which counts."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def newest(self, project: str, sync: str) -> Trial | None:
        """What is known of a sync now, or None where it never had a holdout."""
        here = (trial_table.c.project == project, trial_table.c.sync == sync)
        with self.database.reading() as db:
            row = db.execute(sa.select(trial_table).where(*here).order_by(trial_table.c.number.desc()).limit(1)).first()
        return _trial(row) if row else None

    def add(self, trial: Trial) -> None:
        """Name a file that is complete; nothing where another worker has done it for the same run."""
        with suppress(sa.exc.IntegrityError), self.database.transaction() as db:
            db.execute(trial_table.insert().values(**vars(trial)))

    def end(self, trial: Trial) -> None:
        """Write down that the sync has sent without a holdout since."""
        with self.database.transaction() as db:
            db.execute(trial_table.update().where(trial_table.c.run == trial.run).values(ended=True))

    def paths(self) -> frozenset[str]:
        """The file of the newest row of every sync."""
        with self.database.reading() as db:
            return frozenset(named(db, trial_table))


def named(db: sa.Connection, table: sa.Table) -> list[str]:
    """The same inside a transaction, of a table that may come from a database of its own."""
    other = table.alias()
    same = (other.c.project == table.c.project, other.c.sync == table.c.sync)
    last = sa.select(sa.func.max(other.c.number)).where(*same).scalar_subquery()
    return list(db.execute(sa.select(table.c.path).where(table.c.number == last)).scalars())


def follow(before: Trial | None, *, salt: str, percent: int) -> Trial | None:
    """What a trial becomes when a run with this holdout goes on with it; None where it must begin anew."""
    if before is None or before.ended or before.salt != salt:
        return None
    return replace(before, least=min(before.least, percent), most=max(before.most, percent))


def file_of(project: str, sync: str, run: str, fence: int) -> Path:
    """Where a run writes its file, relative to home; one that wakes too late has its own."""
    return Path("trials") / project / sync / f"{run}-{fence}.parquet"


def _trial(row: Any) -> Trial:
    values = dict(row._mapping)
    moment: datetime = values["began_at"]
    return Trial(**values | {"began_at": moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)})
