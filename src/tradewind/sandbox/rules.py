"""What the platform accepts, item by item: fields, identifiers, lifetimes and times, each by the sandbox's own rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tradewind.sandbox.clock import MINUTE, parse_instant
from tradewind.sandbox.refusal import FailedLine, LineRefused

DEFAULT_TTL_MINUTES = 129_600
MAX_TTL_MINUTES = 259_200
MAX_NAME_LENGTH = 256
MAX_METADATA_LENGTH = 256  # the platform has a limit and does not publish it
FUTURE_TOLERANCE = 5 * MINUTE

_NOBODY = "00000000-0000-0000-0000-000000000000"
_GUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}").fullmatch
# 32 bytes end in "=" after a digit with two empty low bits; 33 bytes fill 44 digits.
_RAW_UID = re.compile(r"[A-Za-z0-9+/]{42}(?:[AEIMQUYcgkosw048]=|[A-Za-z0-9+/]{2})").fullmatch
_UID_TOKEN = re.compile(r"[A-Za-z0-9+/=_-]{45,4096}").fullmatch
_RAMP = re.compile(r"[A-Za-z0-9_-]{49}|[A-Za-z0-9_-]{70}").fullmatch
_OPAQUE = re.compile(r"[!-~]{1,1024}").fullmatch


def _guid(value: str) -> str | None:
    lower = value.lower()
    return lower if _GUID(value) and lower != _NOBODY else None


def _matching(pattern: Callable[[str], object]) -> Callable[[str], str | None]:
    return lambda value: value if pattern(value) else None


# In the order in which the platform tries them when an item carries several: the first valid one is used.
IDENTIFIERS: dict[str, Callable[[str], str | None]] = {
    "TDID": _guid,
    "DAID": _guid,
    "UID2": _matching(_RAW_UID),
    "UID2Token": _matching(_UID_TOKEN),
    "EUID": _matching(_RAW_UID),
    "EUIDToken": _matching(_UID_TOKEN),
    "RampID": _matching(_RAMP),
    **dict.fromkeys(("CoreID", "ID5", "NetID", "FirstID", "UtiqID", "MerkuryID", "RealID", "IqviaPPID"), _matching(_OPAQUE)),
}
_PRIORITY = {name: place for place, name in enumerate(IDENTIFIERS)}

_UPLOAD_ITEM = frozenset({*IDENTIFIERS, "Data", "CookieMappingPartnerId"})
_DELETION_ITEM = frozenset(IDENTIFIERS)
_ENTRY = frozenset({"Name", "TtlInMinutes", "TimestampUtc", "BaseBidCPM", "BaseBidCPMMetadata", "BidFactor"})
_PLAIN_ENTRY = frozenset({"Name", "TtlInMinutes", "TimestampUtc"})
_SPELLINGS = {name.lower(): name for name in _UPLOAD_ITEM | _ENTRY}


Stay = tuple[int, int]
"""Until when somebody is in a segment, and the time they were stamped with; both in microseconds."""


class Change(NamedTuple):
    """One accepted line: how this identifier is in this segment from now on; it leaves it when that is None."""

    segment: str
    id_type: str
    id: str
    stay: Stay | None


class Forced(NamedTuple):
    """A rehearsed fault: every n-th item is refused, whatever it holds."""

    every: int
    line: Callable[[int], FailedLine]


def respelled(fields: Mapping[str, Any], known: frozenset[str], spellings: Mapping[str, str]) -> dict[str, Any]:
    """The same fields in the reference spelling: names are matched without regard to case. Raises KeyError for an unknown one."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        spelling = name if name in known else spellings.get(name.lower(), "")
        if spelling not in known:
            raise KeyError(name)
        found[spelling] = value
    return found


def judge_upload(items: list[Any], now: int, forced: Forced | None = None) -> tuple[list[Change], list[FailedLine]]:
    """What of an upload stands and what fails. `now` is the platform's time in microseconds."""
    judge = _Judge(now)
    changes: list[Change] = []
    failed: list[FailedLine] = []
    for number, item in enumerate(items, 1):
        if forced and number % forced.every == 0:
            failed.append(forced.line(number))
            continue
        try:
            fields = _fields(item, _UPLOAD_ITEM)
            id_type, value = _identifier(fields, "MissingUserId")
            entries = _entries(fields)
        except LineRefused as refused:
            failed.append(_line(refused, number))
            continue
        for place, entry in enumerate(entries, 1):
            try:
                segment, stay = judge.entry(entry)
            except LineRefused as refused:
                failed.append(_line(refused, number, place))
            else:
                changes.append(Change(segment, id_type, value, stay))
    return changes, failed


def judge_deletion(items: list[Any], forced: Forced | None = None) -> tuple[list[tuple[str, str]], list[FailedLine]]:
    """The (type, identifier) pairs to forget, and the lines that name nobody."""
    people: list[tuple[str, str]] = []
    failed: list[FailedLine] = []
    for number, item in enumerate(items, 1):
        if forced and number % forced.every == 0:
            failed.append(forced.line(number))
            continue
        try:
            people.append(_identifier(_fields(item, _DELETION_ITEM), "InvalidUserId"))
        except LineRefused as refused:
            failed.append(_line(refused, number))
    return people, failed


def _line(refused: LineRefused, number: int, place: int | None = None) -> FailedLine:
    data = None if place is None else str(place)
    return FailedLine(refused.code, f"{refused.message}, item #{number}", str(number), data, refused.data_name)


def _fields(item: Any, known: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(item, dict):
        raise LineRefused("ItemDeserializationError", "Invalid item")
    if known.issuperset(item):
        return item
    try:
        return respelled(item, known, _SPELLINGS)
    except KeyError as unknown:
        raise LineRefused("ItemDeserializationError", f"Unknown field {unknown.args[0][:64]!r}") from None


def _identifier(fields: Mapping[str, Any], missing: str) -> tuple[str, str]:
    given = [name for name in fields if name in IDENTIFIERS and fields[name] is not None]
    if len(given) > 1:
        given.sort(key=_PRIORITY.__getitem__)
    for name in given:
        if not isinstance(fields[name], str):
            raise LineRefused("ItemDeserializationError", f"{name} is not text")
        value = IDENTIFIERS[name](fields[name])
        if value is not None:
            return name, value
    raise LineRefused(missing, f"Invalid {given[0]}" if given else "Missing user id")


def _entries(fields: Mapping[str, Any]) -> list[Any]:
    if fields.get("CookieMappingPartnerId") is not None:
        raise LineRefused("UserNotMapped", "No cookie of this partner is mapped")
    entries = fields.get("Data")
    if not isinstance(entries, list) or not entries:
        raise LineRefused("ItemDeserializationError", "Missing Data")
    return entries


class _Judge:
    """Judges the entries of one request's `Data`; equal entries are judged once."""

    def __init__(self, now: int) -> None:
        self._now = now
        self._seen: dict[tuple[Any, Any, Any], tuple[str, Stay | None]] = {}

    def entry(self, entry: Any) -> tuple[str, Stay | None]:
        """Segment and stay there, None to remove. Raises LineRefused."""
        if type(entry) is dict and _PLAIN_ENTRY.issuperset(entry):
            key = (entry.get("Name"), entry.get("TtlInMinutes"), entry.get("TimestampUtc"))
            # Numbers of different types can be equal (1, 1.0, true), so only what is surely plain is looked up.
            if type(key[0]) is str and type(key[1]) is int and (key[2] is None or type(key[2]) is str):
                known = self._seen.get(key)
                if known is None:
                    known = self._seen[key] = self._judged(entry)
                return known
        return self._judged(_fields(entry, _ENTRY))

    def _judged(self, fields: Mapping[str, Any]) -> tuple[str, Stay | None]:
        name = _segment_name(fields.get("Name"))
        try:
            _check_bids(fields)
            ttl = _ttl(fields.get("TtlInMinutes"))
            since = self._since(fields.get("TimestampUtc"))
        except LineRefused as refused:
            raise LineRefused(refused.code, refused.message, data_name=name) from None
        return name, (since + ttl * MINUTE, since) if ttl else None

    def _since(self, stamp: Any) -> int:
        if stamp is None:
            return self._now
        if not isinstance(stamp, str):
            raise LineRefused("ItemDeserializationError", "TimestampUtc is not text")
        since = parse_instant(stamp)
        if since is None or since > self._now + FUTURE_TOLERANCE:
            raise LineRefused("InvalidTimestampUtc", "Invalid TimestampUtc")
        return since


def _segment_name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip():
        raise LineRefused("ItemDeserializationError", "Missing Name")
    if len(name) > MAX_NAME_LENGTH:
        raise LineRefused("DataNameTooLong", f"Name is over {MAX_NAME_LENGTH} characters", data_name=name[:MAX_NAME_LENGTH])
    return name


def _ttl(ttl: Any) -> int:
    if ttl is None:
        return DEFAULT_TTL_MINUTES
    if type(ttl) is not int:
        raise LineRefused("ItemDeserializationError", "TtlInMinutes is not a whole number")
    if not 0 <= ttl <= MAX_TTL_MINUTES:
        raise LineRefused("InvalidTtlInMinutes", "Invalid TtlInMinutes")
    return ttl


def _check_bids(fields: Mapping[str, Any]) -> None:
    factor, price, metadata = fields.get("BidFactor"), fields.get("BaseBidCPM"), fields.get("BaseBidCPMMetadata")
    for name, value in (("BidFactor", factor), ("BaseBidCPM", price)):
        if value is not None and type(value) not in (int, float):
            raise LineRefused("ItemDeserializationError", f"{name} is not a number")
    if factor is not None and not 0.5 <= factor <= 100:
        raise LineRefused("InvalidBidFactor", "Invalid BidFactor")
    if price is not None and price < 0:
        raise LineRefused("InvalidBaseBidCPM", "Invalid BaseBidCPM")
    if metadata is not None and not isinstance(metadata, str):
        raise LineRefused("ItemDeserializationError", "BaseBidCPMMetadata is not text")
    if metadata is not None and len(metadata) > MAX_METADATA_LENGTH:
        raise LineRefused("BaseBidCPMMetadataTooLong", f"BaseBidCPMMetadata is over {MAX_METADATA_LENGTH} characters")
