"""HTTP/1.1 by hand: requests read from a socket, answers as bytes, so that an answer can also be torn or dripped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qsl, unquote, urlsplit

MAX_HEAD_BYTES = 65_536
MAX_BODY_BYTES = 64 * 1024 * 1024

JSON = "application/json"

_LENGTH = re.compile(r"\d{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Header names are lower case; the body is what arrived, byte for byte."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    arguments: tuple[tuple[str, str], ...] = ()
    """The query as it was sent, with names that occur more than once."""

    @property
    def keeps_open(self) -> bool:
        return self.headers.get("connection", "").lower() != "close"


@dataclass(frozen=True, slots=True)
class FromFile:
    """A range of a file's bytes, sent without passing through this process."""

    path: Path
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body and headers. A body that is neither bytes nor a file's is sent as it is made."""

    status: int
    body: bytes | FromFile | Iterable[bytes] = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


class Malformed(Exception):
    """The bytes are no request: answered with `status`, then the connection ends."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.answer = Answer(status, message.encode(), "text/plain; charset=utf-8")


@dataclass(frozen=True, slots=True)
class Head:
    """A request line and its headers, before the body."""

    method: str
    target: str
    headers: dict[str, str]

    @property
    def wants_permission(self) -> bool:
        """The client waits for `100 Continue` before it sends the body."""
        return self.headers.get("expect", "").lower() == "100-continue"


def read_head(stream: BinaryIO) -> Head | None:
    """The next request's head; None when the client has gone. Raises Malformed."""
    line = stream.readline(MAX_HEAD_BYTES)
    if not line.strip():
        return None
    parts = line.decode("latin-1").split()
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise Malformed(400, "This is not an HTTP/1.1 request")
    headers: dict[str, str] = {}
    size = len(line)
    while (line := stream.readline(MAX_HEAD_BYTES)).strip():
        size += len(line)
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or size > MAX_HEAD_BYTES:
            raise Malformed(431 if size > MAX_HEAD_BYTES else 400, "The request's headers are malformed or too long")
        key, text = name.strip().lower(), value.strip()
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return Head(parts[0], parts[1], headers)


def read_body(stream: BinaryIO, head: Head) -> Request | None:
    """The whole request; None when the client left in the middle of its body. Raises Malformed."""
    if "transfer-encoding" in head.headers:
        raise Malformed(411, "Send the body with a Content-Length")
    length = head.headers.get("content-length", "0")
    if not _LENGTH.fullmatch(length):
        raise Malformed(400, "Content-Length is not a number")
    if int(length) > MAX_BODY_BYTES:
        raise Malformed(413, "MaxRequestSizeExceeded: the body is far over the limit and was not read")
    body = stream.read(int(length))
    if len(body) < int(length):
        return None
    target = urlsplit(head.target)
    arguments = tuple(parse_qsl(target.query, keep_blank_values=True))
    return Request(head.method, unquote(target.path), dict(arguments), head.headers, body, arguments)


def encode_head(answer: Answer, seconds: float, *, length: int | None, keep_open: bool) -> bytes:
    """Status line and headers. `seconds` is the time to show in `Date`; no `length` means the body comes in pieces."""
    known = {status.value: status.phrase for status in HTTPStatus}
    headers = {
        "Date": formatdate(seconds, usegmt=True),
        "Content-Type": answer.content_type,
        **({"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}),
        "Connection": "keep-alive" if keep_open else "close",
        **answer.headers,
    }
    lines = [f"HTTP/1.1 {answer.status} {known.get(answer.status, 'Unknown')}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
