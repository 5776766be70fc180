"""The application: every route with its need, every error as a problem."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from tradewind import __version__
from tradewind.access.roles import Routes
from tradewind.door import is_loopback
from tradewind.errors import Bug, TradewindError, of_system
from tradewind.operations.alerting import Watchman
from tradewind.parts import Parts
from tradewind.sources.received.throttle import Throttle
from tradewind.web.bodies import API, text_of
from tradewind.web.gate import NEEDS, Anybody, Need, SignedIn, address_of
from tradewind.web.limits import Limits, Seen
from tradewind.web.looks import Looks
from tradewind.web.metrics import MEDIA, Metrics
from tradewind.web.problems import TITLES, Refusal, of_error, problem
from tradewind.web.proposals import Proposals
from tradewind.web.rates import Rates
from tradewind.web.routes import (
    alerts,
    cohorts,
    connections,
    definitions,
    events,
    figures,
    lift,
    lookalikes,
    machine,
    people,
    plans,
    previews,
    privacy,
    projects,
    receiving,
    runs,
    segments,
    session,
    sources,
    splits,
    syncs,
    uploads,
    webhook,
)
from tradewind.web.shell import File, Shell
from tradewind.web.streams import Streams
from tradewind.web.turns import Turns

NOUNS = (
    session,
    projects,
    people,
    cohorts,
    lookalikes,
    previews,
    connections,
    syncs,
    plans,
    runs,
    segments,
    privacy,
    sources,
    splits,
    events,
    receiving,
    uploads,
    alerts,
    figures,
    lift,
    webhook,
    definitions,
    machine,
)

MOST_PUSHES = 16
"""Messages of webhooks that are stored at the same time; who comes when there are as many comes again."""

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence: what is wrong, what was expected, what to do."},
        "wall": {"type": "string", "description": "What stands between a project and a kind of platform."},
        "path": {"type": "string", "description": "Where in the body."},
        "line": {"type": "integer", "description": "In which line of the text that was sent."},
    },
}


def build(
    parts: Parts,
    small: Parts,
    *,
    nudge: Callable[[], None],
    ready: Callable[[], str],
    metrics: Metrics,
    tell: Callable[[Seen], None] = lambda _seen: None,
    console: Mapping[str, File] | None = None,
    names: Collection[str] = (),
    closed: Callable[[], str] = lambda: "",
) -> FastAPI:
    """The whole API over the parts of a home; `small` are the same with little memory, for previews.

    `nudge` lets the worker look again, `ready` says in a sentence why nobody should be sent here, or nothing. `console` are the built
    pages by their address; without one only the API answers. `names` are those by which it may be asked,
    beside addresses and localhost. While `closed` says why, nothing is changed but sessions.
    """
    app = FastAPI(title="Tradewind", version=__version__, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    state = app.state
    state.parts, state.small, state.nudge, state.looks = parts, small, nudge, Looks()
    state.throttle = Throttle()
    state.rates, state.guesses, state.streams, state.turns = Rates(), Rates(writes=10), Streams(), Turns()
    state.pushes = threading.BoundedSemaphore(MOST_PUSHES)
    state.proposals, state.watchman = Proposals(small), Watchman(parts)
    for noun in NOUNS:
        app.router.routes.extend(noun.router.routes)
    _tell_of_itself(app, ready, metrics)
    declare(app)
    _answer_errors(app)

    def seen(each: Seen) -> None:
        metrics.answered(each)
        tell(each)

    if console is not None:
        app.add_middleware(Shell, built=console)
    app.add_middleware(Limits, clock=parts.clock, tell=seen, names=names, closed=closed)
    return app


def describe() -> dict[str, Any]:
    """The description of the API, without a home: no route is called."""
    nowhere: Any = None
    app = FastAPI(title="Tradewind", version=__version__)
    for noun in NOUNS:
        app.router.routes.extend(noun.router.routes)
    _tell_of_itself(app, lambda: "", nowhere)
    declare(app)
    return app.openapi()


def need_of(route: APIRoute) -> Need:
    """What a route asks of its caller. Raises Bug for a route that does not say."""
    needs = [NEEDS[each.call] for each in route.dependant.dependencies if each.call in NEEDS]
    if len(needs) != 1:
        raise Bug(f"route {route.path} does not say who may call it")
    return needs[0]


def tag_of(route: APIRoute) -> Routes:
    """What a route is about, by which a token may be held to it. Raises Bug for a route that does not say."""
    if len(route.tags) != 1 or route.tags[0] not in set(Routes):
        raise Bug(f"route {route.path} does not say what it is about")
    return Routes(route.tags[0])


def routes_of(app: FastAPI) -> list[APIRoute]:
    """Every route there is."""
    return [route for route in app.routes if isinstance(route, APIRoute)]


def _tell_of_itself(app: FastAPI, ready: Callable[[], str], metrics: Metrics) -> None:
    """What the process says of itself."""

    @app.get("/livez", tags=["process"])
    def livez(ask: Anybody) -> dict[str, str]:  # noqa: ARG001  every route says who may call it
        """Whether the process answers at all."""
        return {"state": "alive"}

    @app.get("/readyz", tags=["process"])
    def readyz(ask: Anybody) -> Response:  # noqa: ARG001  same
        """Whether requests should be sent here: store and worker are there."""
        wrong = ready()
        return problem(503, wrong, kind="not-ready") if wrong else JSONResponse({"state": "ready"})

    @app.get("/metrics", tags=["process"], response_class=Response, responses=text_of("text/plain"))
    def counts(ask: Anybody) -> Response:
        """Counts for Prometheus; only to this machine."""
        if not is_loopback(address_of(ask.request)):
            raise Refusal(403, "metrics are for this machine alone; let a collector run beside the server")
        return Response(metrics.text(app.state.watchman.noticed, app.state.parts.clock.now()), media_type=MEDIA)

    @app.get(f"{API}/openapi.json", tags=["process"])
    def description(ask: SignedIn) -> dict[str, Any]:  # noqa: ARG001  same
        """This description, as OpenAPI 3.1."""
        return app.openapi()


def declare(app: FastAPI) -> None:
    """Write into the description of each route who may call it, and that anything else is a problem.

    Raises Bug for a route that does not say who may call it, or what it is about.
    """
    for route in routes_of(app):
        route.openapi_extra = dict(route.openapi_extra or {}) | {"x-needs": need_of(route).key}
        tag_of(route)
        refused: dict[str, Any] = {"description": "A problem: what is wrong.", "content": {"application/problem+json": {"schema": PROBLEM}}}
        route.responses = {"default": refused, **route.responses}


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(Refusal)
    def refused(_request: Request, error: Refusal) -> Response:
        return problem(error.status, error.detail, error.headers)

    @app.exception_handler(TradewindError)
    def failed(request: Request, error: TradewindError) -> Response:
        return of_error(error, request.path_params)

    @app.exception_handler(OSError)
    def of_machine(request: Request, error: OSError) -> Response:
        return of_error(of_system(error), request.path_params)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(each) for each in first["loc"][1:])
        if (first["type"], first["loc"]) == ("extra_forbidden", ("body", "id")) and request.path_params:
            return problem(400, "the address says which id is meant; leave 'id' out of the body", kind="invalid", path=place)
        status = 400 if first["loc"][0] == "query" else 422
        return problem(status, f"{place or 'the body'}: {first['msg'][0].lower()}{first['msg'][1:]}", kind="invalid", path=place)

    @app.exception_handler(HTTPException)
    def no_route(_request: Request, error: HTTPException) -> Response:
        detail = "there is nothing at this address" if error.status_code == 404 else TITLES.get(error.status_code, "refused").lower()
        return problem(error.status_code, detail, error.headers)
