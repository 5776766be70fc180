"""A masked value shows its form and no person."""

from __future__ import annotations

import pytest

from tradewind.identity.mask import WIDEST, masked
from tradewind.model.identifier import Refusal


@pytest.mark.parametrize(
    ("text", "refusal", "shown"),
    [
        ("a934b283-a381-4a0d-8a18-0368f9b19170", None, "a934••••-••••-••••-••••-••••••••••••"),
        ("ann@shop.example", Refusal.RAW_PII, "•••@••••.•••••••"),
        ("+49 30 1234567", Refusal.RAW_PII, "+•• •• •••••••"),
        ("00000000-0000-0000-0000-000000000000", Refusal.ZEROED, "00000000-0000-0000-0000-000000000000"),
        ("null", Refusal.PLACEHOLDER, "null"),
        ("u17", Refusal.BAD_FORMAT, "u••"),
        ("u_12345678", Refusal.BAD_FORMAT, "u_123•••••"),
    ],
)
def test_the_form_stays_and_the_rest_is_dots(text: str, refusal: Refusal | None, shown: str) -> None:
    assert masked(text, refusal) == shown


def test_a_long_value_is_cut() -> None:
    assert masked("x" * 500, Refusal.TOKEN) == "xxxx" + "•" * (WIDEST - 5) + "…"
