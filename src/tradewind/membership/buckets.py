"""Which bucket an identifier lives in, and in which order: by eight bytes that are evenly spread."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tradewind.model.identifier import IdType

MILLION = 1_000_000

WIDTHS = {IdType.TDID: 16, IdType.DAID: 16}
"""Identifiers of one fixed width in bytes; UID2 has 32 or 33."""

Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Buckets:
    """A folder of identifiers: for each of the types a folder of its name, with `count` files in it."""

    folder: Path
    count: int
    types: tuple[IdType, ...]

    def place(self, id_type: IdType) -> Path:
        """Where the files of a type are."""
        return self.folder / id_type.value


def buckets_for(rows: int) -> int:
    """How many buckets so many identifiers take: 1 up to a million, 64 up to 64 million, 256 above."""
    return 1 if rows <= MILLION else 64 if rows <= 64 * MILLION else 256


def key(value: bytes) -> int:
    """What an identifier is sorted by: the first eight bytes of a GUID; of a UID2, whose first bytes can be constant, those from the ninth.

    The high bits tell the bucket, so that each of 64 buckets is exactly four of 256. Few identifiers share a key, but some may.
    """
    return int.from_bytes(value[:8] if len(value) == 16 else value[8:16])


def bucket(value: bytes, buckets: int) -> int:
    """The bucket of an identifier."""
    return key(value) * buckets >> 64


def keys_of(ids: pa.Array[Any]) -> Keys:
    """The keys of a binary array without nulls, of fixed width or not."""
    buffers = ids.buffers()
    values = np.frombuffer(memoryview(buffers[-1] or b""), np.uint8)
    if not len(ids):
        return np.zeros(0, np.uint64)
    if isinstance(ids.type, pa.FixedSizeBinaryType):
        first, width = ids.offset * ids.type.byte_width, ids.type.byte_width
        return values[first : first + len(ids) * width].view(">u8")[:: width // 8].astype(np.uint64)
    places = np.frombuffer(memoryview(buffers[1] or b""), np.int32, len(ids) + 1, ids.offset * 4)
    deciding = places[:-1] + np.where(np.diff(places) == 16, 0, 8)
    keys: Keys = values[deciding[:, None] + np.arange(8)].view(">u8").ravel().astype(np.uint64)
    return keys


def bucket_name(number: int, suffix: str = "parquet") -> str:
    """The file of a bucket: identifiers alone are Parquet, a membership is Arrow."""
    return f"bucket-{number:02x}.{suffix}"
