"""Looking in and giving orders: the `/_sandbox/amplitude` endpoints, which the real platform does not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tradewind.sandbox.amplitude.cohorts import read_cohort
from tradewind.sandbox.amplitude.platform import Amplitude
from tradewind.sandbox.amplitude.projects import BUILT_IN
from tradewind.sandbox.pages import json_of, order_of, routed, youngest
from tradewind.sandbox.unusable import Unusable
from tradewind.sandbox.wire import Answer, Request

PREFIX = "/_sandbox/amplitude"


def answer(amplitude: Amplitude, request: Request) -> Answer:
    """The answer to a request under `/_sandbox/amplitude`."""
    try:
        return routed(ROUTES, amplitude, request, _pages())
    except Unusable as wrong:
        return json_of({"error": str(wrong)}, 400)


def _pages() -> list[str]:
    return sorted(f"{method} {path}" for path, methods in ROUTES.items() for method in methods)


def _app(given: Any) -> int:
    app = int(given) if isinstance(given, str) and given.isdecimal() else given
    if app not in BUILT_IN:
        raise Unusable(f"app is one of {', '.join(map(str, BUILT_IN))}")
    return int(app)


def _index(amplitude: Amplitude, request: Request) -> Answer:  # noqa: ARG001 - all pages are called alike
    projects = [project.shown() | {"url": amplitude.urls.get(project.region)} for project in BUILT_IN.values()]
    return json_of(
        {"what": "Amplitude, emulated by the Tradewind sandbox", "urls": amplitude.urls, "projects": projects, "pages": _pages()}
    )


def _cohorts(amplitude: Amplitude, request: Request) -> Answer:  # noqa: ARG001
    with amplitude.lock:
        return json_of([cohort.shown() | {"members": cohort.members.count} for cohort in amplitude.cohorts.values()])


def _put_cohort(amplitude: Amplitude, request: Request) -> Answer:
    order = order_of(request)
    app = _app(order.get("app", min(BUILT_IN)))
    with amplitude.lock:
        cohort = read_cohort(order, app, amplitude.clock.now(), amplitude.events[app].people)
        amplitude.cohorts[app, cohort.id] = cohort
    return json_of(cohort.shown() | {"members": cohort.members.count})


def _delete_cohort(amplitude: Amplitude, request: Request) -> Answer:
    app = _app(request.query.get("app", min(BUILT_IN)))
    with amplitude.lock:
        if amplitude.cohorts.pop((app, request.query.get("id", "")), None) is None:
            return json_of({"error": "This project has no cohort of this id"}, 404)
    return json_of({})


def _events(amplitude: Amplitude, request: Request) -> Answer:  # noqa: ARG001
    with amplitude.lock:
        held = {app: events for app, events in amplitude.events.items() if events.count}
        return json_of({str(app): {"events": events.count, "hours": len(events.parts)} for app, events in held.items()})


def _load_events(amplitude: Amplitude, request: Request) -> Answer:
    app = _app(request.query.get("app", min(BUILT_IN)))
    with amplitude.lock:
        amplitude.events[app].load(request.body, amplitude.clock.now())
    return _events(amplitude, request)


def _downloads(amplitude: Amplitude, request: Request) -> Answer:  # noqa: ARG001
    with amplitude.lock:
        return json_of([download.shown() for download in amplitude.downloads.values()])


def _requests(amplitude: Amplitude, request: Request) -> Answer:
    with amplitude.lock:
        return json_of(youngest(amplitude.requests, request))


def _counts(amplitude: Amplitude, request: Request) -> Answer:  # noqa: ARG001
    with amplitude.lock:
        return json_of({str(app): amplitude.paces[app].shown() for app in BUILT_IN})


def _limits(amplitude: Amplitude, request: Request) -> Answer:  # noqa: ARG001
    with amplitude.lock:
        return json_of(amplitude.limits.shown())


def _set_limits(amplitude: Amplitude, request: Request) -> Answer:
    order = order_of(request)
    with amplitude.lock:
        amplitude.limits = amplitude.limits.changed(order)
    return _limits(amplitude, request)


def _faults(amplitude: Amplitude, request: Request) -> Answer:  # noqa: ARG001
    with amplitude.lock:
        return json_of(amplitude.troubles.waiting())


def _plan_faults(amplitude: Amplitude, request: Request) -> Answer:
    order = order_of(request)
    with amplitude.lock:
        amplitude.troubles.plan(order)
    return _faults(amplitude, request)


def _clear_faults(amplitude: Amplitude, request: Request) -> Answer:
    with amplitude.lock:
        amplitude.troubles.clear()
    return _faults(amplitude, request)


def _reset(amplitude: Amplitude, request: Request) -> Answer:  # noqa: ARG001
    amplitude.reset()
    return json_of({})


ROUTES: dict[str, dict[str, Callable[[Amplitude, Request], Answer]]] = {
    PREFIX: {"GET": _index},
    f"{PREFIX}/cohorts": {"GET": _cohorts, "POST": _put_cohort, "DELETE": _delete_cohort},
    f"{PREFIX}/events": {"GET": _events, "POST": _load_events},
    f"{PREFIX}/downloads": {"GET": _downloads},
    f"{PREFIX}/requests": {"GET": _requests},
    f"{PREFIX}/counts": {"GET": _counts},
    f"{PREFIX}/limits": {"GET": _limits, "POST": _set_limits},
    f"{PREFIX}/faults": {"GET": _faults, "POST": _plan_faults, "DELETE": _clear_faults},
    f"{PREFIX}/reset": {"POST": _reset},
}
