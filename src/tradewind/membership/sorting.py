"""Identifiers as they come -> buckets of different ones in the order of their keys, and who shares which."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tradewind.membership.buckets import Keys, keys_of

ROWS = 1 << 20
"""So many wait in memory; then they are cut into buckets and go to the disk."""


class Sorter:
    """Takes rows (`id`, binary without nulls, and any columns beside it) in any order and gives them bucket by bucket.

    `aside` is a file of its own, which is made when more rows come than may be `waiting`. Not for several threads at once.
    """

    def __init__(self, schema: pa.Schema, buckets: int, aside: Path, waiting: int = ROWS) -> None:
        self._schema, self._buckets, self._aside, self._most = schema, buckets, aside, waiting
        self._waiting: list[pa.RecordBatch] = []
        self._rows = self._cuts = 0
        self._sink: pa.OSFile | None = None
        self._writer: pa.RecordBatchFileWriter | None = None

    def add(self, rows: pa.RecordBatch) -> None:
        """Take some more. Raises OSError when they cannot be laid aside."""
        self._waiting.append(rows)
        self._rows += len(rows)
        if self._rows < self._most:
            return
        if self._writer is None:
            self._sink = pa.OSFile(str(self._aside), "wb")
            self._writer = pa.ipc.new_file(self._sink, self._schema)
        for piece in self._cut():
            self._writer.write_batch(piece)
        self._cuts += 1

    def end(self) -> None:
        """No more come. Raises OSError as `add` does."""
        if self._writer is not None and self._sink is not None:
            with self._sink:
                self._writer.close()

    def buckets(self) -> Iterator[pa.Table]:
        """The rows of each bucket, all of them once, in no order, after `end`. Memory holds one bucket, and those rows that wait."""
        late = self._cut()
        if self._writer is None:
            yield from (pa.Table.from_batches([piece]) for piece in late)
            return
        with pa.OSFile(str(self._aside), "rb") as source, pa.ipc.open_file(source) as file:
            for number in range(self._buckets):
                cuts = [file.get_batch(cut * self._buckets + number) for cut in range(self._cuts)]
                yield pa.Table.from_batches([*cuts, late[number]])

    def _cut(self) -> list[pa.RecordBatch]:
        """The waiting rows, those of each bucket together."""
        table = pa.Table.from_batches(self._waiting, self._schema)
        rows = pa.RecordBatch.from_arrays([_whole(column) for column in table.columns], schema=self._schema)
        self._waiting, self._rows = [], 0
        if self._buckets == 1:
            return [rows]
        numbers = (keys_of(rows.column(0)) >> np.uint64(56)).astype(np.uint16) * np.uint16(self._buckets) // np.uint16(256)
        order = np.argsort(numbers.astype(np.uint8), kind="stable")
        ends = np.cumsum(np.bincount(numbers, minlength=self._buckets))
        sorted_rows = rows.take(order)
        return [sorted_rows.slice(start, end - start) for start, end in zip((0, *ends[:-1]), ends, strict=True)]


def different(rows: pa.Table) -> tuple[pa.Array[Any], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The different identifiers of a bucket, by key and then by themselves; the order of its rows; where in it each one's begin."""
    ids = _whole(rows.column("id"))
    keys = keys_of(ids)
    order = _by_key(keys)
    keys, ids = keys[order], ids.take(order)
    alike = np.flatnonzero(keys[1:] == keys[:-1])
    if len(alike) and not _same(ids, alike).all():  # a key of several identifiers: seldom
        table = pa.table({"key": keys, "id": ids})
        again = pc.sort_indices(table, sort_keys=[("key", "ascending"), ("id", "ascending")]).to_numpy()
        order, ids = order[again], ids.take(again)
        alike = alike[_same(ids, alike)]
    if not len(alike):
        return ids, order, np.arange(len(ids))
    first = np.ones(len(ids), np.bool_)
    first[alike + 1] = False
    return ids.filter(pa.array(first)), order, np.flatnonzero(first)


def _same(ids: pa.Array[Any], places: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether the identifiers at some places are followed by themselves."""
    equal = pc.equal(ids.take(places), ids.take(places + 1))
    return np.asarray(equal.to_numpy(zero_copy_only=False), np.bool_)


def _by_key(keys: Keys) -> npt.NDArray[np.int64]:
    """Their order: by the sixteen highest bits in which they differ, which numpy does digit by digit, then within what is nearly sorted."""
    if not len(keys):
        return np.zeros(0, np.int64)
    least = keys.min()
    shift = max(int(keys.max() - least).bit_length() - 16, 0)
    rough = np.argsort(((keys - least) >> np.uint64(shift)).astype(np.uint16), kind="stable")
    order: npt.NDArray[np.int64] = rough[np.argsort(keys[rough], kind="stable")]
    return order


def _whole(column: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    """A column as one piece."""
    pieces: list[pa.Array[Any]] = list(column.iterchunks())
    return pieces[0] if len(pieces) == 1 else pa.concat_arrays([pa.nulls(0, column.type), *pieces])
