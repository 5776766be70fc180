"""Identifiers that may be in a segment no more: their removals, and a delta without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tradewind.durable import sync
from tradewind.membership.buckets import FINEST, bucket_array, bucket_name
from tradewind.membership.diff import Buckets, readable
from tradewind.membership.parts import PartWriter
from tradewind.model.identifier import IdType
from tradewind.model.plan import Delta, Operation, Part

Unwanted = Callable[[Any], npt.NDArray[np.bool_]]
"""For each identifier of a binary array whether it may be there no more."""


def strike(held: Buckets, unwanted: Unwanted, *, now: datetime, out: Path, group_rows: int) -> Delta:
    """A delta of removals alone, written as parts into the folder `out`: of what is held and unwanted and has not lapsed.

    `group_rows` is the rows of one batch. Memory is bounded by one bucket. Raises EngineError when a file is gone or damaged.
    """
    out.mkdir(parents=True, exist_ok=True)
    writers: dict[IdType, PartWriter] = {}
    live = 0
    with readable(held):
        for alive, leaving in _buckets(held, unwanted, now):
            live += alive
            for id_type in IdType:
                ids = leaving.filter(pc.field("id_type") == id_type.value).column("id").combine_chunks().cast(pa.binary())
                if len(ids) and id_type not in writers:
                    number = len(writers)
                    writers[id_type] = PartWriter(out / f"part-{number:04d}.parquet", number, Operation.REMOVE, id_type, group_rows)
                if len(ids):
                    order = np.argsort(bucket_array(ids, FINEST), kind="stable")
                    writers[id_type].write(_chunked(ids.take(order)))
    parts = tuple(writer.close() for writer in writers.values())
    sync(out)
    leavers = sum(part.rows for part in parts)
    return Delta(parts, held=live, desired=live - leavers, unchanged=live - leavers, suppressed=leavers)


def held_of(held: Buckets, unwanted: Unwanted, *, now: datetime) -> int:
    """How many `strike` would remove. Raises EngineError when a file is gone or damaged."""
    with readable(held):
        return sum(leaving.num_rows for _, leaving in _buckets(held, unwanted, now))


def without(delta: Delta, folder: Path, unwanted: Unwanted) -> Delta:
    """The same delta, its parts written anew without the unwanted where they hold any; a part of none but those is gone."""
    with readable(None):
        parts = tuple(_without(folder, part, unwanted) for part in delta.parts)
    left_out = sum(part.rows for part in delta.parts) - sum(part.rows for part in parts)
    return replace(delta, parts=tuple(part for part in parts if part.rows), unchanged=delta.unchanged + left_out)


def _buckets(held: Buckets, unwanted: Unwanted, now: datetime) -> Iterator[tuple[int, pa.Table]]:
    """For each bucket how many live, and those of them that are unwanted, sorted by type and value."""
    moment = pa.scalar(now.astimezone(UTC).replace(tzinfo=None), pa.timestamp("us"))
    for number in range(held.count):
        path = held.folder / bucket_name(number)
        table = pq.read_table(path, columns=["id_type", "id", "expires_until"], partitioning=None, use_threads=False)
        table = table.filter(pc.greater(table.column("expires_until"), moment)).select(["id_type", "id"])
        ids = table.column("id").combine_chunks()
        yield table.num_rows, table.filter(pa.array(unwanted(ids)))


def _without(folder: Path, part: Part, unwanted: Unwanted) -> Part:
    path = folder / part.path
    with _groups(path) as groups:
        if not any(unwanted(ids).any() for ids in groups):
            return part
    fresh = path.with_name(f".{path.name}")
    writer = PartWriter(fresh, part.number, part.operation, part.id_type, part.group_rows)
    with _groups(path) as groups:
        for ids in groups:
            writer.write(_chunked(ids.filter(pa.array(~unwanted(ids)))))
    written = writer.close()
    fresh.replace(path)
    sync(folder)
    return replace(part, rows=written.rows)


@contextmanager
def _groups(path: Path) -> Iterator[Iterator[pa.Array[Any]]]:
    with pq.ParquetFile(path, pre_buffer=False) as file:
        numbers = range(file.num_row_groups)
        yield (file.read_row_group(number, columns=["id"], use_threads=False).column("id").combine_chunks() for number in numbers)


def _chunked(ids: pa.Array[Any]) -> pa.ChunkedArray[Any]:
    return pa.table({"id": ids}).column("id")
