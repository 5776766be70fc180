"""The doors of the emulated platform: uploads go to the desk, `/v3` and `/graphql` to what is made of segments."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tradewind.sandbox.advertisers import Advertiser, State
from tradewind.sandbox.clock import iso
from tradewind.sandbox.desk import Desk
from tradewind.sandbox.faults import Fault
from tradewind.sandbox.journal import Entry
from tradewind.sandbox.platform import rest
from tradewind.sandbox.server import Asked, Closed
from tradewind.sandbox.wire import Answer, Request

if TYPE_CHECKING:
    from tradewind.sandbox.platform.graph import Graph

GRAPHQL = "/graphql"
TOKEN, BEARER = "ttd-auth", "authorization"


@dataclass(frozen=True, slots=True)
class _Asked:
    front: Front
    request: Request
    fault: Fault | None

    def answer(self) -> Answer:
        return self.front.receive(self.request, self.fault)


class Front:
    """One site of both."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._graph: Graph | None = None

    def missing(self, request: Request) -> Answer | None:
        """The answer where there is no such endpoint; None where there is."""
        if request.path == GRAPHQL:
            return None if request.method == "POST" else Answer(405, headers={"Allow": "POST"})
        allowed = rest.methods(request.path)
        if not allowed:
            return self._desk.missing(request)
        return None if request.method in allowed else Answer(405, headers={"Allow": ", ".join(allowed)})

    def asked(self, request: Request) -> AbstractContextManager[Asked]:
        """A request to one of the endpoints."""
        if request.path == GRAPHQL or rest.methods(request.path):
            return self._asked(request)
        return self._desk.asked(request)

    @contextmanager
    def _asked(self, request: Request) -> Iterator[Asked]:
        yield _Asked(self, request, self._desk.next_fault())

    def receive(self, request: Request, fault: Fault | None) -> Answer:
        """Judge a request, apply what stands and keep a record. Raises Closed."""
        desk, advertiser = self._desk, self._known(request)
        with desk.lock:
            if desk.closed:
                raise Closed
            if fault and fault.prevents(0):
                answer = fault.answer() or Answer(503)
            else:
                answer = self._answer(request, advertiser)
                answer = (fault.answer() if fault and fault.applied else None) or answer
            desk.journal.add(_entry(request, advertiser, None if fault and fault.silent else answer.status, fault, desk.clock.now()))
            desk.version += 1
        return replace(answer, headers={"x-ttd-request-id": str(uuid.uuid4()), **answer.headers})

    def _known(self, request: Request) -> Advertiser | None:
        """The advertiser whose token it is."""
        given = request.headers.get(TOKEN, "").encode()
        found = [each for each in self._desk.advertisers.values() if each.platform_token]
        return next((each for each in found if hmac.compare_digest(each.platform_token.encode(), given)), None)

    def _answer(self, request: Request, advertiser: Advertiser | None) -> Answer:
        refused = self._refused(request, advertiser)
        if refused:
            status, message, code = refused
            return self._refusal(request, status, message, code)
        assert advertiser, "who is not known is refused"
        now = self._desk.clock.now()
        if request.path == GRAPHQL:
            from tradewind.sandbox.platform.graph import Graph, Room

            self._graph = self._graph or Graph()
            return self._graph.answer(Room(self._desk.directory, advertiser.id, advertiser.name, now), request.body)
        try:
            return rest.answer(self._desk.directory, advertiser.id, request, now)
        except rest.Refusal as wrong:
            return wrong.answer()

    def _refused(self, request: Request, advertiser: Advertiser | None) -> tuple[int, str, str] | None:
        """Status, message and code where the credential does not do."""
        if TOKEN in request.headers and BEARER in request.headers:
            return 400, "Send exactly one of TTD-Auth and Authorization.", "BAD_REQUEST"
        data_tokens = {each.token for each in self._desk.advertisers.values()}
        if advertiser is None and request.headers.get(TOKEN) in data_tokens:
            return 403, "This token has no access to the platform API.", "AUTH_NOT_AUTHORIZED"
        if advertiser is None or advertiser.state is State.WRONG_SECRET:
            return 401, "Invalid or missing authentication token.", "AUTH_NOT_AUTHENTICATED"
        if advertiser.state is State.FORBIDDEN:
            return 403, "This token has no access to the platform API.", "AUTH_NOT_AUTHORIZED"
        return None

    def _refusal(self, request: Request, status: int, message: str, code: str) -> Answer:
        """GraphQL says what is wrong with status 200; only what is no request at all has another."""
        if request.path != GRAPHQL:
            return rest.Refusal(status, message).answer()
        from tradewind.sandbox.platform.graph import refusal

        return refusal(400 if status == 400 else 200, message, code)


def _entry(request: Request, advertiser: Advertiser | None, status: int | None, fault: Fault | None, now: int) -> Entry:
    both: dict[tuple[bool, bool], str] = {(True, True): "both", (True, False): "token", (False, True): "bearer", (False, False): "none"}
    shown: dict[str, Any] = {"auth": both[TOKEN in request.headers, BEARER in request.headers]}
    body = request.body
    return Entry(
        iso(now), request.path, len(body), hashlib.sha256(body).hexdigest(), **shown,
        advertiser=advertiser.id if advertiser else None, status=status, fault=fault.kind if fault else None,
    )  # fmt: skip
