"""Threads that wait for the platform: each carries out one piece of work after another, and says when one has ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

Work = TypeVar("Work")


class Senders(Generic[Work]):
    """At most so many threads, each begun when it is first needed; what comes of a piece of work is kept by the work itself.

    Two queues cost a fraction of what an executor's futures do. `close` waits for what is under way.
    """

    def __init__(self, carry_out: Callable[[Work], None], at_once: int) -> None:
        self._carry_out, self._at_once = carry_out, at_once
        self._threads: list[Thread] = []
        self._handed: SimpleQueue[tuple[Work] | None] = SimpleQueue()
        self._ended: SimpleQueue[None] = SimpleQueue()

    def hand(self, work: Work) -> None:
        """Carry it out as soon as a thread is free."""
        if len(self._threads) < self._at_once:
            self._threads.append(Thread(target=copy_context().run, args=(self._serve,), name=f"deliver-{len(self._threads)}"))
            self._threads[-1].start()
        self._handed.put((work,))

    def wait(self, seconds: float) -> None:
        """Until a piece of work has ended since the last call, or so many seconds."""
        with suppress(Empty):
            self._ended.get(timeout=seconds)
            while True:
                self._ended.get_nowait()

    def close(self) -> None:
        """Wait until every thread has ended."""
        for _ in self._threads:
            self._handed.put(None)
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        while handed := self._handed.get():
            self._carry_out(*handed)
            del handed
            self._ended.put(None)

    def __enter__(self) -> Senders[Work]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
