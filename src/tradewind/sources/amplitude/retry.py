"""What follows an answer of Amplitude, as pure functions: the seconds to wait before asking again, or the error."""

from __future__ import annotations

from collections.abc import Mapping

from tradewind.errors import EngineError, GoneError, RefusedKeyError, TradewindError
from tradewind.exchange import instant_of

TRIES = 6
"""Sends of one question, the first included."""

LONGEST_WAIT = 600.0
"""Seconds: the window in which Amplitude counts requests."""

THROTTLED = 429


def wait_after(status: int, headers: Mapping[str, str], sends: int) -> float | None:
    """Seconds to wait before the same question is asked again after `sends` sends; None when the answer stands."""
    if status == THROTTLED:
        return _asked_for(headers) or min(LONGEST_WAIT, 10.0 * 2 ** (sends - 1))
    if status == 408 or status >= 500:
        return _asked_for(headers) or backing_off(sends)
    return None


def backing_off(sends: int) -> float:
    """Seconds to wait after a transfer or a connection that broke off: 1, 2, 4, ... to 30."""
    return min(30.0, 2.0 ** (sends - 1))


def refused(status: int, what: str) -> TradewindError:
    """The error for an answer that will not change by itself."""
    if status in {401, 403}:
        return RefusedKeyError(
            f"Amplitude refuses the keys ({status}): the API key or the secret key is wrong, or they belong to the other region"
        )
    if status in {404, 410}:
        return GoneError(f"Amplitude does not have {what} ({status}): it was deleted, is too old, or belongs to another project")
    if status == 400:
        return EngineError(f"Amplitude takes the question for {what} as wrong (400), such as a cohort of more than 2 million members")
    return EngineError(f"Amplitude answered {status} when asked for {what}, which it does not document")


def _asked_for(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds, at most LONGEST_WAIT; a date is compared with the answer's own."""
    given = headers.get("retry-after", "").strip()
    if given.isascii() and given.isdecimal():
        return min(LONGEST_WAIT, max(1.0, float(given[:9])))
    until, now = instant_of(given), instant_of(headers.get("date", ""))
    return min(LONGEST_WAIT, max(1.0, (until - now).total_seconds())) if until and now else None
