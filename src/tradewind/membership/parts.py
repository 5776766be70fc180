"""Files of a delta: written in row groups of exactly one batch, so that a batch is read by its offset alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.durable import sync
from tradewind.model.identifier import IdType
from tradewind.model.plan import Batch, Operation, Part

WIDTHS = {IdType.TDID: 16, IdType.DAID: 16}
"""Identifiers of one fixed width in bytes; UID2 has 32 or 33."""


class PartWriter:
    """Writes one part; identifiers arrive in any portions and leave in groups of `group_rows`."""

    def __init__(self, path: Path, number: int, operation: Operation, id_type: IdType, group_rows: int, *, urgent: bool = False) -> None:
        width = WIDTHS.get(id_type)
        self.schema = pa.schema([("id", pa.binary(width) if width else pa.binary())])
        self.part = Part(number, operation, id_type, path.name, 0, group_rows, urgent)
        self.path, self.rows = path, 0
        self._waiting = self.schema.empty_table()
        self._writer = pq.ParquetWriter(path, self.schema, compression="none", use_dictionary=False, write_statistics=False)

    def write(self, ids: pa.ChunkedArray[Any]) -> None:
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
