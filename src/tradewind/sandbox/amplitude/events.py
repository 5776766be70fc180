"""Events of one project, held packed by the hour in which they were uploaded, as the export gives them out."""

from __future__ import annotations

import gzip
import uuid
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from tradewind.sandbox.amplitude.cohorts import Listed, Person
from tradewind.sandbox.clock import MINUTE, SECOND, iso, parse_instant
from tradewind.sandbox.unusable import Unusable

HOUR = 60 * MINUTE
TIMES = ("event_time", "client_event_time", "client_upload_time", "server_received_time", "server_upload_time", "processed_time")
KEYS = (
    "$insert_id", "amplitude_attribution_ids", "amplitude_id", "app", "city", "client_event_time", "client_upload_time", "country",
    "data", "device_carrier", "device_family", "device_id", "device_type", "dma", "event_id", "event_properties", "event_time",
    "event_type", "group_properties", "groups", "ip_address", "language", "library", "location_lat", "location_lng", "os_name",
    "os_version", "paying", "platform", "processed_time", "region", "sample_rate", "server_received_time", "server_upload_time",
    "session_id", "start_version", "user_id", "user_properties", "uuid", "version_name",
)  # fmt: skip
"""The keys of an exported event, as documented."""
RENAMED = {"insert_id": "$insert_id", "ip": "ip_address", "app_version": "version_name", "carrier": "device_carrier"}
EMPTY: dict[str, dict[str, Any]] = {name: {} for name in ("data", "event_properties", "group_properties", "groups", "user_properties")}
RULE = frozenset({"event_type", "at_least", "from", "to"})


@dataclass(slots=True)
class Events:
    """What one project holds. Each load adds a packed part to every hour it has events for. Not locked: its owner is."""

    app: int
    parts: defaultdict[int, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    count: int = 0

    def load(self, body: bytes, now: int) -> int:
        """Take in events: lines of the export's shape, packed or not, or one `{"events": [...]}` of the HTTP V2 API's. How many they were.

        Raises Unusable, naming the place, and then takes in nothing.
        """
        by_hour: defaultdict[int, list[bytes]] = defaultdict(list)
        for number, event in enumerate(_events(body), 1):
            try:
                whole = self._whole(event, now)
                by_hour[_instant(whole, "server_upload_time") // HOUR].append(orjson.dumps(whole, option=orjson.OPT_APPEND_NEWLINE))
            except Unusable as error:
                raise Unusable(f"event {number}: {error}") from None
        for hour, lines in by_hour.items():
            self.parts[hour].append(gzip.compress(b"".join(lines), 1, mtime=0))
        found = sum(map(len, by_hour.values()))
        self.count += found
        return found

    def _whole(self, event: Any, now: int) -> dict[str, Any]:
        """An event with every documented key; one of the HTTP V2 API's shape was uploaded and received just now."""
        if not isinstance(event, dict) or not isinstance(event.get("event_type"), str):
            raise Unusable("expected an object with an event_type")
        if not event.get("user_id") and not event.get("device_id"):
            raise Unusable("expected a user_id or a device_id")
        given: dict[str, Any] = {RENAMED.get(str(name), str(name)): value for name, value in event.items()}
        if "time" in given or "event_time" not in given:
            given |= dict.fromkeys(TIMES, _shown(now)) | {"event_time": _shown(_milliseconds(given.pop("time", now // 1000)))}
            given["client_event_time"] = given["event_time"]
        given.setdefault("uuid", str(uuid.uuid4()))
        given.setdefault("amplitude_id", zlib.crc32(str(given.get("user_id") or given.get("device_id")).encode()) + 10**10)
        for name in TIMES:
            _instant(given, name)
        absent: dict[str, Any] = dict.fromkeys(KEYS)
        return absent | EMPTY | {name: value for name, value in given.items() if name in KEYS} | {"app": self.app}

    def hours(self, first: int, last: int, until: int) -> Iterator[tuple[int, int, bytes]]:
        """Hour (since 1970), number of the part, and the packed part, from `first` to `last` and received before `until`."""
        for hour in sorted(self.parts):
            if not first <= hour <= last or hour * HOUR >= until:
                continue
            for number, part in enumerate(self.parts[hour]):
                kept = part if (hour + 1) * HOUR <= until else _received_before(part, until)
                if kept:
                    yield hour, number, kept

    def people(self, rule: Any) -> Listed:
        """Who did it: `{event_type, at_least (1), from, to}`, by `event_time`, with the properties they had at `to`. Raises Unusable."""
        if not isinstance(rule, dict) or set(rule) - RULE or not isinstance(rule.get("event_type"), str):
            raise Unusable("rule is an object of event_type and, if wished, at_least, from and to")
        at_least, since, until = rule.get("at_least", 1), _bound(rule, "from", -(10**18)), _bound(rule, "to", 10**18)
        if type(at_least) is not int or at_least < 1:
            raise Unusable("rule: at_least is a whole number from 1")
        times: defaultdict[str, int] = defaultdict(int)
        people: dict[str, Person] = {}
        acts = ((_instant(event, "event_time"), _act(event)) for event in self._all())
        for instant, (key, user_id, properties, event_type) in sorted((act for act in acts if act[0] < until), key=lambda act: act[0]):
            before = people.get(key, Person(key, "", {}))
            people[key] = Person(key, user_id or before.user_id, before.properties | properties)
            times[key] += event_type == rule["event_type"] and instant >= since
        return Listed(tuple(people[key] for key in sorted(people) if times[key] >= at_least))

    def _all(self) -> Iterator[Mapping[str, Any]]:
        for parts in self.parts.values():
            for part in parts:
                yield from map(orjson.loads, gzip.decompress(part).splitlines())


def _act(event: Mapping[str, Any]) -> tuple[str, str, dict[str, Any], str]:
    """Who did it, by Amplitude id and user id, with which properties, and what it was."""
    return str(event["amplitude_id"]), event["user_id"] or "", event["user_properties"] or {}, event["event_type"]


def _events(body: bytes) -> list[Any]:
    try:
        text = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    except (OSError, EOFError, zlib.error):
        raise Unusable("The body is damaged gzip") from None
    try:
        found = [orjson.loads(line) for line in text.splitlines() if line.strip()]
    except orjson.JSONDecodeError:
        try:
            found = [orjson.loads(text)]
        except orjson.JSONDecodeError:
            raise Unusable("The body is neither lines of JSON nor one JSON object") from None
    if len(found) == 1 and isinstance(found[0], dict) and isinstance(found[0].get("events"), list):
        return list(found[0]["events"])
    return found


def _milliseconds(time: Any) -> int:
    if type(time) is not int or not 0 <= time < 10**14:
        raise Unusable("time is in milliseconds since 1970")
    return time * 1000


def _shown(instant: int) -> str:
    """As the export writes it: UTC, six digits of a second, no zone."""
    text = iso(instant).removesuffix("Z").replace("T", " ")
    return text if "." in text else f"{text}.000000"


def _instant(event: Mapping[str, Any], name: str) -> int:
    instant = parse_instant(str(event.get(name)).replace(" ", "T"))
    if instant is None:
        raise Unusable(f"{name} is a date and time such as 2026-07-01 00:00:00.000000")
    return instant


def _bound(rule: Mapping[str, Any], name: str, otherwise: int) -> int:
    return otherwise if rule.get(name) is None else _instant(rule, name)


def _received_before(part: bytes, until: int) -> bytes:
    lines = [line for line in gzip.decompress(part).splitlines(keepends=True) if _instant(orjson.loads(line), "server_upload_time") < until]
    return gzip.compress(b"".join(lines), 1, mtime=0) if lines else b""


def parse_hour(text: str) -> int | None:
    """Hours since 1970 of `YYYYMMDDTHH`, UTC; None if it is not one."""
    if len(text) != len("20260701T00") or not (text[:8] + text[9:]).isdecimal() or text[8] != "T":
        return None
    instant = parse_instant(f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[9:]}:00:00Z")
    return None if instant is None else instant // (3600 * SECOND)
