"""The corpus of bad identifiers, answered by the plain check and by the SQL check alike."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Iterator
from functools import reduce
from operator import xor

import duckdb
import pytest
from sqlglot import exp

from tradewind.identity.kinds import KINDS, from_text, to_text
from tradewind.identity.validate import check, checked, unusual, unusual_sql
from tradewind.model.identifier import IdType, Refusal

GUID = "12345678-1234-5678-1234-567812345678"
HEX = "0123456789abcdef" * 4
RAW = "48MjlfIUZpOKNAm9nod7/jCLAXUYsnE1tpVHQSDS0uo="
RAW33 = "oAAAAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
GUIDS, ALL = (IdType.TDID, IdType.DAID), tuple(IdType)
WORDS = ["null", "None", "NaN", "undefined", "N/A", "-", "0", "unknown", "test", "NULL", "(null)"]

ACCEPTED = [
    *[(t, text, GUID) for t in GUIDS for text in (GUID, GUID.upper(), f"{GUID} ", f"{GUID}\r\n", f"\t\v\f{GUID}")],
    *[(t, "a934b283-a381-4a0d-8a18-0368f9b19170", "a934b283-a381-4a0d-8a18-0368f9b19170") for t in GUIDS],
    *[(t, "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000001") for t in GUIDS],
    *[(IdType.UID2, text, text) for text in (RAW, RAW33, "E2dxEv3oMBzNHPw5iUVmwH2Hv+60D4AXYe+2ge9U0No=")],
    (IdType.UID2, f" {RAW}\n", RAW),
]

BAD_GUIDS = [
    f"{{{GUID}}}",
    f"urn:uuid:{GUID}",
    "1234567-81234-5678-1234-567812345678",
    f"0x{GUID[2:]}",
    f"1234_678{GUID[8:]}",
    f"+2345678{GUID[8:]}",
    f"{GUID[:-1]}８",
    f"{GUID[:-1]}٨",
    f"\u00a0{GUID}",
    f"{GUID}\u200b",
    f"{GUID}\x00",
    GUID[:-1],
    f"{GUID}0",
    f"{GUID},{GUID}",
    "\x1b[31mred",
    "\u202egpj",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "x" * 10_000_000,
    RAW,
    "*",
    "n / a",
    "ﬆring",
]

BAD_UID2 = [
    RAW[:-1],  # 43 characters
    f"{RAW}====",
    RAW.replace("/", "_"),  # the URL-safe alphabet
    f"{RAW[:20]}\n{RAW[20:]}",
    RAW[:-2] + "p=",  # spare bits that are not zero: a second spelling of one value
    "*",
    base64.b64encode(HEX.encode()).decode(),  # Base64 of the hexadecimal text: 88 characters
    f"\u00a0{RAW}",
    f"{RAW}\x00",
    GUID,
    f"ID5-{RAW}",
]

REFUSED = [
    *[(t, text, Refusal.MISSING) for t in ALL for text in (None, "", "  ", "\r\n")],
    *[(t, word, Refusal.PLACEHOLDER) for t in ALL for word in WORDS],
    *[(t, text, Refusal.ZEROED) for t in GUIDS for text in ("00000000-0000-0000-0000-000000000000", "0" * 32)],
    *[(t, text, Refusal.ZEROED) for t in GUIDS for text in ("ffffffff-ffff-ffff-ffff-ffffffffffff", "F" * 32)],
    *[(t, text, Refusal.HASHED) for t in ALL for text in (HEX[:32], HEX[:40], HEX, HEX.upper())],
    *[(t, text, Refusal.RAW_PII) for t in ALL for text in ("USER@Example.com ", "a@b,c@d", "@b.c", "İ@x.com", "ſ@K")],
    *[(t, text, Refusal.RAW_PII) for t in ALL for text in ("+12345678901", "1 (234) 567-8901", "+49 30 1234567")],
    *[(t, text, Refusal.BAD_FORMAT) for t in GUIDS for text in BAD_GUIDS],
    *[(IdType.UID2, text, Refusal.BAD_FORMAT) for text in BAD_UID2],
    *[(IdType.UID2, "A4AAAA" + "x_-" * 60, Refusal.TOKEN), (IdType.UID2, "Q" * 200, Refusal.TOKEN)],
]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def sql_check(connection: duckdb.DuckDBPyConnection, id_type: IdType, text: str | None) -> bytes | Refusal:
    query = f"SELECT reason, id FROM ({checked(id_type, 'SELECT ?::VARCHAR AS text')})"
    (reason, found), *_ = connection.execute(query, [text]).fetchall()
    assert (reason is None) is (found is not None)
    if reason is not None:
        return Refusal(reason)
    return found.bytes if isinstance(found, uuid.UUID) else bytes(found)


@pytest.mark.parametrize(("id_type", "text", "canonical"), ACCEPTED)
def test_accepted(connection: duckdb.DuckDBPyConnection, id_type: IdType, text: str, canonical: str) -> None:
    found = check(id_type, text)
    assert isinstance(found, bytes)
    assert len(found) in KINDS[id_type].widths
    assert to_text(id_type, found) == canonical
    assert from_text(id_type, canonical) == found
    assert sql_check(connection, id_type, text) == found


@pytest.mark.parametrize(("id_type", "text", "reason"), REFUSED, ids=lambda given: ascii(given)[:60])
def test_refused(connection: duckdb.DuckDBPyConnection, id_type: IdType, text: str | None, reason: Refusal) -> None:
    assert check(id_type, text) is reason
    assert sql_check(connection, id_type, text) is reason


def test_upper_and_lower_case_are_one_device() -> None:
    assert check(IdType.DAID, GUID.upper()) == check(IdType.DAID, GUID)


def test_case_of_a_uid2_is_kept() -> None:
    text = base64.b64encode(hashlib.sha256(b"any").digest()).decode()
    assert check(IdType.UID2, text) != check(IdType.UID2, text[:-2].lower() + text[-2:])


def _v4(first: int) -> bytes:
    body = bytes([first, *range(1, 32)])
    return body + bytes([reduce(xor, body)])


@pytest.mark.parametrize(
    ("given", "odd"),
    [
        (_v4(0b1010_0000), False),  # version 4, production, UID2
        (_v4(0b1010_0100), False),  # the same, made from a phone number
        (_v4(0b1011_0000), True),  # EUID
        (_v4(0b0110_0000), True),  # integration environment
        (_v4(0b1010_0000)[:-1] + b"\xff", True),  # bad checksum
        (b"\x00" * 33, False),  # version 3, UID2: has neither environment nor checksum
        (b"\x10" + b"\x00" * 32, True),  # version 3, EUID
        (b"\xff" * 32, False),  # version 2 says nothing of itself
    ],
)
def test_unusual(connection: duckdb.DuckDBPyConnection, given: bytes, odd: bool) -> None:
    assert unusual(IdType.UID2, given) is odd
    query = f"SELECT {unusual_sql(IdType.UID2, exp.column('id')).sql('duckdb')} FROM (SELECT ?::BLOB AS id)"
    assert connection.execute(query, [given]).fetchall() == [(odd,)]
