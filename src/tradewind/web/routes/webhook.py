"""The webhook: cohorts that Amplitude pushes, and the secret it sends with them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from tradewind.operations import webhooks
from tradewind.web.bodies import API, Id
from tradewind.web.gate import Admin, Pusher, Viewer
from tradewind.web.once import Key, once
from tradewind.web.problems import Refusal

router = APIRouter(prefix=f"{API}/projects/{{project}}/webhook", tags=["webhook"])


class ReceivedView(BaseModel):
    """What became of a message; `new` is false for one that was stored before. `nameless` are entries without a user id.

    `parked`: nobody has defined a cohort that takes it; it waits for a week.
    """

    message: str
    users: int
    nameless: int
    new: bool
    parked: bool


class PushedView(BaseModel):
    """A cohort that is pushed. `there` is its id in Amplitude; the rest is of the message that came last."""

    cohort: str
    there: str
    messages: int
    received_at: datetime | None
    computed: int | None


class WebhookView(BaseModel):
    """Where Amplitude sends to, with which header; of the secret only what changes with it."""

    path: str
    header: str
    secret_fingerprint: str | None
    cohorts: list[PushedView]


class SecretView(BaseModel):
    """A secret, shown once."""

    path: str
    header: str
    secret: str


MESSAGE = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


PARKED: dict[int | str, dict[str, Any]] = {202: {"model": ReceivedView, "description": "Kept for a cohort that is not defined yet."}}


@router.post("/messages", openapi_extra=MESSAGE, responses=PARKED)
async def receive(ask: Pusher, project: Id, response: Response) -> ReceivedView:
    """Take a message of Amplitude's cohort webhook. It is on the disk before the answer; one that comes twice counts once."""
    body, turns = await ask.request.body(), ask.request.app.state.pushes
    if not turns.acquire(blocking=False):
        raise Refusal(429, "too many messages at once; send this one again", {"Retry-After": "1"})
    try:
        done = await run_in_threadpool(webhooks.receive, ask.parts, project, body)
    finally:
        turns.release()
    ask.request.app.state.nudge()
    response.status_code = 202 if done.parked else 200
    return ReceivedView(**vars(done))


@router.get("")
def show_webhook(ask: Viewer, project: Id) -> WebhookView:
    """The webhook, and what came of each cohort that is pushed."""
    found = [
        PushedView(
            cohort=each.cohort, there=each.there, messages=each.messages,
            received_at=each.last.received_at if each.last else None, computed=each.last.computed if each.last else None,
        )
        for each in webhooks.pushing(ask.parts, project)
    ]  # fmt: skip
    return WebhookView(
        path=_path(project), header=webhooks.HEADER, secret_fingerprint=webhooks.fingerprint(ask.parts, project), cohorts=found
    )


@router.post("/secret", status_code=201, response_model=SecretView)
def new_secret(ask: Admin, project: Id, key: Key = None) -> JSONResponse:
    """Make a new secret, which is shown this once; the one before it stays good until the next is made."""

    def make() -> SecretView:
        ask.note("webhook.secret", project, project)
        secret = webhooks.new_secret(ask.parts, project)
        webhooks.warm(ask.parts)
        return SecretView(path=_path(project), header=webhooks.HEADER, secret=secret)

    return once(ask, key, None, make, once_only="secret")


def _path(project: str) -> str:
    return f"{API}/projects/{project}/webhook/messages"
