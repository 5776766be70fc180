"""Who asks, and whether they may: every route names its need here, and none is open by accident."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from tradewind.access.roles import Caller, Role
from tradewind.access.trail import Deed
from tradewind.operations import people, webhooks
from tradewind.parts import Parts
from tradewind.web.cookies import COOKIE
from tradewind.web.limits import SAFE
from tradewind.web.problems import Refusal
from tradewind.web.rates import Rates

PROBES = frozenset({"/livez", "/readyz"})
"""Asked as often as somebody likes who looks whether the process lives."""

CLOSED = "there is no project '{project}' that is open to you"


@dataclass(frozen=True)
class Need:
    """What a route asks of its caller: nothing, the secret of a webhook or the key for events, a user, a role in the project of its path,
    or an administrator.
    """

    key: str
    role: Role | None = None


ENTERING = Need("entering")
"""A user, also one who has to turn on the second factor before anything else is open."""
ANYBODY, SIGNED_IN, ADMINISTRATOR = Need("anybody"), Need("signed_in"), Need("administrator")
WEBHOOK = Need("webhook")
"""The secret of the project's webhook in its header, and nothing else: no role and no session opens it."""
API_KEY = Need("api_key")
"""The key for events of the project in the body, as Amplitude has it: the route itself looks at it, and answers as Amplitude does."""


@dataclass(frozen=True)
class Asked:
    """A request that may go on. `who` is the caller's name in the audit trail."""

    parts: Parts
    caller: Caller | None
    request: Request

    @property
    def who(self) -> str:
        return self.caller.name if self.caller else "anybody"

    @property
    def known(self) -> Caller:
        """The caller of a route that is not for anybody."""
        assert self.caller is not None, "only routes for anybody have no caller"
        return self.caller

    @property
    def signed_in(self) -> bool:
        """Whether somebody asks, also on a route for anybody."""
        return _caller(self.parts, self.request) is not None

    def note(self, what: str, object_: str, project: str = "", **details: str) -> None:
        """Write into the audit trail what the caller is about to do; when that fails nothing is done."""
        self.parts.trail.write(Deed(self.who, what, object_, project, details), self.parts.clock.now())

    def stands(self, role: Role, project: str) -> bool:
        """Whether the caller has the role still, by the same session or token."""
        caller = _caller(self.parts, self.request, asks=False)
        mine = caller.role(project) if caller and not caller.lacks_factor else None
        return mine is not None and mine.includes(role)


NEEDS: dict[Callable[[Request], Asked], Need] = {}
"""The need that each check looks after; a route shows by its check what it needs."""


def check(need: Need) -> Callable[[Request], Asked]:
    """A dependency that lets a request pass which the need allows. Raises Refusal: 401, 403, 404 for a closed project, or 429."""

    def pass_or_refuse(request: Request) -> Asked:
        parts: Parts = request.app.state.parts
        if need is API_KEY:
            return Asked(parts, None, request)
        if need is WEBHOOK and webhooks.opens(parts, request.path_params["project"], request.headers.get(webhooks.HEADER, "")):
            request.state.who = WEBHOOK.key
            return Asked(parts, None, request)
        caller = None if need in {ANYBODY, WEBHOOK} else _caller(parts, request)
        _slow_down(request, caller)
        if need is WEBHOOK:
            raise Refusal(401, f"the header {webhooks.HEADER} does not have the secret of this project's webhook")
        if need is ANYBODY:
            _refuse_other_sites(request)
        elif caller is None:
            raise Refusal(401, "no session and no token that is good; sign in, or send a token as 'Authorization: Bearer ...'")
        elif not caller.opens(request.scope["route"].tags):
            raise Refusal(403, _elsewhere(request, caller))
        elif caller.lacks_factor and need is not ENTERING:
            raise Refusal(403, "everybody signs in with a second factor here; turn yours on first")
        elif need is ADMINISTRATOR and not caller.administers:
            raise Refusal(403, "only an administrator of the installation may do this")
        elif need.role:
            _refuse_lesser(need.role, caller, request.path_params["project"])
            parts.catalog.project(request.path_params["project"])
        request.state.who = caller.name if caller else ""
        return Asked(parts, caller, request)

    NEEDS[pass_or_refuse] = need
    return pass_or_refuse


Anybody = Annotated[Asked, Depends(check(ANYBODY))]
Pusher = Annotated[Asked, Depends(check(WEBHOOK))]
Sender = Annotated[Asked, Depends(check(API_KEY))]
Entering = Annotated[Asked, Depends(check(ENTERING))]
SignedIn = Annotated[Asked, Depends(check(SIGNED_IN))]
Administrator = Annotated[Asked, Depends(check(ADMINISTRATOR))]
Viewer = Annotated[Asked, Depends(check(Need("viewer", Role.VIEWER)))]
Member = Annotated[Asked, Depends(check(Need("member", Role.MEMBER)))]
Manager = Annotated[Asked, Depends(check(Need("manager", Role.MANAGER)))]
Admin = Annotated[Asked, Depends(check(Need("admin", Role.ADMIN)))]


def session_of(request: Request) -> str:
    """The text of the session that a browser sent; empty where it sent none."""
    return request.cookies.get(COOKIE, "")


def address_of(request: Request) -> str:
    """Whence the request came."""
    return request.client.host if request.client else ""


def _caller(parts: Parts, request: Request, *, asks: bool = True) -> Caller | None:
    """Whose token or session it is. A browser's session changes something only from this very site."""
    given = request.headers.get("authorization")
    if given is not None:
        scheme, _, text = given.partition(" ")
        return people.by_token(parts, text.strip()) if scheme.lower() == "bearer" else None
    if not session_of(request):
        return None
    _refuse_other_sites(request, must_tell=True)
    return people.by_session(parts, session_of(request), asks=asks)


def _refuse_other_sites(request: Request, *, must_tell: bool = False) -> None:
    """Refuse what another site lets a browser send; with `must_tell` also what does not say from which site it is."""
    if request.method in SAFE:
        return
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is not None:
        same = urlsplit(origin).netloc == request.headers.get("host")
    else:
        same = site == "same-origin" if site is not None or must_tell else True
    if not same or site in {"cross-site", "same-site"}:
        raise Refusal(403, "a request that changes something with a session must come from this site")


def _elsewhere(request: Request, caller: Caller) -> str:
    """What is said to a token that is for other routes."""
    (about,) = request.scope["route"].tags
    mine = ", ".join(caller.token.routes) if caller.token else ""
    return f"this token is for the routes of {mine} alone, and this is one of {about}; use another token, or issue one for {about}"


def _refuse_lesser(role: Role, caller: Caller, project: str) -> None:
    mine = caller.role(project)
    if mine is None:
        raise Refusal(404, CLOSED.format(project=project[:80]))
    if not mine.includes(role):
        raise Refusal(403, f"this needs the role {role.value} in project '{project}'; yours is {mine.value}")


def wait_of(request: Request, caller: Caller | None = None) -> float:
    """Count a request of a caller, or of its address; the seconds it has to wait, 0 when it may pass."""
    rates: Rates = request.app.state.rates
    now = request.app.state.parts.clock.monotonic()
    return rates.wait(caller.name if caller else address_of(request), now, writes=request.method not in SAFE)


def _slow_down(request: Request, caller: Caller | None) -> None:
    wait = 0.0 if request.url.path in PROBES else wait_of(request, caller)
    if wait:
        raise Refusal(429, f"too many requests; wait {wait:.0f} s", {"Retry-After": str(max(1, round(wait)))})
