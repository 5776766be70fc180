"""Events told as files that stay where they are, as a client might have them: Parquet and CSV in a folder, or a file of DuckDB's."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from tradewind.compute import Bounds
from tradewind.engines.duckdb_tables import duckdb_tables
from tradewind.engines.folders import Folders
from tradewind.engines.memory import Event
from tradewind.engines.server import Served
from tradewind.engines.spec.inline import rows_of
from tradewind.model.tables import EngineKind, Tables

_TEXTS = ("user_id", "device_id", "event_type", "event_properties", "user_properties")
_TYPES: dict[str, pa.DataType] = {**dict.fromkeys(_TEXTS, pa.string()), "happened": pa.timestamp("us", "UTC")}
COLUMNS = pa.schema(_TYPES)

FORMS = ("parquet", "csv", "duckdb")


def told_files(home: Path, form: str, events: Iterable[Event]) -> Served:
    """Two tables in `home / tables`, of events that state whole sets of user properties and of others; in a folder each of two files."""
    told, allowed = list(events), home / "tables"
    place = allowed / (f"shop.{form}" if form == "duckdb" else "shop")
    (allowed if form == "duckdb" else place).mkdir(parents=True)
    rows = []
    for whole in (False, True):
        name = "events" if whole else "partial"
        table = pa.Table.from_pylist([_row(event) for event in told if event.whole is whole], COLUMNS)
        for part, half in enumerate((table.slice(0, len(table) // 2), table.slice(len(table) // 2))):
            _write(place, form, name, part, half)
        rows.append(rows_of(name if form == "duckdb" else f"{name}/*.{form}", whole=whole))
    tables = Tables(EngineKind.DUCKDB, "", tuple(rows), place.name)
    return Served(duckdb_tables(tables, Folders((allowed,), home), Bounds()), tables.rows, {})


def _write(place: Path, form: str, name: str, part: int, rows: pa.Table) -> None:
    if form == "duckdb":
        with duckdb.connect(str(place)) as connection:
            connection.register("told", rows)
            connection.execute(f"CREATE TABLE IF NOT EXISTS {name} AS FROM told LIMIT 0")
            connection.execute(f"INSERT INTO {name} FROM told")
        return
    folder = place / name
    folder.mkdir(exist_ok=True)
    if form == "csv":
        pyarrow.csv.write_csv(rows, folder / f"{part}.csv")
    else:
        pq.write_table(rows, folder / f"{part}.parquet")


def _row(event: Event) -> dict[str, object]:
    said = {name: json.dumps(getattr(event, name), ensure_ascii=False) for name in ("event_properties", "user_properties")}
    return {"user_id": event.user_id, "device_id": event.device_id, "event_type": event.event_type, "happened": event.time, **said}
