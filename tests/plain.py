"""The real events answered in plain Python, with nothing of the package: what the product is judged by."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def real_events() -> Path | None:
    """Where the real events are, or None."""
    named = os.environ.get("TRADEWIND_REAL_EVENTS")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data" / "events"
    return folder if folder.is_dir() and any(folder.glob("*.json.gz")) else None


@dataclass(frozen=True)
class Act:
    """One event, with the person it belongs to."""

    person: str
    what: str
    at: datetime
    event: dict[str, Any]
    user: dict[str, Any]


def load(folder: Path) -> list[dict[str, Any]]:
    """Every event of every file."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path in sorted(folder.glob("*.json.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                event = json.loads(line)
                found.setdefault((event["device_id"], event["$insert_id"]), event)
    return list(found.values())


def acts(events: list[dict[str, Any]], as_of: datetime) -> list[Act]:
    """The events before an instant, each with its person: user, else last user of the device, else first after, else device."""
    rows = [(datetime.fromisoformat(event["event_time"]).replace(tzinfo=UTC), event) for event in events]
    rows = [(at, event) for at, event in rows if at < as_of]
    seen: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for at, event in rows:
        if event["user_id"] and event["device_id"]:
            seen[event["device_id"]].append((at, event["user_id"]))
    for users in seen.values():
        users.sort()

    def person(at: datetime, event: dict[str, Any]) -> str:
        if event["user_id"]:
            return f"user:{event['user_id']}"
        users = seen.get(event["device_id"], [])
        before = bisect_right(users, (at, "\U0010ffff"))
        if before:
            return f"user:{users[before - 1][1]}"
        if users:
            first = users[0][0]
            return f"user:{max(user for moment, user in users if moment == first)}"
        return f"device:{event['device_id']}"

    return [Act(person(at, event), event["event_type"], at, event["event_properties"], event["user_properties"]) for at, event in rows]


def start_of(day: date, zone: str) -> datetime:
    """The first moment of a day."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def days_before(as_of: datetime, days: int, zone: str) -> datetime:
    """Where *last N days* begins: N full days and the elapsed part of the day of the instant."""
    return start_of(as_of.astimezone(ZoneInfo(zone)).date() - timedelta(days=days), zone)


def latest(done: list[Act], name: str) -> dict[str, str]:
    """Each person's property as last stated; an export states the whole set, so what is absent is unset."""
    newest: dict[str, tuple[datetime, bool, str]] = {}
    for act in done:
        value = act.user.get(name)
        said = (act.at, value is not None, "" if value is None else str(value))
        newest[act.person] = max(newest.get(act.person, said), said)
    return {person: value for person, (_, has, value) in newest.items() if has}


def identifier(kind: str, text: str) -> str | None:
    """The identifier as the platform holds it, or None when the text is none."""
    if kind in {"DAID", "TDID"}:
        low = text.strip().lower()
        return low if GUID.fullmatch(low) and set(low) - set("0-") else None
    if not re.fullmatch(r"[A-Za-z0-9+/]{43}[A-Za-z0-9+/=]", text):
        return None
    raw = base64.b64decode(text)
    return text if len(raw) in {32, 33} and base64.b64encode(raw).decode() == text else None


def identifiers(done: list[Act], people: set[str]) -> set[tuple[str, str]]:
    """What the segment must hold for these people."""
    found = set()
    for source, kind in (("advertising_id", "DAID"), ("uid2", "UID2"), ("tdid", "TDID")):
        values = latest(done, source)
        found |= {(kind, value) for person in people if (value := identifier(kind, values.get(person, ""))) is not None}
    return found
