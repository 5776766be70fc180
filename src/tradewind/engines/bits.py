"""A set of people as one bit for each, eight to a byte: counted, joined and turned around at the speed of memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]


def packed(flags: Flags) -> Bits:
    """The first person in the lowest bit; what is left of the last byte is nobody."""
    return np.packbits(flags, bitorder="little")


def flags(bits: Bits, people: int) -> Flags:
    """The first so many people of a set, each with a byte of its own."""
    return np.unpackbits(bits, bitorder="little")[:people].astype(np.bool_)


def everybody(people: int) -> Bits:
    """All of so many people."""
    return packed(np.ones(people, np.bool_))


def count(bits: Bits) -> int:
    """How many are in a set."""
    return int(np.bitwise_count(bits).sum(dtype=np.int64))


def holds(bits: Bits, place: int) -> bool:
    """Whether one is in a set."""
    return bool(bits[place // 8] >> (place % 8) & 1)
