"""Standing intent: keep this segment equal to this cohort through this connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum

from tradewind.model.identifier import IdentityMap


class Cadence(StrEnum):
    """When a sync runs. A One-Time Sync adds for the TTL and ends. One on change runs daily too, so that nobody lapses meanwhile."""

    ONE_TIME = "one_time"
    HOURLY = "hourly"
    DAILY = "daily"
    CRON = "cron"
    ON_CHANGE = "on_change"

    @property
    def period(self) -> timedelta:
        """The longest time from one run to the next; nothing for a One-Time Sync. That of cron is its expression's."""
        return {Cadence.HOURLY: timedelta(hours=1), Cadence.DAILY: timedelta(days=1), Cadence.ON_CHANGE: timedelta(days=1)}.get(
            self, timedelta()
        )


class Refresh(StrEnum):
    """Who of those that stay is sent again: everyone in every run, or only those who have little time left."""

    EVERY_SYNC = "every_sync"
    BEFORE_EXPIRY = "before_expiry"


class Recency(StrEnum):
    """By what a member is recent at the platform, which it may use in bidding: by the run that sent them last, or by what they did last."""

    SYNC = "sync"
    LAST_EVENT = "last_event"


class SyncState(StrEnum):
    """Whether a sync may run. An ended One-Time Sync keeps its segment until its members lapse."""

    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class Leaving(StrEnum):
    """How people leave a segment that is given up: they are taken out, or lapse when their time there ends."""

    EMPTY = "empty"
    LET_EXPIRE = "let_expire"


@dataclass(frozen=True)
class Parting:
    """What was decided about the people in a target (by id) that was given up, or whose sync was paused, and why.

    `until` is when the last of them lapses unless taken out before, as far as was known then; None when nobody was in it.
    """

    target: str
    how: Leaving
    until: datetime | None
    reason: str
    at: datetime


@dataclass(frozen=True)
class Holdout:
    """A share of a cohort's people, by lot, that stays out of the segment, so that what sending does can be measured against it.

    `percent` is 1 to 50. The lots are those of `salt`: the same people for every sync and cohort that names it.
    """

    percent: int
    salt: str


@dataclass(frozen=True)
class Only:
    """What a sync that is a part of a split takes of its cohort: people whose user property, as last stated, has one value.

    The parts of a split (an id) share cohort, connection and property, and no value: a person is in one of them at most.
    """

    split: str
    property: str
    value: str


@dataclass(frozen=True)
class Sync:
    """Cohort, connection and the segment that shall equal the cohort. With another segment it gives up the one it had.

    `at` is the local time of a daily sync in its project's zone, and of the daily run of one on change; of an hourly one only its
    minute counts. `cron` is the expression of a sync by cron, and empty otherwise.
    """

    project: str
    id: str
    cohort: str
    connection: str
    segment: str
    ttl_minutes: int
    cadence: Cadence
    state: SyncState = SyncState.ACTIVE
    at: time = time(6)
    refresh: Refresh = Refresh.EVERY_SYNC
    recency: Recency = Recency.SYNC
    added_at: datetime | None = field(default=None, compare=False)
    cron: str = ""
    holdout: Holdout | None = None
    only: Only | None = None


@dataclass(frozen=True)
class Target:
    """Where a membership lives. `id` is a short hash of the three, used in paths."""

    id: str
    url: str
    advertiser: str
    segment: str


@dataclass(frozen=True)
class Binding:
    """Everything a request must agree with, pinned: a batch names one binding and never mixes two. `destination` is a kind."""

    id: str
    project: str
    connection: str
    target: Target
    secret_version: int
    auth: str
    ttl_minutes: int
    identity: IdentityMap
    destination: str = "thetradedesk"
