"""Events as tables that stand in a statement themselves, so that a server that is only read can be asked about them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC

from sqlglot import exp

from tradewind.engines.memory import Event
from tradewind.engines.server import Served, Session
from tradewind.engines.tables import TableDialect
from tradewind.model.tables import ColumnKind, Rows, Stated

COLUMNS = {
    "user_id": ColumnKind.TEXT,
    "device_id": ColumnKind.TEXT,
    "event_type": ColumnKind.TEXT,
    "happened": ColumnKind.TIME,
    "event_properties": ColumnKind.JSON,
    "user_properties": ColumnKind.JSON,
}


def inline(events: Iterable[Event], dialect: TableDialect, session: Callable[[], AbstractContextManager[Session]]) -> Served:
    """A server that is asked about exactly these events."""
    told = list(events)
    tables = {f"{'whole' if whole else 'partial'}_events": [event for event in told if event.whole is whole] for whole in (False, True)}
    return Served(
        session,
        tuple(rows_of(name, whole=name.startswith("whole")) for name in tables),
        {name: (_values(rows, dialect), COLUMNS) for name, rows in tables.items()},
    )


def rows_of(table: str, *, whole: bool) -> Rows:
    """How a table of COLUMNS is read."""
    return Rows(
        table,
        user="user_id",
        device="device_id",
        time="happened",
        event_column="event_type",
        properties=Stated("event_properties"),
        user_properties=Stated("user_properties"),
        whole=whole,
    )


def _values(events: list[Event], dialect: TableDialect) -> exp.Query:
    """A SELECT of each event, all in one; of no event, one that is left out again."""
    nothing = exp.select(*_row(None, dialect)).where(exp.false())
    found: exp.Query = nothing
    for event in events:
        found = exp.Union(this=found, expression=exp.Select(expressions=_row(event, dialect)), distinct=False)
    return found


def _row(event: Event | None, dialect: TableDialect) -> list[exp.Expr]:
    texts = (event.user_id, event.device_id, event.event_type) if event else (None, None, None)
    own: list[exp.Expr] = [_text(text, typed=event is None) for text in texts]
    own.append(dialect.instant(event.time.astimezone(UTC)) if event else exp.cast(exp.Null(), exp.DType.TIMESTAMP))
    own += [_document(said, dialect) for said in ((event.event_properties, event.user_properties) if event else ({}, {}))]
    return [exp.Alias(this=value, alias=exp.to_identifier(name)) for name, value in zip(COLUMNS, own, strict=True)]


def _text(text: str | None, *, typed: bool) -> exp.Expr:
    """A text; the first row says that the column is one."""
    said = exp.Null() if text is None else exp.Literal.string(text)
    return exp.cast(said, exp.DType.TEXT) if typed else said


def _document(said: Mapping[str, object], dialect: TableDialect) -> exp.Expr:
    return dialect.document(json.dumps(said, ensure_ascii=False, separators=(",", ":")))
