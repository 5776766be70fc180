"""Lots: the same for ever, spread evenly, independent by salt, and alike in DuckDB."""

from __future__ import annotations

import hashlib

import duckdb

from tradewind.lots import lot, lot_sql

PEOPLE = [hashlib.md5(f"user:{number}".encode(), usedforsecurity=False).digest() for number in range(4000)]


def test_a_lot_never_changes() -> None:
    assert lot(bytes(16), "") == int(hashlib.md5(b":" + b"0" * 32).hexdigest()[:8], 16) / 2**32
    assert round(lot(PEOPLE[7], "spring"), 6) == round(
        int(hashlib.md5(b"spring:" + PEOPLE[7].hex().encode()).hexdigest()[:8], 16) / 2**32, 6
    )


def test_a_tenth_is_a_tenth_and_stays_within_a_fifth() -> None:
    tenth = {each for each in PEOPLE if lot(each, "spring") < 0.1}
    fifth = {each for each in PEOPLE if lot(each, "spring") < 0.2}
    assert 340 < len(tenth) < 460
    assert tenth < fifth


def test_another_salt_draws_anew() -> None:
    both = sum(lot(each, "spring") < 0.5 and lot(each, "autumn") < 0.5 for each in PEOPLE)
    assert 880 < both < 1120


def test_duckdb_draws_the_same_lots() -> None:
    salt = "it's ünusual"
    query = f"SELECT {lot_sql('member', 'salt')} FROM (SELECT unnest(?::BLOB[]) AS member, ?::VARCHAR AS salt)"
    with duckdb.connect() as connection:
        assert [row[0] for row in connection.execute(query, [PEOPLE, salt]).fetchall()] == [lot(each, salt) for each in PEOPLE]
