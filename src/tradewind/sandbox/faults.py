"""Misbehaviour to order: which fault the next request meets, from a list, or at random from a seed."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import orjson

from tradewind.sandbox.refusal import FailedLine
from tradewind.sandbox.rules import Forced
from tradewind.sandbox.unusable import Unusable
from tradewind.sandbox.wire import JSON, Answer

TEXT, HTML = "text/plain; charset=utf-8", "text/html; charset=utf-8"
PORTAL = "<!doctype html><html><head><title>Sign in</title></head><body>Please sign in to use this network.</body></html>"

# The fields each kind of fault may have, besides `kind` and `times`.
KINDS: dict[str, frozenset[str]] = {
    "throttle": frozenset({"retry_after", "message"}),
    "error": frozenset({"status", "retry_after", "message", "applied"}),
    "late": frozenset({"seconds"}),
    "lost": frozenset(),
    "unread": frozenset(),
    "deferred": frozenset({"seconds"}),
    "torn": frozenset(),
    "drip": frozenset({"seconds"}),
    "flood": frozenset({"bytes"}),
    "html": frozenset({"status", "applied"}),
    "too_large": frozenset({"over_items"}),
    "refuse_items": frozenset({"every", "code", "message", "status", "number", "without_number"}),
    "bad_request": frozenset({"message"}),
    "answer": frozenset({"status", "body", "content_type", "headers", "applied"}),
}
_NUMBERS = {
    "seconds": (0.0, 3600.0),
    "status": (200, 599),
    "bytes": (1, 2_000_000_000),
    "over_items": (0, 1_000_000),
    "every": (1, 1_000_000),
}
_TEXTS = ("message", "code", "number", "body", "content_type")


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to misbehave. `applied` says whether the request takes effect all the same."""

    kind: str
    seconds: float = 1.0
    status: int | None = None
    retry_after: str | int | None = None
    message: str | None = None
    body: str = ""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    applied: bool = False
    over_items: int = 0
    every: int = 1
    code: str = "MissingUserId"
    number: str | None = None
    without_number: bool = False
    bytes: int = 16 * 1024 * 1024

    @property
    def silent(self) -> bool:
        """Whether the connection ends without an answer."""
        return self.kind in {"lost", "unread", "deferred"}

    def prevents(self, items: int) -> bool:
        """Whether a request of so many items is not applied at all."""
        if self.kind == "too_large":
            return items > self.over_items
        takes_effect = self.kind in {"late", "lost", "deferred", "torn", "drip", "flood", "refuse_items"}
        return not (takes_effect or self.applied)

    def answer(self) -> Answer | None:
        """The answer that stands in for the platform's own; None where the platform's own is sent, whole or damaged."""
        made = {
            "throttle": (429, _message("", self.message or "Too many requests"), JSON),
            "error": (503, self.message or "The service is unavailable", TEXT),
            "html": (200, PORTAL, HTML),
            "bad_request": (400, self.message or "The request could not be read", TEXT),
            "too_large": (413, _message("MaxRequestSizeExceeded", "MaxRequestSizeExceeded: send fewer items"), JSON),
            "answer": (200, self.body, self.content_type),
        }.get(self.kind)
        if made is None:
            return None
        status, body, content_type = made
        waiting = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return Answer(self.status or status, body.encode(), content_type, {**self.headers, **waiting})

    def forced(self) -> Forced | None:
        """The items to refuse, for the kind `refuse_items`."""
        return Forced(self.every, self._line) if self.kind == "refuse_items" else None

    def _line(self, number: int) -> FailedLine:
        if self.without_number:
            return FailedLine(self.code, self.message or "Invalid item", None)
        return FailedLine(self.code, self.message or f"Invalid item, item #{number}", self.number or str(number))


class Faults:
    """The faults still to come. Each request to the platform takes the next one, or none. Not locked: its owner is."""

    def __init__(self) -> None:
        self._queue: deque[tuple[Fault, int | None]] = deque()
        self._rate = 0.0
        self._kinds: list[Fault] = []
        self._random = random.Random(0)  # noqa: S311 - rehearsed misfortune, to be repeated from its seed

    def plan(self, order: Any) -> None:
        """Replace all by an order: `{faults: [...]}`, `{mode: random, rate, seed, kinds}`, or both, the list first.

        Raises Unusable with one sentence, and then changes nothing.
        """
        if not isinstance(order, dict) or not {"faults", "mode"} & set(order):
            raise Unusable('expected an object with "faults" (a list), or with "mode": "random", "rate" and "kinds"')
        if unknown := sorted(set(order) - {"faults", "mode", "rate", "seed", "kinds"}):
            raise Unusable(f"unknown field {unknown[0]!r}")
        queue, kinds, rate = _listed(order.get("faults", []), "faults"), _listed(order.get("kinds", []), "kinds"), order.get("rate", 0)
        if "mode" in order and order["mode"] != "random":
            raise Unusable('"mode" can only be "random"')
        if type(rate) not in (int, float) or not 0 <= rate <= 1:
            raise Unusable('"rate" is a share between 0 and 1')
        if "mode" in order and not kinds:
            raise Unusable('"kinds" names the faults to choose from')
        self._queue, self._kinds, self._rate = deque(queue), [fault for fault, _ in kinds], rate
        self._random = random.Random(str(order.get("seed", 0)))  # noqa: S311 - as above

    def take(self) -> Fault | None:
        """The fault for this request. One without an end stays at the head of the list."""
        if self._queue:
            fault, times = self._queue[0]
            if times == 1:
                self._queue.popleft()
            elif times is not None:
                self._queue[0] = (fault, times - 1)
            return fault
        if self._kinds and self._random.random() < self._rate:
            return self._random.choice(self._kinds)
        return None

    def waiting(self) -> dict[str, Any]:
        """What is still to come."""
        return {
            "faults": [{"kind": fault.kind, "times": times} for fault, times in self._queue],
            "random": {"rate": self._rate, "kinds": [fault.kind for fault in self._kinds]} if self._kinds else None,
        }

    def clear(self) -> None:
        self._queue.clear()
        self._kinds, self._rate = [], 0.0


def _message(code: str, message: str) -> str:
    return orjson.dumps({"ErrorCode": code, "Message": message} if code else {"Message": message}).decode()


def _listed(orders: Any, name: str) -> list[tuple[Fault, int | None]]:
    if not isinstance(orders, list):
        raise Unusable(f'"{name}" is a list')
    found = []
    for number, order in enumerate(orders, 1):
        try:
            found.append(read_fault(order))
        except Unusable as error:
            raise Unusable(f"{name}, entry {number}: {error}") from None
    return found


def read_fault(order: Any) -> tuple[Fault, int | None]:
    """A fault and how many requests meet it (None: all), from `{kind, times, ...}` or a kind alone. Raises Unusable."""
    if isinstance(order, str):
        order = {"kind": order}
    if not isinstance(order, dict) or order.get("kind") not in KINDS:
        raise Unusable(f"the kind is none of {', '.join(KINDS)}")
    fields = {name: value for name, value in order.items() if name not in ("kind", "times")}
    for name, value in fields.items():
        if name not in KINDS[order["kind"]]:
            raise Unusable(f"{order['kind']} has no field {name!r}; it may have {', '.join(sorted(KINDS[order['kind']])) or 'none'}")
        if not _fits(name, value):
            raise Unusable(f"{name} has a value that does not fit")
    times = order.get("times", 1)
    if times is not None and (type(times) is not int or times < 1):
        raise Unusable("times is a whole number from 1, or null for ever")
    return Fault(order["kind"], **fields), times


def _fits(name: str, value: Any) -> bool:
    if name in _NUMBERS:
        low, high = _NUMBERS[name]
        return type(value) in ((int, float) if name == "seconds" else (int,)) and low <= value <= high
    if name in _TEXTS:
        return isinstance(value, str)
    if name in ("applied", "without_number"):
        return isinstance(value, bool)
    if name == "headers":
        return isinstance(value, dict) and all(isinstance(text, str) and "\n" not in text for text in (*value, *value.values()))
    return value is None or type(value) in (int, str)  # retry_after may be anything that a server could say
