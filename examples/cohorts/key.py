"""Who is in each of the twelve cohorts, in plain Python over the files of events.

Stands alone, so that it proves something: it imports nothing of the product, and says each cohort once more in other words.

    python examples/cohorts/key.py shop/events 2026-06-30

prints, as JSON, the members of each cohort when that day begins in New York.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/New_York")
PAID = {"growth", "enterprise"}


@dataclass(frozen=True)
class Act:
    """One event of a person."""

    at: datetime
    what: str
    says: dict[str, Any]
    traits: dict[str, Any]

    @property
    def price(self) -> Decimal:
        """To nine decimals, as amounts are added up."""
        return Decimal(self.says["price"]).quantize(Decimal("1e-9"), ROUND_HALF_UP)


Acts = list[Act]


def read(folder: Path, day: date) -> dict[str, Acts]:
    """What everybody did before a day begins, each act once, in order of time.

    An event is of its user; else of the last user on its device before it; else of the first one after; else the device's.
    """
    found: dict[tuple[str, str], tuple[datetime, dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.json.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                event = _event(line)
                if event and (at := datetime.fromisoformat(event["event_time"]).replace(tzinfo=UTC)) < begins(day):
                    found.setdefault((event["device_id"], event["$insert_id"]), (at, event))
    told = sorted(found.values(), key=lambda one: one[0])
    logins: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for at, event in told:
        if event["user_id"]:
            logins[event["device_id"]].append((at, event["user_id"]))
    people: dict[str, Acts] = defaultdict(list)
    for at, event in told:
        mine = logins[event["device_id"]]
        user = event["user_id"] or (mine[max(bisect_left(mine, (at, "")) - 1, 0)][1] if mine else None)
        person = f"user:{user}" if user else f"device:{event['device_id']}"
        people[person].append(Act(at, event["event_type"], event["event_properties"], event["user_properties"]))
    return people


def _event(line: str) -> dict[str, Any] | None:
    """The event of a line; None for what is none."""
    try:
        event = json.loads(line, parse_float=Decimal)
    except ValueError:
        return None
    return event if isinstance(event, dict) and event.get("device_id") else None


def begins(day: date) -> datetime:
    """The first moment of a day in New York."""
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


def cohorts(people: dict[str, Acts], day: date) -> dict[str, set[str]]:
    """The members of all twelve."""

    def since(days: int) -> datetime:
        return begins(day - timedelta(days=days))

    def who(meets: Callable[[Acts], bool]) -> set[str]:
        return {person for person, acts in people.items() if meets(acts)}

    carts = who(lambda acts: _left_a_cart(acts, since(30)))
    spenders = who(lambda acts: sum(act.price for act in _did(acts, "Purchase", since(90))) >= 250)
    return {
        "left-a-cart": carts,
        "repeat-buyers": who(lambda acts: any(act.at >= since(30) for act in _did(acts, "Purchase")[1:])),
        "big-spenders": spenders,
        "fine-taste": who(lambda acts: _average([act.price for act in _did(acts, "Purchase")]) > Decimal("99.5")),
        "look-at-everything": who(lambda acts: len({act.says["category"] for act in _did(acts, "View Item", since(30))}) >= 5),
        "every-week": who(lambda acts: _every_week(acts, day)),
        "hats-over-shoes": who(lambda acts: _hats_over_shoes(_did(acts, "View Item", since(60)))),
        "new-and-only-looking": who(lambda acts: acts[0].at >= since(30) and not _bought_by(acts, acts[0].at + timedelta(hours=168))),
        "lapsed-buyers": who(lambda acts: bool(_did(acts, "Purchase")) and acts[-1].at < since(30)),
        "came-back": who(lambda acts: _came_back(acts, since(7))),
        "no-longer-pay": who(
            lambda acts: bool(PAID & {act.traits.get("plan") for act in acts}) and acts[-1].traits.get("plan") not in PAID
        ),
        "spenders-to-thank": {person for person in spenders - carts if _lot(person, "thanks") >= Decimal("0.1")},
    }


def _did(acts: Acts, what: str, since: datetime | None = None) -> Acts:
    return [act for act in acts if act.what == what and (since is None or act.at >= since)]


def _left_a_cart(acts: Acts, since: datetime) -> bool:
    """Filled a cart, and no such cart was paid within 24 hours."""
    filled, paid = _did(acts, "Add to Cart", since), _did(acts, "Purchase")
    return bool(filled) and not any(timedelta(0) < one.at - cart.at <= timedelta(hours=24) for cart in filled for one in paid)


def _average(prices: list[Decimal]) -> Decimal:
    return sum(prices, Decimal(0)) / len(prices) if prices else Decimal(0)


def _every_week(acts: Acts, day: date) -> bool:
    """On at least two days of each of the four runs of seven days before the day."""
    days = {(day - act.at.astimezone(ZONE).date()).days for act in _did(acts, "Open App")}
    return all(len({ago for ago in days if first <= ago < first + 7}) >= 2 for first in (1, 8, 15, 22))


def _hats_over_shoes(views: Acts) -> bool:
    seen = Counter(act.says["category"] for act in views)
    return seen["hats"] > seen["shoes"]


def _bought_by(acts: Acts, moment: datetime) -> bool:
    return any(act.at < moment for act in _did(acts, "Purchase"))


def _came_back(acts: Acts, since: datetime) -> bool:
    """The first act since then came three weeks or more after the last before."""
    before, after = [act.at for act in acts if act.at < since], [act.at for act in acts if act.at >= since]
    return bool(before and after) and after[0] - before[-1] >= timedelta(days=21)


def _lot(person: str, salt: str) -> Decimal:
    """From 0 to below 1: of the salt and the member's sixteen bytes."""
    member = hashlib.md5(person.encode(), usedforsecurity=False).digest()[::-1].hex()
    drawn = hashlib.md5(f"{salt}:{member}".encode(), usedforsecurity=False).hexdigest()
    return Decimal(int(drawn[:8], 16)) / 2**32


def main(arguments: Iterable[str]) -> None:
    """Read the command line."""
    folder, day = arguments
    asked = date.fromisoformat(day)
    found = cohorts(read(Path(folder), asked), asked)
    print(json.dumps({name: sorted(members) for name, members in found.items()}, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
