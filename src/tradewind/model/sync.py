"""Standing intent: keep this segment equal to this cohort through this connection."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tradewind.model.identifier import IdentityMap


class Cadence(StrEnum):
    """When a sync runs. A One-Time Sync adds for the TTL and ends."""

    ONE_TIME = "one_time"
    HOURLY = "hourly"
    DAILY = "daily"


class SyncState(StrEnum):
    """Whether a sync may run. An ended One-Time Sync keeps its segment until its members lapse."""

    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True)
class Sync:
    """Cohort, connection and the segment that shall equal the cohort. The segment's name never changes."""

    project: str
    id: str
    cohort: str
    connection: str
    segment: str
    ttl_minutes: int
    cadence: Cadence
    state: SyncState = SyncState.ACTIVE


@dataclass(frozen=True)
class Target:
    """Where a membership lives. `id` is a short hash of the three, used in paths."""

    id: str
    url: str
    advertiser: str
    segment: str


@dataclass(frozen=True)
class Binding:
    """Everything a request must agree with, pinned: a batch names one binding and never mixes two."""

    id: str
    project: str
    connection: str
    target: Target
    secret_version: int
    auth: str
    ttl_minutes: int
    identity: IdentityMap
