"""Requests with a key: the same one twice does one thing and has one answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Annotated

from fastapi import Header
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from tradewind.web.gate import Asked
from tradewind.web.problems import Refusal

_MEANING = "Of your choice: the same request with the same key does one thing."

Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200, description=_MEANING)]


def once(
    ask: Asked, key: str | None, body: BaseModel | None, make: Callable[[], BaseModel], status: int = 201, once_only: str = ""
) -> JSONResponse:
    """Do something, or answer as the first time when this caller sent the same request with this key within a day.

    The field `once_only` is shown this once: it is kept nowhere, and empty when the answer is given again.
    Of two at once the second waits for the first. Raises Refusal when the key belongs to another request, or to one that another server
    is at, or that takes too long.
    """
    if key is None:
        return JSONResponse(make().model_dump(mode="json"), status)
    with ask.request.app.state.turns.turn((ask.known.user.id, key)):
        return _once(ask, key, body, make, status, once_only)


def _once(ask: Asked, key: str, body: BaseModel | None, make: Callable[[], BaseModel], status: int, once_only: str) -> JSONResponse:
    replies, who = ask.parts.access.replies, ask.known.user.id
    said = f"{ask.request.method} {ask.request.url.path} {body.model_dump_json() if body else ''}"
    asked = hashlib.sha256(said.encode()).hexdigest()
    before = replies.begin(who, key, asked, ask.parts.clock.now())
    if before and before.asked != asked:
        raise Refusal(422, "this Idempotency-Key was sent with another request; take a new one")
    if before and before.status is None:
        raise Refusal(409, "the request with this Idempotency-Key is being worked on; ask again in a moment", {"Retry-After": "1"})
    if before and before.status is not None:
        return JSONResponse(json.loads(before.body), before.status, {"Idempotency-Replayed": "true"})
    try:
        made = make().model_dump(mode="json")
    except BaseException:
        replies.forget(who, key)
        raise
    replies.finish(who, key, status, json.dumps(made | {once_only: ""} if once_only else made))
    return JSONResponse(made, status)
