"""The world a victim lives in: a clock that the rig moves and that outlives a kill, and the folder of a life."""

from __future__ import annotations

import mmap
import struct
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

LONGEST_REAL_WAIT = 0.01
"""Seconds that a wait of any length takes in truth; the rest of it passes on the world's clock at once."""


class WorldClock:
    """The machine's clock, `ahead` by seconds that stand in a file: what slept before a kill has slept after it."""

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(struct.pack("d", 0.0))
        with file.open("r+b") as opened:
            self._ahead = mmap.mmap(opened.fileno(), 8)
        self._lock = threading.Lock()

    @property
    def ahead(self) -> float:
        """Seconds."""
        return float(struct.unpack("d", self._ahead[:8])[0])

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._ahead[:8] = struct.pack("d", self.ahead + seconds)

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def sleep(self, seconds: float) -> None:
        real = min(seconds, LONGEST_REAL_WAIT)
        time.sleep(real)
        self.advance(seconds - real)
