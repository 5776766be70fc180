"""Cohorts of the emulated Amplitude: who is in them, what is known of each person, and how the list shows them."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from tradewind.sandbox.clock import SECOND, parse_instant
from tradewind.sandbox.unusable import Unusable

STEP = 0x9E3779B1  # odd, so that no two numbers share the scattered part


class Members(Protocol):
    """The people of a cohort, in a fixed order."""

    @property
    def count(self) -> int: ...

    @property
    def properties(self) -> tuple[str, ...]:
        """The user properties that anyone of them has."""

    def rows(self, properties: Sequence[str]) -> Iterator[str]:
        """The lines of the file, without the header: `amplitude_id`, `user_id` and these properties, each in double quotes."""


@dataclass(frozen=True, slots=True)
class Person:
    """One member. A person without a user id has an empty one."""

    amplitude_id: str
    user_id: str
    properties: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listed:
    """Members given one by one."""

    people: tuple[Person, ...]

    @property
    def count(self) -> int:
        return len(self.people)

    @property
    def properties(self) -> tuple[str, ...]:
        return tuple(sorted({name for person in self.people for name in person.properties}))

    def rows(self, properties: Sequence[str]) -> Iterator[str]:
        for person in self.people:
            yield line([person.amplitude_id, person.user_id, *(text(person.properties.get(name)) for name in properties)])


@dataclass(frozen=True, slots=True)
class Made:
    """As many members as one wishes, made as they are written; every value is a GUID, the same for the same seed."""

    count: int
    seed: int
    properties: tuple[str, ...]

    def rows(self, properties: Sequence[str]) -> Iterator[str]:
        known = [name for name in properties if name in self.properties]
        template = "".join(f',"%08x-{self._middle(name)}-%012x"' if name in known else ',""' for name in properties)
        template = f'"%d","person-%08d"{template}\n'
        for number in range(self.count):
            scattered = number * STEP & 0xFFFF_FFFF, number
            yield template % (10**12 + number, number, *(scattered * len(known)))

    def _middle(self, name: str) -> str:
        """The part of the GUIDs that tells one property and seed from another."""
        digits = hashlib.sha256(f"{self.seed}:{name}".encode()).hexdigest()
        return f"{digits[:4]}-{digits[4:8]}-{digits[8:12]}"


def text(value: Any) -> str:
    """A property's value as the file shows it: nothing for null, JSON for what is neither text nor a number."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def line(values: Sequence[str]) -> str:
    """One line of a file, every value in double quotes."""
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(values)
    return written.getvalue()


@dataclass(frozen=True, slots=True)
class Cohort:
    """A cohort of one project. `size` is what the list says, which need not be how many the file holds. Instants in microseconds."""

    app: int
    id: str
    name: str
    description: str
    members: Members
    size: int
    computed_at: int
    archived: bool
    published: bool

    def shown(self) -> dict[str, Any]:
        """The object of the list, with every documented key."""
        computed = self.computed_at // SECOND
        return {
            "appId": self.app,
            "archived": self.archived,
            "chart_id": None,
            "createdAt": computed,
            "definition": {
                "version": 3,
                "andClauses": [],
                "cohortType": "UNIQUES",
                "countGroup": {"name": "User", "is_computed": False},
                "referenceFrameTimeParams": {},
            },
            "description": self.description,
            "edit_id": None,
            "finished": True,
            "hidden": False,
            "id": self.id,
            "is_official_content": False,
            "is_predictive": False,
            "last_viewed": computed,
            "lastComputed": computed,
            "lastMod": computed,
            "location_id": None,
            "metadata": [],
            "name": self.name,
            "owners": ["owner@example.com"],
            "popularity": 0,
            "published": self.published,
            "shortcut_ids": [],
            "size": self.size,
            "syncMetadata": [],
            "type": "redshift",
            "view_count": 0,
            "viewers": [],
        }


FIELDS = frozenset({"app", "id", "name", "description", "members", "generated", "rule", "size", "computed_at", "archived", "published"})


def read_cohort(order: dict[str, Any], app: int, now: int, people_of: Callable[[Any], Members]) -> Cohort:
    """A cohort from an order; `people_of` answers a rule over the project's events. Raises Unusable with one sentence."""
    if unknown := sorted(set(order) - FIELDS):
        raise Unusable(f"Unknown field {unknown[0]!r}; known are {', '.join(sorted(FIELDS))}")
    key, name, size = order.get("id"), order.get("name", order.get("id")), order.get("size")
    if not isinstance(key, str) or not key.isalnum() or not isinstance(name, str):
        raise Unusable("A cohort has an id of letters and digits, and a name")
    given = [field for field in ("members", "generated", "rule") if field in order]
    if len(given) != 1:
        raise Unusable("A cohort has members, or generated, or a rule: one of them")
    readers: dict[str, Callable[[Any], Members]] = {"members": _listed, "generated": _made, "rule": people_of}
    members = readers[given[0]](order[given[0]])
    if size is not None and (type(size) is not int or size < 0):
        raise Unusable("size is a whole number; left out, it is how many members there are")
    computed = order.get("computed_at")
    computed_at = now if computed is None else parse_instant(str(computed))
    if computed_at is None:
        raise Unusable("computed_at is a date and time such as 2026-07-01T00:00:00Z")
    flags = {flag: order.get(flag, flag == "published") for flag in ("archived", "published")}
    if not all(isinstance(value, bool) for value in flags.values()):
        raise Unusable("archived and published are true or false")
    return Cohort(app, key, name, str(order.get("description", "")), members, members.count if size is None else size, computed_at, **flags)


def _listed(order: Any) -> Members:
    if not isinstance(order, list):
        raise Unusable("members is a list of {amplitude_id, user_id, properties}")
    people = []
    for number, entry in enumerate(order, 1):
        if not isinstance(entry, dict) or set(entry) - {"amplitude_id", "user_id", "properties"} or "amplitude_id" not in entry:
            raise Unusable(f"members, entry {number}: expected amplitude_id and, if wished, user_id and properties")
        properties = entry.get("properties") or {}
        if not isinstance(properties, dict):
            raise Unusable(f"members, entry {number}: properties is an object")
        people.append(Person(str(entry["amplitude_id"]), str(entry.get("user_id") or ""), properties))
    return Listed(tuple(people))


def _made(order: Any) -> Members:
    if not isinstance(order, dict) or set(order) - {"count", "seed", "properties"}:
        raise Unusable("generated is an object of count, seed and properties")
    count, seed, names = order.get("count"), order.get("seed", 0), order.get("properties", [])
    if type(count) is not int or not 0 <= count <= 100_000_000 or type(seed) is not int:
        raise Unusable("generated: count and seed are whole numbers")
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise Unusable("generated: properties is a list of names")
    return Made(count, seed, tuple(names))
