"""Which bucket an identifier lives in: by a byte that is evenly spread, so that a diff goes bucket by bucket."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

MILLION = 1_000_000

FINEST = 256
"""The most buckets there are; what is in their order is in the order of any other number of buckets too."""


def buckets_for(rows: int) -> int:
    """How many buckets so many identifiers take: 1 up to a million, 64 up to 64 million, 256 above."""
    return 1 if rows <= MILLION else 64 if rows <= 64 * MILLION else 256


def bucket(value: bytes, buckets: int) -> int:
    """The bucket of an identifier. A GUID goes by its first byte; a UID2, whose first bytes can be constant, by its ninth.

    The high bits decide, so that each of 64 buckets is exactly four of 256.
    """
    return (value[0] if len(value) == 16 else value[8]) * buckets // 256


def bucket_sql(column: str, buckets: int) -> str:
    """The same as a DuckDB expression over a BLOB column."""
    if buckets == 1:
        return "0"
    digits = f"substr(hex({column}), CASE WHEN octet_length({column}) = 16 THEN 1 ELSE 17 END, 2)"
    return f"((('0x' || {digits})::UTINYINT)::INTEGER * {buckets} // 256)"


def order_sql(column: str) -> str:
    """The order of identifiers in which every number of buckets is in order too, as DuckDB expressions to sort by."""
    return f"{bucket_sql(column, FINEST)}, {column}"


def bucket_array(ids: pa.Array[Any], buckets: int) -> npt.NDArray[np.int64]:
    """The same of a binary array without nulls."""
    _, offsets, values = ids.buffers()
    if not len(ids) or offsets is None or values is None:
        return np.zeros(len(ids), np.int64)
    places = np.frombuffer(memoryview(offsets), np.int32, len(ids) + 1, ids.offset * 4)
    deciding = places[:-1] + np.where(np.diff(places) == 16, 0, 8)
    deciders: npt.NDArray[np.int64] = np.frombuffer(memoryview(values), np.uint8)[deciding].astype(np.int64)
    return deciders * buckets // 256


def bucket_name(number: int) -> str:
    """The file of a bucket."""
    return f"bucket-{number:02x}.parquet"
