"""How far the server of a source of tables can be trusted with the cohort language."""

from __future__ import annotations

from tradewind.engines.spec.ask import SPEC
from tradewind.model.source import Source


def is_verified(source: Source) -> bool:
    """Whether its server answered every row of the language as it is now rightly."""
    found = source.verification
    return found is not None and found.spec == SPEC and found.agreed == found.cases


def standing(source: Source) -> str:
    """In a few words how far a source's server can be trusted with the language."""
    found = source.verification
    if found is None:
        return "unverified"
    if found.agreed != found.cases:
        return f"unverified: {found.server} agreed with {found.agreed} of {found.cases} rows"
    when = f"{found.at:%Y-%m-%d}"
    return f"verified {when} ({found.server})" if is_verified(source) else f"unverified: the language has grown since {when}"
