"""What a project may ask for: 60 requests in 10 minutes, 4 at once, one at a time for a cohort, 500 downloads a month."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import Any

from tradewind.sandbox.amplitude.denial import Denied
from tradewind.sandbox.clock import MINUTE, iso
from tradewind.sandbox.unusable import Unusable

MONTH = len("2026-07")


@dataclass(frozen=True, slots=True)
class Limits:
    """The documented limits, and the sizes that no page states; all of them can be changed by an order."""

    requests_per_10_minutes: int = 60
    at_once: int = 4
    downloads_per_month: int = 500
    largest_cohort: int = 2_000_000
    direct_bytes: int = 65_536
    """A file up to this size is answered at once; a larger one by a link."""
    polls: int = 1
    """How often a download is answered JOB INPROGRESS."""
    link_seconds: int = 60
    request_days: int = 7
    export_bytes: int = 4_000_000_000
    export_days: int = 365
    export_delay_minutes: int = 120

    def changed(self, order: dict[str, Any]) -> Limits:
        """These limits with those of an order in their place. Raises Unusable."""
        for name, value in order.items():
            if name not in self.__slots__:
                raise Unusable(f"Unknown limit {name!r}; known are {', '.join(self.__slots__)}")
            if type(value) is not int or not 0 <= value <= 10**12:
                raise Unusable(f"{name} is a whole number")
        return replace(self, **order)

    def shown(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Pace:
    """What one project has asked for so far. Not locked: its owner is."""

    asked_at: deque[int] = field(default_factory=deque)
    busy: Counter[str] = field(default_factory=Counter)
    most_at_once: int = 0
    downloads: Counter[str] = field(default_factory=Counter)

    def has_room(self, cohort: str, limits: Limits) -> bool:
        """Whether one more request may be open; `cohort` is the one it concerns, empty where it concerns none."""
        return self.busy.total() < limits.at_once and not (cohort and self.busy[cohort])

    def begin(self, cohort: str, limits: Limits) -> None:
        """A request is open. Raises Denied with 429 where it is one too many; then it is not."""
        self.most_at_once = max(self.most_at_once, self.busy.total() + 1)
        if self.busy.total() >= limits.at_once:
            raise too_many(f"More than {limits.at_once} requests at once")
        if cohort and self.busy[cohort]:
            raise too_many("This cohort is being accessed by another request")
        self.busy[cohort] += 1

    def end(self, cohort: str) -> None:
        self.busy[cohort] -= 1

    def admit(self, now: int, limits: Limits) -> None:
        """Count a request against the ten minutes. Raises Denied with 429 where it is one too many; then it does not count."""
        while self.asked_at and not now - 10 * MINUTE < self.asked_at[0] <= now:
            self.asked_at.popleft()
        if len(self.asked_at) >= limits.requests_per_10_minutes:
            raise too_many(f"More than {limits.requests_per_10_minutes} requests in 10 minutes")
        self.asked_at.append(now)

    def charge(self, now: int, limits: Limits) -> None:
        """Count a download against the month, in UTC. Raises Denied with 429 once the month's number is reached."""
        month = iso(now)[:MONTH]
        if self.downloads[month] >= limits.downloads_per_month:
            raise too_many(f"More than {limits.downloads_per_month} downloads in a month")
        self.downloads[month] += 1

    def shown(self) -> dict[str, Any]:
        return {
            "requests_counted": len(self.asked_at),
            "most_at_once": self.most_at_once,
            "downloads": dict(sorted(self.downloads.items())),
        }


def too_many(details: str) -> Denied:
    """The answer 429."""
    return Denied(429, "too_many_requests", details)
