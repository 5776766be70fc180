"""A message as text, and as the JSON that programs take; pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from tradewind.model.alert import Message, News

HEADS = {News.OPEN: "Alert", News.OVER: "Over", News.TEST: "Test"}


def headline(message: Message) -> str:
    """One line."""
    return f"[Tradewind] {HEADS[message.news]}: {message.alert.kind.value} ({message.project}/{message.alert.object})"


def text(message: Message) -> str:
    """A few lines for a person."""
    what = {
        News.OPEN: f"{_sentence(message)}.",
        News.OVER: f"This is over: {_sentence(message)}.",
        News.TEST: "This is a test: alerts of the project will come this way.",
    }
    return f"{what[message.news]}\n\nProject {message.project}, {message.at:%Y-%m-%d %H:%M} UTC."


def document(message: Message) -> dict[str, Any]:
    """The same for a program."""
    alert = message.alert
    return {
        "id": message.id,
        "state": message.news.value,
        "project": message.project,
        "alert": alert.kind.value,
        "object": alert.object,
        "sentence": alert.sentence,
        "at": message.at.isoformat(timespec="seconds"),
    }


def for_slack(message: Message) -> bytes:
    """The body that Slack and its like take. What has a meaning in their markup has none here."""
    escaped = f"*{headline(message)}*\n{text(message)}".replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return json.dumps({"text": escaped}).encode()


def signed(message: Message, secret: str, seconds: int) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a signed request at a time in seconds of UTC.

    The signature is Base64 of HMAC-SHA256 over id, time and body, joined by dots (https://www.standardwebhooks.com).
    """
    body = json.dumps(document(message)).encode()
    mac = hmac.new(secret.encode(), f"{message.id}.{seconds}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(mac).decode()}"
    return body, {"webhook-id": message.id, "webhook-timestamp": str(seconds), "webhook-signature": signature}


def _sentence(message: Message) -> str:
    return " ".join(message.alert.sentence.split())
