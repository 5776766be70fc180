"""Turns by key: of two who come with the same one, the second waits until the first is done."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class Turns:
    """Gives turns in this process. `patience` is how many seconds somebody waits; after that they go on without one."""

    def __init__(self, patience: float = 10.0) -> None:
        self.patience = patience
        self._lock = threading.Lock()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._waiting = Counter[Hashable]()

    @contextmanager
    def turn(self, key: Hashable) -> Iterator[None]:
        """A turn for as long as the block lasts."""
        with self._lock:
            mine = self._locks.setdefault(key, threading.Lock())
            self._waiting[key] += 1
        taken = mine.acquire(timeout=self.patience)
        try:
            yield
        finally:
            if taken:
                mine.release()
            with self._lock:
                self._waiting[key] -= 1
                if not self._waiting[key]:
                    del self._waiting[key], self._locks[key]
