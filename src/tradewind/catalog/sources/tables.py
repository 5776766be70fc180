"""A source of kind `tables` as a text that people write: which columns of which tables are what; read, and written back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from tradewind.cohorts.document import Node
from tradewind.model.tables import DATABASES, FILES, EngineKind, Rows, Stated, Tables, TimeUnit

FIELDS = ("engine", "url", "path", "events", "people")
"""What a source of this kind has beside id, name and kind."""

MOST_TABLES = 50
MOST_COLUMNS = 1_000

OWN = "TRADEWIND_"
"""How variables begin that belong to this product, and say nothing to a client's data."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COMMON = ("table", "user", "device", "time", "unit", "properties", "columns")
_OF_EVENTS = ("event", "event_column", "user_properties", "user_columns")

Choice = TypeVar("Choice", bound=StrEnum)


def parse_tables(node: Node, fields: Mapping[str, Node]) -> Tables:
    """What `fields` of a source say. Raises DefinitionError with the place of what is wrong."""
    if "engine" not in fields:
        node.refuse("'engine' is missing in a source of kind tables")
    engine = _choice(fields["engine"], EngineKind, "engine")
    here = engine is EngineKind.DUCKDB
    wanted, other = ("path", "url") if here else ("url", "path")
    if wanted not in fields:
        node.refuse(f"'{wanted}' is missing in a source of tables whose engine is {engine.value}")
    if other in fields:
        fields[other].refuse(f"a source of tables whose engine is {engine.value} has a {wanted}, and no {other}")
    path = _path(fields["path"]) if here else ""
    in_folder = here and not path.endswith(DATABASES)
    events = [_events(each, in_folder) for each in fields["events"].items()] if "events" in fields else []
    people = [_people(each, in_folder) for each in fields["people"].items()] if "people" in fields else []
    if not events:
        (fields.get("events") or node).refuse("expected at least one table of events, such as {table: orders, user: customer_id, ...}")
    if len(events) + len(people) > MOST_TABLES:
        node.refuse(f"has {len(events) + len(people)} tables; at most {MOST_TABLES} are read")
    return Tables(engine, "" if here else _variable(fields["url"]), (*events, *people), path)


def tables_document(tables: Tables) -> dict[str, object]:
    """The fields that `parse_tables` reads back."""
    events = [_document(rows) for rows in tables.rows if rows.event or rows.event_column]
    people = [_document(rows) for rows in tables.rows if not (rows.event or rows.event_column)]
    where: dict[str, object] = {"path": tables.path} if tables.path else {"url": {"env": tables.url}}
    fields: dict[str, object] = {"engine": tables.engine.value, **where, "events": events}
    return fields | ({"people": people} if people else {})


def _variable(node: Node) -> str:
    if not isinstance(node.value, dict):
        node.refuse("expected {env: NAME}; a URL itself is never written here, since it holds a password")
    name = node.fields(required=("env",), what="in a url; expected {env: NAME}")["env"]
    if not _VARIABLE.fullmatch(name.text()):
        name.refuse("expected the name of an environment variable, never the URL itself")
    if name.text().upper().startswith(OWN):
        name.refuse(f"names beginning with {OWN} are this product's own; expected the variable of a client's database")
    return name.text()


def _path(node: Node) -> str:
    path = node.text().rstrip("/")
    if not path or ".." in path.split("/") or "\0" in path:
        node.refuse("expected a folder or a file of DuckDB's, such as shop or shop.duckdb, without '..'")
    return path


def _check_files(node: Node) -> None:
    name = node.text()
    if name.startswith("/") or ".." in name.split("/") or not name.lower().endswith(FILES):
        node.refuse(f"expected a file of the folder, or a pattern of files such as orders/*.parquet, that ends in {', '.join(FILES)}")


def _events(node: Node, in_folder: bool) -> Rows:
    fields = node.fields(required=("table", "time"), optional=(*_COMMON, *_OF_EVENTS), what="in a table of events")
    if ("event" in fields) == ("event_column" in fields):
        node.refuse("expected one of event (what every row is) and event_column (the column that says what each row is)")
    return _rows(node, fields, in_folder, people=False)


def _people(node: Node, in_folder: bool) -> Rows:
    fields = node.fields(required=("table",), optional=_COMMON, what="in a table of people")
    if "properties" not in fields and "columns" not in fields:
        node.refuse("expected properties (a JSON column), columns (property: column), or both")
    return _rows(node, fields, in_folder, people=True)


def _rows(node: Node, fields: Mapping[str, Node], in_folder: bool, *, people: bool) -> Rows:
    def text(name: str) -> str | None:
        return fields[name].text() if name in fields else None

    if in_folder:
        _check_files(fields["table"])
    if "user" not in fields and "device" not in fields:
        node.refuse("expected user, device or both: the columns that say whose row it is")
    if "unit" in fields and "time" not in fields:
        fields["unit"].refuse("a unit is of a time, and there is none")
    stated = Stated(text("properties"), _columns(fields.get("columns")))
    return Rows(
        fields["table"].text(),
        user=text("user"),
        device=text("device"),
        time=text("time"),
        unit=_choice(fields["unit"], TimeUnit, "unit of time") if "unit" in fields else None,
        event=text("event"),
        event_column=text("event_column"),
        properties=Stated() if people else stated,
        user_properties=stated if people else Stated(text("user_properties"), _columns(fields.get("user_columns"))),
        whole=people,
    )


def _columns(node: Node | None) -> tuple[tuple[str, str], ...]:
    if node is None:
        return ()
    if not isinstance(node.value, dict) or not node.value:
        node.refuse("expected a mapping of properties to columns, such as {amount: total}")
    if len(node.value) > MOST_COLUMNS:
        node.refuse(f"names {len(node.value):,} columns; at most {MOST_COLUMNS:,} are read")
    return tuple((name, column.text()) for name, column in node.value.items())


def _choice(node: Node, kinds: type[Choice], what: str) -> Choice:
    known = {kind.value: kind for kind in kinds}
    if not isinstance(node.value, str) or node.value not in known:
        node.refuse(f"{node.described()} is not a kind of {what}; expected one of {', '.join(known)}")
    return known[node.value]


def _document(rows: Rows) -> dict[str, object]:
    events = bool(rows.event or rows.event_column)
    stated = rows.properties if events else rows.user_properties
    fields: dict[str, object | None] = {
        "table": rows.table,
        "time": rows.time,
        "unit": rows.unit and rows.unit.value,
        "event": rows.event,
        "event_column": rows.event_column,
        "user": rows.user,
        "device": rows.device,
        "properties": stated.json,
        "columns": dict(stated.columns),
        "user_properties": rows.user_properties.json if events else None,
        "user_columns": dict(rows.user_properties.columns) if events else None,
    }
    return {name: value for name, value in fields.items() if value}
