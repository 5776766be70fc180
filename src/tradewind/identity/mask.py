"""A value shown to somebody who is to see its form and why it is refused, but not whom it names; pure."""

from __future__ import annotations

import re

from tradewind.model.identifier import Refusal

SHOWN = 4
"""Letters and digits at the beginning that stay; enough to tell two values apart, too few to find somebody by."""

WIDEST = 48
"""Characters that are shown of a value at most."""

_OPEN = frozenset({Refusal.PLACEHOLDER, Refusal.ZEROED})
"""Values that name nobody."""

_SIGN = re.compile(r"[^\W_]")


def masked(text: str, refusal: Refusal | None) -> str:
    """The value with dots for letters and digits; of an address or a phone number nothing stays but its form."""
    if refusal in _OPEN:
        return text[:WIDEST]
    kept = 0 if refusal is Refusal.RAW_PII else SHOWN if len(text) > 2 * SHOWN else 1
    end = next((each.end() for number, each in enumerate(_SIGN.finditer(text), 1) if number == kept), 0)
    short = text[:end] + _SIGN.sub("•", text[end:])
    return short if len(short) <= WIDEST else f"{short[: WIDEST - 1]}…"
