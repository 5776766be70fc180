"""Requests of Amplitude's HTTP V2, batch and identify APIs: judged event by event, and answered in its words; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import orjson

from tradewind.events.lines import LONGEST
from tradewind.events.shape import FACTS, NO_PERSON
from tradewind.sources.received.operations import CLEAR

MOST_EVENTS = 2_000
"""Events in one request."""

SHORTEST_ID = 5
"""Characters of a user id or device id, unless a request says otherwise (`options.min_id_length`)."""

DEEPEST = 40
"""Levels of properties."""

IDENTIFY = "$identify"
"""The type of an event that only says something of its user."""

RESERVED = frozenset(
    f"[Amplitude] {name}"
    for name in ("Start Session", "End Session", "Revenue", "Revenue (Verified)", "Revenue (Unverified)", "Merged User")
)

_ZERO = "00000000-0000-0000-0000-000000000000"
_FIRST, _LAST = 946_684_800_000, 7_258_118_400_000
_IDS = ("user_id", "device_id")
_KEPT = ("insert_id", "event_properties", "user_properties", *FACTS, "app_version")
_REVENUE = ("price", "quantity", "revenue", "productId", "revenueType", "currency")
"""What an event says of revenue beside its properties; kept as properties with a dollar sign before them, as Amplitude exports them."""


_SENTENCES = {
    "events_with_invalid_fields": "Invalid field values on some events",
    "events_with_missing_fields": "Request missing required field",
    "events_with_invalid_id_lengths": "Invalid id length for user_id or device_id",
}
"""What is said of a request with such events; the first that fits."""


class Unfit(Exception):
    """A request that is refused as a whole; `answer` is what Amplitude would say."""

    def __init__(self, error: str, status: int = 400, **more: Any) -> None:
        super().__init__(error)
        self.status = status
        self.answer: dict[str, Any] = {"code": status, "error": error} | more


@dataclass(frozen=True)
class Sent:
    """What a request holds: whose key, and events that nobody has looked at yet."""

    key: str
    events: Sequence[Any]
    shortest: int = SHORTEST_ID


@dataclass
class _Faults:
    """Which events (by their place) lack what, or have it wrong."""

    missing: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    invalid: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    lengths: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def told(self) -> Unfit | None:
        """The refusal; None where nothing is wrong."""
        found = {
            "events_with_missing_fields": dict(self.missing),
            "events_with_invalid_fields": dict(self.invalid),
            "events_with_invalid_id_lengths": dict(self.lengths),
        }
        wrong: dict[str, Any] = {name: places for name, places in found.items() if places}
        if not wrong:
            return None
        return Unfit(next(sentence for name, sentence in _SENTENCES.items() if name in wrong), **wrong)


def read_events(body: bytes) -> Sent:
    """The request of HTTP V2 and batch. Raises Unfit."""
    if not body:
        raise Unfit("Missing request body")
    found = _json(body)
    if not isinstance(found, dict):
        raise Unfit("Invalid JSON request body")
    for name in ("api_key", "events"):
        if not found.get(name):
            raise Unfit("Request missing required field", missing_field=name)
    options = found.get("options")
    shortest = options.get("min_id_length") if isinstance(options, dict) else None
    fits = isinstance(shortest, int) and not isinstance(shortest, bool) and shortest > 0
    if not isinstance(found["api_key"], str) or not isinstance(found["events"], list):
        raise Unfit("Invalid JSON request body")
    if len(found["events"]) > MOST_EVENTS:
        raise Unfit("Payload too large", 413)
    return Sent(found["api_key"], found["events"], shortest if fits and shortest is not None else SHORTEST_ID)


def read_identify(body: bytes) -> Sent:
    """The request of identify, a form with `api_key` and `identification`: one object or a list of them.

    Raises Unfit; of an identification that is not there, or is none, with the word that Amplitude has for it.
    """
    try:
        form = parse_qs(body.decode(), max_num_fields=10)
    except ValueError:
        raise Unfit("Invalid form") from None
    if "api_key" not in form:
        raise Unfit("Request missing required field", missing_field="api_key")
    try:
        found = _json(form.get("identification", [""])[0].encode())
    except Unfit:
        raise Unfit("missing_event") from None
    stated = found if isinstance(found, list) else [found]
    if not stated or not all(isinstance(each, dict) for each in stated):
        raise Unfit("missing_event")
    if len(stated) > MOST_EVENTS:
        raise Unfit("Payload too large", 413)
    said = [{name: value for name, value in each.items() if name != "insert_id"} | {"event_type": IDENTIFY} for each in stated]
    return Sent(form["api_key"][0], said, 1)


def lines(sent: Sent, now: int) -> bytes:
    """The events as lines of JSON, as the event store reads them. Those without a time get `now` (epoch milliseconds).

    Raises Unfit with the places of the events that are wrong: as at Amplitude one of them refuses all.
    """
    faults = _Faults()
    written = [_line(place, event, sent.shortest, now, faults) for place, event in enumerate(sent.events)]
    refused = faults.told()
    if refused:
        raise refused
    return b"".join(written)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unfit("Invalid JSON request body") from None


def _line(place: int, event: Any, shortest: int, now: int, faults: _Faults) -> bytes:
    """One event as a line; what is wrong with it is noted, and then the line is not used."""
    if not isinstance(event, dict):
        faults.missing["event_type"].append(place)
        return b""
    for name in _invalid(event):
        faults.invalid[name].append(place)
    there = [name for name in _IDS if event.get(name) not in (None, "")]
    for name in there:
        if isinstance(event[name], str) and len(event[name]) < shortest and not _is_nobody(event[name]):
            faults.lengths[name].append(place)
    for name in [*([] if there else _IDS), *([] if event.get("event_type") else ["event_type"])]:
        faults.missing[name].append(place)
    kept = {name: event[name] for name in _KEPT if event.get(name) is not None} | {name: event[name] for name in there}
    kept |= {"event_type": event.get("event_type"), "time": now if event.get("time") is None else event["time"]}
    money = {f"${name}": event[name] for name in _REVENUE if event.get(name) is not None}
    if money and isinstance(kept.get("event_properties", {}), dict):
        kept["event_properties"] = money | kept.get("event_properties", {})
    line = orjson.dumps(kept) + b"\n"
    if len(line) > LONGEST:
        faults.invalid["event_properties"].append(place)
    return line


def _invalid(event: dict[str, Any]) -> Iterator[str]:
    """The fields of an event that are there and are not what they should be."""
    kind, time = event.get("event_type"), event.get("time")
    if kind is not None and (not isinstance(kind, str) or kind in RESERVED):
        yield "event_type"
    for name in _IDS:
        given = event.get(name)
        if given is not None and (not isinstance(given, str) or (given != "" and _is_nobody(given))):
            yield name
    if time is not None and (isinstance(time, bool) or not isinstance(time, int) or not _FIRST <= time < _LAST):
        yield "time"
    if not isinstance(event.get("insert_id"), str | None):
        yield "insert_id"
    for name in ("event_properties", "user_properties"):
        given = event.get(name)
        if given is not None and (
            not isinstance(given, dict) or _is_deeper(given, DEEPEST) or (name == "user_properties" and _mixes(kind, given))
        ):
            yield name


def _is_nobody(text: str) -> bool:
    return text == _ZERO or text.lower() in NO_PERSON


def _mixes(kind: Any, stated: dict[str, Any]) -> bool:
    """Whether an identify has operations beside plain properties, or one that is no object."""
    operations = [name for name in stated if name.startswith("$")]
    wrong = any(not isinstance(stated[name], dict) for name in operations if name != CLEAR)
    return kind == IDENTIFY and bool(operations) and (wrong or len(operations) < len(stated))


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(each, levels - 1) for each in inside)
