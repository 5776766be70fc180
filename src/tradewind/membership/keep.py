"""Who would lapse while nothing new can be said: the members last accepted that have little time left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from tradewind.compute import Bounds, connect, literal
from tradewind.durable import sync
from tradewind.membership.buckets import bucket_name, order_sql
from tradewind.membership.diff import Buckets, readable
from tradewind.membership.parts import PartWriter
from tradewind.model.identifier import IdType
from tradewind.model.plan import Delta, Operation


def lapsing(held: Buckets, *, now: datetime, before: datetime, bounds: Bounds) -> int:
    """How many identifiers `keep` would renew. Raises EngineError when a file is gone or damaged."""
    return _count(held, _lapsing(now, before), bounds)


def keep(held: Buckets, *, now: datetime, before: datetime, out: Path, group_rows: int, bounds: Bounds) -> Delta:
    """A delta of refreshes alone, written as parts into the folder `out`: for identifiers that are live and lapse before an instant.

    One whose last outcome is unknown is left out: it may be that its removal was what got lost. `group_rows` is the rows of
    one batch. Memory is bounded by one bucket. Raises EngineError when a file is gone or damaged.
    """
    out.mkdir(parents=True, exist_ok=True)
    live = _count(held, f"expires_until > {_literal(now)}", bounds)
    writers: dict[IdType, PartWriter] = {}
    with readable(held), connect(bounds) as duck:
        for table in _tables(duck, held, _lapsing(now, before)):
            for id_type in IdType:
                ids = table.filter(pc.field("id_type") == id_type.value).column("id")
                if len(ids) and id_type not in writers:
                    number = len(writers)
                    path = out / f"part-{number:04d}.parquet"
                    writers[id_type] = PartWriter(path, number, Operation.REFRESH, id_type, group_rows)
                if len(ids):
                    writers[id_type].write(ids)
    parts = tuple(writer.close() for writer in writers.values())
    sync(out)
    return Delta(parts, held=live, desired=live, unchanged=live - sum(part.rows for part in parts))


def _lapsing(now: datetime, before: datetime) -> str:
    return f"expires_until > {_literal(now)} AND expires_until < {_literal(before)} AND unknown_since IS NULL"


def _count(held: Buckets, condition: str, bounds: Bounds) -> int:
    files = ", ".join(literal(held.folder / bucket_name(number)) for number in range(held.count))
    with readable(held), connect(bounds) as duck:
        found = duck.execute(f"SELECT count(*) FROM read_parquet([{files}]) WHERE {condition}").fetchone()
    return int(found[0]) if found else 0


def _tables(duck: duckdb.DuckDBPyConnection, held: Buckets, condition: str) -> Iterator[pa.Table]:
    for number in range(held.count):
        file = literal(held.folder / bucket_name(number))
        yield duck.sql(
            f"SELECT id_type, id FROM read_parquet({file}) WHERE {condition} ORDER BY id_type, {order_sql('id')}"
        ).to_arrow_table()


def _literal(moment: datetime) -> str:
    return f"{literal(moment.astimezone(UTC).replace(tzinfo=None).isoformat())}::TIMESTAMP"
