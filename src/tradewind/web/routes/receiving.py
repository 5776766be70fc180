"""Amplitude's own doors for events: HTTP V2, batch and identify, answered as it answers, and the key for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict

from tradewind.operations import receiving
from tradewind.operations.receiving import Taken
from tradewind.sources.received.request import Unfit
from tradewind.web.bodies import API, Id
from tradewind.web.gate import Admin, Asked, Sender, Viewer, wait_of
from tradewind.web.limits import TooLarge
from tradewind.web.once import Key, once

router = APIRouter(prefix=f"{API}/projects/{{project}}/events", tags=["events"])


class IngestedView(BaseModel):
    """Amplitude's answer to good events."""

    code: int
    events_ingested: int
    payload_size_bytes: int
    server_upload_time: int


class ReceivingView(BaseModel):
    """What programs have sent that is not brought in yet; where they send to, and of the key only what changes with it."""

    paths: list[str]
    key_fingerprint: str | None
    requests: int
    events: int
    bytes: int
    since: datetime | None


class KeyView(BaseModel):
    """A key, shown once."""

    paths: list[str]
    key: str


class UnfitView(BaseModel):
    """Amplitude's answer to what is wrong; more fields name events by their places."""

    model_config = ConfigDict(extra="allow")

    code: int
    error: str


EVENTS: dict[str, Any] = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}
FORM: dict[str, Any] = {"requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}}}}


AS_AMPLITUDE: dict[int | str, dict[str, Any]] = {
    status: {"model": UnfitView, "description": "As Amplitude answers."} for status in (400, 413, 429)
}

IN_WORDS: dict[int | str, dict[str, Any]] = {
    status: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "As Amplitude answers."}
    for status in (200, 400, 413, 429)
}


@router.post("/2/httpapi", openapi_extra=EVENTS, response_model=IngestedView, responses=AS_AMPLITUDE)
async def http_v2(ask: Sender, project: Id) -> Response:
    """Take events as Amplitude's HTTP V2 API does, by the project's key in the body. They are on the disk before the answer."""
    return await _events(ask, project, "events")


@router.post("/batch", openapi_extra=EVENTS, response_model=IngestedView, responses=AS_AMPLITUDE)
async def batch(ask: Sender, project: Id) -> Response:
    """Take events as Amplitude's batch API does: as HTTP V2, and larger."""
    return await _events(ask, project, "batch")


@router.post("/identify", openapi_extra=FORM, response_class=PlainTextResponse, responses=IN_WORDS)
async def identify(ask: Sender, project: Id) -> Response:
    """Take what is said of users as Amplitude's Identify API does: a form with `api_key` and `identification`."""
    try:
        await _taken(ask, project, "identify")
    except Unfit as refused:
        return PlainTextResponse(str(refused), refused.status)
    return PlainTextResponse("success")


@router.get("/receiving")
def show_receiving(ask: Viewer, project: Id) -> ReceivingView:
    """Where programs send events to, and what waits to be brought in; `GET /uploads?kind=received` says what came of the rest."""
    return ReceivingView(paths=paths(project), **vars(receiving.state(ask.parts, project)))


@router.post("/key", status_code=201, response_model=KeyView)
def new_key(ask: Admin, project: Id, key: Key = None) -> JSONResponse:
    """Make a new key for programs that send events, which is shown this once; the one before it stays good until the next is made."""

    def make() -> KeyView:
        ask.note("events.key", project, project)
        return KeyView(paths=paths(project), key=receiving.DOOR.new(ask.parts, project))

    return once(ask, key, None, make, once_only="key")


def paths(project: str) -> list[str]:
    """Where a project's events are sent to."""
    return [f"{API}/projects/{project}/events/{door}" for door in ("2/httpapi", "batch", "identify")]


async def _events(ask: Asked, project: str, door: str) -> Response:
    try:
        taken = await _taken(ask, project, door)
    except Unfit as refused:
        return JSONResponse(refused.answer, refused.status)
    at = int(taken.at.timestamp() * 1000)
    return JSONResponse({"code": 200, "events_ingested": taken.events, "payload_size_bytes": taken.bytes, "server_upload_time": at})


async def _taken(ask: Asked, project: str, door: str) -> Taken:
    """Store a request. Raises Unfit; who guesses keys is slowed down."""
    try:
        body = await ask.request.body()
    except TooLarge:
        raise Unfit("Payload too large", 413) from None
    try:
        taken = await run_in_threadpool(receiving.receive, ask.parts, project, door, body, ask.request.app.state.throttle)
    except Unfit as refused:
        if str(refused).startswith("Invalid API key") and wait_of(ask.request):
            raise Unfit("Too many requests", 429) from None
        raise
    ask.request.state.who = receiving.PROGRAMS
    return taken
