"""The platform as machines have it: it loses, delays and halves requests as planned, and remembers every one that came."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from tradewind.clock import StandingClock
from tradewind.destinations.base import Request, Sheet
from tradewind.model.destination import Secret
from tradewind.model.plan import Batch, Operation
from tradewind.model.run import Answer, Line, LineClass, Receipt
from tradewind.model.sync import Binding
from tradewind.testing.fakes import FakeDestination

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

LATE = timedelta(seconds=150)
"""How long a request may be on its way after its sender gave up waiting; less than the time between the two taps."""

LONG_AGO = timedelta(hours=26)
"""A batch is sent at the latest a day after it was planned."""

Key = tuple[str, str, bytes]
"""Where an identifier is: advertiser, segment, its bytes."""


class WallClock(StandingClock):
    """A clock that a person may set; `true` is what the platform's own clock says."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._start, self.off = start, timedelta()

    def true(self) -> datetime:
        """The time as it is."""
        return self._start + timedelta(seconds=self.monotonic())

    def jump(self, by: timedelta) -> None:
        """Somebody sets the clock."""
        self._now += by
        self.off += by


REFUSED = (Line(0, "BadFormat", LineClass.ROW),)

FATES: dict[str, Receipt] = {
    "ok": Receipt(Answer.APPLIED, status=200),
    "partial": Receipt(Answer.APPLIED, REFUSED, status=200),
    "busy": Receipt(Answer.THROTTLED, status=429, wait=5),
    "unreached": Receipt(Answer.UNREACHED, note="no connection"),
    "lost": Receipt(Answer.UNKNOWN, note="no answer"),
    "applied": Receipt(Answer.UNKNOWN, note="no answer"),
    "half": Receipt(Answer.UNKNOWN, note="half an answer"),
    "late": Receipt(Answer.UNKNOWN, note="no answer"),
    "unattributed": Receipt(Answer.UNATTRIBUTED, status=200),
    "poisoned": Receipt(Answer.POISONED, status=400),
    "large": Receipt(Answer.TOO_LARGE, status=413),
    "forbidden": Receipt(Answer.FORBIDDEN, status=403),
}
"""What may become of a request, and what is answered; `Desk.send` says what is applied."""


@dataclass(frozen=True)
class Arrival:
    """A request as it came: when by the sender's clock and in truth, where, what it asked for whom, by what secret, and the answer.

    `absent` are those who had left more than a day before; `again` says that it is the second of two taps, `time` how often
    this body has come.
    """

    fingerprint: str
    wall: datetime
    at: datetime
    advertiser: str
    segment: str
    operation: Operation
    keys: tuple[bytes, ...]
    secret: str
    fate: str
    absent: frozenset[bytes]
    again: bool
    time: int


@dataclass
class Desk(FakeDestination):
    """The platform: (advertiser, segment, identifier) -> expiry by its own clock; the last arrival wins, and some arrive late.

    The fate of a request depends on its batch and on how often it was sent, not on which of several comes first.
    """

    items: int = 3
    plan: tuple[str, ...] = ("ok",)
    present: dict[Key, datetime] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    delayed: list[tuple[datetime, Operation, tuple[Key, ...], datetime]] = field(default_factory=list)
    accepted: dict[str, int] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)
    secrets: dict[str, str] = field(default_factory=dict)
    promised: set[str] = field(default_factory=set)
    notices: int = 0
    unpromised: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.spec = replace(self.spec, limits=replace(self.spec.limits, at_once=1))  # else the order of answers is one of chance
        self.lock = threading.Lock()

    def prepare(
        self,
        binding: Binding,
        batch: Batch,
        ids: pa.Array[Any],
        secret: Secret,
        sheet: Sheet | None = None,
        events: pa.Array[Any] | None = None,
    ) -> Request:
        """As the fake does; with which secret is remembered."""
        request = super().prepare(binding, batch, ids, secret, sheet, events)
        self.secrets[request.fingerprint] = secret.value
        return request

    def send(self, request: Request) -> Receipt:
        """What the plan says becomes of it."""
        with self.lock:
            self.arrive()
            if request.fingerprint in self._told:
                return self._notice()
            binding, batch, values = self._prepared[request.fingerprint]
            if request.fingerprint not in self.promised:
                self.unpromised.append(request.fingerprint)
            fate = self.plan[(batch.number + self.times[request.fingerprint]) % len(self.plan)]
            if fate == "large" and len(values) == 1:
                fate = "ok"
            self.times[request.fingerprint] += 1
            target, keys = binding.target, tuple((binding.target.advertiser, binding.target.segment, value) for value in values)
            absent = frozenset(key[2] for key in keys if self.present.get(key, NOON) < self.now() - LONG_AGO)
            secret = self.secrets[request.fingerprint]
            place = target.advertiser, target.segment
            came = request.fingerprint, self.clock.now(), self.now()
            self.arrivals.append(
                Arrival(*came, *place, batch.operation, tuple(values), secret, fate, absent, batch.again, self.times[request.fingerprint])
            )
            assert batch.stamp is not None
            self._become(fate, batch.operation, keys, self._ends[request.fingerprint][0])  # all of a request end at once
            if fate in {"ok", "partial"}:
                self.accepted[request.fingerprint] = len(keys) - (fate == "partial")
            return FATES[fate]

    def now(self) -> datetime:
        """By the platform's own clock."""
        assert isinstance(self.clock, WallClock)
        return self.clock.true()

    def has(self, key: Key) -> bool:
        """Whether an identifier is in a segment now."""
        return self.present.get(key, NOON) > self.now()

    def arrive(self) -> None:
        """What was on its way and has come by now is applied."""
        for due, operation, keys, expiry in sorted(self.delayed, key=lambda each: each[0]):
            if due <= self.now():
                self._put(operation, keys, expiry)
        self.delayed = [each for each in self.delayed if each[0] > self.now()]

    def inside(self, advertiser: str, segment: str) -> set[bytes]:
        """Who is in a segment now."""
        self.arrive()
        return {key[2] for key in self.present if key[:2] == (advertiser, segment) and self.has(key)}

    def _notice(self) -> Receipt:
        """It is told who said no, and takes its time over them."""
        self.notices += 1
        fate = self.plan[self.notices % len(self.plan)]
        return FATES["ok" if fate in {"partial", "large", "poisoned", "unattributed"} else fate]

    def _become(self, fate: str, operation: Operation, keys: tuple[Key, ...], expiry: datetime) -> None:
        match fate:
            case "ok" | "applied":
                self._put(operation, keys, expiry)
            case "partial":
                self._put(operation, keys[1:], expiry)
            case "half" | "unattributed":
                self._put(operation, keys[: (len(keys) + 1) // 2], expiry)
            case "late":
                self.delayed.append((self.now() + LATE, operation, keys, expiry))

    def _put(self, operation: Operation, keys: tuple[Key, ...], expiry: datetime) -> None:
        for key in keys:
            if operation is Operation.REMOVE:
                self.present.pop(key, None)
            else:
                self.present[key] = expiry
