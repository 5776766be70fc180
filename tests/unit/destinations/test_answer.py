"""Answers are input: every odd one is unknown, halved or stops something, and none of them is a success by accident."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.destinations.thetradedesk.answer import LINE_CLASSES, NOTE_LENGTH, receipt, retry_after, scrub
from tradewind.model.run import Answer, Line, LineClass

GUID = "12345678-1234-5678-1234-567812345678"
RAW = "48MjlfIUZpOKNAm9nod7/jCLAXUYsnE1tpVHQSDS0uo="


def failed(*lines: Any, **more: Any) -> bytes:
    return json.dumps({"FailedLines": list(lines), **more}).encode()


def line(number: Any = None, code: str = "MissingUserId", message: str | None = None) -> dict[str, Any]:
    return {"TDID": None, "DataName": "s", "ErrorCode": code, "Message": message, "ItemNumber": number, "DataNumber": "1"}


@pytest.mark.parametrize(
    "body", [b"{}", b'{"FailedLines":null}', b'{"FailedLines":[]}', b'{"ErrorCode":null,"FailedLines":[]}', b' {"New":1} ']
)
def test_accepted_whole(body: bytes) -> None:
    given_back = receipt(200, {"x-ttd-request-id": "abc-1"}, body, 3)
    assert (given_back.answer, given_back.lines, given_back.status, given_back.request_id) == (Answer.APPLIED, (), 200, "abc-1")


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("failure", [line("2"), line(2), line(None, message="Invalid DAID, item #2"), line("", message="ITEM #2 is odd")])
def test_a_line_names_its_item_counted_from_one(status: int, failure: dict[str, Any]) -> None:
    given_back = receipt(status, {}, failed(failure), 3)
    assert (given_back.answer, given_back.lines) == (Answer.APPLIED, (Line(1, "MissingUserId", LineClass.ROW),))


def test_one_line_of_twenty_thousand_and_the_second_shape() -> None:
    given_back = receipt(200, {}, failed(line("20000"), ErrorCode=None, Message=None), 20_000)
    assert [refused.item for refused in given_back.lines] == [19_999]


def test_lines_come_in_the_order_of_the_items() -> None:
    assert [refused.item for refused in receipt(200, {}, failed(line("3"), line("1")), 3).lines] == [0, 2]


@pytest.mark.parametrize("number", ["0", "-1", "4", "abc", "1.0", "１", "", None, True, 1.5, [], "9" * 30])
def test_a_line_that_names_no_item_leaves_all_in_doubt(number: Any) -> None:
    given_back = receipt(200, {}, failed(line("1"), line(number)), 3)
    assert (given_back.answer, given_back.lines) == (Answer.UNATTRIBUTED, ())


def test_two_lines_of_one_item_and_lines_that_are_text_leave_all_in_doubt() -> None:
    assert receipt(200, {}, failed(line("1"), line("1")), 3).answer is Answer.UNATTRIBUTED
    assert receipt(400, {}, failed("Invalid DAID, item #1"), 3).answer is Answer.UNATTRIBUTED


def test_of_one_item_there_is_no_doubt() -> None:
    assert receipt(200, {}, failed(line(None)), 1).lines == (Line(0, "MissingUserId", LineClass.ROW),)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Welcome to the hotel</html>",
        b'"ok"',
        b"ok",
        b"[]",
        b"null",
        b'{"FailedLines":[',
        b'{"FailedLines":"none"}',
        b"[" * 100_000,
        b"\xff{}",
    ],
)
def test_a_200_that_is_not_understood_is_unknown(body: bytes) -> None:
    assert receipt(200, {}, body, 3).answer is Answer.UNKNOWN


def test_a_200_with_an_error_code_of_its_own_is_unknown() -> None:
    assert receipt(200, {}, b'{"ErrorCode":"UnknownRequest","Message":"?"}', 3).answer is Answer.UNKNOWN


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (400, Answer.POISONED),
        (401, Answer.FORBIDDEN),
        (403, Answer.FORBIDDEN),
        (404, Answer.MISDIRECTED),
        (302, Answer.MISDIRECTED),
        (308, Answer.MISDIRECTED),
        (405, Answer.MISDIRECTED),
        (408, Answer.UNKNOWN),
        (413, Answer.TOO_LARGE),
        (429, Answer.THROTTLED),
        (500, Answer.UNKNOWN),
        (502, Answer.UNKNOWN),
        (503, Answer.UNKNOWN),
        (504, Answer.UNKNOWN),
        (204, Answer.UNKNOWN),
        (999, Answer.UNKNOWN),
    ],
)
@pytest.mark.parametrize("body", [b"{}", b"plain words", b'"a JSON text"', b'{"ErrorCode":"X","Message":"m","FailedLines":[]}'])
def test_statuses(status: int, answer: Answer, body: bytes) -> None:
    given_back = receipt(status, {"retry-after": "7"}, body, 3)
    assert (given_back.answer, given_back.lines) == (answer, ())
    assert given_back.wait == (7.0 if status == 429 or status >= 500 else None)


@pytest.mark.parametrize(
    "body", [b"This advertiser is not configured to send data", b'{"ErrorCode":"AdvertiserMisconfigured","Message":"no"}']
)
def test_an_account_that_is_not_configured_is_no_poison(body: bytes) -> None:
    assert receipt(400, {}, body, 3).answer is Answer.FORBIDDEN


@pytest.mark.parametrize(("status", "code"), [(400, "SerializationFailed"), (413, "TooLarge")])
def test_a_single_item_is_refused_with_its_request(status: int, code: str) -> None:
    given_back = receipt(status, {}, b'{"ErrorCode":"SerializationFailed"}', 1)
    assert (given_back.answer, given_back.lines) == (Answer.APPLIED, (Line(0, code, LineClass.ROW),))


@pytest.mark.parametrize("code", ["Unknown", "FooBar", "", None, 7, "x" * 100, GUID])
def test_a_new_code_is_transient_and_never_carries_an_identifier(code: Any) -> None:
    (refused,) = receipt(200, {}, failed(line("1", code)), 3).lines
    assert refused.line_class is LineClass.TRANSIENT
    assert refused.code == (code if code == "FooBar" else "Unknown")


def test_every_code_of_the_table_has_its_class() -> None:
    for code, line_class in LINE_CLASSES.items():
        assert receipt(200, {}, failed(line("1", code)), 3).lines == (Line(0, code, line_class),)
    by_class = {kind: sum(each is kind for each in LINE_CLASSES.values()) for kind in LineClass}
    assert by_class == {LineClass.ROW: 5, LineClass.UNMATCHED: 1, LineClass.SYNC: 6, LineClass.CONNECTION: 5, LineClass.TRANSIENT: 0}


@pytest.mark.parametrize(
    "secret", [GUID, GUID.upper(), RAW, "a@b.example", "+1 234 567 8901", "0" * 64, "12345678901", GUID.replace("-", "")]
)
def test_notes_hold_no_identifier(secret: str) -> None:
    for body in (f"Invalid DAID {secret}, item".encode(), failed(line("1", message=f"bad {secret}!"))):
        note = receipt(400, {}, body, 3).note
        assert "***" in note
        assert secret not in note


def test_notes_are_short_and_printable() -> None:
    assert scrub("\x1b[31m a\nb\u202e" + "word " * 1000).startswith("[31m a b word")
    assert len(scrub("word " * 1000)) <= NOTE_LENGTH


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "-1"}, 1.0),
        ({"retry-after": "0"}, 1.0),
        ({"retry-after": "1e9"}, 900.0),
        ({"retry-after": "inf"}, 900.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "junk"}, None),
        ({}, None),
        ({"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT", "date": "Wed, 01 Jul 2026 00:00:00 GMT"}, 900.0),
        ({"retry-after": "Wed, 01 Jul 2026 00:00:30 GMT", "date": "Wed, 01 Jul 2026 00:00:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 01 Jul 2026 00:00:30 GMT"}, None),
    ],
)
def test_retry_after_is_held_within_bounds(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


@given(status=st.sampled_from([200, 400, 413, 500]), body=st.binary(max_size=60), items=st.integers(1, 3))
def test_bytes_at_random_are_never_a_whole_success(status: int, body: bytes, items: int) -> None:
    given_back = receipt(status, {}, body, items)
    if given_back.answer is Answer.APPLIED and not given_back.lines:
        assert status == 200
        assert isinstance(json.loads(body), dict)
