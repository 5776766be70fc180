"""The cookies of the console: none is read by scripts, sent to another site, or kept where the connection is not safe."""

from __future__ import annotations

from datetime import timedelta

from fastapi import Response

COOKIE = "__Host-tradewind"
"""The session."""

HALF = "__Host-tradewind-half"
"""That the password was right, while the code of the second factor is awaited."""

DEVICE = "__Host-tradewind-device"
"""That somebody signed in with this browser: while many guess, it still may try."""

KNOWN = timedelta(days=90)
"""How long a browser is known."""


def keep(response: Response, name: str, value: str, long: timedelta) -> None:
    """Let the browser keep one for so long."""
    response.set_cookie(name, value, max_age=int(long.total_seconds()), path="/", secure=True, httponly=True, samesite="lax")


def drop(response: Response, name: str) -> None:
    """Let the browser forget one."""
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
