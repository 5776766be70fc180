"""Identifiers as columns in the order of their keys, each with a fact: cut into buckets, and found in one another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tradewind.errors import EngineError
from tradewind.membership.buckets import Keys, keys_of

Places = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

FEW = 4
"""So many times fewer identifiers than those among which they are sought are few."""

NO_FACT: npt.NDArray[Any] = np.zeros(1, np.int8)
"""The facts of identifiers of which nothing more is to be said."""


@dataclass(frozen=True)
class Rows:
    """Identifiers of one type (binary, without nulls), their keys in order, and for each the place of its fact in `facts`."""

    ids: pa.Array[Any]
    keys: Keys
    codes: npt.NDArray[np.int32]
    facts: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.keys)

    def part(self, start: int, stop: int) -> Rows:
        """The rows from `start` to before `stop`."""
        return Rows(self.ids.slice(start, stop - start), self.keys[start:stop], self.codes[start:stop], self.facts)

    def where(self, wanted: Flags) -> Rows:
        """The rows that are wanted; most often all of them."""
        if wanted.all():
            return self
        return Rows(self.ids.filter(pa.array(wanted)), self.keys[wanted], self.codes[wanted], self.facts)

    def compact(self) -> Rows:
        """The same with the facts that are still true of somebody."""
        if not len(self):
            return replace(self, facts=self.facts[:0])
        first, last = int(self.codes.min()), int(self.codes.max())
        if first or last + 1 < len(self.facts):  # most often those of a few batches in a row
            return replace(self, codes=self.codes - np.int32(first), facts=self.facts[first : last + 1]).compact()
        used = np.zeros(len(self.facts), np.bool_)
        used[self.codes[:1]] = True
        used[self.codes[1:][self.codes[1:] != self.codes[:-1]]] = True  # most often neighbours share a fact
        if used.all():
            return self
        places = (np.cumsum(used) - 1).astype(np.int32)
        return replace(self, codes=places[self.codes], facts=self.facts[used])


def rows_of(ids: pa.Array[Any], codes: npt.NDArray[np.int32] | None = None, facts: npt.NDArray[Any] = NO_FACT) -> Rows:
    """Rows of identifiers that are in order already."""
    return Rows(ids, keys_of(ids), np.zeros(len(ids), np.int32) if codes is None else codes, facts)


def together(pieces: Sequence[Rows]) -> Rows:
    """Pieces that follow one another, as one."""
    if len(pieces) == 1:
        return pieces[0]
    first = pieces[0].facts
    if all(piece.facts is first for piece in pieces):
        codes, facts = [piece.codes for piece in pieces], first
    else:
        shifts = np.cumsum([0, *(len(piece.facts) for piece in pieces[:-1])])
        codes = [piece.codes + np.int32(shift) for piece, shift in zip(pieces, shifts, strict=True)]
        facts = np.concatenate([piece.facts for piece in pieces])
    ids = pa.concat_arrays([piece.ids for piece in pieces])
    return Rows(ids, np.concatenate([piece.keys for piece in pieces]), np.concatenate(codes), facts)


def by_bucket(pieces: Iterable[Rows], count: int, empty: Rows) -> Iterator[Rows]:
    """Pieces of any size, one after the other in order -> for each of `count` buckets its rows; `empty` where it has none.

    Raises EngineError when they are not in order: what is looked up in them would be overlooked.
    """
    waiting: Rows | None = empty
    source = iter(pieces)
    for number in range(count):
        found = []
        while waiting is not None:
            end = len(waiting) if number == count - 1 else int(np.searchsorted(waiting.keys, np.uint64((number + 1 << 64) // count)))
            if end:
                found.append(waiting.part(0, end))
            if end < len(waiting):
                waiting = waiting.part(end, len(waiting))
                break
            waiting = _following(waiting, source)
        yield together(found) if found else empty


def _following(before: Rows, source: Iterator[Rows]) -> Rows | None:
    """The next piece that has rows."""
    for piece in source:
        if not len(piece):
            continue
        if (len(before) and piece.keys[0] < before.keys[-1]) or (piece.keys[1:] < piece.keys[:-1]).any():
            raise EngineError(
                "identifiers in a file are not in their order: the file is damaged; tradewind ledger verify says what can be mended"
            )
        return piece
    return None


def find(sought: Rows, among: Rows) -> Places:
    """For each row of `sought` the place of the same identifier in `among`, or -1."""
    if not len(among) or not len(sought):
        return np.full(len(sought), -1, np.int64)
    places = _nearest(sought.keys, among.keys)
    near = among.keys.take(places) == sought.keys
    same = near & _equal(sought.ids, among.ids, places)
    found: Places = np.where(same, places, -1)
    if (others := near & ~same).any():
        found[others] = _among_equal_keys(sought, among, others)
    return found


def _nearest(sought: Keys, among: Keys) -> Places:
    """For each key the place of one that is equal, if there is any. Many are met by going through both, few by looking each up."""
    if len(sought) * FEW < len(among):
        return np.minimum(np.searchsorted(among, sought), len(among) - 1)
    before = np.flatnonzero(_in_order(among, sought) >= len(among)) - np.arange(len(sought))
    places: Places = np.maximum(before - 1, 0)
    return places


def _in_order(one: Keys, other: Keys) -> Places:
    """The places of both, one after the other, in their common order: two sorted runs, which a stable sort merges in one pass."""
    return np.argsort(np.concatenate([one, other]), kind="stable")


def _equal(sought: pa.Array[Any], among: pa.Array[Any], places: Places) -> Flags:
    """Whether each identifier is the one at its place; of a GUID the second half tells, since the keys are equal."""
    if isinstance(sought.type, pa.FixedSizeBinaryType):
        same: Flags = _halves(among)[places] == _halves(sought)
        return same
    return np.asarray(pc.equal(sought, among.take(places)).to_numpy(zero_copy_only=False), np.bool_)


def _halves(ids: pa.Array[Any]) -> npt.NDArray[np.uint64]:
    buffer = ids.buffers()[1]
    assert buffer is not None, "an array with rows has a buffer"
    return np.frombuffer(memoryview(buffer), np.uint64)[2 * ids.offset : 2 * (ids.offset + len(ids))][1::2]


def _among_equal_keys(sought: Rows, among: Rows, others: Flags) -> Places:
    """The same for the few whose key belongs to several identifiers: by the whole identifier."""
    places = np.flatnonzero(np.isin(among.keys, sought.keys[others]))
    found = pc.index_in(sought.ids.filter(pa.array(others)), value_set=among.ids.take(places))
    missing = found.is_null().to_numpy(zero_copy_only=False)
    chosen: Places = np.where(missing, -1, places[found.fill_null(0).to_numpy(zero_copy_only=False)])
    return chosen


def insert(into: Rows, more: Rows) -> Rows:
    """Both in one order; they share their facts, and no identifier."""
    if not len(more):
        return into
    if not len(into):
        return more
    order = _in_order(into.keys, more.keys)
    ids = pa.concat_arrays([into.ids, more.ids]).take(order)
    keys, codes = (np.concatenate([one, other])[order] for one, other in ((into.keys, more.keys), (into.codes, more.codes)))
    return Rows(ids, keys, codes, into.facts)
