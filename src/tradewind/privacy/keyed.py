"""Keyed hashes of identifiers: a quick one for whole columns and a long one for the few that it finds."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

Numbers = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]

AES_BLOCK, DIGEST = 16, 16
"""Bytes of a block of the cipher, and of the long hash: the first half of an HMAC-SHA256."""


class Keyer:
    """Hashes the identifiers of one project under keys of its own, so that no two projects have a hash in common.

    Neither hash depends on the type of an identifier: the same GUID is the same device whether it is called TDID or DAID.
    """

    def __init__(self, key: bytes, project: str) -> None:
        self._key, self._project = key, project.encode()
        self._digest_key = self._derived(b"digest", 0)

    def quick(self, ids: pa.Array[Any]) -> Numbers:
        """Eight bytes of each identifier, as numbers: the start of an AES-CBC-MAC, with a key for each length.

        `ids` is a binary array without nulls, of fixed width or not. About 10 ns each, which no HMAC reaches in Python.
        """
        found = np.empty(len(ids), np.uint64)
        for rows, matrix in _by_width(ids):
            found[rows] = self._quick(matrix)
        return found

    def digest(self, value: bytes) -> bytes:
        """Sixteen bytes of one identifier, an HMAC-SHA256."""
        return hmac.digest(self._digest_key, value, "sha256")[:DIGEST]

    def _quick(self, values: Bytes) -> Numbers:
        rows, width = values.shape
        blocks = -(-width // AES_BLOCK)
        if width % AES_BLOCK:
            padded = np.zeros((rows, blocks * AES_BLOCK), np.uint8)
            padded[:, :width] = values
            values = padded
        # Every identifier is its own message, all of one length, so its blocks are chained by hand and all identifiers at once.
        cipher = Cipher(algorithms.AES(self._derived(b"quick", width)[:AES_BLOCK]), modes.ECB()).encryptor()  # noqa: S305
        state = np.zeros((rows, AES_BLOCK), np.uint8)
        for block in range(blocks):
            text = np.ascontiguousarray(values[:, block * AES_BLOCK : (block + 1) * AES_BLOCK])
            state = np.frombuffer(cipher.update((text ^ state if block else text).data), np.uint8).reshape(rows, AES_BLOCK)
        return np.ascontiguousarray(state[:, :8]).view("<u8").reshape(rows).astype(np.uint64, copy=False)

    def _derived(self, use: bytes, width: int) -> bytes:
        return hmac.digest(self._key, b"%b\x00%d\x00%b" % (use, width, self._project), "sha256")


def _by_width(ids: pa.Array[Any]) -> Iterator[tuple[Any, Bytes]]:
    """The rows of each length of identifier, with their bytes as a matrix."""
    if not len(ids):
        return
    if pa.types.is_fixed_size_binary(ids.type):
        width = ids.type.byte_width
        yield slice(None), np.frombuffer(_buffer(ids, 1), np.uint8, len(ids) * width, ids.offset * width).reshape(len(ids), width)
        return
    ids = ids.cast(pa.binary())
    offsets = np.frombuffer(_buffer(ids, 1), np.int32, len(ids) + 1, ids.offset * 4)
    lengths, values = np.diff(offsets), np.frombuffer(_buffer(ids, 2), np.uint8)
    for width in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == width)
        if len(rows) == len(ids):
            yield slice(None), values[offsets[0] : offsets[-1]].reshape(len(ids), width)
        else:
            yield rows, values[offsets[:-1][rows][:, None] + np.arange(width)]


def _buffer(ids: pa.Array[Any], number: int) -> memoryview[int]:
    buffer = ids.buffers()[number]
    assert buffer is not None, "an array that is not empty has offsets and values"
    return memoryview(buffer)
