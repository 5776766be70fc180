"""The next version of a membership: what was held, changed by what the platform acknowledged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tradewind.compute import Bounds, connect, literal
from tradewind.durable import sync
from tradewind.errors import Bug
from tradewind.membership.buckets import bucket_array, bucket_name
from tradewind.membership.diff import Buckets, held_bucket, readable
from tradewind.model.plan import Batch, Operation, Part
from tradewind.model.run import BatchState, Line, Outcome

ACCEPTED, UNKNOWN, KEPT = "accepted", "unknown", "kept"
OUTCOMES = (ACCEPTED, UNKNOWN, KEPT)

OUTCOME = pa.schema(
    [
        ("operation", pa.dictionary(pa.int8(), pa.string())),
        ("id_type", pa.dictionary(pa.int8(), pa.string())),
        ("id", pa.binary()),
        ("outcome", pa.int8()),
        ("stamp", pa.timestamp("us")),
        ("batch", pa.int64()),
    ]
)
"""An identifier of a delta: what was wished for it, how that ended (its place in OUTCOMES), and when and in which batch it was sent."""


GROUPS = 16
"""Row groups of a part that are read at once."""


@dataclass(frozen=True)
class Fate:
    """How the rows of a batch ended: all `accepted`, all `unknown` or all `kept` as before (never applied).

    The rows at `refused` (0-based) were refused by the platform and stay as before.
    """

    batch: Batch
    outcome: str
    refused: tuple[int, ...] = ()


def fates_of(settled: Iterable[tuple[Batch, BatchState, Outcome | None, Sequence[Line]]]) -> list[Fate]:
    """How each batch ended, from the ledger's rows: what may have been applied is unknown, what surely was not is kept."""
    fates = []
    for batch, state, outcome, lines in settled:
        if outcome is None:
            fates.append(Fate(batch, UNKNOWN if state is BatchState.SENT else KEPT))
        else:
            refused = tuple(sorted(line.item for line in lines))
            ended = Fate(batch, UNKNOWN if outcome.unknown else ACCEPTED, refused)
            fates += _in_doubt(ended) if state is BatchState.SENT and refused else [ended]
    return fates


def _in_doubt(ended: Fate) -> Iterator[Fate]:
    """The same, where an attempt before the last may have been applied: then a refusal says nothing of those it names."""
    batch, start = ended.batch, 0
    for item in (*ended.refused, batch.rows):
        if item > start:
            yield Fate(replace(batch, offset=batch.offset + start, rows=item - start), ended.outcome)
        if item < batch.rows:
            yield Fate(replace(batch, offset=batch.offset + item, rows=1), UNKNOWN)
        start = item + 1


def merge(
    held: Buckets | None,
    delta: Path,
    parts: Sequence[Part],
    fates: Sequence[Fate],
    *,
    out: Buckets,
    ttl: timedelta,
    now: datetime,
    bounds: Bounds,
) -> int:
    """Write the next version into `out` and return its rows; identifiers that lapsed by `now` are left out.

    Columns: id_type, id, since, expires_from, expires_until, unknown_since, batch. The true expiry lies between
    `expires_from` and `expires_until`; they differ only where an outcome is unknown. Memory is bounded by one bucket.
    Raises EngineError when a file is gone or damaged.
    """
    out.folder.mkdir(parents=True, exist_ok=True)
    sent_parts = [part for part in parts if held or part.operation is not Operation.REMOVE]
    rows, moment = 0, now.astimezone(UTC).replace(tzinfo=None)
    with readable(held), connect(bounds) as duck:
        for number, sent in enumerate(_outcomes(delta, sent_parts, fates, out.count)):
            if held is None:
                table = _first(sent, ttl)
            else:
                duck.register("sent", sent)
                table = duck.sql(_changed(held_bucket(held, number, out.count), ttl)).to_arrow_table()
            alive = _where(table, pc.greater(table.column("expires_until"), pa.scalar(moment, pa.timestamp("us"))))
            _write_bucket(alive, out.folder / bucket_name(number))
            rows += alive.num_rows
    sync(out.folder)
    return rows


def _outcomes(folder: Path, parts: Sequence[Part], fates: Sequence[Fate], buckets: int) -> Iterator[pa.Table]:
    """For each bucket in turn, what was wished for its identifiers in the delta that were sent, and how it ended."""
    streams = [
        _by_bucket(_pieces(folder, part, _Fates([fate for fate in fates if fate.batch.part == part.number]), buckets), buckets)
        for part in parts
    ]
    for _ in range(buckets):
        yield pa.concat_tables([OUTCOME.empty_table(), *(table for stream in streams for table in next(stream))])


def _by_bucket(pieces: Iterator[tuple[int, pa.Table]], buckets: int) -> Iterator[list[pa.Table]]:
    """Pieces in the order of their buckets -> for each bucket its pieces."""
    waiting = next(pieces, None)
    for number in range(buckets):
        found = []
        while waiting is not None and waiting[0] == number:
            found.append(waiting[1])
            waiting = next(pieces, None)
        if waiting is not None and waiting[0] < number:
            raise Bug("the identifiers of a delta are not in the order of their buckets")
        yield found


def _pieces(folder: Path, part: Part, fates: _Fates, buckets: int) -> Iterator[tuple[int, pa.Table]]:
    """A part, some row groups at a time, cut where one bucket ends and the next begins."""
    with pq.ParquetFile(folder / part.path, pre_buffer=False) as file:
        row = 0
        for groups in (range(file.num_row_groups)[first : first + GROUPS] for first in range(0, file.num_row_groups, GROUPS)):
            ids = file.read_row_groups(list(groups), columns=["id"], use_threads=False).column("id").combine_chunks().cast(pa.binary())
            words = [_same(part.operation.value, len(ids)), _same(part.id_type.value, len(ids))]
            table = pa.Table.from_arrays([*words, ids, *fates.of(row, row + len(ids))], schema=OUTCOME)
            row += len(ids)
            of = bucket_array(ids, buckets)
            edges = [0, *(np.flatnonzero(np.diff(of)) + 1).tolist(), len(ids)]
            yield from ((int(of[start]), table.slice(start, end - start)) for start, end in pairwise(edges))


class _Fates:
    """How the rows of one part ended, by their place in it."""

    def __init__(self, fates: Sequence[Fate]) -> None:
        ordered = sorted(fates, key=lambda fate: fate.batch.offset)
        stamps = [fate.batch.stamp and fate.batch.stamp.astimezone(UTC).replace(tzinfo=None) for fate in ordered]
        self.starts = np.array([fate.batch.offset for fate in ordered], np.int64)
        self.outcomes = np.array([OUTCOMES.index(fate.outcome) for fate in ordered], np.int8)
        self.refused = np.array(sorted(fate.batch.offset + item for fate in ordered for item in fate.refused), np.int64)
        self.stamps = pa.array(stamps, pa.timestamp("us"))
        self.numbers = pa.array([fate.batch.number for fate in ordered], pa.int64())

    def of(self, start: int, stop: int) -> tuple[pa.Array[Any], ...]:
        """Outcome, stamp and batch of the rows from `start` to before `stop`."""
        which = np.searchsorted(self.starts, np.arange(start, stop), "right") - 1
        outcome = self.outcomes[which]
        outcome[self.refused[slice(*np.searchsorted(self.refused, (start, stop)))] - start] = OUTCOMES.index(KEPT)
        return (
            pa.array(outcome),
            self.stamps.take(which),
            self.numbers.take(which),
        )


def _same(word: str, rows: int) -> pa.Array[Any]:
    """One word in every row."""
    return pa.DictionaryArray.from_arrays(np.zeros(rows, np.int8), pa.array([word]))


def _first(sent: pa.Table, ttl: timedelta) -> pa.Table:
    """What a segment holds to which nothing was sent before, so that nobody could be removed: those added, for certain or perhaps."""
    added = _where(sent, pc.not_equal(sent.column("outcome"), _code(KEPT)))
    stamp, certain = added.column("stamp"), pc.equal(added.column("outcome"), _code(ACCEPTED))
    expiry = pc.add(stamp, pa.scalar(ttl, pa.duration("us")))
    nothing = pa.scalar(None, pa.timestamp("us"))
    return pa.table(
        {
            "id_type": added.column("id_type"),
            "id": added.column("id"),
            "since": stamp,
            "expires_from": pc.if_else(certain, expiry, stamp),
            "expires_until": expiry,
            "unknown_since": pc.if_else(certain, nothing, stamp),
            "batch": added.column("batch"),
        }
    )


def _code(outcome: str) -> pa.Int8Scalar:
    return pa.scalar(OUTCOMES.index(outcome), pa.int8())


def _where(rows: pa.Table, wanted: Any) -> pa.Table:
    """The rows that are wanted; most often all of them."""
    return rows if pc.all(wanted, skip_nulls=False).as_py() else rows.filter(wanted)


def _changed(held: str, ttl: timedelta) -> str:
    """What a segment holds of one bucket: a row of `held` and one of `sent`, or either of them, to what is believed now."""
    removing = f"n.operation = {literal(Operation.REMOVE.value)}"
    expiry = f"(n.stamp + INTERVAL {int(ttl.total_seconds())} SECOND)"
    accepted, kept = (f"n.outcome = {OUTCOMES.index(outcome)}" for outcome in (ACCEPTED, KEPT))
    same = f"(n.id IS NULL OR {kept})"
    return f"""
        SELECT coalesce(o.id_type, n.id_type) AS id_type, coalesce(o.id, n.id) AS id, coalesce(o.since, n.stamp) AS since,
               CASE WHEN {same} THEN o.expires_from WHEN {accepted} THEN {expiry}
                    WHEN {removing} THEN n.stamp ELSE coalesce(o.expires_from, n.stamp) END AS expires_from,
               CASE WHEN {same} OR {removing} THEN o.expires_until ELSE {expiry} END AS expires_until,
               CASE WHEN {same} THEN o.unknown_since WHEN {accepted} THEN NULL
                    ELSE coalesce(o.unknown_since, n.stamp) END AS unknown_since,
               CASE WHEN {same} THEN o.batch ELSE n.batch END AS batch
        FROM {held} AS o FULL JOIN sent AS n ON o.id_type = n.id_type AND o.id = n.id
        WHERE (NOT ({removing} AND {accepted})) IS NOT FALSE AND (o.id IS NOT NULL OR NOT {kept})
        ORDER BY id_type, id"""


def _write_bucket(rows: pa.Table, path: Path) -> None:
    """Identifiers are as good as random and do not shrink; the rest nearly vanishes."""
    rest = [name for name in rows.column_names if name != "id"]
    packing: Any = dict.fromkeys(rest, "zstd") | {"id": "none"}
    repeating: Any = rest
    pq.write_table(rows, path, compression=packing, use_dictionary=repeating, write_statistics=["id"], store_schema=False)
    sync(path)
