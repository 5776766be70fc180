"""Which server or files a source of tables is, and whether its tables are what the source says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlglot import exp

from tradewind.cohorts.clauses.form import EVENTS, WHO
from tradewind.compute import Bounds
from tradewind.engines.clickhouse_client import clickhouse
from tradewind.engines.duckdb_tables import duckdb_tables
from tradewind.engines.fitting import fit_rows
from tradewind.engines.folders import Folders
from tradewind.engines.postgres import postgres
from tradewind.engines.server import Session
from tradewind.engines.spark import spark
from tradewind.engines.tables import Relation
from tradewind.errors import DefinitionError
from tradewind.model.tables import ColumnKind, EngineKind, Tables

Open = Callable[[], AbstractContextManager[Session]]

_DOCUMENTS = {
    EngineKind.DUCKDB: {ColumnKind.JSON, ColumnKind.TEXT},
    EngineKind.POSTGRESQL: {ColumnKind.JSON},
    EngineKind.CLICKHOUSE: {ColumnKind.JSON, ColumnKind.TEXT},  # where JSON is mostly kept as text
    EngineKind.SPARK: {ColumnKind.TEXT},
}

LATE = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Reach:
    """What sources of tables may reach: servers by the URLs in `environment`, and files in `folders`."""

    environment: Mapping[str, str]
    folders: Folders


def opening(reach: Reach, tables: Tables, bounds: Bounds) -> Open:
    """Opens sessions on the server of a source, or over its files within bounds."""
    match tables.engine:
        case EngineKind.DUCKDB:
            return duckdb_tables(tables, reach.folders, bounds)
        case EngineKind.POSTGRESQL:
            return postgres(tables.url, reach.environment)
        case EngineKind.CLICKHOUSE:
            return clickhouse(tables.url, reach.environment)
        case EngineKind.SPARK:
            return spark(tables.url, reach.environment)


def fit(tables: Tables, session: Session) -> str:
    """Whether every table and column is there and can be read as it is meant to be; returns the server's name and version.

    Raises DefinitionError with the path in the source's text, and as a session does.
    """
    about = session.about()
    kinds: dict[str, Mapping[str, ColumnKind]] = {}
    counts = {True: 0, False: 0}
    for rows in tables.rows:
        event = bool(rows.event or rows.event_column)
        where = f"{'events' if event else 'people'}[{counts[event]}]"
        counts[event] += 1
        try:
            kinds[rows.table] = session.columns(rows.table)
        except DefinitionError as error:
            raise DefinitionError(error.message, path=f"{where}.table") from None
        fit_rows(rows, kinds[rows.table], f"{where}.", _DOCUMENTS[tables.engine])
    _fit_statement(tables, kinds, session)
    return about


def _fit_statement(tables: Tables, kinds: Mapping[str, Mapping[str, ColumnKind]], session: Session) -> None:
    """Ask of all properties, a server for nobody and files for everybody: what would not be accepted, or not be read, is said now."""
    event = [name for rows in tables.rows for name, _ in rows.properties.columns]
    user = [name for rows in tables.rows for name, _ in rows.user_properties.columns]
    relation = Relation(tables.rows, kinds, session.dialect, LATE).tables(["p", *event], ["p", *user])
    asked = exp.select(exp.column(WHO)).from_(EVENTS).where(exp.false())
    if session.ours:
        asked = exp.select(*(exp.Max(this=exp.column(name)) for name in (WHO, "time"))).from_(EVENTS)
    with session.rows(asked, relation) as reader:
        reader.read_all()
