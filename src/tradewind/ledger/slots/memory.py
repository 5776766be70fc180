"""Slots in memory: the twin for rehearsals, simulations and tests."""

from __future__ import annotations

from datetime import datetime

from tradewind.ledger.slots.base import Share, Wish, fair


class MemorySlots:
    """The promises of `slots.base`, forgotten with the process."""

    def __init__(self) -> None:
        self._held: dict[str, dict[str, tuple[int, datetime]]] = {}
        self._not_before: dict[str, datetime] = {}

    def hold(self, endpoint: str, owner: str, wish: Wish, now: datetime, until: datetime) -> Share:
        """Take, renew or give back slots; see the Protocol."""
        held = {other: row for other, row in self._held.get(endpoint, {}).items() if row[1] > now and other != owner}
        slots = fair(wish, [slots for slots, _ in held.values()])
        self._held[endpoint] = held | {owner: (slots, until)}
        return Share(slots, self._not_before.get(endpoint))

    def give_back(self, endpoint: str, owner: str) -> None:
        """Hold none, and wait no more."""
        self._held.get(endpoint, {}).pop(owner, None)

    def hold_off(self, endpoint: str, until: datetime) -> None:
        """Nobody sends before an instant."""
        self._not_before[endpoint] = max(until, self._not_before.get(endpoint, until))

    def not_before(self, endpoint: str) -> datetime | None:
        """The instant before which nobody sends."""
        return self._not_before.get(endpoint)
