"""What an advertiser has at the platform: its segments by number, and the data groups, audiences and seeds made of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from tradewind.sandbox.clock import SECOND, iso
from tradewind.sandbox.segments import Segments

SEED_LEAST = 5_000
"""Active ids from which a seed is of use."""

GATHERING = 24 * 3_600 * SECOND
"""How long a seed is pending after it was made or changed."""

FIRST_NUMBER = 571_000_001


@dataclass(slots=True)
class Listed:
    """A segment as the platform lists it: its number, and since when it is there."""

    id: int
    advertiser: str
    name: str
    since: int


@dataclass(slots=True)
class Uniques:
    """How many of a segment's identifiers were seen lately, and where."""

    ids: int
    in_app: int
    web: int

    @classmethod
    def of(cls, by_type: dict[str, int], share: float) -> Uniques:
        """A share of the live identifiers: those of devices in apps, all others on the web."""
        in_app, every = int(by_type.get("DAID", 0) * share), int(sum(by_type.values()) * share)
        return cls(every, in_app, every - in_app)


@dataclass(slots=True)
class Item:
    """A data group (of segments, by number) or an audience (of data groups, by id)."""

    id: str
    advertiser: str
    name: str
    holds: list[Any] = field(default_factory=list)
    without: list[Any] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Seed:
    """A seed of an advertiser: the numbers of its segments, any of which makes a person one of it."""

    id: str
    advertiser: str
    name: str
    segments: list[int]
    created: int
    changed: int
    default: bool = False


class Directory:
    """Not locked: its owner is. `listed_after` (seconds) and `active_share` are for rehearsals."""

    def __init__(self, segments: Segments) -> None:
        self._segments = segments
        self._listed: dict[tuple[str, str], Listed] = {}
        self.groups: dict[str, Item] = {}
        self.audiences: dict[str, Item] = {}
        self.seeds: dict[str, Seed] = {}
        self.listed_after, self.active_share = 0.0, 1.0
        self._numbers = 0

    def note(self, advertiser: str, names: Iterable[str], now: int) -> None:
        """Number the segments that are not numbered yet."""
        for name in names:
            if (advertiser, name) not in self._listed:
                self._listed[advertiser, name] = Listed(FIRST_NUMBER + len(self._listed), advertiser, name, now)

    def listed(self, advertiser: str, now: int) -> list[Listed]:
        """The segments of an advertiser that the platform lists by now, by number."""
        wait = round(self.listed_after * SECOND)
        return [each for (whose, _), each in self._listed.items() if whose == advertiser and now - each.since >= wait]

    def uniques(self, listed: Listed, now: int) -> Uniques:
        """What was seen of a segment lately."""
        return Uniques.of(self._segments.live_by_type(listed.advertiser, listed.name, now), self.active_share)

    def next_id(self, kind: str) -> str:
        """An id that nothing had before."""
        self._numbers += 1
        return f"{kind}{self._numbers:05d}"

    def active(self, seed: Seed, now: int) -> int:
        """How many ids of a seed were seen lately; who is in several of its segments counts in each."""
        return sum(self.uniques(each, now).ids for each in self.listed(seed.advertiser, now) if each.id in seed.segments)

    def status(self, seed: Seed, now: int) -> str:
        """Pending, Ready or Error."""
        if now - seed.changed < GATHERING:
            return "Pending"
        return "Ready" if self.active(seed, now) >= SEED_LEAST else "Error"

    def shown(self, advertiser: str, now: int) -> dict[str, Any]:
        """All of an advertiser's, for the screens and for who looks in."""
        mine = [each for each in self.seeds.values() if each.advertiser == advertiser]
        return {
            "segments": [
                asdict(each) | {"since": iso(each.since), **asdict(self.uniques(each, now))} for each in self.listed(advertiser, now)
            ],
            "data_groups": [asdict(each) for each in self.groups.values() if each.advertiser == advertiser],
            "audiences": [asdict(each) for each in self.audiences.values() if each.advertiser == advertiser],
            "seeds": [asdict(each) | {"status": self.status(each, now), "active": self.active(each, now)} for each in mine],
        }

    def saved(self) -> dict[str, Any]:
        return {
            "listed": [asdict(each) for each in self._listed.values()],
            "groups": [asdict(each) for each in self.groups.values()],
            "audiences": [asdict(each) for each in self.audiences.values()],
            "seeds": [asdict(each) for each in self.seeds.values()],
            "numbers": self._numbers,
            "listed_after": self.listed_after,
            "active_share": self.active_share,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        self._listed = {(each["advertiser"], each["name"]): Listed(**each) for each in saved["listed"]}
        self.groups = {each["id"]: Item(**each) for each in saved["groups"]}
        self.audiences = {each["id"]: Item(**each) for each in saved["audiences"]}
        self.seeds = {each["id"]: Seed(**each) for each in saved["seeds"]}
        self._numbers = int(saved["numbers"])
        self.listed_after, self.active_share = float(saved["listed_after"]), float(saved["active_share"])
