"""No line is held for ever: not by a head or a body that drips, by a reader who does not read, or by an answer that does not come."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from starlette.types import Message, Receive, Scope, Send

from sandbox_process import wait_until
from tradewind.clock import SystemClock
from tradewind.web.limits import FILE_ROUTE, PACE, Limits
from tradewind.web.wire import Wire

P = "/api/v1/projects/default"
LARGE = 24 << 20
"""Bytes that no buffer of the system takes."""


class Impatient(Wire):
    """A line that waits a fifth of a second."""

    patience = 0.2


async def app(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answers at once, whatever is still to come of the request."""
    body = b"x" * (LARGE if scope["path"] == "/large" else 2)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[uvicorn.Server, int]]:
    """And its port."""
    server = uvicorn.Server(uvicorn.Config(app, http=Impatient, log_config=None, lifespan="off"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        yield server, listener.getsockname()[1]
        server.should_exit = True
        thread.join(20)


def dripped(line: socket.socket, drop: bytes) -> bytes:
    """What came until the other end closed, while it was sent a drop again and again."""
    got, end = b"", time.monotonic() + 20
    line.settimeout(0.02)
    while time.monotonic() < end:
        try:
            part = line.recv(1 << 16)
        except TimeoutError:
            try:
                line.sendall(drop)
            except ConnectionError:
                return got
            continue
        except ConnectionError:
            return got
        if not part:
            return got
        got += part
    raise AssertionError("the line is still open")


@pytest.mark.parametrize(
    ("sent", "drop", "answered"),
    [
        (b"", b"", b""),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: ", b"x", b""),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT", b"T", b"HTTP/1.1 200 OK"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx", b"x", b"HTTP/1.1 200 OK"),
    ],
    ids=["says nothing", "a head that drips", "a second head that drips", "the rest of a body that nobody wants drips"],
)
def test_a_line_that_brings_no_request_is_given_up(server: tuple[uvicorn.Server, int], sent: bytes, drop: bytes, answered: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server[1])) as line:
        line.sendall(sent)
        assert dripped(line, drop)[: len(answered) or 1] == answered


@pytest.mark.parametrize("pause", [None, 0.01], ids=["never", "slowly"])
def test_a_reader_who_does_not_read_is_given_up_and_a_slow_one_is_not(server: tuple[uvicorn.Server, int], pause: float | None) -> None:
    with socket.socket() as line:
        line.connect(("127.0.0.1", server[1]))
        line.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        line.settimeout(20)
        assert line.recv(4) == b"HTTP"
        if pause is None:
            wait_until(lambda: not server[0].server_state.connections, "the line is given up", 20)
        left, waiting = 0, threading.Event()
        while part := line.recv(1 << 20, socket.MSG_WAITALL):
            left += len(part)
            waiting.wait(pause or 0)
    assert (left > LARGE) is (pause is not None)


# --- the time of a request


def ask(app: Any, receive: Receive, path: str = f"{P}/syncs", method: str = "POST", patience: float = 0.1) -> Message:
    """The head of the answer."""
    sent: list[Message] = []

    async def answer(message: Message) -> None:
        sent.append(dict(message))

    scope: Scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    asyncio.run(Limits(app, SystemClock(), lambda _: None, patience=patience)(scope, receive, answer))
    return sent[0]


def test_an_answer_that_does_not_come_in_time_is_told_and_a_preview_is_broken_off() -> None:
    ended: list[str] = []

    async def slow(scope: Scope, receive: Receive, _send: Send) -> None:
        await receive()
        scope["state"]["ends"].append(lambda: ended.append("the preview"))
        await asyncio.Event().wait()

    async def whole() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    assert ask(slow, whole)["status"] == 503
    assert ended == ["the preview"]


def test_an_answer_that_has_begun_takes_its_time() -> None:
    """A stream of events has a rule of its own."""

    async def stream(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.3)
        await send({"type": "http.response.body", "body": b""})

    async def whole() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    assert ask(stream, whole, method="GET")["status"] == 200


def test_a_file_that_drips_is_given_up_and_one_that_comes_has_more_time() -> None:
    """Each part of the pace buys a second; then it is written down, however long that takes."""
    path = f"{P}/events/imports"
    assert FILE_ROUTE.fullmatch(path)

    async def take(_scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["more_body"]:
            pass
        await asyncio.sleep(0.3)
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def drip() -> Message:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    parts = [PACE, PACE, 1]

    async def come() -> Message:
        size = parts.pop(0)
        await asyncio.sleep(0 if len(parts) == 2 else 0.15)
        return {"type": "http.request", "body": b"x" * size, "more_body": bool(parts)}

    assert ask(take, drip, path)["status"] == 408
    assert ask(take, come, path)["status"] == 202
