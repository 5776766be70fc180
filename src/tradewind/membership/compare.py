"""Whether the files of a membership are whole, and whether two memberships say the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.membership.buckets import Buckets, bucket_name
from tradewind.membership.files import believed, no_belief, read_bucket, readable
from tradewind.membership.merge import there
from tradewind.membership.rows import by_bucket, find
from tradewind.model.identifier import IdType


def rows_in(path: Path) -> int | None:
    """The rows of a Parquet file as its own end says; None when it is gone or has no such end."""
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException):
        return None


def fault(held: Buckets, rows: int) -> str:
    """What is wrong with the files of a membership that should have so many rows; nothing when they are whole."""
    counts = {
        f"{id_type.value}/{name}": _rows_of(held.place(id_type) / name, id_type)
        for id_type in held.types
        for name in (bucket_name(number, "arrow") for number in range(held.count))
    }
    broken = [name for name, count in counts.items() if count is None]
    if broken:
        return f"{', '.join(broken[:3])}{' and others' if broken[3:] else ''} in {held.folder} is gone or damaged"
    found = sum(count or 0 for count in counts.values())
    return "" if found == rows else f"the files in {held.folder} have {found:,} rows, not the {rows:,} on record"


def _rows_of(path: Path, id_type: IdType) -> int | None:
    try:
        return there(read_bucket(path, id_type))
    except (OSError, pa.ArrowException):
        return None


def differences(one: Buckets, other: Buckets) -> int:
    """How many rows are in one membership and not, fact for fact, in the other; of both sides together.

    Memory is bounded by one bucket. Raises EngineError when a file is gone or damaged.
    """
    found = 0
    finest = max(one.count, other.count)
    with readable(other):
        for id_type in sorted({*one.types, *other.types}):
            sides = (by_bucket(believed(each, id_type), finest, no_belief(id_type)) for each in (one, other))
            for left, right in zip(*sides, strict=True):
                places = find(left, right)
                both = places >= 0
                same = left.facts[left.codes[both]] == right.facts[right.codes[places[both]]]
                found += len(left) + len(right) - 2 * int(np.count_nonzero(same))
    return found
