"""The next version of a membership: what was held, changed by what the platform acknowledged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tradewind.durable import sync
from tradewind.membership.buckets import Buckets, bucket_name
from tradewind.membership.facts import (
    ACCEPTED,
    FATE,
    KEPT,
    NEVER,
    NOTHING,
    OUTCOMES,
    UNKNOWN,
    Fates,
    after,
    after_again,
    late,
    micros,
    removed,
)
from tradewind.membership.facts import settled as settled_facts
from tradewind.membership.files import believed, no_belief, no_rows, readable, write_bucket
from tradewind.membership.parts import read_part
from tradewind.membership.rows import Flags, Places, Rows, by_bucket, find, insert, rows_of, together
from tradewind.model.identifier import IdType
from tradewind.model.plan import Batch, Part
from tradewind.model.run import BatchState, Line, Outcome


@dataclass(frozen=True)
class Fate:
    """How the rows of a batch ended: all `accepted`, all `unknown` or all `kept` as before (never applied).

    The rows at `refused` (0-based) were refused by the platform and stay as before. `doubted` is when the last request with it
    began whose answer was lost.
    """

    batch: Batch
    outcome: str
    refused: tuple[int, ...] = ()
    doubted: datetime | None = None


def fates_of(
    settled: Iterable[tuple[Batch, BatchState, Outcome | None, Sequence[Line]]], doubts: Mapping[int, datetime] | None = None
) -> list[Fate]:
    """How each batch ended, from the ledger's rows: what may have been applied is unknown, what surely was not is kept.

    `doubts` says by number of a batch when the last request with it began whose answer was lost.
    """
    fates = []
    for batch, state, outcome, lines in settled:
        doubted = (doubts or {}).get(batch.number)
        if outcome is None:
            fates.append(Fate(batch, UNKNOWN if state is BatchState.SENT else KEPT, doubted=doubted))
        else:
            refused = tuple(sorted(line.item for line in lines))
            ended = Fate(batch, UNKNOWN if outcome.unknown else ACCEPTED, refused, doubted)
            fates += _in_doubt(ended) if state is BatchState.SENT and refused else [ended]
    return fates


def _in_doubt(ended: Fate) -> Iterator[Fate]:
    """The same, where an attempt before the last may have been applied: then a refusal says nothing of those it names."""
    batch, start = ended.batch, 0
    for item in (*ended.refused, batch.rows):
        if item > start:
            yield Fate(replace(batch, offset=batch.offset + start, rows=item - start), ended.outcome, doubted=ended.doubted)
        if item < batch.rows:
            yield Fate(replace(batch, offset=batch.offset + item, rows=1), UNKNOWN, doubted=ended.doubted)
        start = item + 1


@dataclass(frozen=True)
class Sent:
    """What a run sent: the folder and the parts of its delta, how each batch ended, and the TTL that adds and refreshes had."""

    folder: Path
    parts: Sequence[Part]
    fates: Sequence[Fate]
    ttl: timedelta


def merge(held: Buckets | None, sent: Sent, *, out: Path, count: int, now: datetime, hold: timedelta) -> tuple[Buckets, int]:
    """Write the next version into the folder `out`, in `count` buckets a type; returns it, and how many it says are there.

    Identifiers that lapsed by `now` are left out; those that were removed stay on record as long as an earlier request may
    still be applied, which is for `hold`. Memory is bounded by one bucket. Raises EngineError when a file is gone or damaged.
    """
    parts = sent.parts
    types = sorted({*(held.types if held else ()), *(part.id_type for part in parts)})
    whole, rows = Buckets(out, count, tuple(types)), 0
    out.mkdir(parents=True, exist_ok=True)
    with readable(held):
        for id_type in types:
            whole.place(id_type).mkdir(parents=True, exist_ok=True)
            for number, believes in enumerate(_merged(held, sent, id_type, count)):
                lasting = _lasting(believes, now, now - hold)
                write_bucket(whole.place(id_type) / bucket_name(number, "arrow"), lasting)
                rows += there(lasting)
            sync(whole.place(id_type))
    sync(out)
    return whole, rows


def there(believes: Rows) -> int:
    """Of how many it is believed that they are in the segment, or may be."""
    gone = removed(believes.facts)
    return len(believes) - (int(np.count_nonzero(gone[believes.codes])) if gone.any() else 0)


def _lasting(believes: Rows, now: datetime, doubted_after: datetime) -> Rows:
    """The same without those of whom nothing more need be known."""
    facts = settled_facts(believes.facts, micros(doubted_after))
    lasts = (facts["expires_until"] > micros(now)) | (removed(facts) & (late(facts) != NEVER))
    lasting = replace(believes, facts=facts)
    return lasting if lasts.all() else lasting.where(lasts[believes.codes])


def _merged(held: Buckets | None, sent: Sent, id_type: IdType, count: int) -> Iterator[Rows]:
    """What is believed of the identifiers of one type, for each bucket of the next version."""
    finest = max(count, held.count if held else 1)
    mine = sorted((part for part in sent.parts if part.id_type is id_type), key=lambda part: part.again)
    streams = [by_bucket(_sent(sent, part), finest, no_rows(id_type)) for part in mine]
    ready: list[Rows] = []
    for before in by_bucket(believed(held, id_type), finest, no_belief(id_type)):
        believes = before
        for part, stream in zip(mine, streams, strict=True):
            believes = _applied(believes, next(stream), part, sent.ttl)
        ready.append(believes)
        if len(ready) == finest // count:
            yield together(ready)
            ready = []


def _applied(held: Rows, sent: Rows, part: Part, ttl: timedelta) -> Rows:
    """What is believed of a bucket once a part of the delta was sent: each pair of a fact and a fate gives one new fact."""
    if not len(sent):
        return held
    sent, change = sent.compact(), after_again if part.again else after
    if not len(held):
        told, gone = change(np.repeat(NOTHING, len(sent.facts)), sent.facts, part.operation, ttl)
        return _but(replace(sent, facts=told), gone)
    places = find(sent, held)
    here = places >= 0
    pairs = _old(held, places, here) * len(sent.facts) + sent.codes
    met = np.bincount(pairs, minlength=(len(held.facts) + 1) * len(sent.facts)) > 0
    codes = (np.cumsum(met, dtype=np.int32) + np.int32(len(held.facts) - 1))[pairs]
    before, fate = np.divmod(np.flatnonzero(met), len(sent.facts))
    told, gone = change(np.concatenate([NOTHING, held.facts])[before], sent.facts[fate], part.operation, ttl)
    changed, facts = held.codes.copy(), np.concatenate([held.facts, told])
    changed[places[here]] = codes[here]
    believes = insert(replace(held, codes=changed, facts=facts), replace(sent, codes=codes, facts=facts).where(~here))
    return _but(believes, np.concatenate([np.zeros(len(held.facts), np.bool_), gone]))


def _but(believes: Rows, gone: Flags) -> Rows:
    """The same without those of whom a fact says that nothing more is believed."""
    return believes.where(~gone[believes.codes]) if gone.any() else believes


def _old(held: Rows, places: Places, here: Flags) -> Places:
    """The place of each identifier's fact, counted from one; nought where nothing is believed of it."""
    if not here.any():
        return np.zeros(len(places), np.int64)
    return np.where(here, held.codes[places] + np.int64(1), 0)


def _sent(sent: Sent, part: Part) -> Iterator[Rows]:
    """The identifiers of a part, some batches at a time, each with its fate; one that no batch has is kept as it was."""
    mine = sorted((fate for fate in sent.fates if fate.batch.part == part.number), key=lambda fate: fate.batch.offset)
    told, kept, row, code = _table(mine), len(mine), 0, 0
    for ids in read_part(sent.folder, part):
        codes: npt.NDArray[np.int32] = np.full(len(ids), kept, np.int32)
        while code < kept and mine[code].batch.offset < row + len(ids):
            fate, start = mine[code], mine[code].batch.offset - row
            codes[max(start, 0) : start + fate.batch.rows] = code
            refused = np.array(fate.refused, np.int64) + start
            codes[refused[(refused >= 0) & (refused < len(ids))]] = kept
            if start + fate.batch.rows > len(ids):
                break
            code += 1
        yield rows_of(ids, codes, told)
        row += len(ids)


def _table(fates: Sequence[Fate]) -> Fates:
    """The fates as facts, and after them that of rows which were refused."""
    rows = [(OUTCOMES.index(each.outcome), _micros(each.batch.stamp), each.batch.number, _micros(each.doubted)) for each in fates]
    return np.array([*rows, (OUTCOMES.index(KEPT), NEVER, 0, NEVER)], FATE)


def _micros(moment: datetime | None) -> int:
    return NEVER if moment is None else micros(moment)
