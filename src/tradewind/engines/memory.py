"""The reference answer: the whole language in plain Python over a list of events, for tests and small rehearsals."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.cohorts.check import nested as parts_of
from tradewind.cohorts.windows import zone_of
from tradewind.compute import Bounds
from tradewind.engines.base import Preview, rule_of
from tradewind.engines.matching import as_text, compares, meets
from tradewind.errors import DefinitionError, EngineError
from tradewind.identity.validate import check, unusual
from tradewind.membership.buckets import bucket, bucket_name, key
from tradewind.membership.files import storage
from tradewind.model.cohort import All, AnyOf, Between, Cohort, Did, InCohort, Last, Not, Rule, Since, UserProperty, Window
from tradewind.model.identifier import IdentityMap, IdType, Refusal, Resolution, Send, Take
from tradewind.model.identifier import Mapping as IdMapping
from tradewind.model.project import Project
from tradewind.model.snapshot import Snapshot, Wanted


@dataclass(frozen=True)
class Event:
    """One event. `time` is aware. With `whole` it states every user property, those it does not name as having no value."""

    event_type: str
    time: datetime
    user_id: str | None = None
    device_id: str | None = None
    event_properties: Mapping[str, object] = field(default_factory=dict)
    user_properties: Mapping[str, object] = field(default_factory=dict)
    whole: bool = True


@dataclass(frozen=True)
class _Asked:
    """What a rule is judged by: the instant, the zone of its days, and who is in the cohorts it names."""

    as_of: datetime
    zone: ZoneInfo
    nested: Mapping[str, frozenset[str]]


class MemoryEngine:
    """Answers from lists of events by project; everything is a loop over one person's events."""

    def __init__(self, events: Mapping[str, Iterable[Event]]) -> None:
        self._events = {project: sorted(told, key=lambda event: event.time) for project, told in events.items()}

    def evaluate(
        self, project: Project, cohort: Cohort, as_of: datetime, wanted: Sequence[Wanted], nested: Mapping[str, Path], out: Path
    ) -> Snapshot:
        people = self._people(project, as_of)
        persons = [person for person, belongs in self._judged(people, project, cohort, as_of, nested).items() if belongs]
        members = [(hashlib.md5(person.encode(), usedforsecurity=False).digest(), person) for person in persons]
        table = pa.table(
            {
                "member": pa.array([member for member, _ in members], pa.binary()),
                "person": pa.array([person for _, person in members], pa.string()),
            }
        )
        return _write(table, people, as_of, wanted, out)

    def attach(self, project: Project, members: Path, as_of: datetime, wanted: Sequence[Wanted], out: Path) -> Snapshot:
        return _write(_table(members), self._people(project, as_of), as_of, wanted, out)

    def preview(self, project: Project, cohort: Cohort, as_of: datetime, nested: Mapping[str, Path], limit: int) -> Preview:
        judged = self._judged(self._people(project, as_of), project, cohort, as_of, nested)
        members = sorted(person for person, belongs in judged.items() if belongs)
        return Preview(len(members), len(judged), tuple(members[:limit]))

    def close(self) -> None:
        """Nothing is held but the events given."""

    def _people(self, project: Project, as_of: datetime) -> dict[str, list[Event]]:
        """The events before the instant, in order of time, by the person who did them."""
        before = [event for event in self._events.get(project.id, ()) if event.time < as_of]
        seen: dict[str, list[tuple[datetime, str]]] = {}
        for event in before:
            if event.device_id is not None and event.user_id is not None:
                seen.setdefault(event.device_id, []).append((event.time, event.user_id))
        people: dict[str, list[Event]] = {}
        for event in before:
            people.setdefault(_person(event, seen), []).append(event)
        return people

    def _judged(
        self, people: Mapping[str, list[Event]], project: Project, cohort: Cohort, as_of: datetime, nested: Mapping[str, Path]
    ) -> dict[str, bool]:
        """Everybody the rule can speak of, and whether they belong."""
        rule = rule_of(cohort, nested)
        members = {part: frozenset(_persons(_table(nested[part]))) for part in parts_of(cohort)}
        asked = _Asked(as_of, zone_of(project.zone), members)
        everybody = set(people).union(*members.values())
        return {person: _holds(rule, person, people.get(person, []), asked) for person in everybody}


def _person(event: Event, seen: Mapping[str, list[tuple[datetime, str]]]) -> str:
    """The user of the event; else the last one seen on its device; else the first one seen there after; else the device."""
    if event.user_id is not None:
        return f"user:{event.user_id}"
    users = seen.get(event.device_id or "", [])
    until_now = [entry for entry in users if entry[0] <= event.time]
    if until_now:
        return f"user:{max(until_now)[1]}"
    if not users:
        return f"device:{event.device_id}"
    first = min(users)[0]
    return f"user:{max(user for time, user in users if time == first)}"


def _holds(rule: Rule, person: str, events: Sequence[Event], asked: _Asked) -> bool:
    match rule:
        case All(rules):
            return all(_holds(part, person, events, asked) for part in rules)
        case AnyOf(rules):
            return any(_holds(part, person, events, asked) for part in rules)
        case Not(part):
            return not _holds(part, person, events, asked)
        case Did(_, _, count, _):
            times = sum(1 for event in events if _counts(event, rule, asked))
            return compares(times, count.comparison, count.number)
        case UserProperty(name, operator, values):
            return meets(_latest(events, _told(f"user.{name}")), operator, values)
        case InCohort(cohort):
            return person in asked.nested[cohort]


def _counts(event: Event, deed: Did, asked: _Asked) -> bool:
    return (
        event.event_type == deed.event
        and _within(event.time, deed.window, asked)
        and all(meets(as_text(event.event_properties.get(part.property)), part.operator, part.values) for part in deed.where)
    )


def _within(time: datetime, window: Window | None, asked: _Asked) -> bool:
    """By the calendar of the zone: the day an event fell on, against the days of the window."""
    day, today = time.astimezone(asked.zone).date(), asked.as_of.astimezone(asked.zone).date()
    match window:
        case None:
            return True
        case Last(days):
            return (today - day).days <= days
        case Since(first):
            return day >= first
        case Between(first, until):
            return first <= day < until


Told = Callable[[Event], tuple[bool, str | None]]
"""Whether an event says anything about a source, and what."""


def _told(source: str) -> Told:
    kind, _, name = source.partition(".")

    def told(event: Event) -> tuple[bool, str | None]:
        if kind == "user":
            return event.whole or name in event.user_properties, as_text(event.user_properties.get(name))
        value = (
            as_text(event.event_properties.get(name)) if kind == "event" else {"user_id": event.user_id, "device_id": event.device_id}[kind]
        )
        return value is not None, value

    return told


def _latest(events: Sequence[Event], told: Told) -> str | None:
    """What the latest event that says something says; of several at that time the greatest value, none being the least."""
    said = [(event.time, *told(event)) for event in events]
    last = max((time for time, stated, _ in said if stated), default=None)
    return max((value for time, stated, value in said if stated and time == last and value is not None), default=None)


def _every(events: Sequence[Event], told: Told) -> list[str] | None:
    """Every different value, in the order in which it was last seen."""
    last: dict[str, datetime] = {}
    for event in events:
        value = told(event)[1]
        if value is not None:
            last[value] = max(event.time, last.get(value, event.time))
    return sorted(last, key=lambda value: (last[value], value)) or None


def _column(column: Wanted, person: str, events: Sequence[Event]) -> str | list[str] | None:
    kind, _, own = person.partition(":")
    if f"{kind}_id" == column.source and (kind == "user" or not events):
        return [own] if column.all_values else own
    if column.source == "user_id":
        return None
    told = _told(column.source)
    return _every(events, told) if column.all_values else _latest(events, told)


def _write(table: pa.Table, people: Mapping[str, list[Event]], as_of: datetime, wanted: Sequence[Wanted], out: Path) -> Snapshot:
    persons = _persons(table)
    for column in wanted:
        kind = pa.list_(pa.string()) if column.all_values else pa.string()
        table = table.append_column(column.source, pa.array([_column(column, person, people.get(person, [])) for person in persons], kind))
    missing = tuple(
        column.source for column in wanted if table.column(column.source).null_count == len(table) and not _known(column, people)
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    growing = out.with_name(f".{out.name}.growing")
    pq.write_table(table.sort_by("member"), growing)
    growing.replace(out)
    return Snapshot(out, len(table), as_of.astimezone(UTC), missing)


def _known(column: Wanted, people: Mapping[str, list[Event]]) -> bool:
    told = _told(column.source)
    return any(told(event)[1] is not None for events in people.values() for event in events)


def _persons(table: pa.Table) -> list[str]:
    return [str(person) for person in table.column("person").to_pylist()]


def _table(file: Path) -> pa.Table:
    try:
        return pq.read_table(file)
    except (OSError, pa.ArrowInvalid) as error:
        raise EngineError(f"the member file {file.name} cannot be read") from error


def resolve(snapshot: Path, identity: IdentityMap, out: Path, rejects: Path, buckets: int, bounds: Bounds) -> Resolution:
    """What `engines.resolve` gives, told as a loop: one member, one mapping, one value after the other."""
    del bounds
    if not identity.mappings:
        raise DefinitionError("the identity map is empty: name at least one column or property and its type of identifier")
    found: list[tuple[IdType, bytes]] = []
    refused: list[tuple[bytes, str, str, IdType, Refusal]] = []
    usable = 0
    members = _table(snapshot).to_pylist()
    for member in members:
        before = len(found)
        for mapping in identity.mappings:
            for answer in (check(mapping.id_type, text) for text in _texts(member, mapping)):
                if isinstance(answer, Refusal):
                    refused.append((member["member"], member["person"], mapping.source, mapping.id_type, answer))
                else:
                    found.append((mapping.id_type, answer))
            if identity.send is Send.FIRST and len(found) > before:
                break
        usable += len(found) > before
    distinct = set(found)
    types = dict.fromkeys(mapping.id_type for mapping in identity.mappings)
    _write_identifiers(distinct, types, out, buckets)
    _write_rejects(refused, rejects)
    odd = sum(unusual(*pair) for pair in found)
    return Resolution(
        members=len(members),
        members_usable=usable,
        values=len(found) + len(refused),
        identifiers={each: sum(id_type is each for id_type, _ in distinct) for each in types},
        refused={each: dict(Counter(reason for *_, id_type, reason in refused if id_type is each)) for each in types},
        duplicates=len(found) - len(distinct),
        warnings={"unusual": odd} if odd else {},
    )


def _texts(member: Mapping[str, Any], mapping: IdMapping) -> Sequence[str | None]:
    cell = member.get(mapping.source)
    if isinstance(cell, str):
        return [cell]
    values: list[str | None] = cell or [None]
    return values if mapping.take is Take.ALL else values[-1:]


def _write_identifiers(found: Iterable[tuple[IdType, bytes]], types: Iterable[IdType], out: Path, buckets: int) -> None:
    """Every bucket of every type, with what is in it in order; the folder appears whole, replacing an older one."""
    shutil.rmtree(out, ignore_errors=True)
    for wanted in types:
        (out / wanted.value).mkdir(parents=True)
        values = sorted((value for id_type, value in found if id_type is wanted), key=lambda value: (key(value), value))
        for number in range(buckets):
            ids = pa.array([value for value in values if bucket(value, buckets) == number], storage(wanted))
            pq.write_table(pa.table({"id": ids}), out / wanted.value / bucket_name(number))


def _write_rejects(refused: Sequence[tuple[bytes, str, str, IdType, Refusal]], rejects: Path) -> None:
    names = ("member", "person", "source", "id_type", "reason")
    columns = {name: [row[place] for row in refused] for place, name in enumerate(names)}
    kinds = {name: pa.binary() if name == "member" else pa.string() for name in names}
    pq.write_table(pa.table({name: pa.array(columns[name], kinds[name]) for name in names}), rejects)
