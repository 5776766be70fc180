"""The listening socket: one thread a connection, kept open between requests, and damaged where a fault says so."""

from __future__ import annotations

import contextlib
import re
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from tradewind.sandbox.clock import SECOND, Clock
from tradewind.sandbox.faults import TEXT, Fault
from tradewind.sandbox.wire import Answer, FromFile, Malformed, Request, encode_head, read_body, read_head

_LOOPBACK = re.compile(r"(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d+)?", re.IGNORECASE)
_PIECE = b" " * 65_536
PAGES = "/_sandbox"


class Closed(Exception):
    """The sandbox is stopping: nothing more is applied."""


class Asked(Protocol):
    """A request to an emulated platform, under way: the fault it meets, and its answer, made when it is asked for."""

    @property
    def fault(self) -> Fault | None: ...

    def answer(self) -> Answer: ...


class Site(Protocol):
    """An emulated platform as the server sees it."""

    def missing(self, request: Request) -> Answer | None:
        """The answer where the platform has no such endpoint; None where it has."""

    def asked(self, request: Request) -> AbstractContextManager[Asked]:
        """A request to one of its endpoints, counted as open until the answer is sent. The answer raises Closed."""


class Server:
    """Serves one platform, and the pages of the sandbox, on a loopback address. Raises OSError if the address cannot be had."""

    def __init__(self, site: Site, pages: Callable[[Request], Answer], clock: Clock, host: str, port: int) -> None:
        self._site, self._pages, self._clock = site, pages, clock
        self._stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=128)
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._listener.getsockname()[1]}"

    def start(self) -> None:
        """Answer from now on, in threads of its own."""
        threading.Thread(target=self._accept, name="accept", daemon=True).start()

    def stop(self) -> None:
        """Take no more connections, end those that are open, and apply nothing more."""
        self._stopping.set()
        with self._lock:
            for open_socket in (self._listener, *self._connections):
                with contextlib.suppress(OSError):
                    open_socket.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)
        try:
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._converse(connection)
        except (OSError, Closed):
            pass  # the client has gone, or the sandbox is stopping
        except Exception:
            traceback.print_exc(file=sys.stderr)
        finally:
            with self._lock:
                self._connections.discard(connection)

    def _converse(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while not self._stopping.is_set():
                try:
                    head = read_head(stream)
                    if head is None:
                        return
                    if head.wants_permission:
                        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                    request = read_body(stream, head)
                except Malformed as malformed:
                    self._send(connection, malformed.answer, keep_open=False)
                    return
                if request is None or not self._answer(connection, request):
                    return

    def _answer(self, connection: socket.socket, request: Request) -> bool:
        """Whether the connection can be used again."""
        if not _LOOPBACK.fullmatch(request.headers.get("host", "")):
            answer = Answer(403, b"The sandbox answers only to a loopback host name", TEXT)
        elif request.path == PAGES or request.path.startswith(f"{PAGES}/"):
            answer = self._pages(request)
        elif missing := self._site.missing(request):
            answer = missing
        else:
            return self._platform(connection, request)
        self._send(connection, answer, keep_open=request.keeps_open)
        return request.keeps_open

    def _platform(self, connection: socket.socket, request: Request) -> bool:
        with self._site.asked(request) as asked:
            fault = asked.fault
            if fault and fault.kind == "deferred":
                connection.shutdown(socket.SHUT_RDWR)
                self._stopping.wait(fault.seconds)
            answer = asked.answer()
            if fault is None:
                self._send(connection, answer, keep_open=request.keeps_open)
                return request.keeps_open
            return self._misbehave(connection, answer, fault, keep_open=request.keeps_open)

    def _misbehave(self, connection: socket.socket, answer: Answer, fault: Fault, *, keep_open: bool) -> bool:
        if fault.silent:
            return False
        if fault.kind == "late":
            self._stopping.wait(fault.seconds)
        if fault.kind not in ("torn", "drip", "flood"):
            self._send(connection, answer, keep_open=keep_open)
            return keep_open
        whole = self._encoded(answer, keep_open=False)
        if fault.kind == "torn":
            connection.sendall(whole[: len(whole) - max(1, len(_body(answer)) // 2)])
        elif fault.kind == "drip":
            for place in range(len(whole)):
                connection.sendall(whole[place : place + 1])
                if self._stopping.wait(fault.seconds):
                    break
        else:
            self._flood(connection, answer, fault.bytes)
        return False

    def _flood(self, connection: socket.socket, answer: Answer, size: int) -> None:
        connection.sendall(encode_head(answer, self._seconds(), length=size, keep_open=False))
        for sent in range(0, size, len(_PIECE)):
            connection.sendall(_PIECE[: size - sent])

    def _send(self, connection: socket.socket, answer: Answer, *, keep_open: bool) -> None:
        body = answer.body
        if isinstance(body, bytes):
            connection.sendall(self._encoded(answer, keep_open=keep_open))
            return
        if isinstance(body, FromFile):
            connection.sendall(encode_head(answer, self._seconds(), length=body.length, keep_open=keep_open))
            with body.path.open("rb") as file:
                connection.sendfile(file, body.start, body.length)
            return
        connection.sendall(encode_head(answer, self._seconds(), length=None, keep_open=keep_open))
        _send_pieces(connection, body)

    def _encoded(self, answer: Answer, *, keep_open: bool) -> bytes:
        body = _body(answer)
        return encode_head(answer, self._seconds(), length=len(body), keep_open=keep_open) + body

    def _seconds(self) -> float:
        return self._clock.now() / SECOND


def _body(answer: Answer) -> bytes:
    body = answer.body
    if isinstance(body, FromFile):
        return body.path.read_bytes()[body.start : body.start + body.length]
    return body if isinstance(body, bytes) else b"".join(body)


def _send_pieces(connection: socket.socket, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
    connection.sendall(b"0\r\n\r\n")
