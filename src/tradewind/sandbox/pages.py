"""What the pages under `/_sandbox` share, about whichever platform they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, TypeVar

import orjson

from tradewind.sandbox.unusable import Unusable
from tradewind.sandbox.wire import Answer, Request

Platform = TypeVar("Platform")

Routes = Mapping[str, Mapping[str, Callable[[Platform, Request], Answer]]]
"""By path, by method: what answers."""


def routed(routes: Routes[Platform], platform: Platform, request: Request, known: list[str]) -> Answer:
    """The answer of the page that is asked; `known` are all there are, for who asks another."""
    methods = routes.get(request.path)
    if methods is None:
        return json_of({"error": "There is no such page", "pages": known}, 404)
    if request.method not in methods:
        return json_of({"error": f"This page takes {' or '.join(methods)}"}, 405)
    return methods[request.method](platform, request)


def json_of(value: Any, status: int = 200) -> Answer:
    """An answer in JSON."""
    return Answer(status, orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))


def order_of(request: Request) -> dict[str, Any]:
    """The object that a request brings. Raises Unusable when it is none."""
    try:
        order = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        raise Unusable("The body is not valid JSON") from None
    if not isinstance(order, dict):
        raise Unusable("The body is not a JSON object")
    return order


def youngest(kept: deque[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    """The last of what is kept, as many as the request wants."""
    limit = request.query.get("limit", "1000")
    if not limit.isdecimal() or len(limit) > 9:
        raise Unusable("limit is a whole number")
    return list(islice(kept, max(0, len(kept) - int(limit)), None))
