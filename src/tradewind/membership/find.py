"""One identifier looked up: in what a segment is believed to hold, and in the delta of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tradewind.compute import Bounds, connect, literal
from tradewind.membership.buckets import bucket, bucket_name
from tradewind.membership.diff import Buckets, readable
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


def find(held: Buckets, id_type: IdType, value: bytes, bounds: Bounds) -> Held | None:
    """What a membership version says of an identifier, or None. Reads the identifier's own bucket and no other.

    Raises EngineError when the bucket is gone or damaged.
    """
    path = held.folder / bucket_name(bucket(value, held.count))
    query = (
        f"SELECT since, expires_from, expires_until, unknown_since, batch FROM read_parquet({literal(path)}) WHERE id_type = ? AND id = ?"
    )
    with readable(held), connect(bounds) as duck:
        row = duck.execute(query, [id_type.value, value]).fetchone()
    if row is None:
        return None
    since, expires_from, expires_until, unknown_since = (moment and moment.replace(tzinfo=UTC) for moment in row[:4])
    return Held(since, expires_from, expires_until, unknown_since, row[4])


def locate(folder: Path, parts: Sequence[Part], value: bytes, bounds: Bounds) -> tuple[tuple[Part, int], ...]:
    """Where an identifier stands in the parts of a delta: each part that has it, with its row (0-based).

    Raises EngineError when a part is gone or damaged.
    """
    if not parts:
        return ()
    reads = [
        f"SELECT {place} AS place, file_row_number AS row FROM read_parquet({literal(folder / part.path)}, file_row_number = true) "
        "WHERE id::BLOB = $value"
        for place, part in enumerate(parts)
    ]
    with readable(None), connect(bounds) as duck:
        rows = duck.execute(f"{' UNION ALL '.join(reads)} ORDER BY ALL", {"value": value}).fetchall()
    return tuple((parts[place], row) for place, row in rows)
