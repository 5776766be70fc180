"""Whether the files of a membership are whole, and whether two memberships say the same."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.compute import Bounds, connect
from tradewind.membership.buckets import bucket_name
from tradewind.membership.diff import Buckets, held_bucket, readable


def rows_in(path: Path) -> int | None:
    """The rows of a Parquet file as its own end says; None when it is gone or has no such end."""
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException):
        return None


def fault(held: Buckets, rows: int) -> str:
    """What is wrong with the files of a membership that should have so many rows; nothing when they are whole."""
    counts = {name: rows_in(held.folder / name) for name in map(bucket_name, range(held.count))}
    broken = [name for name, count in counts.items() if count is None]
    if broken:
        return f"{', '.join(broken[:3])}{' and others' if broken[3:] else ''} in {held.folder} is gone or damaged"
    found = sum(count or 0 for count in counts.values())
    return "" if found == rows else f"the files in {held.folder} have {found:,} rows, not the {rows:,} on record"


def differences(one: Buckets, other: Buckets, bounds: Bounds) -> int:
    """How many rows are in one membership and not, column for column, in the other; of both sides together.

    Memory is bounded by one bucket. Raises EngineError when a file is gone or damaged.
    """
    count = 0
    with readable(other), connect(bounds) as duck:
        for number in range(one.count):
            left, right = (f"SELECT * FROM {held_bucket(each, number, one.count)}" for each in (one, other))
            query = f"SELECT count(*) FROM (({left} EXCEPT ALL {right}) UNION ALL ({right} EXCEPT ALL {left}))"
            found = duck.execute(query).fetchone()
            count += int(found[0]) if found else 0
    return count
