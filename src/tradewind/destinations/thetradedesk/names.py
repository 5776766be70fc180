"""What may be typed for an account and a segment; each rule refuses in one sentence."""

from __future__ import annotations

import re

from tradewind.destinations.thetradedesk.spec import SPEC
from tradewind.errors import DefinitionError
from tradewind.model.destination import Secret

PREFIX = "Tradewind"

FORBIDDEN = "'\",^"
"""Characters that one or another consumer of segment names cannot read."""

LONGEST_SECRET = 4096

_ADVERTISER = re.compile("[A-Za-z0-9]{1,32}")


def default_segment_name(cohort_name: str, cohort_id: str, prefix: str = PREFIX) -> str:
    """`[prefix] cohort: id`, made to fit: what a name may not hold is left out, and the cohort's name gives way to its id."""
    head, tail = f"[{_cleaned(prefix)}] ", f": {cohort_id}"
    return head + (_cleaned(cohort_name) or cohort_id)[: SPEC.limits.name_characters - len(head) - len(tail)].rstrip() + tail


def check_segment_name(name: str) -> None:
    """Raise DefinitionError where a name cannot be a segment's."""
    limit = SPEC.limits.name_characters
    if not name or len(name) > limit:
        raise DefinitionError(f"a segment name has 1 to {limit} characters, this one has {len(name)}")
    if name != name.strip():
        raise DefinitionError("a segment name neither begins nor ends with a space; take it away")
    if wrong := sorted({char for char in name if char in FORBIDDEN or not char.isprintable()}):
        shown = ", ".join(char if char.isprintable() else f"U+{ord(char):04X}" for char in wrong)
        raise DefinitionError(f"a segment name may hold no quotes, comma, ^, tab or other character that does not print; take out: {shown}")


def check_advertiser(advertiser: str) -> None:
    """Raise DefinitionError where a text cannot be an advertiser id."""
    if not _ADVERTISER.fullmatch(advertiser):
        raise DefinitionError("an advertiser id is 1 to 32 letters and digits; copy it from the platform's advertiser preferences")


def check_secret(secret: Secret) -> None:
    """Raise DefinitionError where a text cannot be a secret key or token; never repeats it."""
    text = secret.value
    if text != text.strip():
        raise DefinitionError("the secret begins or ends with a space or line break; give it without")
    if not 1 < len(text) <= LONGEST_SECRET:
        raise DefinitionError(f"a secret has 2 to {LONGEST_SECRET} characters, this one has {len(text)}; copy it whole from the platform")
    if not (text.isascii() and text.isprintable()):
        raise DefinitionError("the secret holds a character that no key or token of the platform has; copy it again")


def _cleaned(text: str) -> str:
    return " ".join("".join(char if char.isprintable() and char not in FORBIDDEN else " " for char in text).split())
