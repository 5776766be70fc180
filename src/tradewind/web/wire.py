"""A line to a caller: given up when the head of a request does not come, or when nobody takes the answer."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol as Http

PATIENCE = 30.0
"""Seconds for the head of a request, for the rest of one that was refused, and for the next `LEAST` bytes of an answer to be taken."""

LEAST = 16 << 10
"""Bytes of an answer that waits, each `PATIENCE`; a slow line takes them, who holds the line for nothing does not."""


class Wire(Http):
    """HTTP as uvicorn speaks it, which waits for a head and a reader for ever: two hundred such lines would be the whole server."""

    patience = PATIENCE
    _waits: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the class above has it
        """Wait for the first head."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """While a request is worked on its own time counts, by `Limits`; else this is of a head, or of the body of one that was refused."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            _forget(self._waits)
            self._waits = None
        elif self._waits is None:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        _forget(self._waits)
        _forget(self._stuck)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The other end takes the answer more slowly than it is given, or not at all."""
        super().pause_writing()
        self._expect_reader()

    def resume_writing(self) -> None:
        """It has taken what waited."""
        _forget(self._stuck)
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Nothing was asked for a while: say goodbye, and do not wait for ever until that is taken."""
        super().timeout_keep_alive_handler()
        self._expect_head()

    def _expect_head(self) -> None:
        _forget(self._waits)
        self._waits = self.loop.call_later(self.patience, self.transport.abort)

    def _expect_reader(self) -> None:
        waiting = self.transport.get_write_buffer_size()

        def look() -> None:
            if self.transport.get_write_buffer_size() > waiting - LEAST:
                self.transport.abort()
            else:
                self._expect_reader()

        self._stuck = self.loop.call_later(self.patience, look)


def _forget(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
