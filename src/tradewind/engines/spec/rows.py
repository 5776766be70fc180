"""What a spec table is made of: events that are quick to write, rules as they are written, and who they find."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from tradewind.engines.memory import Event

AS_OF = datetime(2026, 7, 1, 12, tzinfo=UTC)
"""Noon in London's winter, 08:00 in New York's summer."""


def at(text: str) -> datetime:
    """An instant in UTC from a short text such as `2026-06-30 12:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def last_of(text: str | None) -> dict[str, datetime | None]:
    """What each user did last, from a text such as `ann 30 12:00, bob none`."""
    found: dict[str, datetime | None] = {}
    for user, _, time in (each.partition(" ") for each in (text or "").split(", ") if each):
        found[user] = None if time == "none" else at(f"2026-06-{time}")
    return found


def did(user: str, event: str, time: str = "2026-06-30 12:00", **properties: object) -> Event:
    """An event of a user that states no user property."""
    return Event(event, at(time), user, event_properties=properties, whole=False)


def told(user: str, time: str = "2026-06-30 12:00", *, whole: bool = False, **properties: object) -> Event:
    """An event of a user that states user properties: these alone, or (whole) these and no others."""
    return Event("opened", at(time), user, user_properties=properties, whole=whole)


@dataclass(frozen=True)
class Case:
    """One row: a rule as it is written in YAML, and the users it must find."""

    rule: str
    members: str
    note: str = ""
    last: str | None = None
    """For each member the day and time of the last event, `none` where there is none; as in `ann 30 12:00, bob none` (of June)."""


@dataclass(frozen=True)
class Table:
    """Events, and rules over them. `cohorts` are the users of other cohorts by id, `cohorts_last` what those of some did last."""

    title: str
    text: str
    events: tuple[Event, ...]
    cases: tuple[Case, ...]
    zone: str = "UTC"
    as_of: datetime = AS_OF
    cohorts: dict[str, str] = field(default_factory=dict)
    cohorts_last: dict[str, str] = field(default_factory=dict)
