"""How often a caller may ask: so many requests in any minute, reading and writing apart."""

from __future__ import annotations

import threading
from collections import deque

READS, WRITES = 600, 60
"""Requests a minute of one caller."""

MINUTE = 60.0

MOST_CALLERS = 10_000
"""Callers remembered; the one that was silent longest is forgotten first."""


class Rates:
    """Counts by caller. Instants are seconds of a clock that only goes forward."""

    def __init__(self, reads: int = READS, writes: int = WRITES) -> None:
        self._most = {False: reads, True: writes}
        self._asked: dict[tuple[str, bool], deque[float]] = {}
        self._turn = threading.Lock()

    def wait(self, caller: str, now: float, *, writes: bool) -> float:
        """Count a request; the seconds it has to wait, 0 when it may pass. One that has to wait does not count."""
        with self._turn:
            asked = self._asked.pop((caller, writes), deque())
            self._asked[caller, writes] = asked
            while len(self._asked) > MOST_CALLERS:
                del self._asked[next(iter(self._asked))]
            while asked and asked[0] <= now - MINUTE:
                asked.popleft()
            if len(asked) >= self._most[writes]:
                return asked[0] + MINUTE - now
            asked.append(now)
            return 0.0
