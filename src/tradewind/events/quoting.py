"""JSON keys and lists as SQL writes them, whatever characters they have."""

from __future__ import annotations

from collections.abc import Iterable

from tradewind.compute import literal


def pointer(key: str) -> str:
    """A key of a JSON object as a JSON Pointer, a SQL literal."""
    return literal("/" + key.replace("~", "~0").replace("/", "~1"))


def text_list(items: Iterable[str]) -> str:
    """Texts as a SQL list of literals."""
    return "[" + ", ".join(map(literal, items)) + "]"
