"""What an answer of the platform means: (status, headers, body) to a receipt, pure. An answer is input, never trusted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from tradewind.exchange import instant_of
from tradewind.model.run import Answer, Line, LineClass, Receipt

LINE_CLASSES = {
    "MissingUserId": LineClass.ROW,
    "InvalidUserId": LineClass.ROW,
    "InvalidParameterFormat": LineClass.ROW,
    "ItemDeserializationError": LineClass.ROW,
    "Uid2Error": LineClass.ROW,
    "UserNotMapped": LineClass.UNMATCHED,
    "DataNameTooLong": LineClass.SYNC,
    "InvalidTtlInMinutes": LineClass.SYNC,
    "InvalidTimestampUtc": LineClass.SYNC,
    "InvalidBidFactor": LineClass.SYNC,
    "InvalidBaseBidCPM": LineClass.SYNC,
    "BaseBidCPMMetadataTooLong": LineClass.SYNC,
    "InvalidDataOwnerId": LineClass.CONNECTION,
    "TenantRestrictionsExternalData": LineClass.CONNECTION,
    "TargetingDataDisabled": LineClass.CONNECTION,
    "TargetingDataCreationLimitExceeded": LineClass.CONNECTION,
    "TargetingDataCountLimitExceeded": LineClass.CONNECTION,
}
"""`ErrorCode` of a failed line -> what it means. `Unknown` and every code not listed is transient."""

NOT_CONFIGURED = re.compile(r"not configured|Misconfigured", re.IGNORECASE)
"""What a 400 says of an advertiser without a paid plan or data upload: of the account, not of an item."""

WAIT_LEAST, WAIT_MOST = 1.0, 900.0
"""Seconds: bounds of what `Retry-After` may ask for."""

NOTE_LENGTH = 300

_STATUSES = {
    401: Answer.FORBIDDEN,
    403: Answer.FORBIDDEN,
    408: Answer.UNKNOWN,
    413: Answer.TOO_LARGE,
    429: Answer.THROTTLED,
}
_SECRETS = re.compile(
    r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}"  # a GUID, or any other long hexadecimal text
    r"|[0-9a-fA-F]{32,}"
    r"|[A-Za-z0-9+/_-]{40,}={0,2}"  # a raw UID2, a token, a hash
    r"|[^\s@<>\"',;:]+@[^\s@<>\"',;:]+"  # an e-mail address
    r"|\+?[0-9](?:[ ().-]?[0-9]){6,}"  # a phone number
)
_ITEM_NUMBER = re.compile("[0-9]{1,9}")
_ITEM_IN_MESSAGE = re.compile(r"item #([0-9]{1,9})", re.IGNORECASE)
_CODE = re.compile("[A-Za-z0-9_]{1,64}")


def receipt(status: int, headers: Mapping[str, str], body: bytes, items: int) -> Receipt:
    """The receipt of a request of `items` items. `headers` are named in lower case.

    A whole-request refusal of a single item is that item's refusal. Nothing is read as accepted unless the answer
    says so in a form that is understood.
    """
    envelope = _envelope(body)
    answer, lines = _read(status, envelope, body, items)
    if answer in {Answer.POISONED, Answer.TOO_LARGE} and items == 1:
        answer, lines = Answer.APPLIED, (Line(0, "TooLarge" if status == 413 else _code(envelope), LineClass.ROW),)
    return Receipt(
        answer=answer,
        lines=lines,
        status=status,
        wait=retry_after(headers) if status == 429 or status >= 500 else None,
        note="" if answer is Answer.APPLIED and not lines else _note(envelope, body),
        request_id=_request_id(headers),
    )


def _read(status: int, envelope: dict[str, Any] | None, body: bytes, items: int) -> tuple[Answer, tuple[Line, ...]]:
    if status not in {200, 400}:
        others = Answer.UNKNOWN if status >= 500 or 200 <= status < 300 else Answer.MISDIRECTED
        return _STATUSES.get(status, others), ()
    failed = envelope.get("FailedLines") if envelope is not None else None
    if isinstance(failed, list) and failed:
        lines = _lines(failed, items)
        return (Answer.UNATTRIBUTED, ()) if lines is None else (Answer.APPLIED, lines)
    if status == 400:
        return (Answer.FORBIDDEN if NOT_CONFIGURED.search(_said(envelope, body)) else Answer.POISONED), ()
    clear = envelope is not None and failed in (None, []) and envelope.get("ErrorCode") is None
    return (Answer.APPLIED if clear else Answer.UNKNOWN), ()


def _envelope(body: bytes) -> dict[str, Any] | None:
    """The body as a JSON object, in either shape (version 2 adds `ErrorCode` and `Message`); None for anything else."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _lines(failed: list[Any], items: int) -> tuple[Line, ...] | None:
    """Each failed line with its item; None when even one of them cannot be told, or two name the same item."""
    lines: dict[int, Line] = {}
    for line in failed:
        number = _item_number(line, items) if isinstance(line, dict) else None
        if number is None or not 1 <= number <= items or number - 1 in lines:
            return None
        code = _code(line)
        lines[number - 1] = Line(number - 1, code, LINE_CLASSES.get(code, LineClass.TRANSIENT))
    return tuple(lines[item] for item in sorted(lines))


def _item_number(line: dict[str, Any], items: int) -> int | None:
    """`ItemNumber`, 1-based and text; where it is absent, the number in the message; of one item there is no doubt."""
    given = line.get("ItemNumber")
    if given is None or given == "":
        found = _ITEM_IN_MESSAGE.search(str(line.get("Message") or ""))
        given = found[1] if found else None
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if isinstance(given, str) and _ITEM_NUMBER.fullmatch(given):
        return int(given)
    return 1 if items == 1 else None


def _code(line: dict[str, Any] | None) -> str:
    code = (line or {}).get("ErrorCode")
    return code if isinstance(code, str) and _CODE.fullmatch(code) and not _SECRETS.search(code) else "Unknown"


def _said(envelope: dict[str, Any] | None, body: bytes) -> str:
    """What the body says, as plain text."""
    if envelope is None:
        return body[: 4 * NOTE_LENGTH].decode("utf-8", "replace")
    return ": ".join(str(envelope[name]) for name in ("ErrorCode", "Message") if envelope.get(name))


def _note(envelope: dict[str, Any] | None, body: bytes) -> str:
    """The same, fit to be stored and shown: short, printable, and without anything like an identifier."""
    said = _said(envelope, body)
    first = (envelope or {}).get("FailedLines")
    if not said and isinstance(first, list) and first and isinstance(first[0], dict):
        said = str(first[0].get("Message") or "")
    return scrub(said)


def scrub(text: str) -> str:
    """A text without identifiers, e-mail addresses, phone numbers, long codes or control characters; 300 characters at most."""
    printable = "".join(char if char.isprintable() else " " for char in text[: 4 * NOTE_LENGTH])
    return " ".join(_SECRETS.sub("***", printable).split())[:NOTE_LENGTH]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds, held within bounds; None where there is none that can be read.

    A date is compared with the answer's own `Date`, so that neither clock matters.
    """
    given = headers.get("retry-after", "").strip()
    try:
        seconds = float(given)
    except ValueError:
        until, now = instant_of(given), instant_of(headers.get("date", ""))
        if until is None or now is None:
            return None
        seconds = (until - now).total_seconds()
    return None if seconds != seconds else min(WAIT_MOST, max(WAIT_LEAST, seconds))  # noqa: PLR0124 - only NaN differs from itself


def _request_id(headers: Mapping[str, str]) -> str | None:
    given = headers.get("x-ttd-request-id", "")
    return given if re.fullmatch("[A-Za-z0-9._:/-]{1,100}", given) else None
