"""Desired minus held, bucket by bucket: which identifiers to add, to remove and to refresh."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from tradewind.compute import Bounds, connect, literal
from tradewind.durable import sync
from tradewind.errors import EngineError
from tradewind.membership.buckets import bucket_name, bucket_sql, order_sql
from tradewind.membership.parts import PartWriter
from tradewind.model.identifier import IdType
from tradewind.model.plan import Delta, Operation, Part, Renewal

EMPTY = (
    "(SELECT '' AS id_type, ''::BLOB AS id, NULL::TIMESTAMP AS since, NULL::TIMESTAMP AS expires_from, NULL::TIMESTAMP AS expires_until,"
    " NULL::TIMESTAMP AS unknown_since, NULL::BIGINT AS batch LIMIT 0)"
)
"""The membership of a target to which nothing was ever sent."""


MEND = "tradewind ledger verify says what can be mended"


@dataclass(frozen=True)
class Buckets:
    """A folder of bucket files, and how many there are."""

    folder: Path
    count: int


SAME, URGENT = "same", "urgent"
"""Beside the operations: who stays and needs no refresh yet, and a refresh that goes before everything else."""


def diff(desired: Buckets, held: Buckets | None, *, now: datetime, renewal: Renewal, out: Path, group_rows: int, bounds: Bounds) -> Delta:
    """The delta between two sets of identifiers, written as parts into the folder `out`.

    A held identifier that has lapsed by `now` counts as absent; one whose last outcome is unknown is added again; one that
    stays is refreshed where `renewal` says so. `group_rows` is the rows of one batch. A part is in the order of its
    identifiers' buckets, however many of them there are. Memory is bounded by one bucket. Raises EngineError when a file is
    gone or damaged.
    """
    out.mkdir(parents=True, exist_ok=True)
    writers: dict[tuple[str, IdType], PartWriter] = {}
    present = unchanged = 0
    with readable(held), connect(bounds) as duck:
        for table in _changes(duck, desired, held, now, renewal):
            present += int(pc.sum(table.column("held")).as_py() or 0)
            unchanged += table.filter(pc.field("wish") == SAME).num_rows
            for wish, id_type in ((wish, id_type) for wish in (*Operation, URGENT) for id_type in IdType):
                ids = table.filter((pc.field("wish") == str(wish)) & (pc.field("id_type") == id_type.value)).column("id")
                if len(ids):
                    writer = writers.get((wish, id_type)) or _new_writer(writers, out, wish, id_type, group_rows)
                    writer.write(ids)
    parts = tuple(writer.close() for writer in writers.values())
    sync(out)
    return Delta(parts, held=present, desired=_desired(parts) + unchanged, unchanged=unchanged)


@contextmanager
def readable(held: Buckets | None) -> Iterator[None]:
    """Says in a sentence when files of the membership or of the run are gone or damaged. Raises EngineError."""
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        where = f"the files in {held.folder}, what the segment holds as far as we know," if held else "the files of the run"
        raise EngineError(f"{where} cannot be worked on: gone, damaged, or no room; {MEND}") from error


def _desired(parts: tuple[Part, ...]) -> int:
    return sum(part.rows for part in parts if part.operation is not Operation.REMOVE)


def _new_writer(writers: dict[tuple[str, IdType], PartWriter], out: Path, wish: str, id_type: IdType, rows: int) -> PartWriter:
    number, urgent = len(writers), wish == URGENT
    operation = Operation.REFRESH if urgent else Operation(wish)
    writer = writers[wish, id_type] = PartWriter(out / f"part-{number:04d}.parquet", number, operation, id_type, rows, urgent=urgent)
    return writer


def _changes(
    duck: duckdb.DuckDBPyConnection, desired: Buckets, held: Buckets | None, now: datetime, renewal: Renewal
) -> Iterator[pa.Table]:
    for number in range(desired.count):
        wanted = f"read_parquet({literal(desired.folder / bucket_name(number))})"
        query = f"""
            SELECT CASE WHEN d.id IS NULL THEN 'remove' WHEN h.id IS NULL OR h.unknown_since IS NOT NULL THEN 'add'
                        WHEN h.expires_from < {_moment(renewal.before)} OR h.expires_from > {_moment(renewal.after)}
                        THEN CASE WHEN h.expires_from < {_moment(renewal.urgent)} THEN '{URGENT}' ELSE 'refresh' END
                        ELSE '{SAME}' END AS wish,
                   coalesce(d.id_type, h.id_type) AS id_type, coalesce(d.id, h.id) AS id, (h.id IS NOT NULL)::INTEGER AS held
            FROM {wanted} AS d
            FULL JOIN (SELECT * FROM {held_bucket(held, number, desired.count)} WHERE expires_until > {_moment(now)}) AS h
              ON d.id_type = h.id_type AND d.id = h.id
            ORDER BY wish, id_type, {order_sql("coalesce(d.id, h.id)")}"""
        yield duck.sql(query).to_arrow_table()


def _moment(moment: datetime) -> str:
    return f"{literal(moment.astimezone(UTC).replace(tzinfo=None).isoformat())}::TIMESTAMP"


def held_bucket(held: Buckets | None, number: int, buckets: int) -> str:
    """A relation of what a version holds in one bucket, also when it was written with another number of buckets."""
    if held is None:
        return EMPTY
    if held.count == buckets:
        return f"read_parquet({literal(held.folder / bucket_name(number))})"
    files = ", ".join(literal(held.folder / bucket_name(each)) for each in range(held.count))
    return f"(SELECT * FROM read_parquet([{files}]) WHERE {bucket_sql('id', buckets)} = {number})"
