"""Lists in pages: a cursor says after which id the next page begins."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

from tradewind.web.problems import Refusal

Item = TypeVar("Item")
Shown = TypeVar("Shown")

MOST = 200

NO_CURSOR = "this is no cursor; send what a page gave as 'next'"

Limit = Annotated[int, Query(ge=1, le=MOST, description="How many at most.")]
Cursor = Annotated[str | None, Query(max_length=400, description="What the page before gave as `next`.")]


class Page(BaseModel, Generic[Shown]):
    """A part of a list. `next` is the cursor of the page that follows; null on the last one."""

    items: list[Shown]
    next: str | None


def page(items: Sequence[Item], key: Callable[[Item], str], show: Callable[[Item], Shown], cursor: str | None, limit: int) -> Page[Shown]:
    """The page after a cursor, of items that have an order of their own. Raises Refusal for a cursor that leads nowhere."""
    chosen, further = part(items, key, cursor, limit)
    return Page(items=[show(each) for each in chosen], next=further)


def part(items: Sequence[Item], key: Callable[[Item], str], cursor: str | None, limit: int) -> tuple[Sequence[Item], str | None]:
    """The items of that page, and the cursor of the page that follows. Raises Refusal as `page` does."""
    start = 0
    if cursor is not None:
        after = opened(cursor)
        start = next((place for place, each in enumerate(items, 1) if key(each) == after), -1)
        if start < 0:
            raise Refusal(400, "this cursor leads nowhere any more; begin again without one")
    chosen = items[start : start + limit]
    return chosen, sealed(key(chosen[-1])) if start + limit < len(items) else None


def following(items: Sequence[Item], key: Callable[[Item], str], show: Callable[[Item], Shown], limit: int) -> Page[Shown]:
    """A page of items of which only those were read that follow a cursor, and one more where there is one."""
    chosen = items[:limit]
    return Page(items=[show(each) for each in chosen], next=sealed(key(chosen[-1])) if len(items) > limit else None)


def number(cursor: str | None) -> int | None:
    """The number that a cursor says. Raises Refusal for one that says none."""
    if cursor is None:
        return None
    told = opened(cursor)
    if not (told.isascii() and told.isdecimal() and len(told) < 16):
        raise Refusal(400, NO_CURSOR)
    return int(told)


def sealed(key: str) -> str:
    """A cursor, in which nobody should read."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def opened(cursor: str) -> str:
    """What a cursor says. Raises Refusal for one that is none."""
    try:
        told = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeError):
        raise Refusal(400, NO_CURSOR) from None
    if not told.isprintable():
        raise Refusal(400, NO_CURSOR)
    return told
