"""What slots promise: never more requests at an endpoint than it bears, and one wait for all who were told to wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Wish:
    """How many slots an owner would like, how many of its requests are under way now, and how many the endpoint has in all."""

    wanted: int
    using: int
    limit: int


@dataclass(frozen=True)
class Share:
    """How many requests its owner may have under way, and the instant before which nobody sends (None: there is none)."""

    slots: int
    not_before: datetime | None


class Slots(Protocol):
    """Leases of an endpoint's slots. An endpoint is an address and an account there; an owner is a run, whoever works on it."""

    def hold(self, endpoint: str, owner: str, wish: Wish, now: datetime, until: datetime) -> Share:
        """Take, renew or give back slots, by the rule of `fair`; they are the owner's until an instant.

        Whoever holds none is known to be waiting until then.
        """
        ...

    def give_back(self, endpoint: str, owner: str) -> None:
        """Hold none, and wait no more."""
        ...

    def hold_off(self, endpoint: str, until: datetime) -> None:
        """Nobody sends before an instant; a later one that was said before stays."""
        ...

    def not_before(self, endpoint: str) -> datetime | None:
        """The instant before which nobody sends."""
        ...


def fair(wish: Wish, others: Sequence[int]) -> int:
    """The slots an owner has beside others, who hold as many as said: what is free, but no more than its part while one of them has none.

    A slot that is in use is not given back: its owner starts nothing new and asks again when the request has ended.
    """
    free = wish.limit - sum(others)
    part = max(1, wish.limit // (1 + len(others))) if 0 in others else wish.limit
    return max(wish.using, min(wish.wanted, free, part), 0)
