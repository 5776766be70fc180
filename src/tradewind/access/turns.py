"""Turns at what costs much memory and time: few at once, few who wait, and one that strangers cannot take."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tradewind.errors import RetryableError

AT_ONCE = 2
"""Turns of strangers at once, beside the one of those who are known: each takes 64 MiB and a core for a sixth of a second."""

MOST, EACH = 16, 8
"""Strangers who have a turn or wait for one, in all and of one network: they wait a second or two, and leave a server room for others."""

AGAIN = 2.0
"""Seconds after which one who found no room may come again."""


class Turns:
    """Gives turns in this process."""

    def __init__(self) -> None:
        self._lock, self._there = threading.Lock(), Counter[str]()
        self._strangers, self._known = threading.BoundedSemaphore(AT_ONCE), threading.BoundedSemaphore(1)

    @contextmanager
    def turn(self, network: str | None) -> Iterator[None]:
        """A turn for as long as the block lasts; None for somebody who is known. Raises RetryableError when too many strangers wait."""
        if network is None:
            with self._known:
                yield
            return
        self._enter(network)
        try:
            with self._strangers:
                yield
        finally:
            self._leave(network)

    @property
    def waiting(self) -> int:
        """Strangers who have a turn or wait for one."""
        with self._lock:
            return self._there.total()

    def _enter(self, network: str) -> None:
        with self._lock:
            if self._there.total() >= MOST or self._there[network] >= EACH:
                raise RetryableError("very many sign in at this moment; try again in a few seconds", AGAIN)
            self._there[network] += 1

    def _leave(self, network: str) -> None:
        with self._lock:
            self._there[network] -= 1
            self._there += Counter()
