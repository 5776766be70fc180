"""Random texts that open a door (tokens, sessions, one-time codes), and what is kept of them; pure but for chance."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import zlib

TOKEN = "twt_"
"""What every token begins with, so that scanners of code find one that went astray."""

BITS = 256
_PART, _CHECK = 43, 6
_TOKENS = re.compile(rf"{TOKEN}[A-Za-z0-9_-]{{{_PART + _CHECK}}}")


def new_token() -> str:
    """256 bits and a checksum, after a prefix."""
    part = secrets.token_urlsafe(BITS // 8)
    return f"{TOKEN}{part}{_checksum(part)}"


def new_session() -> str:
    """256 bits."""
    return secrets.token_urlsafe(BITS // 8)


def new_code() -> str:
    """A hundred bits, in groups that can be read aloud."""
    text = base64.b32encode(secrets.token_bytes(13)).decode().rstrip("=")[:20].lower()
    return "-".join(text[place : place + 5] for place in range(0, 20, 5))


def device_of(key: bytes, user: str, password: str) -> str:
    """What a browser keeps after somebody signed in with it: good as long as the key and the password (`password` is its hash) are."""
    return hmac.new(key, f"device\0{user}\0{password}".encode(), hashlib.sha256).hexdigest()


def is_token(text: str) -> bool:
    """Whether a text has the form of a token: what has not is refused without a question to the store."""
    part, check = text[len(TOKEN) : len(TOKEN) + _PART], text[len(TOKEN) + _PART :]
    return text.startswith(TOKEN) and len(part) == _PART and check == _checksum(part)


def token_in(text: str) -> bool:
    """Whether a token stands somewhere in a text."""
    return any(is_token(found[0]) for found in _TOKENS.finditer(text))


def digest(text: str) -> str:
    """What is kept of it. SHA-256 is enough where nothing can be guessed."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _checksum(part: str) -> str:
    return base64.urlsafe_b64encode(zlib.crc32(part.encode("utf-8", "surrogatepass")).to_bytes(4, "big")).decode().rstrip("=")
