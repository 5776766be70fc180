"""The time, as a part that is handed in: the system's own clock, or one that stands still until told otherwise."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the product may ask about time. `now` is aware and in UTC; `monotonic` and `sleep` are in seconds."""

    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...


BUILT, LATEST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
"""A clock that says an instant before or after these is wrong."""


def wrong_clock(now: datetime) -> str:
    """A sentence when no clock that goes right says this; else nothing."""
    if BUILT <= now < LATEST:
        return ""
    return f"this machine's clock says {now:%Y-%m-%d}, which cannot be; nothing is run by it until it is set"


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class StandingClock:
    """A clock that moves only when it is told to; sleeping moves it. For rehearsals and tests."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)
        self._seconds = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._seconds

    def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._seconds += seconds

    def jump(self, span: timedelta) -> None:
        """Somebody sets the clock on the wall; no time passes."""
        self._now += span
