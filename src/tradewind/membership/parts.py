"""Files of a delta: written in row groups of exactly one batch, so that a batch is read by its offset alone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tradewind.durable import sync
from tradewind.membership.buckets import key, keys_of
from tradewind.membership.files import storage
from tradewind.model.identifier import IdType
from tradewind.model.plan import Batch, Operation, Part

GROUPS = 16
"""Row groups of a part that are read at once."""


class PartWriter:
    """Writes one part; identifiers arrive in any portions and leave in groups of `group_rows`."""

    def __init__(
        self, path: Path, number: int, operation: Operation, id_type: IdType, group_rows: int, *, urgent: bool = False, again: bool = False
    ) -> None:
        self.schema = pa.schema([("id", storage(id_type))])
        self.part = Part(number, operation, id_type, path.name, 0, group_rows, urgent, again)
        self.path, self.rows = path, 0
        self._waiting = self.schema.empty_table()
        self._writer = pq.ParquetWriter(path, self.schema, compression="none", use_dictionary=False, write_statistics=False)

    def write(self, ids: pa.Array[Any] | pa.ChunkedArray[Any]) -> None:
        """Take identifiers (bytes) and write every full group."""
        arriving = pa.table({"id": ids.cast(self.schema.field("id").type)}, schema=self.schema)
        self._waiting = pa.concat_tables([self._waiting, arriving])
        size = self.part.group_rows
        while self._waiting.num_rows >= size:
            self._group(self._waiting.slice(0, size))
            self._waiting = self._waiting.slice(size)

    def close(self) -> Part:
        """Write what waits, sync the file, and say what the part holds."""
        if self._waiting.num_rows:
            self._group(self._waiting)
        self._writer.close()
        sync(self.path)
        return replace(self.part, rows=self.rows)

    def _group(self, table: pa.Table) -> None:
        self._writer.write_table(table.combine_chunks(), row_group_size=table.num_rows)
        self.rows += table.num_rows


class PartWriters:
    """Writes the parts of a delta into a folder, each as soon as something is in it."""

    def __init__(self, folder: Path, group_rows: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._group_rows = folder, group_rows
        self._writers: dict[tuple[Operation, IdType, bool, bool], PartWriter] = {}

    def write(self, operation: Operation, id_type: IdType, ids: pa.Array[Any], *, urgent: bool = False, again: bool = False) -> None:
        """Take identifiers that follow, in the order of their keys, those taken before for the same wish."""
        wish = operation, id_type, urgent, again
        if wish not in self._writers:
            number = len(self._writers)
            path = self._folder / f"part-{number:04d}.parquet"
            self._writers[wish] = PartWriter(path, number, operation, id_type, self._group_rows, urgent=urgent, again=again)
        self._writers[wish].write(ids)

    def close(self) -> tuple[Part, ...]:
        """Write what waits, and say what the parts hold; files and folder are on the disk then."""
        parts = tuple(writer.close() for writer in self._writers.values())
        sync(self._folder)
        return parts


class PartReader:
    """Reads batches of the parts in a folder; a part stays open from its first batch on. Not for several threads at once."""

    def __init__(self, folder: Path, parts: Iterable[Part]) -> None:
        self._folder = folder
        self._parts = {part.number: part for part in parts}
        self._open: dict[int, pq.ParquetFile] = {}

    def read(self, batch: Batch) -> pa.Array[Any]:
        """The identifiers of a batch, as an Arrow array of bytes; of fixed width where the type has one."""
        part = self._parts[batch.part]
        file = self._open.get(part.number)
        if file is None:
            file = self._open[part.number] = pq.ParquetFile(self._folder / part.path, pre_buffer=False)
        group, start = divmod(batch.offset, part.group_rows)
        column = file.read_row_group(group, columns=["id"], use_threads=False).column("id")
        return column.slice(start, batch.rows).combine_chunks()

    def close(self) -> None:
        """Close the files."""
        for file in self._open.values():
            file.close()

    def __enter__(self) -> PartReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_batch(folder: Path, part: Part, batch: Batch) -> pa.Array[Any]:
    """The identifiers of one batch, as an Arrow array of bytes."""
    with PartReader(folder, [part]) as reader:
        return reader.read(batch)


def read_part(folder: Path, part: Part) -> Iterator[pa.Array[Any]]:
    """The identifiers of a part in their order, some batches at a time."""
    with pq.ParquetFile(folder / part.path, pre_buffer=False) as file:
        for first in range(0, file.num_row_groups, GROUPS):
            groups = list(range(first, min(first + GROUPS, file.num_row_groups)))
            yield file.read_row_groups(groups, columns=["id"], use_threads=False).column("id").combine_chunks()


def locate_in(folder: Path, part: Part, value: bytes) -> int | None:
    """The row (0-based) of an identifier in a part, or None: since they are in order, few batches are read."""
    sought = pa.scalar(value, storage(part.id_type))
    with pq.ParquetFile(folder / part.path, pre_buffer=False) as file:

        def ids(group: int) -> pa.Array[Any]:
            return file.read_row_group(group, columns=["id"], use_threads=False).column("id").combine_chunks()

        def first_key(group: int) -> int:
            return int(keys_of(ids(group).slice(0, 1))[0])

        group = max(bisect_left(range(file.num_row_groups), key(value), key=first_key) - 1, 0)
        while group < file.num_row_groups and first_key(group) <= key(value):
            place = pc.index(ids(group), sought).as_py()
            if place >= 0:
                return group * part.group_rows + int(place)
            group += 1
    return None
