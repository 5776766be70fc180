"""What is looked at before a request is parsed: size, form and depth of its body; and what every answer carries."""

from __future__ import annotations

import asyncio
import re
import secrets
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qsl, unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradewind.access.texts import TOKEN, token_in
from tradewind.access.trail import REQUEST
from tradewind.clock import Clock
from tradewind.span import span
from tradewind.web.problems import defect, problem

LARGEST = 1 << 20
"""Bytes of a JSON body."""

LARGEST_MESSAGE = 4 << 20
"""Bytes of a message that is pushed."""

LARGEST_BATCH = 20 << 20
"""Bytes of a batch of events."""

LARGEST_FILE = 1 << 30
"""Bytes of a file that is sent to be imported."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Those that are counted and followed by their name; any other text is `other`."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Those that change nothing."""

SESSION = "/api/v1/session"
"""Where one signs in and out, also while nothing else is changed."""

PATIENCE = 30.0
"""Seconds of a whole request, from its head until its answer begins."""

PACE = 64 << 10
"""Bytes for which a body that may be large, of events or a file, has a second more."""

DEEPEST = 32
"""Levels of a JSON body; a cohort's rule may have 16, each of which takes two."""

PUSH_ROUTE = re.compile(r"/api/v1/projects/[^/]+/webhook/messages")

SENT_ROUTE = re.compile(r"/api/v1/projects/[^/]+/events/(2/httpapi|batch|identify)")
"""Where programs send events as to Amplitude: what is wrong with a body is answered there, in Amplitude's words."""

FILE_ROUTE = re.compile(r"/api/v1/projects/[^/]+/(events/imports|cohorts/[^/]+/list)")

HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"strict-transport-security", b"max-age=31536000"),
    (b"cache-control", b"no-store"),
)

SLOW = "the body did not come within {:.0f} s; one of events or a file has a second more for each {:,} bytes"

LATE = (
    "there is no answer after {:.0f} s; a preview was broken off, anything else may still be done:"
    " look what is there before you ask again, or ask again with the same Idempotency-Key"
)

REPEATED = frozenset({"sync"})
"""What may be asked for more than once in an address."""

_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_NO_TEXT = re.compile(rb"\\u0000|\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F]")
_BRACKETS = re.compile(rb"[\[{\]}]")
_QUOTED = re.compile(rb'"[^"]*"')
_ALIKE = bytes.maketrans(b"{}", b"[]")
_NEITHER = bytes(set(range(256)) - set(b'[]{}"'))


@dataclass(frozen=True)
class Seen:
    """A request that was answered. `route` is its pattern, never its path: no id of anybody's is in it.

    `failure` is the kind and place of a defect, without its message, which might hold anything.
    """

    request: str
    method: str
    route: str
    status: int
    seconds: float
    who: str
    failure: str = ""


class TooLarge(Exception):
    """A body that went on beyond its limit."""


class TooSlow(Exception):
    """A body that did not come in time."""


class TooLong(Exception):
    """An answer that did not begin in time."""


class Incoming:
    """What a caller sends, as it comes. A body that may be large has more time with each part that came."""

    def __init__(self, receive: Receive, limit: asyncio.Timeout, patience: float) -> None:
        self._receive, self._limit, self._patience = receive, limit, patience
        self._until, self._read, self._largest, self._kept = limit.when() or 0.0, 0, 0, False
        self.whole = False

    def up_to(self, largest: int, *, kept: bool = False) -> Incoming:
        """A body of so many bytes at its own pace. One that is `kept` is on the disk before its answer, however long that takes."""
        self._largest, self._kept = largest, kept
        return self

    async def __call__(self) -> Message:
        """The next message. Raises TooLarge beyond the limit of a body that may be large."""
        message = await self._receive()
        if self.whole:  # what comes after a body, such as that the caller has gone
            return message
        self.whole = not message.get("more_body")
        self._read += len(message.get("body", b""))
        if self._largest:
            self._give_time()
        return message

    def _give_time(self) -> None:
        if self._read > self._largest:
            raise TooLarge
        if not self._limit.expired():
            answered = None if self._kept else asyncio.get_running_loop().time() + self._patience
            self._limit.reschedule(answered if self.whole else self._until + self._read / PACE)


class Limits:
    """ASGI around the application: bounded bodies in, headers and a request id out, every answer told."""

    def __init__(
        self,
        app: ASGIApp,
        clock: Clock,
        tell: Callable[[Seen], None],
        patience: float = PATIENCE,
        names: Collection[str] = (),
        closed: Callable[[], str] = lambda: "",
    ) -> None:
        self.closed = closed
        self.app, self.clock, self.tell, self.patience = app, clock, tell, patience
        self.names = {"localhost", *(each.lower().rstrip(".") for each in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; whatever else (start and stop of the application) goes through as it is."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, id_, status, failure, open_ended = self.clock.monotonic(), secrets.token_hex(8), 0, "", False
        REQUEST.set(id_)
        scope.setdefault("state", {})["ends"] = ends = list[Callable[[], None]]()

        async def answer(message: Message) -> None:
            nonlocal status, open_ended
            if message["type"] == "http.response.start":
                status = message["status"]
                given = {name for name, _ in message["headers"]}
                open_ended = b"content-length" not in given
                more = [each for each in HEADERS if each[0] not in given]
                message["headers"] = [*message["headers"], *more, (b"x-request-id", id_.encode())]
            await send(message)

        with span("request", method=scope["method"] if scope["method"] in METHODS else "other", request=id_) as told:
            try:
                await self._timed(scope, receive, answer)
            except TooSlow:
                await problem(408, SLOW.format(self.patience, PACE))(scope, receive, answer)
            except TooLong:
                for end in ends:
                    end()
                await problem(503, LATE.format(self.patience), {"Retry-After": "5"})(scope, receive, answer)
            except asyncio.CancelledError:  # the server stops, and what requests have of time for it is over
                if not status:
                    await problem(503, "the server is stopping; ask again", {"Retry-After": "5"})(scope, receive, answer)
                elif open_ended:
                    await answer({"type": "http.response.body"})
            except Exception as error:  # the last net: whoever asks gets an answer, and the log says where it was
                failure = _place(error)
                if not status:
                    await defect()(scope, receive, answer)
            route = getattr(scope.get("route"), "path", "none")
            told(route=route, status=status)
        self.tell(Seen(id_, scope["method"], route, status, self.clock.monotonic() - began, scope["state"].get("who", ""), failure))

    async def _timed(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises TooSlow or TooLong when the time of a request is over before its answer has begun; how long that goes on is for `Wire`."""

        async def begun(message: Message) -> None:
            if message["type"] == "http.response.start" and not limit.expired():
                limit.reschedule(None)
            await send(message)

        try:
            async with asyncio.timeout(self.patience) as limit:
                incoming = Incoming(receive, limit, self.patience)
                await self._bounded(scope, incoming, begun)
        except TimeoutError:
            if not limit.expired():
                raise
            raise (TooLong if incoming.whole else TooSlow) from None

    async def _bounded(self, scope: Scope, receive: Incoming, send: Send) -> None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        if TOKEN.encode() in unquote_to_bytes(scope["query_string"]) or token_in(scope["path"]):
            await problem(400, "a token stands in the address, where logs keep it; revoke it, and send the new one as a header")(
                scope, receive, send
            )
            return
        wrong_address = _wrong_address(scope) or _wrong_host(scope, self.names)
        if wrong_address:
            await problem(400, wrong_address)(scope, receive, send)
            return
        changes = scope["method"] not in SAFE and scope["path"] not in {SESSION, f"{SESSION}/code"}
        if changes and (why := self.closed()):
            await problem(503, why, {"Retry-After": "60"})(scope, receive, send)
            return
        if scope["method"] == "POST" and FILE_ROUTE.fullmatch(scope["path"]):
            await self.app(scope, receive.up_to(LARGEST_FILE, kept=True), send)
            return
        if scope["method"] == "POST" and (sent := SENT_ROUTE.fullmatch(scope["path"])):
            await self.app(scope, receive.up_to(LARGEST_BATCH if sent[1] == "batch" else LARGEST), send)
            return
        largest = LARGEST_MESSAGE if PUSH_ROUTE.fullmatch(scope["path"]) else LARGEST
        body = await _read(receive, headers, largest)
        wrong = _wrong(body, headers, largest)
        if wrong:
            await problem(*wrong)(scope, receive, send)
            return
        await self.app(scope, _once(body or b"", receive), send)


def _wrong_address(scope: Scope) -> str:
    """What is wrong with an address; nothing where all is well."""
    if not scope["path"].startswith("/"):
        return "the address of a request is a path that begins with /"
    if b"%00" in scope["query_string"] or "\0" in scope["path"]:
        return "an address holds no NUL"
    asked = [name for name, _ in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True) if name not in REPEATED]
    return "" if len(asked) == len(set(asked)) else "the address asks the same thing twice; say each once"


def _wrong_host(scope: Scope, names: Collection[str]) -> str:
    """What is wrong with the name by which this server was asked: a page of another name must not take it for its own server."""
    asked = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"host"]
    if not asked:
        return ""
    if len(asked) > 1:
        return "the request has more than one Host"
    name = re.sub(r":[0-9]{1,5}$", "", asked[0].lower()).rstrip(".")
    if name in names or _is_address(name):
        return ""
    return "this server does not answer to the name in Host; whoever runs it names it with: tradewind serve --name"


def _is_address(host: str) -> bool:
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        return bool(ip_address(bare))
    except ValueError:
        return False


def _place(error: Exception) -> str:
    """What kind of error, and in which line of ours."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "tradewind" in frame.filename]
    return f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else type(error).__name__


async def _read(receive: Receive, headers: dict[bytes, bytes], largest: int) -> bytes | None:
    """The whole body; None when it is larger than it may be, whatever its header says."""
    told = headers.get(b"content-length", b"0")
    if not told.isdigit() or int(told) > largest:
        return None
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > largest:
            return None
        if not message.get("more_body"):
            return bytes(body)


def _wrong(body: bytes | None, headers: dict[bytes, bytes], largest: int) -> tuple[int, str] | None:
    if body is None:
        return 413, f"a body may have {largest:,} bytes"
    if not body:
        return None
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        return 415, "expected a body that is not packed; leave out Content-Encoding"
    kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if kind != b"application/json":
        return 415, "expected a body of the type application/json"
    if b"\\u" in body and _NO_TEXT.search(body):
        return 422, "the body holds NUL or half of a surrogate pair, which are no text"
    return (422, f"the body is nested deeper than {DEEPEST} levels") if is_deeper(body, DEEPEST) else None


def is_deeper(body: bytes, levels: int) -> bool:
    """Whether brackets outside of strings are nested deeper.

    Of a text without a backslash all but brackets and quotes is left out first, and pairs are taken out level by level, which
    takes a tenth of the time.
    """
    if b"\\" not in body:
        left = _QUOTED.sub(b"", body.translate(_ALIKE, _NEITHER))
        for _ in range(levels):
            left = left.replace(b"[]", b"")
        if not left:
            return False
    return depth(body) > levels


def depth(body: bytes) -> int:
    """The deepest nesting of brackets outside of strings."""
    deepest = level = 0
    for bracket in _BRACKETS.finditer(_STRINGS.sub(b"", body)):
        level += 1 if bracket[0] in b"[{" else -1
        deepest = max(deepest, level)
    return deepest


def _once(body: bytes, receive: Receive) -> Receive:
    """The body in one piece, and then whatever comes, such as that the caller has gone."""
    given = False

    async def next_message() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_message
