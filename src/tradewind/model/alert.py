"""What is told to people before an advertiser notices: alerts, incidents, and to whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AlertKind(StrEnum):
    """What is wrong."""

    STALE = "stale"
    EXPIRY = "expiry"
    UNKNOWN = "unknown"
    HELD = "held"
    MASS_REMOVAL = "mass_removal"
    REFUSED = "refused"
    REJECTS = "rejects"
    STALLED = "stalled"
    DISK = "disk"
    CLOCK = "clock"
    MISSED = "missed"
    FAILED = "failed"
    UNLISTED = "unlisted"
    UNREAD = "unread"
    DISPUTED = "disputed"


class ContactKind(StrEnum):
    """How somebody is told: by mail, by a message that Slack and its like take, or by a signed request."""

    EMAIL = "email"
    SLACK = "slack"
    WEBHOOK = "webhook"


@dataclass(frozen=True)
class Contact:
    """Who is told of a project's alerts: of `kinds`, or of all where there are none. `shown` is the address, of a URL its host alone."""

    project: str
    id: str
    kind: ContactKind
    shown: str
    kinds: tuple[AlertKind, ...] = ()

    def hears(self, kind: AlertKind) -> bool:
        """Whether it is told of such alerts."""
        return not self.kinds or kind in self.kinds


@dataclass(frozen=True)
class Alert:
    """Something that is wrong now: with a sync or a connection, by its id, or with the installation. No identifier is in its sentence."""

    kind: AlertKind
    object: str
    sentence: str


@dataclass(frozen=True)
class Incident:
    """An alert from when it was first found until it was over; `closed_at` is None as long as it goes on."""

    id: str
    project: str
    alert: Alert
    opened_at: datetime
    closed_at: datetime | None = None


class News(StrEnum):
    """What a message says of its incident."""

    OPEN = "open"
    OVER = "over"
    TEST = "test"


@dataclass(frozen=True)
class Message:
    """What one contact is told once; its id is the same each time it is sent."""

    id: str
    project: str
    contact: str
    news: News
    alert: Alert
    at: datetime
    tries: int = 0
