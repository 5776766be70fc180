"""A person's lot: a number that stays theirs, by which a share of people is taken that only grows when the share does."""

from __future__ import annotations

import hashlib

DIGITS = 8
"""How many hexadecimal digits of the hash make a lot: 2^32 lots, so that shares are exact far below a person in a million."""

LOTS = 16.0**DIGITS


def lot(member: bytes, salt: str) -> float:
    """In [0, 1), the same for ever for a member (16 bytes) and a salt, and as good as drawn anew for another salt.

    The first eight hexadecimal digits of the MD5 of `salt:member`, the member in lower hexadecimal digits, over 2^32. Who is below
    0.1 is below 0.2. It draws lots and keeps no secret: MD5 is what every engine has.
    """
    digest = hashlib.md5(f"{salt}:{member.hex()}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:DIGITS], 16) / LOTS


def lot_sql(member: str, salt: str) -> str:
    """The same in DuckDB: `member` is an expression of 16 bytes, `salt` one of text."""
    return f"(('0x' || left(md5({salt} || ':' || lower(hex({member}))), {DIGITS}))::UBIGINT / {LOTS})"
