"""The database of a backup: copied while others write, filled again elsewhere, and freed of what must not come back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tradewind.database import SQLITE, Database, Transaction
from tradewind.errors import ConfigurationError, LedgerError
from tradewind.events.sql import named as event_files
from tradewind.migrations import TABLE
from tradewind.trials.sql import named as trial_files

FOLDER = "database"
"""Where a PostgreSQL lies in a backup: a file for each table, as its own COPY writes it."""

Tables = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Copied:
    """A copy of a database: the tables of a PostgreSQL, and what its rows name below the home.

    `files` must be there; of `folders` those that were not tidied away.
    """

    tables: Tables
    files: tuple[str, ...]
    folders: tuple[str, ...]


_ENDED = ("session", "one_time_code", "sign_in_failure", "reply", "slot")
"""Tables of what is under way at the moment: nobody is signed in, and no request is sent, when a backup is restored."""

_SLICE = 1 << 20


def copy_out(database: Database, into: Path) -> Copied:
    """Copy the database as it is at one instant into a folder, beside whoever works on it.

    SQLite writes a compact copy, so that what was deleted is not in it. Raises LedgerError when the store cannot be read.
    """
    try:
        return _copy_file(database, into) if database.is_file else _copy_tables(database, into / FOLDER)
    except sa.exc.DatabaseError as error:
        raise LedgerError(f"the database cannot be copied: {error.orig}") from error


def is_empty(database: Database) -> bool:
    """Whether nothing at all is in the database."""
    with database.transaction() as db:
        return not sa.inspect(db).get_table_names()


def fill(database: Database, folder: Path, tables: Tables) -> None:
    """Fill the tables of a PostgreSQL, which are there and empty, from the files of a backup, in one transaction.

    Raises ConfigurationError when a file is lacking.
    """
    with database.transaction() as db:
        driver: Any = db.connection.driver_connection
        for table, columns in tables:
            path = folder / f"{table}.copy"
            if not path.is_file():
                raise ConfigurationError(f"the backup lacks the rows of '{table}'; nothing was restored")
            with path.open("rb") as file, driver.cursor().copy(f"COPY {_listed(db, table, columns)} FROM STDIN") as copy:
                while some := file.read(_SLICE):
                    copy.write(some)


def set_free(database: Database) -> None:
    """Give back every claim, and end every session: who held them belongs to the time before."""
    with database.transaction() as db:
        tables = sa.MetaData()
        tables.reflect(db, only=[*_ENDED, "run", "privacy_request", "upload"])
        for name in _ENDED:
            db.execute(tables.tables[name].delete())
        run = tables.tables["run"]
        db.execute(run.update().values(owner=None, until=None, fence=run.c.fence + 1))
        for name in ("privacy_request", "upload"):
            db.execute(tables.tables[name].update().values(owner=None, until=None))


def _copy_file(database: Database, into: Path) -> Copied:
    place = into / SQLITE
    connection = database.engine.raw_connection()
    try:
        connection.cursor().execute("VACUUM INTO ?", (str(place),))
    finally:
        connection.close()
    place.chmod(0o600)
    copied = Database.at(into)
    try:
        with copied.transaction() as db:
            return Copied((), *named(db))
    finally:
        copied.close()


def _copy_tables(database: Database, folder: Path) -> Copied:
    folder.mkdir(mode=0o700)
    found = []
    with database.engine.connect().execution_options(isolation_level="REPEATABLE READ") as db, db.begin():
        inspector = sa.inspect(db)
        for table in _in_order(inspector.get_sorted_table_and_fkc_names()):
            columns = tuple(column["name"] for column in inspector.get_columns(table))
            driver: Any = db.connection.driver_connection
            with (
                (folder / f"{table}.copy").open("wb") as file,
                driver.cursor().copy(f"COPY {_listed(db, table, columns)} TO STDOUT") as copy,
            ):
                for some in copy:
                    file.write(some)
            found.append((table, columns))
        return Copied(tuple(found), *named(db))


def named(db: Transaction) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files and the folders that rows name, relative to the home."""
    tables = sa.MetaData()
    tables.reflect(
        db,
        only=["event_file", "membership_version", "list_version", "run", "upload", "received", "pushed_message", "pushed_state", "trial"],
    )
    version, listed, run = (tables.tables[name].c for name in ("membership_version", "list_version", "run"))
    files = event_files(db, tables.tables["event_file"])
    files += db.execute(sa.select(tables.tables["received"].c.path)).scalars()
    files += [f"lists/{row.project}/{row.cohort}/{row.version}.parquet" for row in db.execute(sa.select(*listed))]
    files += _pushed(db, tables.tables["pushed_message"], tables.tables["pushed_state"])
    files += trial_files(db, tables.tables["trial"])
    folders = list(db.execute(sa.select(version.path)).scalars())
    folders += [f"runs/{name}" for name in db.execute(sa.select(run.id)).scalars()]
    upload = tables.tables["upload"].c
    folders += [f"uploads/{name}" for name in db.execute(sa.select(upload.id).where(upload.finished_at.is_(None))).scalars()]
    return tuple(files), tuple(folders)


def _pushed(db: Transaction, message: sa.Table, state: sa.Table) -> list[str]:
    """Of every cohort that is pushed the file of what messages amount to, and those of the messages since."""
    other, found = state.alias(), []
    for table, number in ((state, state.c.through), (message, message.c.number)):
        same = (other.c.project == table.c.project, other.c.cohort == table.c.cohort)
        last = sa.select(sa.func.coalesce(sa.func.max(other.c.through), 0)).where(*same).scalar_subquery()
        found += list(db.execute(sa.select(table.c.path).where(number == last if table is state else number > last)).scalars())
    return found


def _in_order(sorted_names: Iterable[tuple[str | None, Any]]) -> list[str]:
    """Tables after those that they refer to; not that of the schema's revision, which is made with the tables."""
    return [name for name, _ in sorted_names if name not in {None, TABLE}]


def _listed(db: Transaction, table: str, columns: tuple[str, ...]) -> str:
    quote = db.dialect.identifier_preparer.quote
    return f"{quote(table)} ({', '.join(quote(column) for column in columns)})"
