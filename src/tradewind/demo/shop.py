"""A made-up shop: 20,000 people over 90 days as Amplitude Export files, cohorts over them, and the answer key.

Stands alone, so that the key proves something: it imports nothing of the product and computes every answer in plain
Python from what the documentation says. The same seed gives the same files, byte for byte.

    python shop.py OUT --people 20000 --days 90 --seed 7 --as-of 2026-06-30

writes OUT/events/*.json.gz (a file for each day of upload), OUT/cohorts.yaml, OUT/answer-key.json and
OUT/answer-key/<cohort>-<day>.txt: each identifier that the platform must hold when the day begins, as `TYPE value`;
OUT/campaign/*.json.gz, what a campaign brings after the first day: more offers redeemed by those who are not held out;
and OUT/club/*.json.gz with OUT/club.yaml and OUT/club-later.txt: what people read, which tells who joins a club, and who does later.
"""

from __future__ import annotations

import argparse
import base64
import gc
import gzip
import hashlib
import json
import random
import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/New_York")
LATER_DAYS = 4
"""The second instant of the key is so many days after the first."""

LATE, TWICE, BAD_LINES = 0.03, 0.02, 9
"""Shares of events that are uploaded days later, and that are uploaded twice; lines that are no events."""

OPEN, VIEW, CART, BUY = "Open App", "View Item", "Add to Cart", "Purchase"
CATEGORIES = {"shoes": 80, "hats": 25, "shirts": 35, "bags": 120, "socks": 9}
PLANS = ("free", "plus", "growth", "enterprise")
# How often identifiers are spoilt, and how, in a real set.
DEVICE_IDS = {"upper": 0.333, "lower": 0.405, "missing": 0.161, "zeros": 0.072, "hashed": 0.015, "truncated": 0.014}
UID2S = {"missing": 0.537, "raw": 0.439, "token": 0.024}
TDID_SHARE = 0.273
# Sessions a day, and the share of people who have so many.
HABITS = {1.0: 0.03, 0.2: 0.17, 0.04: 0.80}

COHORTS = """\
cohorts:
  - id: cart-no-buy
    name: Cart and no purchase
    kind: behavioural
    who:
      all:
        - {did: Add to Cart, count: ">= 3", in: {last: 30 days}}
        - {did_not: Purchase, in: {last: 30 days}}
  - id: engaged-paid
    name: Engaged on a paid plan
    kind: behavioural
    who:
      all:
        - user.plan: {is: [growth, enterprise]}
        - {did: Open App, count: ">= 8", in: {last: 14 days}}
  - id: hat-lovers
    name: Hat lovers who spend
    kind: behavioural
    who:
      all:
        - {did: View Item, where: {event.category: {is: [hats]}}, count: ">= 2", in: {last: 60 days}}
        - any:
            - {in_cohort: engaged-paid}
            - {did: Purchase, in: {last: 30 days}}
"""

NO_EVENTS = ('{"device_id":"d-1","event_ty', "-- restarted --", '{"event_type":"Open App","event_time":"2026-06-01 00:00:00"}')
MICRO = 1_000_000
DAY = 86_400 * MICRO
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - Export files write UTC without saying so
ENCODE = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
Traits = dict[str, str]


OFFER, HELD_OUT, SALT = "Redeem Offer", 20, "offer"
"""What people do after the campaign; the percent held out of it, by the lots of a salt."""
READ, JOIN, CLUB_DAYS = "Read Guide", "Join Club", 30
"""What tells beforehand who joins, joining, and the days before the key's first in which the members joined."""
CLUB = """\
cohorts:
  - {id: club, name: Joined the club, kind: behavioural, who: {did: Join Club, in: {last: 30 days}}}
  - {id: like-club, name: Like the club, kind: lookalike, seed: club, take: {percent: 10}, retrain_days: 1}
"""
BASE, GAIN = 0.10, 0.30
"""The share of users who redeem an offer anyhow, and how much larger it is among those who are sent."""


@dataclass
class Device:
    """A phone: what it says of its advertising id, from when on (microseconds since 1970)."""

    id: str
    platform: str
    advertising: list[tuple[int, str | None]]


@dataclass
class Customer:
    """Somebody who shops. Without `user` they never log in; before `login` they are only a device.

    `at_home` is set when they have logged in on their first device: from then on they may be logged out there.
    """

    user: str | None
    login: int
    devices: list[Device]
    uid2: str | None
    tdid: str | None
    plans: list[tuple[int, str | None]]
    at_home: bool = False


@dataclass(slots=True)
class Event:
    """One event, as it happened; `traits` are filled in when all are known."""

    at: int
    user: str | None
    device: Device
    kind: str
    properties: dict[str, object]
    session: int
    id: str
    traits: Traits = field(default_factory=dict)


class Shop:
    """Makes people and what they do, from `start` (microseconds) for `days` days."""

    def __init__(self, seed: int, people: int, start: int, days: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - not for secrets: the same seed must give the same shop
        self.start, self.end = start, start + days * DAY
        self.customers = [self._customer(number) for number in range(people)]
        self._share_devices()
        self.by_user = {customer.user: customer for customer in self.customers if customer.user}
        self.events = sorted((event for customer in self.customers for event in self._life(customer)), key=lambda event: event.at)
        self._state_traits()

    def _pick(self, shares: dict[str, float]) -> str:
        return self.random.choices(list(shares), list(shares.values()))[0]

    def _moment(self) -> int:
        return self.random.randrange(self.start, self.end)

    def _guid(self) -> str:
        text = f"{self.random.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def _device(self, kind: str) -> Device:
        guid = self._guid()
        value = {
            "upper": guid.upper(), "lower": guid, "missing": None, "zeros": "00000000-0000-0000-0000-000000000000",
            "hashed": f"{self.random.getrandbits(160):040x}", "truncated": guid[:-1],
        }[kind]  # fmt: skip
        device = Device(f"d-{self.random.getrandbits(96):024x}", "iOS" if kind == "upper" else "Android", [(0, value)])
        if kind in {"upper", "lower"} and self.random.random() < 0.04:
            # Some reset their advertising id, or forbid tracking.
            again = self._guid() if self.random.random() < 0.7 else "00000000-0000-0000-0000-000000000000"
            device.advertising.append((self._moment(), again))
        return device

    def _uid2(self) -> str | None:
        kind = self._pick(UID2S)
        size = {"missing": 0, "raw": 32, "token": 160}[kind]
        text = base64.b64encode(self.random.randbytes(size)).decode()
        return f"A4AAAA{text}" if kind == "token" else text or None

    def _customer(self, number: int) -> Customer:
        anonymous, late_login = self.random.random() < 0.15, self.random.random() < 0.3
        devices = [self._device(self._pick(DEVICE_IDS))]
        if not anonymous and devices[0].advertising[0][1] and self.random.random() < 0.12:
            devices.append(self._device("lower"))
        plans: list[tuple[int, str | None]] = [(0, self.random.choice(PLANS))]
        if self.random.random() < 0.08:
            plans.append((self._moment(), self.random.choice(PLANS)))
        login = self._moment() if late_login and not anonymous else self.start
        tdid = self._guid() if self.random.random() < TDID_SHARE else None
        return Customer(None if anonymous else f"u-{number:06d}", login, devices, self._uid2(), tdid, plans)

    def _share_devices(self) -> None:
        """In some homes two people use one phone, both logged in: its advertising id speaks for both."""
        settled = [c for c in self.customers if c.user and c.login == self.start and len(c.devices) == 1 and c.devices[0].advertising[0][1]]
        for host, guest in zip(settled[::8], settled[1::8], strict=False):
            guest.devices.append(host.devices[0])

    def _life(self, customer: Customer) -> Iterator[Event]:
        rate = self.random.choices(list(HABITS), list(HABITS.values()))[0]
        buys = self.random.random() < 0.6
        now = self._moment() if self.random.random() < 0.3 else self.start + self.random.randrange(7 * DAY)
        away = self.random.randrange(now, self.end) + 1 if self.random.random() < 0.25 else self.end
        while now < away:
            yield from self._session(customer, now, buys)
            now += int(self.random.expovariate(rate) * DAY)

    def _session(self, customer: Customer, at: int, buys: bool) -> Iterator[Event]:
        logged_in = customer.user is not None and at >= customer.login
        device = self.random.choice(customer.devices) if logged_in else customer.devices[0]
        if device is customer.devices[0]:
            logged_out = customer.at_home and self.random.random() < 0.06
            customer.at_home = customer.at_home or logged_in
            logged_in = logged_in and not logged_out
        user, session = customer.user if logged_in else None, at // 1000
        for kind in self._visit(buys):
            category, factor = self.random.choice(list(CATEGORIES)), self.random.randint(50, 200) / 100
            properties = {} if kind == OPEN else {"category": category, "price": CATEGORIES[category] * factor}
            yield Event(at, user, device, kind, properties, session, f"{self.random.getrandbits(128):032x}")
            at += self.random.randrange(2 * MICRO, 120 * MICRO)

    def _visit(self, buys: bool) -> list[str]:
        views = self.random.choice((0, 1, 1, 2, 3))
        carts = self.random.choice((0, 0, 1, 2)) if views else 0
        return [OPEN, *[VIEW] * views, *[CART] * carts, *([BUY] if buys and carts and self.random.random() < 0.4 else [])]

    def _state_traits(self) -> None:
        """Every event states the whole set: of its user, or of the last one seen on the device; before, of the device alone."""
        last: dict[str, Customer] = {}
        for event in self.events:
            if event.user:
                last[event.device.id] = self.by_user[event.user]
            traits = {"advertising_id": _at(event.device.advertising, event.at)}
            if customer := last.get(event.device.id):
                traits |= {"uid2": customer.uid2, "tdid": customer.tdid, "plan": _at(customer.plans, event.at)}
            event.traits = {name: value for name, value in traits.items() if value}

    def uploads(self) -> list[tuple[int, Event | str]]:
        """What arrives, in order of arrival: the events, some late, some twice, and a few lines that are none."""
        arriving: list[tuple[int, Event | str]] = []
        for event in self.events:
            late = self.random.random() < LATE
            upload = event.at + self.random.randrange(6 * DAY if late else 45 * MICRO)
            arriving.append((upload, event))
            if self.random.random() < TWICE:
                arriving.append((upload + self.random.randrange(3 * DAY), event))
        arriving += [(self._moment(), NO_EVENTS[number % len(NO_EVENTS)]) for number in range(BAD_LINES)]
        return sorted(arriving, key=lambda arrival: arrival[0])


def _at(history: list[tuple[int, str | None]], moment: int) -> str | None:
    return [value for since, value in history if since <= moment][-1]


def _written(moment: int) -> str:
    return (EPOCH + timedelta(microseconds=moment)).isoformat(" ", "microseconds")


def _midnight(day: date) -> int:
    """The start of a day in the shop's zone, in microseconds since 1970."""
    return int(datetime.combine(day, time(), ZONE).timestamp()) * MICRO


def _line(event: Event, upload: int) -> str:
    """One line in the shape of Amplitude's Export API."""
    at, sent = _written(event.at), _written(upload)
    return ENCODE(
        {
            "app": 100001, "user_id": event.user, "device_id": event.device.id, "platform": event.device.platform,
            "country": "United States", "language": "English", "library": "shop/1", "session_id": event.session,
            "user_properties": event.traits, "groups": {}, "group_properties": {}, "event_time": at, "client_event_time": at,
            "client_upload_time": sent, "server_received_time": sent, "server_upload_time": sent, "processed_time": sent,
            "event_type": event.kind, "event_properties": event.properties, "$insert_id": event.id, "uuid": event.id,
        }
    )  # fmt: skip


def write_events(uploads: Iterable[tuple[int, Event | str]], folder: Path) -> None:
    """A compressed file for each day (UTC) of upload, as exports are cut."""
    folder.mkdir(parents=True, exist_ok=True)
    for day, arrivals in groupby(uploads, key=lambda arrival: arrival[0] // DAY):
        lines = (thing if isinstance(thing, str) else _line(thing, upload) for upload, thing in arrivals)
        with (
            (folder / f"100001_{_written(day * DAY)[:10]}.json.gz").open("wb") as file,
            gzip.GzipFile("", "wb", 1, file, mtime=0) as packed,
        ):
            packed.write("".join(f"{line}\n" for line in lines).encode())


@dataclass
class Person:
    """What the key knows of somebody before an instant. The last statement of properties is the one that counts."""

    events: int = 0
    opens: int = 0
    carts: int = 0
    buys: int = 0
    hats: int = 0
    traits: Traits = field(default_factory=dict)


def people_before(events: Iterable[Event], day: date) -> dict[str, Person]:
    """Who did what before the start of `day`; windows begin at the start of a day in the shop's zone.

    An event is of its user; else of the last user on its device before it; else of the first one after; else the device's.
    """
    instant = _midnight(day)
    days14, days30, days60 = (_midnight(day - timedelta(days=days)) for days in (14, 30, 60))
    before = [event for event in events if event.at < instant]
    logins: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for event in before:
        if event.user:
            logins[event.device.id].append((event.at, event.user))
    people: dict[str, Person] = defaultdict(Person)
    for event in before:
        person = people[_person(event, logins.get(event.device.id, []))]
        person.traits = event.traits
        person.events += 1
        person.opens += event.kind == OPEN and event.at >= days14
        person.carts += event.kind == CART and event.at >= days30
        person.buys += event.kind == BUY and event.at >= days30
        person.hats += event.kind == VIEW and event.properties["category"] == "hats" and event.at >= days60
    return people


def _person(event: Event, logins: list[tuple[int, str]]) -> str:
    if event.user:
        return f"user:{event.user}"
    if not logins:
        return f"device:{event.device.id}"
    place = bisect_left(logins, (event.at, ""))
    return f"user:{logins[max(place - 1, 0)][1]}"


def cohorts_of(people: dict[str, Person]) -> dict[str, list[Person]]:
    """The members of the cohorts in COHORTS."""
    engaged = {name for name, p in people.items() if p.traits.get("plan") in {"growth", "enterprise"} and p.opens >= 8}
    return {
        "cart-no-buy": [p for p in people.values() if p.carts >= 3 and p.buys == 0],
        "engaged-paid": [people[name] for name in engaged],
        "hat-lovers": [p for name, p in people.items() if p.hats >= 2 and (name in engaged or p.buys >= 1)],
    }


def judge(id_type: str, value: str | None) -> str | None:
    """Why a value is no identifier; None when it is one."""
    if not value:
        return "missing"
    if id_type == "UID2":
        return None if re.fullmatch(r"[A-Za-z0-9+/]{43}=", value) else "token" if len(value) > 100 else "bad_format"
    if re.fullmatch(r"[0-]{36}", value):
        return "zeroed"
    if re.fullmatch(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", value):
        return None
    return "hashed" if re.fullmatch(r"[0-9a-f]{40}", value) else "bad_format"


def account(members: list[Person]) -> tuple[dict[str, object], set[str]]:
    """The counts of a cohort, and its identifiers: each type of each member's latest properties, in lower case if a GUID."""
    identifiers: set[str] = set()
    refused: Counter[str] = Counter()
    usable = values = 0
    for member in members:
        found = 0
        for name, id_type in (("advertising_id", "DAID"), ("uid2", "UID2"), ("tdid", "TDID")):
            value = member.traits.get(name, "")
            if reason := judge(id_type, value):
                refused[f"{id_type} {reason}"] += 1
                continue
            identifiers.add(f"{id_type} {value if id_type == 'UID2' else value.lower()}")
            found += 1
        usable, values = usable + (found > 0), values + found
    by_type = sorted(Counter(line.split(" ")[0] for line in identifiers).items())
    return {
        "members": len(members), "members_usable": usable, "identifiers": dict(by_type),
        "duplicates": values - len(identifiers), "refused": dict(sorted(refused.items())),
    }, identifiers  # fmt: skip


def lot(person: str) -> float:
    """As the documentation draws it: of the key of a person, which is an MD5 with its last byte first."""
    key = hashlib.md5(person.encode(), usedforsecurity=False).digest()[::-1]
    return int(hashlib.md5(f"{SALT}:{key.hex()}".encode(), usedforsecurity=False).hexdigest()[:8], 16) / 2**32


def write_campaign(shop: Shop, people: dict[str, Person], day: date, seed: int, out: Path) -> dict[str, object]:
    """What the people of `cart-no-buy` redeem in the days after `day`, and what the two arms of a holdout must count of it."""
    draw, start = random.Random(seed + 1), _midnight(day)  # noqa: S311 - as above
    members = {id(person) for person in cohorts_of(people)["cart-no-buy"]}
    arms: dict[str, Counter[str]] = {"sent": Counter(), "held_out": Counter()}
    events, users = [], 0
    for name, person in people.items():
        if id(person) not in members or not account([person])[0]["members_usable"]:
            continue
        arm = "held_out" if lot(name) < HELD_OUT / 100 else "sent"
        arms[arm]["people"] += 1
        kind, _, user = name.partition(":")
        users += kind == "user"
        chance, at, amount = draw.random(), start + draw.randrange(DAY, LATER_DAYS * DAY), draw.randint(5, 40)
        if kind == "user" and chance < BASE + GAIN * (arm == "sent"):
            arms[arm].update(converted=1, value=amount)
            device = shop.by_user[user].devices[0]
            id_ = f"{draw.getrandbits(128):032x}"
            events.append(Event(at, user, device, OFFER, {"amount": amount}, at // 1000, id_, person.traits))
    events.sort(key=lambda event: event.at)
    write_events([(event.at, event) for event in events], out / "campaign")
    effect = GAIN * users / sum(arm["people"] for arm in arms.values())
    return {"cohort": "cart-no-buy", "event": OFFER, "percent": HELD_OUT, "salt": SALT, "effect": effect, "arms": arms}


def write_club(shop: Shop, people: dict[str, Person], day: date, seed: int, out: Path) -> dict[str, object]:
    """What people read before they join a club or do not, who joins in the days after `day`, and how well the best guess does.

    That knows everybody's chance; beside it the guess that who does most joins. Nothing else that people do tells anything.
    """
    draw, end, cut = random.Random(seed + 2), _midnight(day), _midnight(day - timedelta(days=CLUB_DAYS))  # noqa: S311 - as above
    chances, counts = dict.fromkeys(people, 0.0), {name: float(person.events) for name, person in people.items()}
    events: list[Event] = []
    joined: dict[str, int] = {}
    for name, person in people.items():
        customer = shop.by_user.get(name.removeprefix("user:"))
        if customer is None or customer.login >= cut:
            continue
        taste = draw.random()
        told = [(READ, draw.randrange(customer.login, cut)) for _ in range(6) if draw.random() < taste]
        chances[name], counts[name] = 0.4 * taste**2, counts[name] + len(told)
        for begin, until in ((cut, end), (end + DAY, end + LATER_DAYS * DAY)):
            if name not in joined and draw.random() < chances[name]:
                joined[name] = draw.randrange(begin, until)
                told.append((JOIN, joined[name]))
        device, traits = customer.devices[0], person.traits
        events += [Event(at, customer.user, device, kind, {}, at // 1000, f"{draw.getrandbits(128):032x}", traits) for kind, at in told]
    write_events([(event.at, event) for event in sorted(events, key=lambda event: event.at)], out / "club")
    (out / "club.yaml").write_text(CLUB)
    members = {name for name, at in joined.items() if at < end}
    later, outside = joined.keys() - members, sorted(people.keys() - members)
    (out / "club-later.txt").write_text("".join(f"{name}\n" for name in sorted(later)))
    key: dict[str, object] = {"members": len(members), "later": len(later)}
    for how, guess in (("by_chance", chances), ("by_events", counts)):
        first = sorted(outside, key=lambda name: -guess[name])[: len(outside) // 10]
        key[how] = {"auc": auc(guess, members), "later_in_first_tenth": len(later & set(first))}
    return key


def auc(guess: dict[str, float], members: set[str]) -> float:
    """How often a member is guessed before somebody else; half the time where there is nobody to be guessed."""
    if not 0 < len(members) < len(guess):
        return 0.5
    others = sorted(guess[name] for name in guess.keys() - members)
    before = sum(bisect_left(others, guess[name]) + bisect_right(others, guess[name]) for name in members)
    return before / 2 / len(members) / len(others)


def write_key(shop: Shop, uploads: list[tuple[int, Event | str]], days: list[date], seed: int, out: Path) -> None:
    """answer-key.json, and a file of identifiers for each cohort and day."""
    (out / "answer-key").mkdir(parents=True, exist_ok=True)
    cohorts: dict[str, dict[str, object]] = defaultdict(dict)
    campaign: dict[str, object] = {}
    club: dict[str, object] = {}
    for day in days:
        people = people_before(shop.events, day)
        campaign = campaign or write_campaign(shop, people, day, seed, out)
        club = club or write_club(shop, people, day, seed, out)
        for cohort, members in cohorts_of(people).items():
            counts, identifiers = account(members)
            cohorts[cohort][day.isoformat()] = counts
            (out / "answer-key" / f"{cohort}-{day}.txt").write_text("".join(f"{line}\n" for line in sorted(identifiers)))
    duplicates = len(uploads) - BAD_LINES - len(shop.events)
    key = {
        "zone": ZONE.key, "as_of": [day.isoformat() for day in days],
        "events": {"lines": len(uploads), "distinct": len(shop.events), "duplicates": duplicates, "bad_lines": BAD_LINES},
        "cohorts": cohorts, "campaign": campaign, "club": club,
    }  # fmt: skip
    (out / "answer-key.json").write_text(json.dumps(key, indent=2) + "\n")


def make(out: Path, people: int, days: int, seed: int, as_of: date) -> None:
    """Write everything to `out`. `as_of` is the first of the key's two days."""
    shop = Shop(seed, people, _midnight(as_of - timedelta(days=days)), days + LATER_DAYS + 1)
    uploads = shop.uploads()
    write_events(uploads, out / "events")
    write_key(shop, uploads, [as_of, as_of + timedelta(days=LATER_DAYS)], seed, out)
    (out / "cohorts.yaml").write_text(COHORTS)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=90, help="days of events before the first day of the key")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--as-of", type=date.fromisoformat, default=date(2026, 6, 30), help="first day of the key: its start in New York")
    chosen = parser.parse_args()
    gc.disable()  # a million small objects that all stay: looking for rubbish among them takes as long as making them
    make(chosen.out, chosen.people, chosen.days, chosen.seed, chosen.as_of)


if __name__ == "__main__":
    main()
