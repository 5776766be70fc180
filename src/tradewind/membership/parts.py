"""Files of a delta (Arrow): each record batch is exactly one batch of the plan, so that this is read by its offset alone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tradewind.durable import sync
from tradewind.membership.buckets import key, keys_of
from tradewind.membership.files import Events, storage
from tradewind.model.identifier import IdType
from tradewind.model.plan import Batch, Operation, Part
from tradewind.model.snapshot import LAST_EVENT


def part_name(number: int) -> str:
    """The file of a part."""
    return f"part-{number:04d}.arrow"


class PartWriter:
    """Writes one part; identifiers arrive in any portions and leave in groups of `group_rows`."""

    def __init__(
        self,
        path: Path,
        number: int,
        operation: Operation,
        id_type: IdType,
        group_rows: int,
        *,
        urgent: bool = False,
        again: bool = False,
        dated: bool = False,
    ) -> None:
        self.schema = pa.schema([("id", storage(id_type)), *([(LAST_EVENT, pa.timestamp("us"))] if dated else [])])
        self.part = Part(number, operation, id_type, path.name, 0, group_rows, urgent, again, dated)
        self.path, self.rows = path, 0
        self._waiting = self.schema.empty_table()
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._sink, self.schema)

    def write(self, ids: pa.Array[Any] | pa.ChunkedArray[Any], events: Events | None = None) -> None:
        """Take identifiers (bytes), of a dated part with their last events (as `last_events` gives them), and write every full group."""
        columns: dict[str, Any] = {"id": ids.cast(self.schema.field("id").type)}
        if self.part.dated and events is not None:
            columns[LAST_EVENT] = pa.array(events, pa.int64()).cast(pa.timestamp("us"))
        arriving = pa.table(columns, schema=self.schema)
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
        self._sink.close()
        sync(self.path)
        return replace(self.part, rows=self.rows)

    def _group(self, table: pa.Table) -> None:
        (batch,) = table.combine_chunks().to_batches()
        self._writer.write_batch(batch)
        self.rows += table.num_rows


class PartWriters:
    """Writes the parts of a delta into a folder, each as soon as something is in it."""

    def __init__(self, folder: Path, group_rows: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._group_rows = folder, group_rows
        self._writers: dict[tuple[Operation, IdType, bool, bool, bool], PartWriter] = {}

    def write(
        self,
        operation: Operation,
        id_type: IdType,
        ids: pa.Array[Any],
        *,
        urgent: bool = False,
        again: bool = False,
        events: Events | None = None,
    ) -> None:
        """Take identifiers that follow, in the order of their keys, those taken before for the same wish, with `events` or without."""
        dated = events is not None
        wish = operation, id_type, urgent, again, dated
        if wish not in self._writers:
            number = len(self._writers)
            path = self._folder / part_name(number)
            self._writers[wish] = PartWriter(path, number, operation, id_type, self._group_rows, urgent=urgent, again=again, dated=dated)
        self._writers[wish].write(ids, events)

    def close(self) -> tuple[Part, ...]:
        """Write what waits, and say what the parts hold; files and folder are on the disk then."""
        parts = tuple(writer.close() for writer in self._writers.values())
        sync(self._folder)
        return parts


class PartFile:
    """A part that is open; `groups` is how many batches the plan cut it into. Close it when done."""

    def __init__(self, path: Path) -> None:
        """Raises ArrowInvalid when the file is damaged, OSError when it is gone."""
        self._source = pa.OSFile(str(path), "rb")
        self._file = pa.ipc.open_file(self._source)
        self.groups: int = self._file.num_record_batches

    def ids(self, group: int) -> pa.Array[Any]:
        """The identifiers of a batch of the plan (0-based). Raises ArrowInvalid when the file is damaged."""
        return self._column(group, "id")

    def events(self, group: int) -> pa.Array[Any]:
        """The last events of those identifiers, as timestamps in microseconds, of a part that is dated. Raises the same."""
        return self._column(group, LAST_EVENT)

    def _column(self, group: int, name: str) -> pa.Array[Any]:
        batch = self._file.get_batch(group)
        batch.validate(full=True)
        return batch.column(name)

    def close(self) -> None:
        """Give the file back."""
        self._source.close()

    def __enter__(self) -> PartFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class PartReader:
    """Reads batches of the parts in a folder; a part stays open from its first batch on. Not for several threads at once."""

    def __init__(self, folder: Path, parts: Iterable[Part]) -> None:
        self._folder = folder
        self._parts = {part.number: part for part in parts}
        self._open: dict[int, PartFile] = {}

    def read(self, batch: Batch) -> pa.Array[Any]:
        """The identifiers of a batch, as an Arrow array of bytes; of fixed width where the type has one."""
        file, group, start = self._place(batch)
        return file.ids(group).slice(start, batch.rows)

    def events(self, batch: Batch) -> pa.Array[Any] | None:
        """What the person of each last did, as timestamps in microseconds; None where the part is not dated."""
        if not self._parts[batch.part].dated:
            return None
        file, group, start = self._place(batch)
        return file.events(group).slice(start, batch.rows)

    def _place(self, batch: Batch) -> tuple[PartFile, int, int]:
        part = self._parts[batch.part]
        if part.number not in self._open:
            self._open[part.number] = PartFile(self._folder / part.path)
        return self._open[part.number], *divmod(batch.offset, part.group_rows)

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
    """The identifiers of a part in their order, a batch of the plan at a time."""
    with PartFile(folder / part.path) as file:
        for group in range(file.groups):
            yield file.ids(group)


def count_in(folder: Path, part: Part) -> int | None:
    """How many identifiers the file of a part holds; None when it is gone or damaged."""
    try:
        return sum(len(ids) for ids in read_part(folder, part))
    except (OSError, pa.ArrowException):
        return None


def locate_in(folder: Path, part: Part, value: bytes) -> int | None:
    """The row (0-based) of an identifier in a part, or None: since they are in order, few batches are read."""
    sought = pa.scalar(value, storage(part.id_type))
    with PartFile(folder / part.path) as file:

        def first_key(group: int) -> int:
            return int(keys_of(file.ids(group).slice(0, 1))[0])

        group = max(bisect_left(range(file.groups), key(value), key=first_key) - 1, 0)
        while group < file.groups and first_key(group) <= key(value):
            place = pc.index(file.ids(group), sought).as_py()
            if place >= 0:
                return group * part.group_rows + int(place)
            group += 1
    return None
