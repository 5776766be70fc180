"""What takes a while, as steps: it stops wherever it must wait for a connection, and whoever has the time carries it on."""

from __future__ import annotations

import math
import select
import socket
from collections.abc import Collection, Generator, Iterable
from typing import NamedTuple, TypeVar

Found = TypeVar("Found")


class Ask(NamedTuple):
    """What is waited for: that a connection is ready for `event` (`select.POLLIN` or `POLLOUT`), for so many seconds at most."""

    connection: socket.socket
    event: int
    seconds: float


Steps = Generator[Ask, None, Found]
"""They are carried on when what they asked for is there; when they waited in vain, they are thrown a TimeoutError."""


def carried_out(steps: Steps[Found]) -> Found:
    """What comes of them, after waiting here each time."""
    try:
        ask = next(steps)
        while True:
            ask = next(steps) if ready([ask], ask.seconds) else steps.throw(TimeoutError())
    except StopIteration as end:
        found: Found = end.value
        return found


class Bell:
    """Rung by other threads, and waited for beside connections."""

    def __init__(self) -> None:
        self._mine, self._theirs = socket.socketpair()

    @property
    def ask(self) -> Ask:
        """It is there when the bell was rung since the last `hush`."""
        return Ask(self._mine, select.POLLIN, math.inf)

    def ring(self) -> None:
        """From any thread."""
        self._theirs.send(b"!")

    def hush(self) -> None:
        """Forget that it was rung. It was."""
        self._mine.recv(1024)

    def close(self) -> None:
        """Nobody rings any more."""
        self._mine.close()
        self._theirs.close()


def ready(asks: Iterable[Ask], seconds: float) -> Collection[Ask]:
    """Wait until one of them is there, or so many seconds; those that are."""
    waiting, found = select.poll(), {}
    for ask in asks:
        found[ask.connection.fileno()] = ask
        waiting.register(ask.connection, ask.event)
    return [found[number] for number, _ in waiting.poll(math.ceil(1000 * seconds))]
