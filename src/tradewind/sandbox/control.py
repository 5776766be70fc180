"""Looking in and giving orders: the `/_sandbox` endpoints, which the real platform does not have."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Any

from tradewind.sandbox.advertisers import shown
from tradewind.sandbox.amplitude import orders
from tradewind.sandbox.amplitude.platform import Amplitude
from tradewind.sandbox.clock import SECOND, iso, parse_instant
from tradewind.sandbox.desk import Desk
from tradewind.sandbox.pages import json_of, order_of, routed, youngest
from tradewind.sandbox.segments import lines
from tradewind.sandbox.unusable import Unusable
from tradewind.sandbox.wire import Answer, Request

PREFIX = "/_sandbox"
NDJSON = "application/x-ndjson"
TEN_YEARS = 10 * 366 * 86_400

_MEMBERS = re.compile(r"/_sandbox/segments/([A-Za-z0-9]{1,32})/members")


def pages(desk: Desk, amplitude: Amplitude, request: Request) -> Answer:
    """The answer to a request under `/_sandbox`, about either platform. What `/_sandbox/reset` forgets, it forgets of both."""
    if request.path == orders.PREFIX or request.path.startswith(f"{orders.PREFIX}/"):
        return orders.answer(amplitude, request)
    if request.path == f"{PREFIX}/reset" and request.method == "POST":
        amplitude.reset()
    return answer(desk, request)


def answer(desk: Desk, request: Request) -> Answer:
    """The answer to a request under `/_sandbox` that is not about Amplitude."""
    try:
        if members := _MEMBERS.fullmatch(request.path):
            return _members(desk, request, members[1])
        return routed(ROUTES, desk, request, _pages())
    except Unusable as wrong:
        return json_of({"error": str(wrong)}, 400)


def _pages() -> list[str]:
    return sorted(
        [
            *(f"{method} {path}" for path, methods in ROUTES.items() for method in methods),
            f"GET {PREFIX}/segments/ADVERTISER/members?name=NAME",
        ]
    )


def _index(desk: Desk, request: Request) -> Answer:  # noqa: ARG001 - all pages are called alike
    return json_of({"what": "The Trade Desk, emulated by the Tradewind sandbox", "pages": [*_pages(), f"GET {orders.PREFIX}"]})


def _advertisers(desk: Desk, request: Request) -> Answer:  # noqa: ARG001
    return json_of([shown(advertiser) for advertiser in desk.advertisers.values()])


def _segments(desk: Desk, request: Request) -> Answer:  # noqa: ARG001
    with desk.lock:
        return json_of(desk.segments.summaries(desk.clock.now()))


def _members(desk: Desk, request: Request, advertiser: str) -> Answer:
    name = request.query.get("name", "")
    with desk.lock:
        if not desk.segments.has(advertiser, name):
            return json_of({"error": "This advertiser has no segment of this name"}, 404)
        columns, now = desk.segments.columns(advertiser, name), desk.clock.now()
    return Answer(200, lines(columns, now, lapsed=request.query.get("all") == "1"), NDJSON)


def _youngest(pick: Callable[[Desk], deque[dict[str, Any]]]) -> Callable[[Desk, Request], Answer]:
    def page(desk: Desk, request: Request) -> Answer:
        with desk.lock:
            return json_of(youngest(pick(desk), request))

    return page


def _counts(desk: Desk, request: Request) -> Answer:  # noqa: ARG001
    with desk.lock:
        held = desk.segments
        return json_of({**desk.journal.counts(), "members_live": held.live(desk.clock.now()), "segments": held.count()})


def _clock(desk: Desk, request: Request) -> Answer:  # noqa: ARG001
    return json_of({"now": iso(desk.clock.now()), "running": desk.clock.running})


def _set_clock(desk: Desk, request: Request) -> Answer:
    order = order_of(request)
    if unknown := sorted(set(order) - {"now", "advance_seconds", "running"}):
        raise Unusable(f"Unknown field {unknown[0]!r}; known are now, advance_seconds, running")
    running, seconds = order.get("running", desk.clock.running), order.get("advance_seconds", 0)
    now = parse_instant(order["now"]) if isinstance(order.get("now"), str) else None
    if "now" in order and now is None:
        raise Unusable("now is a date and time such as 2026-07-01T00:00:00Z")
    if type(seconds) not in (int, float) or not abs(seconds) <= TEN_YEARS:
        raise Unusable(f"advance_seconds is a number of at most {TEN_YEARS}")
    if not isinstance(running, bool):
        raise Unusable("running is true or false")
    with desk.lock:
        desk.clock.set((desk.clock.now() if now is None else now) + round(seconds * SECOND), running=running)
        desk.version += 1
    return _clock(desk, request)


def _faults(desk: Desk, request: Request) -> Answer:  # noqa: ARG001
    with desk.lock:
        return json_of(desk.faults.waiting())


def _plan_faults(desk: Desk, request: Request) -> Answer:
    order = order_of(request)
    with desk.lock:
        desk.faults.plan(order)
    return _faults(desk, request)


def _clear_faults(desk: Desk, request: Request) -> Answer:
    with desk.lock:
        desk.faults.clear()
    return _faults(desk, request)


def _platform(desk: Desk, request: Request) -> Answer:
    advertiser = request.query.get("advertiser", "")
    if advertiser not in desk.advertisers:
        raise Unusable("advertiser names one of them: ?advertiser=ready1")
    with desk.lock:
        return json_of(desk.directory.shown(advertiser, desk.clock.now()))


def _rehearse(desk: Desk, request: Request) -> Answer:
    order = order_of(request)
    if unknown := sorted(set(order) - {"listed_after_seconds", "active_share"}):
        raise Unusable(f"Unknown field {unknown[0]!r}; known are listed_after_seconds, active_share")
    with desk.lock:
        after, share = (
            order.get("listed_after_seconds", desk.directory.listed_after),
            order.get("active_share", desk.directory.active_share),
        )
        if type(after) not in (int, float) or not 0 <= after <= TEN_YEARS:
            raise Unusable(f"listed_after_seconds is a number from 0 to {TEN_YEARS}")
        if type(share) not in (int, float) or not 0 <= share <= 1:
            raise Unusable("active_share is a number from 0 to 1")
        desk.directory.listed_after, desk.directory.active_share = float(after), float(share)
        desk.version += 1
    return json_of({"listed_after_seconds": after, "active_share": share})


def _reset(desk: Desk, request: Request) -> Answer:  # noqa: ARG001
    desk.reset()
    return json_of({})


ROUTES: dict[str, dict[str, Callable[[Desk, Request], Answer]]] = {
    PREFIX: {"GET": _index},
    f"{PREFIX}/advertisers": {"GET": _advertisers},
    f"{PREFIX}/segments": {"GET": _segments},
    f"{PREFIX}/requests": {"GET": _youngest(lambda desk: desk.journal.requests)},
    f"{PREFIX}/refusals": {"GET": _youngest(lambda desk: desk.journal.refusals)},
    f"{PREFIX}/deletions": {"GET": _youngest(lambda desk: desk.journal.deletions)},
    f"{PREFIX}/counts": {"GET": _counts},
    f"{PREFIX}/clock": {"GET": _clock, "POST": _set_clock},
    f"{PREFIX}/faults": {"GET": _faults, "POST": _plan_faults, "DELETE": _clear_faults},
    f"{PREFIX}/platform": {"GET": _platform, "POST": _rehearse},
    f"{PREFIX}/reset": {"POST": _reset},
}
