"""The one way out: a POST with one overall deadline, verified TLS, an address rule, and no redirect, cookie or proxy."""

from __future__ import annotations

import asyncio
import ipaddress
import threading
from collections.abc import AsyncIterator, Coroutine, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass

import httpx2

from tradewind.errors import ConfigurationError, RetryableError, UncertainError
from tradewind.moment import reached

LARGEST_ANSWER = 8 * 1024 * 1024
"""Bytes of an answer read at most."""

HEADERS = {"User-Agent": "tradewind", "Accept": "application/json", "Accept-Encoding": "identity"}


@dataclass(frozen=True, repr=False)
class Response:
    """An answer as it came: header names in lower case, the body not decoded. It may hold identifiers: no repr."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Response({self.status}, {len(self.body)} bytes)"


class Door:
    """Sends from any number of threads over connections that are kept alive; `close()` when done.

    `deadline` bounds each request as a whole, in seconds, from the look-up of the name to the last byte of the answer
    (a client's own timeouts bound only the silence between two bytes). With `loopback_only` every host but this
    machine is refused, whatever asks: for demos, rehearsals and tests.
    """

    def __init__(self, deadline: float = 60.0, *, loopback_only: bool = False) -> None:
        self.deadline, self.loopback_only = deadline, loopback_only
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._transport: httpx2.AsyncHTTPTransport | None = None

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """Send these very bytes once and give back the whole answer, whatever its status.

        Raises ConfigurationError for an address that may not be reached, RetryableError when not a byte of the body
        was sent, and UncertainError when the answer was lost after that: then the request may have been applied.
        """
        address = self._checked(url)
        outgoing = _Body(body)
        request = httpx2.Request(
            "POST",
            address,
            headers={**HEADERS, **headers, "Content-Length": str(len(body))},
            content=outgoing,
        )
        try:
            return self._run(self._exchange(request))
        except (TimeoutError, httpx2.TimeoutException):
            reason = f"no whole answer within {self.deadline:g} s"
        except (httpx2.TransportError, OSError) as error:
            reason = _reason(error)
        except CancelledError:
            reason = "it was called off"
        except _TooLong:
            reason = f"the answer is longer than {LARGEST_ANSWER} bytes"
        if outgoing.begun:
            raise UncertainError(f"{address.host} may have received the request: {reason}")
        raise RetryableError(f"{address.host} could not be reached: {reason}")

    def close(self) -> None:
        """Call off what is under way, close every connection and end the thread; a later `post` starts anew."""
        with self._lock:
            loop, thread, transport = self._loop, self._thread, self._transport
            self._loop = self._thread = self._transport = None
        if loop and thread and transport:
            asyncio.run_coroutine_threadsafe(_wind_up(transport), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def __enter__(self) -> Door:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _checked(self, url: str) -> httpx2.URL:
        try:
            address = httpx2.URL(url)
        except httpx2.InvalidURL:
            raise ConfigurationError("the address is not a URL: expected https://host/path") from None
        loopback = is_loopback(address.host)
        if address.userinfo or not address.host or (address.scheme != "https" and not (loopback and address.scheme == "http")):
            raise ConfigurationError(f"'{address.host}' is refused: only https is sent, and plain http to this machine alone")
        if self.loopback_only and not loopback:
            raise ConfigurationError(f"'{address.host}' is refused: only this machine may be reached here")
        return address

    def _run(self, exchange: Coroutine[None, None, Response]) -> Response:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._transport = httpx2.AsyncHTTPTransport(trust_env=False)
                self._thread = threading.Thread(target=self._loop.run_forever, name="door", daemon=True)
                self._thread.start()
            future = asyncio.run_coroutine_threadsafe(exchange, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def _exchange(self, request: httpx2.Request) -> Response:
        """One request. What interrupts it closes its connection, so that a late answer meets nobody."""
        assert self._transport is not None
        async with asyncio.timeout(self.deadline):
            answer = await self._transport.handle_async_request(request)
            reached("answer.begun")
            try:
                pieces: list[bytes] = []
                length = 0
                async for piece in answer.aiter_raw():
                    length += len(piece)
                    if length > LARGEST_ANSWER:
                        raise _TooLong
                    pieces.append(piece)
            finally:
                await answer.aclose()
        reached("answer.whole")
        return Response(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, b"".join(pieces))


async def _wind_up(transport: httpx2.AsyncHTTPTransport) -> None:
    under_way = asyncio.all_tasks() - {asyncio.current_task()}
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)
    await transport.aclose()


class _Body(httpx2.AsyncByteStream):
    """The bytes of a request, and whether the first of them may have left."""

    def __init__(self, body: bytes) -> None:
        self._body, self.begun = body, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.begun = True
        reached("request.begun")
        yield self._body
        reached("request.sent")


class _TooLong(Exception):
    """The answer passed its bound."""


def is_loopback(host: str) -> bool:
    """Whether a host as it stands in a URL is this machine: `localhost`, 127.0.0.0/8 in four decimal parts, or ::1."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return address in ipaddress.ip_network("127.0.0.0/8") if address.version == 4 else address == ipaddress.IPv6Address("::1")


def _reason(error: Exception) -> str:
    """A transport's words, without anything we sent."""
    return {
        "ConnectError": "no connection (name, address or certificate)",
        "ReadError": "the connection broke before the answer was whole",
        "WriteError": "the connection broke while the request was sent",
        "RemoteProtocolError": "the answer is not HTTP, or was cut short",
    }.get(type(error).__name__, type(error).__name__)
