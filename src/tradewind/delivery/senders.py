"""Pieces of work under way at once, carried on by one thread; what may wait for anything has a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread, current_thread
from typing import Any

from tradewind.clock import SystemClock
from tradewind.steps import Ask, Bell, ready

Apart = Callable[[], Any]
"""A part of a piece of work that may wait for anything: it has a thread, and what it gives or raises goes back into the work."""

Work = Generator[Ask | Apart, Any, None]

Step = Callable[[], Ask | Apart]

LONG = 60.0
"""Seconds of waiting, where there is nothing else to do."""


@dataclass(eq=False)
class _Open:
    """A piece of work, and the context it runs in."""

    work: Work
    context: Context


class Senders:
    """Carries on what was handed to it whenever it is told to `wait`; what comes of a piece of work is kept by the work itself.

    A thread for each would cost several times as much as the waiting: whatever wakes must have the interpreter, which another holds.
    `close` waits for what is under way.
    """

    def __init__(self) -> None:
        self._now = SystemClock().monotonic
        self._waiting: dict[Ask, tuple[_Open, float]] = {}
        self._apart = set[Thread]()
        self._back: SimpleQueue[tuple[Thread, _Open, Step]] = SimpleQueue()
        self._bell = Bell()
        self._ended = False

    def hand(self, work: Work) -> None:
        """Carry it out until it must wait."""
        self._go_on(_Open(work, copy_context()), partial(next, work))

    def wait(self, seconds: float) -> None:
        """Until a piece of work has ended since the last call, or so many seconds."""
        until = self._now() + seconds
        self._look(0)
        while not self._ended and (left := until - self._now()) > 0:
            self._look(left)
        self._ended = False

    def close(self) -> None:
        """Wait until everything has ended."""
        while self._waiting or self._apart:
            self.wait(LONG)
        self._bell.close()

    def _look(self, seconds: float) -> None:
        """Wait so long for something that can be carried on, and carry it on."""
        ends = [until - self._now() for _, until in self._waiting.values()]
        bell = self._bell.ask
        found = ready([bell, *self._waiting], max(0.0, min([seconds, *ends])))
        for ask in found:
            if ask in self._waiting:
                each, _ = self._waiting.pop(ask)
                self._go_on(each, partial(next, each.work))
        if bell in found:
            self._take_back()
        for ask in [ask for ask, (_, until) in self._waiting.items() if until <= self._now()]:
            each, _ = self._waiting.pop(ask)
            self._go_on(each, partial(each.work.throw, TimeoutError()))

    def _go_on(self, each: _Open, step: Step) -> None:
        try:
            asked = each.context.run(step)
        except StopIteration:
            self._ended = True
            return
        if isinstance(asked, Ask):
            self._waiting[asked] = each, self._now() + asked.seconds
        else:
            thread = Thread(target=self._carry_out, args=(each, asked), name="deliver")
            self._apart.add(thread)
            thread.start()

    def _carry_out(self, each: _Open, part: Apart) -> None:
        """In a thread of its own."""
        step: Step
        try:
            step = partial(each.work.send, each.context.run(part))
        except BaseException as error:
            step = partial(each.work.throw, error)
        self._back.put((current_thread(), each, step))
        self._bell.ring()

    def _take_back(self) -> None:
        """Carry on what threads have ended with."""
        self._bell.hush()
        with suppress(Empty):
            while True:
                thread, each, step = self._back.get_nowait()
                thread.join()
                self._apart.remove(thread)
                self._go_on(each, step)

    def __enter__(self) -> Senders:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
