"""One HTTP/1.1 exchange over a socket: head and body out, the answer in, everything before one instant."""

from __future__ import annotations

import math
import re
import select
import socket
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ssl import SSLWantReadError, SSLWantWriteError

from tradewind.moment import reached
from tradewind.steps import Ask, Steps, carried_out, ready

LARGEST_ANSWER = 8 * 1024 * 1024
"""Bytes of an answer's body read at most, where it is read whole."""

LARGEST_HEAD = 64 * 1024
"""Bytes read at most before an answer's body begins, and after it."""

LITTLE, MUCH = 1 << 16, 1 << 20
"""Bytes read at a time, where little or much is expected: a large body costs half as much in large slices."""

Octets = bytes | bytearray | memoryview
"""What is sent; it is not copied on its way."""


_Pieces = Generator[Ask | bytes, None, None]
"""A body as it comes, with what is waited for in between."""

_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*)")
_LENGTH = re.compile("[0-9]{1,15}")
_PIECE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?")


class BrokenExchangeError(Exception):
    """The answer is none: not HTTP, cut short or too long. Its text says which, and nothing of what was sent."""


@dataclass(frozen=True)
class Deadline:
    """An instant of a monotonic clock, `now`; `idle` is how many seconds at most the peer may be silent before it."""

    until: float
    now: Callable[[], float]
    idle: float = math.inf

    def left(self) -> float:
        """The seconds for which the next byte may be waited for. Raises TimeoutError when there are none."""
        seconds = self.until - self.now()
        if seconds <= 0:
            raise TimeoutError
        return min(seconds, self.idle)


def instant_of(field: str) -> datetime | None:
    """The instant that a field of a head says, as `Date` does; None where it says none."""
    try:
        date = parsedate_to_datetime(field)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


@dataclass(frozen=True, repr=False)
class Response:
    """An answer as it came: header names in lower case, the body not decoded. It may hold identifiers: no repr."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Response({self.status}, {len(self.body)} bytes)"


@dataclass(frozen=True, repr=False)
class Incoming:
    """An answer whose body is still coming, as an iterator of slices. `bounded`: its head says where it ends, so that a cut shows.

    The slices raise TimeoutError, OSError and BrokenExchangeError.
    """

    status: int
    headers: Mapping[str, str]
    slices: Iterator[bytes]
    bounded: bool

    def whole(self, most: int) -> Response:
        """The answer with all of its body, of `most` bytes."""
        return Response(self.status, self.headers, _joined(self.slices, most))

    def __repr__(self) -> str:
        return f"Incoming({self.status})"


class Line:
    """A connected socket, for one exchange after another as long as each leaves it clean.

    `begun`: a byte of the present body may have left. `clean`: the last exchange ended where it should, and the peer goes on.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._connection = connection
        self.begun = self.clean = self.called_off = False
        self._held = b""

    def exchange(self, head: bytes, body: Octets, deadline: Deadline) -> Steps[Response]:
        """Send these bytes and read the whole answer. Raises TimeoutError, OSError and BrokenExchangeError; then the line is not clean."""
        status, headers, goes_on = yield from self._asked(head, body, deadline)
        whole, length = [], 0
        for piece in self._body(status, headers, deadline):
            if isinstance(piece, Ask):
                yield piece
            else:
                length += len(piece)
                _bounded(length, LARGEST_ANSWER)
                whole.append(piece)
        self.clean = goes_on and not self._held
        reached("answer.whole")
        return Response(status, headers, b"".join(whole))

    def begin(self, head: bytes, body: Octets, deadline: Deadline) -> Incoming:
        """Send these bytes and read the head of the answer; the line is clean when the last of its slices was taken."""
        status, headers, goes_on = carried_out(self._asked(head, body, deadline))
        return Incoming(status, headers, self._slices(status, headers, goes_on, deadline), _says_its_end(status, headers))

    def _asked(self, head: bytes, body: Octets, deadline: Deadline) -> Steps[tuple[int, dict[str, str], bool]]:
        """Status and headers of the answer, and whether the line may go on after its body."""
        self.begun = self.clean = False
        yield from self._send(head, deadline)
        self.begun = True
        reached("request.begun")
        cut = False
        try:
            yield from self._send(body, deadline)
        except (BrokenPipeError, ConnectionResetError):
            cut = True  # a server may refuse before it has read everything, and hang up: its answer is there to be read
        reached("request.sent")
        version, status, headers = yield from self._head(deadline)
        reached("answer.begun")
        if cut and status < 400:
            raise BrokenExchangeError("the connection broke while the request was sent")
        closes = version != b"1" or "close" in headers.get("connection", "").lower()
        return status, headers, not closes and not cut and _says_its_end(status, headers)

    def _slices(self, status: int, headers: Mapping[str, str], goes_on: bool, deadline: Deadline) -> Iterator[bytes]:
        for piece in self._body(status, headers, deadline):
            if not isinstance(piece, Ask):
                yield piece
            elif not ready([piece], piece.seconds):
                raise TimeoutError
        self.clean = goes_on and not self._held

    def quiet(self) -> bool:
        """Whether nothing came since the last answer: neither a byte that belongs to nobody nor the peer's end."""
        waiting = select.poll()
        waiting.register(self._connection, select.POLLIN | select.POLLHUP | select.POLLERR)
        return not waiting.poll(0)

    def call_off(self) -> None:
        """End what is under way in another thread."""
        self.called_off = True
        with suppress(OSError):
            socket.socket.shutdown(self._connection, socket.SHUT_RDWR)  # below TLS, whose state belongs to the other thread

    def close(self) -> None:
        """Give the socket back."""
        self._connection.close()

    def _send(self, octets: Octets, deadline: Deadline) -> Steps[None]:
        """Each piece has what is left of the deadline, so that a peer that reads slowly cannot hold us longer."""
        left = memoryview(octets)
        while left:
            seconds = deadline.left()
            try:
                left = left[self._connection.send(left) :]
            except (BlockingIOError, SSLWantWriteError):
                yield Ask(self._connection, select.POLLOUT, seconds)
            except SSLWantReadError:
                yield Ask(self._connection, select.POLLIN, seconds)

    def _receive(self, deadline: Deadline, most: int = LITTLE) -> Steps[bytes]:
        """What comes next; empty at the peer's end."""
        while True:
            seconds = deadline.left()
            try:
                return self._connection.recv(most)
            except (BlockingIOError, SSLWantReadError):
                yield Ask(self._connection, select.POLLIN, seconds)
            except SSLWantWriteError:
                yield Ask(self._connection, select.POLLOUT, seconds)

    def _more(self, deadline: Deadline) -> Steps[None]:
        piece = yield from self._receive(deadline)
        if not piece:
            raise BrokenExchangeError("the connection broke before the answer was whole")
        self._held += piece

    def _until(self, end: bytes, deadline: Deadline) -> Steps[bytes]:
        """What stands before `end`, which is taken off too."""
        while (at := self._held.find(end)) < 0:
            if len(self._held) > LARGEST_HEAD:
                raise BrokenExchangeError(f"the answer's head is longer than {LARGEST_HEAD} bytes")
            yield from self._more(deadline)
        found, self._held = self._held[:at], self._held[at + len(end) :]
        return found

    def _head(self, deadline: Deadline) -> Steps[tuple[bytes, int, dict[str, str]]]:
        """Version, status and headers; what a server says in between (1xx) is passed over, within reason."""
        for _ in range(10):
            status, *fields = (yield from self._until(b"\r\n\r\n", deadline)).split(b"\r\n")
            said = _STATUS.fullmatch(status)
            headers = _headers(fields)
            if said is None or said[2] == b"101":
                break
            if not said[2].startswith(b"1"):
                return said[1], int(said[2]), headers
        raise _not_http()

    def _body(self, status: int, headers: Mapping[str, str], deadline: Deadline) -> _Pieces:
        if status in {204, 304}:
            return
        if "transfer-encoding" in headers:
            if headers["transfer-encoding"].lower() != "chunked":
                raise _not_http()
            yield from self._in_pieces(deadline)
        elif "content-length" in headers:
            if not _LENGTH.fullmatch(headers["content-length"]):
                raise _not_http()
            yield from self._exactly(int(headers["content-length"]), deadline)
        else:
            yield from self._to_the_end(deadline)

    def _exactly(self, length: int, deadline: Deadline) -> _Pieces:
        left = length
        while left:
            piece = self._held or (yield from self._receive(deadline, max(LITTLE, min(left, MUCH))))
            if not piece:
                raise BrokenExchangeError("the connection broke before the answer was whole")
            self._held = piece[left:]
            left -= len(piece) - len(self._held)
            yield piece[: len(piece) - len(self._held)]

    def _in_pieces(self, deadline: Deadline) -> _Pieces:
        """The body of an answer that says the length of each piece before it (RFC 9112, 7.1)."""
        while True:
            size = _PIECE.fullmatch((yield from self._until(b"\r\n", deadline)))
            if size is None:
                raise _not_http()
            if not (length := int(size[1], 16)):
                break
            yield from self._exactly(length, deadline)
            if (yield from self._until(b"\r\n", deadline)):
                raise _not_http()
        for _ in range(100):
            if not (yield from self._until(b"\r\n", deadline)):
                return
        raise _not_http()

    def _to_the_end(self, deadline: Deadline) -> _Pieces:
        yield self._held
        self._held = b""
        while piece := (yield from self._receive(deadline)):
            yield piece


def _says_its_end(status: int, headers: Mapping[str, str]) -> bool:
    """Whether a head says where the body ends, so that a cut shows."""
    return status in {204, 304} or "transfer-encoding" in headers or "content-length" in headers


def _headers(fields: list[bytes]) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in fields:
        read = _FIELD.fullmatch(field)
        if read is None:
            raise _not_http()
        name, value = read[1].decode("ascii").lower(), read[2].decode("latin-1").strip(" \t")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _joined(pieces: Iterator[bytes], most: int) -> bytes:
    whole, length = [], 0
    for piece in pieces:
        length += len(piece)
        _bounded(length, most)
        whole.append(piece)
    return b"".join(whole)


def _bounded(length: int, most: int) -> None:
    if length > most:
        raise BrokenExchangeError(f"the answer is longer than {most} bytes")


def _not_http() -> BrokenExchangeError:
    return BrokenExchangeError("the answer is not HTTP")
