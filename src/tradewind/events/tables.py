"""CSV and Parquet as lines: each row becomes the text of one event in the shape of HTTP V2."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

import duckdb
import pyarrow as pa

from tradewind.compute import Bounds, connect, literal, quoted
from tradewind.events.lines import LINES, Unreadable

_TEXTS = ("user_id", "device_id", "event_type", "insert_id")
_TIMES = ("time", "event_time")
_KNOWN = (*_TEXTS, *_TIMES, "event_properties", "user_properties")
_ROWS = 20_000


def table_batches(path: Path, number: int) -> Iterator[pa.RecordBatch]:
    """Batches of LINES; `line` counts rows from 1, without the heading.

    Raises Unreadable when needed columns are missing, ValueError when the file cannot be read as its suffix says.
    """
    connection = connect(Bounds("200MiB", below=(path.parent,)), {"preserve_insertion_order": "true"})
    try:
        table = _reader(path)
        types = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()}
        _check_columns(list(types))
        query = f"SELECT row_number() OVER () AS line, {_event(types)} AS text FROM {table}"
        for batch in connection.sql(query).to_arrow_reader(_ROWS):
            size = batch.num_rows
            numbers = pa.array([number], pa.int32()).take(pa.array([0] * size, pa.int32()))
            yield pa.record_batch([numbers, batch["line"], batch["text"], pa.nulls(size, pa.string())], schema=LINES)
    except duckdb.Error as error:
        raise ValueError(_brief(error)) from error
    finally:
        connection.close()


def _reader(path: Path) -> str:
    if path.suffix.lower() == ".parquet":
        return f"read_parquet({literal(str(path))})"
    return f"read_csv({literal(str(path))}, all_varchar=true, header=true, delim=',', quote='\"', escape='\"', strict_mode=true)"


def _check_columns(names: list[str]) -> None:
    """Refuse a table that cannot hold events, naming what is missing and the column that looks like it."""
    needs = (("event_type",), _TIMES, ("user_id", "device_id"))
    for need in needs:
        if any(name in names for name in need):
            continue
        near = [match for name in need for match in get_close_matches(name, [other for other in names if other not in _KNOWN], 1)]
        hint = f"; rename '{near[0]}'" if near else f"; it has {', '.join(names[:8])}"
        raise Unreadable(f"has no column {' or '.join(need)}{hint}")


def _event(types: dict[str, str]) -> str:
    """The text of an event: fields that have a value, and the columns `event.<p>` and `user.<p>` as properties."""
    fields = [f"{literal(name)}, CAST({quoted(name)} AS VARCHAR)" for name in _TEXTS if name in types]
    time = next(name for name in _TIMES if name in types)
    fields.append(f"'time', {_time(time, types[time])}")
    fields += [f"'{side}_properties', {_properties(side, types)}" for side in ("event", "user")]
    return f"CAST(json_object({', '.join(fields)}) AS VARCHAR)"


def _time(name: str, kind: str) -> str:
    column = quoted(name)
    if kind.startswith("TIMESTAMP"):
        return f"strftime(CAST({column} AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%f')"
    return f"CAST({column} AS VARCHAR)"


def _properties(side: str, types: dict[str, str]) -> str:
    """Properties of one side: the JSON column, and over it the single columns. An empty cell states nothing."""
    prefix = f"{side}."
    pairs = [f"{literal(name.removeprefix(prefix))}, {quoted(name)}" for name in types if name.startswith(prefix)]
    single = f"json_merge_patch(JSON '{{}}', json_object({', '.join(pairs)}))"
    whole = f"{side}_properties"
    if whole not in types:
        return single
    text = f"CAST({whole} AS VARCHAR)"
    valid = f"CASE WHEN {text} IS NULL THEN JSON '{{}}' WHEN json_valid({text}) THEN CAST({text} AS JSON) ELSE to_json({text}) END"
    return f"CASE json_type({valid}) WHEN 'OBJECT' THEN json_merge_patch({valid}, {single}) ELSE {valid} END" if pairs else valid


def _brief(error: Exception) -> str:
    lines = [line.strip() for line in str(error).split("\n") if line.strip()]
    return " ".join(lines[:1])[:160]
