"""Server-sent events: what changes is told as it changes, on few connections, for as long as the caller may see it."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from tradewind.web.problems import Refusal

MEDIA = "text/event-stream"

EVENT = {"type": "object", "properties": {field: {"type": "string"} for field in ("id", "event", "data")}}

EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Events; the schema is that of one.", "content": {MEDIA: {"schema": EVENT}}},
    204: {"description": "It has ended, and its last event was received."},
}
"""How a route that streams describes its answers."""

MOST, EACH = 60, 6
"""Streams that are open at once, and those of one caller; a server answers 200 requests at once."""

LONGEST = 300.0
"""Seconds after which a stream ends; whoever comes again is looked at anew."""

QUIET = 15.0
"""Seconds after which a stream that has nothing to tell says that it lives."""


class Streams:
    """Counts open streams. `beat` is how often, in seconds, each looks whether something changed and whether its caller may still look."""

    def __init__(self, beat: float = 1.0) -> None:
        self.beat = beat
        self._lock, self._open = threading.Lock(), Counter[str]()

    def enter(self, who: str) -> None:
        """Count one more. Raises Refusal (503) when there are too many."""
        with self._lock:
            if self._open.total() >= MOST or self._open[who] >= EACH:
                raise Refusal(503, "too many streams are open; close one, or ask for the object itself", {"Retry-After": "5"})
            self._open[who] += 1

    def leave(self, who: str) -> None:
        """Count one less."""
        with self._lock:
            self._open[who] -= 1
            self._open += Counter()

    def __len__(self) -> int:
        return self._open.total()


@dataclass(frozen=True)
class Watched:
    """What a stream tells: `look` gives it as it is now and whether it is the last; `stands` whether the caller may still see it."""

    name: str
    look: Callable[[], tuple[BaseModel, bool]]
    stands: Callable[[], bool]


def stream(request: Request, streams: Streams, who: str, watched: Watched, *, longest: float = LONGEST, quiet: float = QUIET) -> Response:
    """A stream of events whose id is a digest of what they tell: who comes again with the last one is told only what is new.

    204, which keeps a browser from coming again, when that was the last one of all. Raises what `look` raises.
    """
    told, ended = watched.look()
    last = request.headers.get("last-event-id")
    if ended and last == _digest(told):
        return Response(status_code=204)
    streams.enter(who)
    return _Stream(_events(streams.beat, watched, last, longest, quiet), lambda: streams.leave(who))


class _Stream(StreamingResponse):
    """A stream that says when it is over, however it ends."""

    def __init__(self, events: AsyncIterator[str], over: Callable[[], None]) -> None:
        super().__init__(events, media_type=MEDIA)
        self._over = over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._over()


async def _events(beat: float, watched: Watched, last: str | None, longest: float, quiet: float) -> AsyncIterator[str]:
    """Event after event until the last one, or until the time of the stream is over."""
    clock = asyncio.get_running_loop().time
    begun = spoken = clock()
    while await run_in_threadpool(watched.stands):
        told, ended = await run_in_threadpool(watched.look)
        if (digest := _digest(told)) != last:
            last, spoken = digest, clock()
            yield f"id: {digest}\nevent: {watched.name}\ndata: {told.model_dump_json()}\n\n"
        if ended or clock() - begun >= longest:
            return
        if clock() - spoken >= quiet:
            spoken = clock()
            yield ": still here\n\n"
        await asyncio.sleep(beat)


def _digest(told: BaseModel) -> str:
    return hashlib.sha256(told.model_dump_json().encode()).hexdigest()[:16]
