"""Who is still in a segment and until when, and the wish that nobody is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.compute import Bounds, connect, literal
from tradewind.durable import sync
from tradewind.membership.buckets import bucket_name
from tradewind.membership.diff import Buckets, readable

NOBODY = pa.table({"id_type": pa.array([], pa.string()), "id": pa.array([], pa.binary())})
"""Wanted identifiers, of which there are none."""


@dataclass(frozen=True)
class Left:
    """How many identifiers may be in a segment, and when the last of them lapses; None when there is none."""

    count: int
    until: datetime | None


def left_in(held: Buckets, now: datetime, bounds: Bounds) -> Left:
    """Who has not lapsed by `now`, those in doubt among them. Raises EngineError when a file is gone or damaged."""
    files = ", ".join(literal(held.folder / bucket_name(number)) for number in range(held.count))
    moment = literal(now.astimezone(UTC).replace(tzinfo=None).isoformat())
    query = f"SELECT count(*), max(expires_until) FROM read_parquet([{files}]) WHERE expires_until > {moment}::TIMESTAMP"
    with readable(held), connect(bounds) as duck:
        found = duck.execute(query).fetchone()
    count, until = found or (0, None)
    return Left(int(count), until and until.replace(tzinfo=UTC))


def nobody(folder: Path, count: int) -> Buckets:
    """The files of a wish for nobody, in so many buckets."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pq.write_table(NOBODY, folder / bucket_name(number))
    sync(folder)
    return Buckets(folder, count)
