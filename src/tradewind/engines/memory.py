"""The reference answer: the whole language in plain Python over a list of events, for tests and small rehearsals."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.cohorts.check import nested as parts_of
from tradewind.cohorts.rules import leaves
from tradewind.cohorts.windows import zone_of
from tradewind.compute import Bounds
from tradewind.engines.base import rule_of
from tradewind.engines.judge import Event, Known, events_of, holds, last_event
from tradewind.engines.judge import key as member_key
from tradewind.engines.matching import as_text
from tradewind.engines.preview import Asked, Clause, Node, Overlap, Sizes, Through, Turn
from tradewind.errors import DefinitionError, EngineError
from tradewind.identity.validate import check, unusual
from tradewind.membership.buckets import bucket, bucket_name, key
from tradewind.membership.files import storage
from tradewind.model.cohort import All, AnyOf, Cohort, Did, InCohort, Not, Rule, Told, UserProperty
from tradewind.model.identifier import IdentityMap, IdType, Refusal, Resolution, Send, Take
from tradewind.model.identifier import Mapping as IdMapping
from tradewind.model.project import Project
from tradewind.model.snapshot import Snapshot, Wanted

__all__ = ["Event", "MemoryEngine", "MemoryPreviews", "resolve"]


class MemoryEngine:
    """Answers from lists of events by project; everything is a loop over one person's events."""

    def __init__(self, events: Mapping[str, Iterable[Event]]) -> None:
        self._events = {project: sorted(told, key=lambda event: event.time) for project, told in events.items()}

    def evaluate(
        self,
        project: Project,
        cohort: Cohort,
        as_of: datetime,
        wanted: Sequence[Wanted],
        nested: Mapping[str, Path],
        out: Path,
        *,
        recency: bool = False,
        named: bool = True,
    ) -> Snapshot:
        people, asked = self.people(project, as_of), _asked(project, cohort, as_of, nested)
        persons = [person for person, belongs in _judged(people, rule_of(cohort, nested), asked).items() if belongs]
        members = [(member_key(person), person) for person in persons]
        table = pa.table(
            {
                "member": pa.array([member for member, _ in members], pa.binary()),
                "person": pa.array([person for _, person in members], pa.string()),
            }
        )
        if recency:
            last = [last_event(rule_of(cohort, nested), person, people.get(person, []), asked) for person in persons]
            table = table.append_column("last_event", pa.array(last, pa.timestamp("us")))
        found = _write(table, people, as_of, wanted, out)
        if not named:
            pq.write_table(_table(out).drop_columns(["person"]), out)
        return found

    def persons(self, project: Project, members: Collection[bytes], as_of: datetime) -> dict[bytes, str]:
        before = [event for event in self._events.get(project.id, ()) if event.time < as_of]
        own = {f"device:{event.device_id}" if event.user_id is None else f"user:{event.user_id}" for event in before}
        persons = {member_key(person): person for person in own}
        return {member: persons[member] for member in members if member in persons}

    def attach(self, project: Project, members: Path, as_of: datetime, wanted: Sequence[Wanted], out: Path) -> Snapshot:
        return _write(_table(members), self.people(project, as_of), as_of, wanted, out)

    def close(self) -> None:
        """Nothing is held but the events given."""

    def people(self, project: Project, as_of: datetime) -> dict[str, list[Event]]:
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


class MemoryPreviews:
    """Answers about rules over the events of an engine in memory; `of` gives that engine for an instant."""

    def __init__(self, of: Callable[[Project, datetime], MemoryEngine]) -> None:
        self._of = of

    def sizes(self, asked: Asked, turn: Turn) -> Sizes:
        people, known = self._known(asked, turn)
        everybody = set(people).union(*(known.nested[clause.cohort] for clause in leaves(asked.rule) if isinstance(clause, InCohort)))
        who = _node(asked.rule, everybody, people, known)
        return Sizes(who.members, len(everybody), who)

    def overlap(self, this: Asked, that: Asked, turn: Turn) -> Overlap:
        one, other = self._members(this, turn), self._members(that, turn)
        return Overlap(len(one & other), len(one - other), len(other - one))

    def sample(self, asked: Asked, limit: int, turn: Turn) -> tuple[str, ...]:
        return tuple(sorted(self._members(asked, turn))[:limit])

    def why(self, asked: Asked, person: str, turn: Turn) -> Clause | None:
        people, known = self._known(asked, turn)
        if person not in set(people).union(*known.nested.values()):
            return None
        return _clause(asked.rule, person, people.get(person, []), known)

    def identifiers(self, asked: Asked, through: Through, turn: Turn) -> Resolution | None:
        people, members = self._known(asked, turn)[0], sorted(self._members(asked, turn))
        if not set(members) <= set(people):
            return None
        table = pa.table(
            {"member": pa.array([person.encode() for person in members], pa.binary()), "person": pa.array(members, pa.string())}
        )
        snapshot = _write(table, people, asked.as_of, through.wanted, through.folder / "members.parquet")
        out = through.folder / "identifiers"
        found = resolve(snapshot.path, through.identity, out, through.folder / "rejects.parquet", 1, Bounds())
        return through.sieve.strike(out, found)

    def close(self) -> None:
        """Nothing is held."""

    def _members(self, asked: Asked, turn: Turn) -> set[str]:
        people, known = self._known(asked, turn)
        return _belonging(asked.rule, people, known)

    def _known(self, asked: Asked, turn: Turn) -> tuple[dict[str, list[Event]], Known]:
        """Everybody's events, and the members of every cohort that is nested."""
        turn.check()
        people = self._of(asked.project, asked.as_of).people(asked.project, asked.as_of)
        known = Known(asked.as_of, zone_of(asked.project.zone), {})
        found: dict[str, Mapping[str, datetime | None]] = {}

        def answer(clause: InCohort) -> None:
            given = asked.answer(clause)
            if isinstance(given, Path):
                found[clause.cohort] = _members_of(given)
                return
            for part in leaves(given):
                if isinstance(part, InCohort):
                    answer(part)
            found[clause.cohort] = dict.fromkeys(_belonging(given, people, replace(known, nested=found)))

        for clause in leaves(asked.rule):
            if isinstance(clause, InCohort):
                answer(clause)
        for cohort, given in asked.nested.items():
            if isinstance(given, Path):
                found.setdefault(cohort, _members_of(given))
        return people, replace(known, nested=found)


def _belonging(rule: Rule, people: Mapping[str, list[Event]], known: Known) -> set[str]:
    """Who belongs, of all whom the rule can speak of."""
    named = (known.nested[clause.cohort] for clause in leaves(rule) if isinstance(clause, InCohort))
    return {person for person in set(people).union(*named) if holds(rule, person, people.get(person, []), known)}


def _node(rule: Rule, everybody: set[str], people: Mapping[str, list[Event]], known: Known, left: set[str] | None = None) -> Node:
    """A rule with its sizes; `left` is who is left of it and those before it."""
    found = {person for person in everybody if holds(rule, person, people.get(person, []), known)}
    parts: list[Node] = []
    running: set[str] | None = None
    for part in _parts(rule):
        mine = {person for person in everybody if holds(part, person, people.get(person, []), known)}
        running = mine if running is None else running | mine if isinstance(rule, AnyOf) else running & mine
        parts.append(_node(part, everybody, people, known, running))
    return Node(rule, len(found), len(found if left is None else left), tuple(parts))


def _clause(rule: Rule, person: str, events: Sequence[Event], known: Known) -> Clause:
    belongs = holds(rule, person, events, known)
    match rule:
        case Did():
            counted = [event.time.astimezone(UTC) for event in events_of(rule, events, known)]
            return Clause(rule, belongs, len(counted), max(counted, default=None))
        case UserProperty(name, told=Told.NOW):
            return Clause(rule, belongs, value=_latest(events, _told(f"user.{name}")))
        case _:
            return Clause(rule, belongs, parts=tuple(_clause(part, person, events, known) for part in _parts(rule)))


def _parts(rule: Rule) -> tuple[Rule, ...]:
    return rule.rules if isinstance(rule, All | AnyOf) else (rule.rule,) if isinstance(rule, Not) else ()


def _asked(project: Project, cohort: Cohort, as_of: datetime, nested: Mapping[str, Path]) -> Known:
    rule_of(cohort, nested)
    return Known(as_of, zone_of(project.zone), {part: _members_of(nested[part]) for part in parts_of(cohort)})


def _members_of(file: Path) -> dict[str, datetime | None]:
    """The persons in a member file, each with its last event, if the file has it."""
    table = _table(file)
    last = table.column("last_event").to_pylist() if "last_event" in table.column_names else [None] * len(table)
    return dict(zip(_persons(table), last, strict=True))


def _judged(people: Mapping[str, list[Event]], rule: Rule, asked: Known) -> dict[str, bool]:
    """Everybody the rule can speak of, and whether they belong."""
    everybody = set(people).union(*asked.nested.values())
    return {person: holds(rule, person, people.get(person, []), asked) for person in everybody}


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


Says = Callable[[Event], tuple[bool, str | None]]
"""Whether an event says anything about a source, and what."""


def _told(source: str) -> Says:
    kind, _, name = source.partition(".")

    def told(event: Event) -> tuple[bool, str | None]:
        if kind == "user":
            return event.whole or name in event.user_properties, as_text(event.user_properties.get(name))
        value = (
            as_text(event.event_properties.get(name)) if kind == "event" else {"user_id": event.user_id, "device_id": event.device_id}[kind]
        )
        return value is not None, value

    return told


def _latest(events: Sequence[Event], told: Says) -> str | None:
    """What the latest event that says something says; of several at that time the greatest value, none being the least."""
    said = [(event.time, *told(event)) for event in events]
    last = max((time for time, stated, _ in said if stated), default=None)
    return max((value for time, stated, value in said if stated and time == last and value is not None), default=None)


def _every(events: Sequence[Event], told: Says) -> list[str] | None:
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
    held: set[tuple[IdType, bytes]] = set()
    others: set[tuple[IdType, bytes]] = set()
    addressed: list[bytes] = []
    last: dict[tuple[IdType, bytes], datetime | None] = {}
    refused: list[tuple[bytes, str | None, str, IdType, Refusal]] = []
    usable = 0
    table = _table(snapshot)
    members = table.to_pylist()
    for member in members:
        before = len(found)
        for mapping in identity.mappings:
            for answer in (check(mapping.id_type, text) for text in _texts(member, mapping)):
                if isinstance(answer, Refusal):
                    refused.append((member["member"], member.get("person"), mapping.source, mapping.id_type, answer))
                else:
                    found.append((mapping.id_type, answer))
                    (held if member.get("held_out") else others).add(found[-1])
                    times = [last.get(found[-1]), member.get("last_event")]
                    last[found[-1]] = max((time for time in times if time is not None), default=None)
            if identity.send is Send.FIRST and len(found) > before:
                break
        usable += len(found) > before
        addressed += [member["member"]] * (len(found) > before)
    distinct, sent = set(found), set(found) - held
    types = dict.fromkeys(mapping.id_type for mapping in identity.mappings)
    _write_identifiers({pair: last[pair] for pair in sent}, types, out, buckets, dated="last_event" in table.column_names)
    _write_rejects(refused, rejects)
    if "held_out" in table.column_names:
        pq.write_table(pa.table({"member": pa.array(addressed, pa.binary())}), rejects.with_name("addressed.parquet"))
    reasons = [(id_type, reason) for *_, id_type, reason in refused]
    reasons += [(id_type, Refusal.SHARED if (id_type, value) in others else Refusal.HELD_OUT) for id_type, value in held]
    odd = sum(unusual(*pair) for pair in found)
    return Resolution(
        members=len(members),
        members_usable=usable,
        values=len(found) + len(refused),
        identifiers={each: sum(id_type is each for id_type, _ in sent) for each in types},
        refused={each: dict(Counter(reason for id_type, reason in reasons if id_type is each)) for each in types},
        duplicates=len(found) - len(distinct),
        warnings={"unusual": odd} if odd else {},
    )


def _texts(member: Mapping[str, Any], mapping: IdMapping) -> Sequence[str | None]:
    cell = member.get(mapping.source)
    values = cell or [None] if isinstance(cell, list) or cell is None else [cell]
    texts = [None if value is None else str(value) for value in values]
    return texts if mapping.take is Take.ALL else texts[-1:]


def _write_identifiers(
    last: Mapping[tuple[IdType, bytes], datetime | None], types: Iterable[IdType], out: Path, buckets: int, *, dated: bool
) -> None:
    """Every bucket of every type, with what is in it in order; the folder appears whole, replacing an older one."""
    shutil.rmtree(out, ignore_errors=True)
    for wanted in types:
        (out / wanted.value).mkdir(parents=True)
        values = sorted((value for id_type, value in last if id_type is wanted), key=lambda value: (key(value), value))
        for number in range(buckets):
            mine = [value for value in values if bucket(value, buckets) == number]
            columns: dict[str, pa.Array[Any]] = {"id": pa.array(mine, storage(wanted))}
            if dated:
                columns["last_event"] = pa.array([last[wanted, value] for value in mine], pa.timestamp("us"))
            pq.write_table(pa.table(columns), out / wanted.value / bucket_name(number))


def _write_rejects(refused: Sequence[tuple[bytes, str | None, str, IdType, Refusal]], rejects: Path) -> None:
    names = ("member", "person", "source", "id_type", "reason")
    columns = {name: [row[place] for row in refused] for place, name in enumerate(names)}
    kinds = {name: pa.binary() if name == "member" else pa.string() for name in names}
    pq.write_table(pa.table({name: pa.array(columns[name], kinds[name]) for name in names}), rejects)
