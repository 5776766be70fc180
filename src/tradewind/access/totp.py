"""The codes that an authenticator app shows (TOTP, RFC 6238: HMAC-SHA-1, six digits, thirty seconds); pure but for chance."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote, urlencode

STEP = 30
"""Seconds for which an app shows a code."""

DIGITS = 6

DRIFT = 1
"""Steps before and after the present one whose code is taken too: the clocks differ a little, and typing takes a while."""

_KEY = 20
"""Bytes, as long as what SHA-1 gives."""


def new_key() -> str:
    """160 bits as Base32, the form in which apps take a key."""
    return base64.b32encode(secrets.token_bytes(_KEY)).decode()


def code_at(key: str, step: int) -> str:
    """The code of a step, counted from 1970."""
    told = hmac.new(base64.b32decode(key), step.to_bytes(8, "big"), hashlib.sha1).digest()
    place = told[-1] & 0xF
    number = int.from_bytes(told[place : place + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def step_at(moment: datetime) -> int:
    """The step of a moment."""
    return int(moment.timestamp()) // STEP


def step_of(key: str, code: str, now: datetime) -> int | None:
    """The step whose code this is, of those that are good now; None where it is of none. All are compared, whichever it is."""
    present, given = step_at(now), code.encode("utf-8", "surrogatepass")
    good = [step for step in range(present - DRIFT, present + DRIFT + 1) if hmac.compare_digest(code_at(key, step).encode(), given)]
    return good[-1] if good else None


def link(key: str, user: str, issuer: str = "Tradewind") -> str:
    """What a QR code holds for the app: whose key it is, and of what."""
    words = urlencode({"secret": key, "issuer": issuer, "algorithm": "SHA1", "digits": DIGITS, "period": STEP})
    return f"otpauth://totp/{quote(issuer)}:{quote(user)}?{words}"
