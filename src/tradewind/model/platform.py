"""What a platform says of a segment by itself, and what is made of segments there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Use(StrEnum):
    """What segments are made into at the platform."""

    DATA_GROUP = "data_group"
    AUDIENCE = "audience"
    SEED = "seed"


@dataclass(frozen=True)
class Activity:
    """How many of a segment's identifiers the platform saw in the last seven days, where, and how many persons and households they are."""

    ids: int
    web: int = 0
    in_app: int = 0
    connected_tv: int = 0
    persons: int = 0
    households: int = 0


@dataclass(frozen=True)
class Listing:
    """A segment as the platform lists it, under its own number."""

    id: int
    name: str
    activity: Activity


@dataclass(frozen=True)
class Reading:
    """What the platform said of a target at an instant: no listing where it did not know it.

    `held` is what we held it to have then, `sent_since` when the first batch was accepted.
    """

    target: str
    read_at: datetime
    listing: Listing | None
    held: int
    sent_since: datetime | None


@dataclass(frozen=True)
class Reader:
    """A connection that may ask the platform since `since`: when it last did, when it will again, and what was in the way the last time."""

    project: str
    connection: str
    since: datetime
    next_at: datetime
    read_at: datetime | None = None
    problem: str = ""


@dataclass(frozen=True)
class Arranged:
    """Something made of segments: a data group or seed of listings, an audience of data groups, by id. No id: it is not there yet.

    `without` are the data groups whose people an audience leaves out.
    """

    use: Use
    id: str
    name: str
    holds: tuple[str, ...]
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One change at the platform: what there is (None: nothing), what there shall be, and the sentence that says so."""

    before: Arranged | None
    after: Arranged
    sentence: str

    @property
    def changes(self) -> bool:
        """Whether anything is to be done."""
        return self.before != self.after
