"""Which server a source of tables is, and whether its tables are what the source says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from difflib import get_close_matches

from sqlglot import exp

from tradewind.cohorts.clauses.form import EVENTS, WHO
from tradewind.engines.clickhouse_client import clickhouse
from tradewind.engines.postgres import postgres
from tradewind.engines.server import Served, Session
from tradewind.engines.spark import spark
from tradewind.engines.tables import Relation
from tradewind.errors import DefinitionError
from tradewind.model.tables import ColumnKind, EngineKind, Rows, Tables, TimeUnit

Open = Callable[[], AbstractContextManager[Session]]

_IDS = {ColumnKind.TEXT, ColumnKind.INTEGER}
_DOCUMENTS = {
    EngineKind.POSTGRESQL: {ColumnKind.JSON},
    EngineKind.CLICKHOUSE: {ColumnKind.JSON, ColumnKind.TEXT},  # where JSON is mostly kept as text
    EngineKind.SPARK: {ColumnKind.TEXT},
}
_TIMES = {ColumnKind.INSTANT, ColumnKind.TIME, ColumnKind.DATE}

LATE = datetime(9999, 1, 1, tzinfo=UTC)


def opening(tables: Tables, environment: Mapping[str, str]) -> Open:
    """Opens sessions on the server of a source; `environment` holds its URL."""
    match tables.engine:
        case EngineKind.POSTGRESQL:
            return postgres(tables.url, environment)
        case EngineKind.CLICKHOUSE:
            return clickhouse(tables.url, environment)
        case EngineKind.SPARK:
            return spark(tables.url, environment)


def served(tables: Tables, environment: Mapping[str, str]) -> Served:
    """The server and the rows of a source."""
    return Served(opening(tables, environment), tables.rows, {})


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
        _fit_rows(rows, kinds[rows.table], where, _DOCUMENTS[tables.engine])
    _fit_statement(tables, kinds, session)
    return about


def _fit_statement(tables: Tables, kinds: Mapping[str, Mapping[str, ColumnKind]], session: Session) -> None:
    """Ask for nobody, of all properties: what the server would not accept, or not let be read, it says now."""
    event = [name for rows in tables.rows for name, _ in rows.properties.columns]
    user = [name for rows in tables.rows for name, _ in rows.user_properties.columns]
    relation = Relation(tables.rows, kinds, session.dialect, LATE).tables(["p", *event], ["p", *user])
    with session.rows(exp.select(exp.column(WHO)).from_(EVENTS).where(exp.false()), relation) as reader:
        reader.read_all()


def _fit_rows(rows: Rows, kinds: Mapping[str, ColumnKind], where: str, documents: set[ColumnKind]) -> None:
    for name, column in (("user", rows.user), ("device", rows.device), ("event_column", rows.event_column)):
        _expect(kinds, rows, column, f"{where}.{name}", _IDS, "text or a whole number")
    if rows.unit is not None:
        _expect(kinds, rows, rows.time, f"{where}.time", {ColumnKind.INTEGER}, f"a whole number of {rows.unit.value}")
    elif rows.time is not None and kinds.get(rows.time) is ColumnKind.INTEGER:
        units = ", ".join(TimeUnit)
        raise DefinitionError(f"column '{rows.time}' of '{rows.table}' is a whole number; say its unit: {units}", path=f"{where}.time")
    else:
        _expect(kinds, rows, rows.time, f"{where}.time", _TIMES, "a time or a date; make it one in a view")
    sides = {"properties": rows.properties, "user_properties": rows.user_properties}
    for name, stated in sides.items():
        written = "properties" if rows.whole else name
        _expect(kinds, rows, stated.json, f"{where}.{written}", documents, "JSON; make it JSON in a view")
        for own, column in stated.columns:
            _expect(kinds, rows, column, f"{where}.{written.replace('properties', 'columns')}.{own}", set(ColumnKind), "anything")


def _expect(
    kinds: Mapping[str, ColumnKind], rows: Rows, column: str | None, path: str, allowed: Sequence[ColumnKind] | set[ColumnKind], what: str
) -> None:
    if column is None:
        return
    if column not in kinds:
        near = get_close_matches(column, kinds, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(list(kinds)[:12])}"
        raise DefinitionError(f"table '{rows.table}' has no column '{column}'; {hint}", path=path)
    if kinds[column] not in allowed:
        raise DefinitionError(f"column '{column}' of '{rows.table}' is {kinds[column].value}; expected {what}", path=path)
