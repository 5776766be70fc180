"""The one database: engine, MetaData and short transactions, shared by ledger, catalog, vault and events."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from tradewind.errors import ConfigurationError, LedgerError

SQLITE = "tradewind.db"
"""The file of a home that is its database, where no other is named by URL."""

metadata = sa.MetaData()
"""Every table of the product; each room that stores declares its own in its file `sql.py`."""


Transaction = sa.Connection
"""An open transaction, handed to what takes part in it."""


PATIENCE = 30
"""Seconds that a writer waits for others."""

HOW, WRITING = "how", "BEGIN IMMEDIATE"
"""Where a connection to a file keeps how its next transaction begins, and how one does that may write."""


class Database:
    """A SQLite file or a PostgreSQL, named by URL. All access is by `transaction()`, kept short, and `reading()`."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self._at_hand: list[sa.Connection] = []
        self._turn = threading.Lock()
        if self.is_file:
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin)
        else:
            sa.event.listen(self.engine, "connect", _prepare_postgresql)

    @classmethod
    def at(cls, home: Path) -> Database:
        """The SQLite database of a home folder."""
        return cls(f"sqlite:///{home / SQLITE}")

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """One transaction: committed when the block ends, rolled back when it raises. Never spans a request.

        Raises LedgerError when the store cannot be reached, is no database, or is locked for longer than 30 s.
        """
        with self._my_turn(), self._begun(WRITING) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """The same for whoever only reads: all is as it was at the first question, and nobody who writes is waited for or waits."""
        with self._begun("BEGIN") as connection:
            yield connection

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        """Writers of one process to a file come one after the other, each as soon as the one before has ended: SQLite itself lets who
        waits sleep and try again, up to a tenth of a second each time.
        """
        mine = self.is_file and self._turn.acquire(timeout=PATIENCE)
        try:
            yield
        finally:
            if mine:
                self._turn.release()

    @contextmanager
    def _begun(self, how: str) -> Iterator[sa.Connection]:
        try:
            with self._connection() as connection:
                connection.info[HOW] = how
                with connection.begin():
                    yield connection
        except sa.exc.DatabaseError as error:
            ours = type(error) not in {sa.exc.OperationalError, sa.exc.DatabaseError}  # about a statement of ours
            if ours and not error.connection_invalidated:
                raise
            raise LedgerError(f"the database at {self.engine.url.render_as_string()} cannot be used: {error.orig}") from error

    @property
    def is_file(self) -> bool:
        """Whether it is a file of this machine, and not a server."""
        return self.engine.dialect.name == "sqlite"

    def close(self) -> None:
        """Give back every connection."""
        while self._at_hand:
            self._at_hand.pop().close()
        self.engine.dispose()

    @contextmanager
    def _connection(self) -> Iterator[sa.Connection]:
        """A connection for one transaction. Those to a file are kept at hand after a good one: to take one from the pool and to give
        it back takes as long as the transaction. A server may have ended one meanwhile, so the pool looks at each."""
        connection = self._at_hand.pop() if self._at_hand else self.engine.connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        if self.is_file:
            self._at_hand.append(connection)
        else:
            connection.close()


class Store:
    """What keeps rows in the database: each deed in a transaction of its own, or all of them in one that somebody has opened."""

    def __init__(self, database: Database, within: Transaction | None = None) -> None:
        self.database, self._within = database, within

    def within(self, transaction: Transaction) -> Self:
        """The same, whose reads and writes belong to a transaction that is open already."""
        inside = copy.copy(self)
        inside._within = transaction
        return inside

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        if self._within is not None:
            yield self._within
        else:
            with self.database.transaction() as db:
                yield db

    @contextmanager
    def _reading(self) -> Iterator[Transaction]:
        if self._within is not None:
            yield self._within
        else:
            with self.database.reading() as db:
                yield db


def aware(moment: datetime) -> datetime:
    """An instant of a row, in UTC: SQLite gives them back without their zone."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def add_if_absent(db: Transaction, table: sa.Table, **values: Any) -> None:
    """Make a row, unless one with its key is there. Only the dialect in use is loaded: PostgreSQL's takes a command 70 ms."""
    dialect = import_module(f"sqlalchemy.dialects.{db.dialect.name}")
    db.execute(dialect.insert(table).values(**values).on_conflict_do_nothing())


class Prepared:
    """A statement that is carried out for every batch: put into words once for a kind of database, and handed to the driver as that.

    A row brings the bound parameters of an update, or all columns of an insert; what is set for all rows alike stays in the text.
    """

    def __init__(self, statement: sa.Update | sa.Insert) -> None:
        self._statement = statement
        self._worded: dict[str, _Worded] = {}

    def execute(self, db: Transaction, rows: Sequence[Mapping[str, Any]]) -> int:
        """Carry it out for each row. Returns how many rows of the table it met, where one row was given."""
        worded = self._worded.get(db.dialect.name)
        if worded is None:
            worded = self._worded[db.dialect.name] = _Worded(self._statement, db.dialect)
        return _handed(db, worded.text, [worded.values(row) for row in rows])


class _Worded:
    """The text of a statement, and how a driver wants its values: by place or by name, each as its type is stored."""

    def __init__(self, statement: sa.Update | sa.Insert, dialect: sa.Dialect) -> None:
        columns = [column.name for column in statement.table.c] if isinstance(statement, sa.Insert) else None
        compiled: Any = statement.compile(dialect=dialect, column_keys=columns)
        self.text = str(compiled)
        self._places: list[str] | None = compiled.positiontup
        self._alike: dict[str, Any] = dict(compiled.params)
        stored = {name: bound.type.dialect_impl(dialect).bind_processor(dialect) for name, bound in compiled.binds.items()}
        self._stored = {name: store for name, store in stored.items() if store}

    def values(self, row: Mapping[str, Any]) -> Any:
        """The values of one row."""
        given = {**self._alike, **row}
        for name, store in self._stored.items():
            given[name] = store(given[name])
        return given if self._places is None else tuple([given[name] for name in self._places])


def _engine(url: str) -> sa.Engine:
    """Raises ConfigurationError, without the URL, when it is none, or when its driver is not installed."""
    try:
        if url.startswith("sqlite"):
            return sa.create_engine(url, connect_args={"timeout": PATIENCE})
        return sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise ConfigurationError("a PostgreSQL as database needs its driver; install it with: pip install 'tradewind[postgres]'") from error
    except (sa.exc.ArgumentError, ValueError) as error:
        raise ConfigurationError(
            "TRADEWIND_DATABASE_URL is not the URL of a database; expected sqlite:///PATH or postgresql://user:password@host:port/name"
        ) from error


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={PATIENCE}000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_postgresql(connection: Any, _record: object) -> None:
    """Whoever stands still within a transaction, stopped or cut off, holds up the others for a minute and not for ever."""
    connection.autocommit = True
    connection.execute("SET idle_in_transaction_session_timeout = '60s'; SET lock_timeout = '90s'")
    connection.autocommit = False


def _begin(connection: sa.Connection) -> None:
    _handed(connection, connection.info.get(HOW, WRITING), [()])


def _handed(db: Transaction, text: str, rows: Sequence[Any]) -> int:
    """Hand a statement to the driver as it is, once for each row, and give back how many rows it met. Raises what SQLAlchemy raises.

    SQLAlchemy's own way to do so takes longer than SQLite does to carry it out.
    """
    cursor = db.connection.cursor()
    try:
        if len(rows) == 1:
            cursor.execute(text, rows[0])
        else:
            cursor.executemany(text, rows)
        return int(cursor.rowcount)
    except db.dialect.loaded_dbapi.Error as error:
        raise sa.exc.DBAPIError.instance(text, None, error, db.dialect.loaded_dbapi.Error, dialect=db.dialect) from error
    finally:
        cursor.close()
