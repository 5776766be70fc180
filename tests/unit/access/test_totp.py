"""The codes of RFC 6238, and which of them are good now."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tradewind.access.totp import STEP, code_at, link, new_key, step_at, step_of

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
RFC = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_codes_are_those_of_appendix_b(second: int, code: str) -> None:
    """Which has eight digits; six are their end."""
    assert code_at(RFC, second // STEP) == code[-6:]
    assert step_at(datetime.fromtimestamp(second, UTC)) == second // STEP


@pytest.mark.parametrize(("late", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_is_good_one_step_before_and_after_its_own(late: int, good: bool) -> None:
    key = new_key()
    code = code_at(key, step_at(NOON))
    found = step_of(key, code, NOON + timedelta(seconds=STEP * late))
    assert found == (step_at(NOON) if good else None)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "\udc80", "x" * 100])
def test_what_is_no_code_is_of_no_step(code: str) -> None:
    assert step_of(RFC, code, NOON) is None


def test_no_two_keys_are_the_same_and_each_has_160_bits() -> None:
    keys = {new_key() for _ in range(50)}
    assert len(keys) == 50
    assert {len(base64.b32decode(key)) for key in keys} == {20}


def test_the_link_says_whose_key_it_is() -> None:
    told = urlsplit(link(RFC, "ann+x@shop.example"))
    assert (told.scheme, told.netloc, told.path) == ("otpauth", "totp", "/Tradewind:ann%2Bx%40shop.example")
    said = {name: value[0] for name, value in parse_qs(told.query).items()}
    assert said == {"secret": RFC, "issuer": "Tradewind", "algorithm": "SHA1", "digits": "6", "period": "30"}
