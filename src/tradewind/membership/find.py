"""One identifier looked up: in what a segment is believed to hold, and in the delta of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tradewind.membership.buckets import Buckets, bucket, bucket_name
from tradewind.membership.facts import NEVER, moment, removed
from tradewind.membership.files import read_bucket, readable, storage
from tradewind.membership.parts import locate_in
from tradewind.model.identifier import IdType
from tradewind.model.plan import Part


@dataclass(frozen=True)
class Held:
    """What a membership says of one identifier. The true expiry lies between `expires_from` and `expires_until`.

    `batch` is the number, within its run, of the batch that said so last. Times are aware, UTC.
    """

    since: datetime
    expires_from: datetime
    expires_until: datetime
    unknown_since: datetime | None
    batch: int


def find(held: Buckets, id_type: IdType, value: bytes) -> Held | None:
    """What a membership version says of an identifier, or None. Reads the identifier's own bucket and no other.

    Raises EngineError when the bucket is gone or damaged.
    """
    if id_type not in held.types:
        return None
    with readable(held):
        rows = read_bucket(held.place(id_type) / bucket_name(bucket(value, held.count), "arrow"), id_type)
        place = pc.index(rows.ids, pa.scalar(value, storage(id_type))).as_py()
    if place < 0:
        return None
    fact = rows.facts[rows.codes[place]]
    if removed(fact):
        return None
    doubt = int(fact["unknown_since"])
    since, first, last = (moment(int(fact[name])) for name in ("since", "expires_from", "expires_until"))
    return Held(since, first, last, None if doubt == NEVER else moment(doubt), int(fact["batch"]))


def locate(folder: Path, parts: Sequence[Part], value: bytes) -> tuple[tuple[Part, int], ...]:
    """Where an identifier stands in the parts of a delta: each part that has it, with its row (0-based).

    Raises EngineError when a part is gone or damaged.
    """
    with readable(None):
        found = [(part, locate_in(folder, part, value)) for part in parts]
    return tuple((part, row) for part, row in found if row is not None)
