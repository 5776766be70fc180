"""Errors as problem details (RFC 9457): what is wrong, and the status that says what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.responses import JSONResponse

from tradewind.errors import (
    Bug,
    BusyError,
    ChangedError,
    ConfigurationError,
    DefinitionError,
    DeliveryError,
    EngineError,
    GoneError,
    LedgerError,
    MissingError,
    NotEntitledError,
    OvertakenError,
    RetryableError,
    TakenError,
    TradewindError,
)
from tradewind.web.words import spoken

NO_STORE = "the server cannot use its store now; whoever runs it sees why with: tradewind doctor"
"""Of a store that fails nothing is told, to whom nobody knows: neither where it is, nor what it says, which may hold anything."""

MEDIA = "application/problem+json"

STATUSES: tuple[tuple[type[TradewindError], int], ...] = (
    (NotEntitledError, 403),
    (ChangedError, 412),
    (BusyError, 409),
    (DefinitionError, 422),
    (ConfigurationError, 409),
    (RetryableError, 503),
    (DeliveryError, 502),
    (OvertakenError, 409),
    (GoneError, 410),
    (EngineError, 500),
    (TakenError, 409),
    (LedgerError, 503),
    (Bug, 500),
)
"""The first that fits counts."""

TITLES = {
    400: "This cannot be read",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not there",
    405: "This route has no such method",
    408: "Too slow",
    409: "Not possible as things stand",
    410: "Not there any more",
    412: "Changed meanwhile",
    413: "Too large",
    415: "Not JSON",
    422: "Something in it is wrong",
    429: "Too many requests",
    500: "A failure on this side",
    502: "The platform failed",
    503: "Not now",
}


class Refusal(Exception):
    """A request that is answered with a problem before any operation is called."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, dict(headers or {})


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> JSONResponse:
    """An answer that says what is wrong. `type` is a path that means the kind of problem and leads nowhere."""
    kind = more.pop("kind", str(status))
    body = {"type": f"/problems/{kind}", "title": TITLES.get(status, "Refused"), "status": status, "detail": detail} | more
    return JSONResponse(body, status, dict(headers or {}), MEDIA)


def defect() -> JSONResponse:
    """The answer to what cannot happen: nothing of it is told but that it did."""
    return problem(500, "this is a defect of tradewind; the server's log has it under the id of this request", kind="bug")


def of_error(error: TradewindError, path: Mapping[str, Any]) -> JSONResponse:
    """The answer to an operation's error. What is missing is 404 where the path names it, and 422 where the body does.

    Of a wrong definition no file is named: it is one of the server.
    """
    if isinstance(error, MissingError) and error.wanted in path.values():
        return problem(404, spoken(str(error)), kind="missing")
    status = next(status for kind, status in STATUSES if isinstance(error, kind)) if type(error) is not TradewindError else 500
    if isinstance(error, Bug):
        return defect()
    if type(error) is LedgerError:
        return problem(status, NO_STORE, kind="ledger")
    if isinstance(error, DefinitionError):
        return problem(status, spoken(error.message), None, kind=_kind(error), **_where(error))
    headers = {"Retry-After": str(max(1, round(error.wait or 1)))} if isinstance(error, RetryableError) else {}
    more: dict[str, Any] = {"kind": _kind(error)} | ({"wall": error.wall} if isinstance(error, NotEntitledError) else {})
    return problem(status, spoken(str(error)), headers, **more)


def _where(error: DefinitionError) -> dict[str, Any]:
    return ({"path": error.path} if error.path else {}) | ({"line": error.line} if error.line else {})


def _kind(error: TradewindError) -> str:
    """`NotEntitledError` as `not-entitled`."""
    name = type(error).__name__.removesuffix("Error")
    return "".join(f"-{char.lower()}" if char.isupper() else char for char in name).lstrip("-")
