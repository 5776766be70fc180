"""Misbehaviour to order: which trouble the next request for a list, a download, a file or an export meets."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from tradewind.sandbox.amplitude.files import SPOILT
from tradewind.sandbox.faults import Fault, read_fault
from tradewind.sandbox.unusable import Unusable

PLACES = ("list", "request", "status", "file", "link", "export")
CARRIED = frozenset({"throttle", "error", "late", "lost", "unread", "torn", "drip", "flood", "html", "answer"})
"""Faults of the transport, as The Trade Desk's side has them."""
AT: dict[str, tuple[str, ...]] = {
    "wrong_keys": ("list", "request", "status", "file", "export"),
    "slow": ("request",),
    "failed": ("request",),
    "expired_link": ("file",),
    **dict.fromkeys([*SPOILT, "gzip"], ("file", "link")),
    "damaged_zip": ("export",),
}
"""Kinds of this side alone, and the requests that can meet them."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One way to misbehave, and the requests that may meet it. `polls` is for the kind `slow`."""

    kind: str
    at: tuple[str, ...]
    fault: Fault | None = None
    polls: int = 5


class Troubles:
    """The troubles still to come, in order. Not locked: its owner is."""

    def __init__(self) -> None:
        self._queue: deque[tuple[Trouble, int | None]] = deque()

    def plan(self, order: Any) -> None:
        """Replace all by `{faults: [...]}`. Raises Unusable with one sentence, and then changes nothing."""
        if not isinstance(order, dict) or set(order) != {"faults"} or not isinstance(order["faults"], list):
            raise Unusable('expected an object with "faults", a list')
        queue = []
        for number, entry in enumerate(order["faults"], 1):
            try:
                queue.append(_read(entry))
            except Unusable as error:
                raise Unusable(f"faults, entry {number}: {error}") from None
        self._queue = deque(queue)

    def take(self, place: str, *, content: bool = False) -> Trouble | None:
        """The first that waits for a request at this place; one that spoils a file waits for an answer that holds it."""
        for index, (trouble, times) in enumerate(self._queue):
            if place in trouble.at and (content or (trouble.kind not in SPOILT and trouble.kind != "gzip")):
                if times == 1:
                    del self._queue[index]
                elif times is not None:
                    self._queue[index] = (trouble, times - 1)
                return trouble
        return None

    def waiting(self) -> dict[str, Any]:
        return {"faults": [{"kind": trouble.kind, "at": list(trouble.at), "times": times} for trouble, times in self._queue]}

    def clear(self) -> None:
        self._queue.clear()


def _read(entry: Any) -> tuple[Trouble, int | None]:
    order = {"kind": entry} if isinstance(entry, str) else entry
    kind = order.get("kind") if isinstance(order, dict) else None
    if kind not in AT and kind not in CARRIED:
        raise Unusable(f"the kind is none of {', '.join((*AT, *sorted(CARRIED)))}")
    possible, fields = AT.get(kind, PLACES), {name: value for name, value in order.items() if name != "at"}
    at = order.get("at")
    if at is not None and at not in possible:
        raise Unusable(f"{kind} can be met at {', '.join(possible)}")
    places = possible if at is None else (at,)
    if kind in CARRIED:
        fault, times = read_fault(fields)
        return Trouble(kind, places, fault), times
    return Trouble(kind, places, None, _polls(kind, fields)), _times(kind, fields)


def _polls(kind: str, fields: dict[str, Any]) -> int:
    polls = fields.pop("polls", 5) if kind == "slow" else 0
    if type(polls) is not int or polls < 0:
        raise Unusable("polls is a whole number")
    return polls


def _times(kind: str, fields: dict[str, Any]) -> int | None:
    times: int | None = fields.pop("times", 1)
    if set(fields) != {"kind"}:
        raise Unusable(f"{kind} has the fields at and times" + (" and polls" if kind == "slow" else ""))
    if times is not None and (type(times) is not int or times < 1):
        raise Unusable("times is a whole number from 1, or null for ever")
    return times
