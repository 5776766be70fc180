"""What the values of a property look like to a rule, and whether they look otherwise than they did; pure."""

from __future__ import annotations

from collections.abc import Mapping

Kinds = Mapping[str, int]
"""How many values are of each kind: number, switch, list, object, text."""

SELDOM = 0.01
"""A kind that fewer of the values are of is no kind of the property's."""

OFTEN, FEWEST = 0.1, 10
"""The share of newer values, and their number, that make a kind one of the property's."""


def kind_sql(text: str) -> str:
    """The kind of a value, an expression over its text; NULL where there is none."""
    return f"""CASE WHEN {text} IS NULL OR {text} = '' THEN NULL WHEN isfinite(TRY_CAST({text} AS DOUBLE)) THEN 'number'
        WHEN lower({text}) IN ('true', 'false') THEN 'switch' WHEN {text}[1] = '[' THEN 'list' WHEN {text}[1] = '{{' THEN 'object'
        ELSE 'text' END"""


def changed(before: Kinds, since: Kinds) -> str | None:
    """The kind that many newer values are of and hardly any was before; None where there is none, or nothing was before."""
    earlier, later = sum(before.values()), sum(since.values())
    for kind in sorted(since, key=lambda each: -since[each]):
        if earlier and before.get(kind, 0) < SELDOM * earlier and since[kind] >= max(FEWEST, OFTEN * later):
            return kind
    return None
