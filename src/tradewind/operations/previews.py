"""Previews: what a cohort would be while it is being written, saved or not; every answer is exact, and none is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tradewind import members
from tradewind.catalog.yaml import read
from tradewind.cohorts.because import because
from tradewind.cohorts.check import check, nested
from tradewind.cohorts.compile import compile_rule
from tradewind.cohorts.document import read_value
from tradewind.cohorts.explain import phrase
from tradewind.cohorts.parse import parse_cohort
from tradewind.cohorts.rules import rule_document
from tradewind.cohorts.windows import zone_of
from tradewind.engines import preview as engine
from tradewind.engines import resolve
from tradewind.engines.duckdb import DuckDBDialect
from tradewind.engines.preview import Asked, Clause, Node, Turn
from tradewind.engines.resolve import Example
from tradewind.errors import DefinitionError
from tradewind.model.cohort import All, AnyOf, Behaviour, Cohort, Not, Rule
from tradewind.model.identifier import IdentityMap, Resolution
from tradewind.operations.cohorts import checked
from tradewind.operations.instants import instant
from tradewind.operations.scratch import scratch
from tradewind.parts import Parts

EXAMPLES = 2
"""Values that are shown of each mapping and each reason."""

DRAFT = "draft"
"""The id of a cohort that has none yet."""


@dataclass(frozen=True)
class Subject:
    """What is looked at: a saved cohort; or a rule as YAML has it, as the cohort would be with it, saved already or not."""

    cohort: str | None = None
    who: Mapping[str, Any] | None = None
    as_of: str | None = None


@dataclass(frozen=True)
class Size:
    """How many a rule holds for, and how many are left with those before it (below `any`: found); `kind` is the word it is written with."""

    kind: str
    sentence: str
    members: int
    after: int
    parts: tuple[Size, ...]


@dataclass(frozen=True)
class Sizes:
    """How many are in, of how many, and the same for each rule, in the order in which they are written."""

    as_of: datetime
    members: int
    universe: int
    who: Size


@dataclass(frozen=True)
class Overlap:
    """How many are in both cohorts, and in one alone."""

    as_of: datetime
    both: int
    only_this: int
    only_that: int


@dataclass(frozen=True)
class Comparison:
    """What a changed definition comes to: who is in before and after it."""

    as_of: datetime
    before: int
    after: int
    added: int
    removed: int


@dataclass(frozen=True)
class Sample:
    """A few of those who are in, in the order of persons."""

    as_of: datetime
    people: tuple[str, ...]


@dataclass(frozen=True)
class Reason:
    """A rule, whether it holds for a person, and what was found, as words and as data."""

    kind: str
    sentence: str
    holds: bool
    found: str
    times: int | None
    last: datetime | None
    value: str | None
    parts: tuple[Reason, ...]


@dataclass(frozen=True)
class Why:
    """Why somebody is in or out."""

    as_of: datetime
    person: str
    belongs: bool
    who: Reason


@dataclass(frozen=True)
class Identifiers:
    """What an identity map finds of the members."""

    as_of: datetime
    resolution: Resolution


def sizes(parts: Parts, project: str, subject: Subject, turn: Turn | None = None) -> Sizes:
    """How many are in, by the cohort and by each of its rules. Raises DefinitionError for what cannot be, and as `Previews` says."""
    with _asked(parts, project, subject) as asked:
        found = parts.previews.sizes(asked, turn or Turn())
        return Sizes(asked.as_of, found.members, found.universe, _size(found.who, _names(parts, project)))


def overlap(parts: Parts, project: str, subject: Subject, other: str, turn: Turn | None = None) -> Overlap:
    """How many are also in another cohort of the catalog."""
    with _asked(parts, project, subject) as this, _asked(parts, project, Subject(other, as_of=subject.as_of)) as that:
        found = parts.previews.overlap(this, _at(that, this.as_of), turn or Turn())
        return Overlap(this.as_of, found.both, found.only_this, found.only_that)


def compare(parts: Parts, project: str, subject: Subject, turn: Turn | None = None) -> Comparison:
    """Whom a changed definition adds to the saved cohort and removes from it. Raises DefinitionError when one of them is missing."""
    if subject.cohort is None or subject.who is None:
        raise DefinitionError("a comparison needs both the id of a saved cohort and the rule that it would have", path="who")
    with _asked(parts, project, subject) as new, _asked(parts, project, Subject(subject.cohort, as_of=subject.as_of)) as old:
        found = parts.previews.overlap(new, _at(old, new.as_of), turn or Turn())
        return _comparison(new.as_of, found)


def compared(parts: Parts, project: str, files: Iterable[Path], as_of: str | None) -> dict[str, Comparison]:
    """What each behavioural cohort of definition files comes to that differs from the catalog's; a new one adds all its members.

    They are compared as they would be together. Raises DefinitionError for the first thing wrong in the files.
    """
    checked(parts, project, files)
    written = {each.value.id: each.value for each in read(files, project).cohorts}
    known = {each.id: each for each in parts.catalog.cohorts(project)}
    moment, found = _moment(parts, project, Subject(as_of=as_of)), {}
    with scratch(parts) as folder:
        for cohort in written.values():
            before = known.get(cohort.id)
            if not isinstance(cohort.definition, Behaviour) or (before and before.definition == cohort.definition):
                continue
            new = members.asked(parts, cohort, moment, folder / "new", written)
            if before is None:
                size = parts.previews.sizes(new, Turn()).members
                found[cohort.id] = Comparison(moment, 0, size, size, 0)
                continue
            found[cohort.id] = _comparison(
                moment, parts.previews.overlap(new, members.asked(parts, before, moment, folder / "old"), Turn())
            )
    return found


def sample(parts: Parts, project: str, subject: Subject, limit: int, turn: Turn | None = None) -> Sample:
    """A few of those who are in."""
    with _asked(parts, project, subject) as asked:
        return Sample(asked.as_of, parts.previews.sample(asked, limit, turn or Turn()))


def why(parts: Parts, project: str, subject: Subject, person: str, turn: Turn | None = None) -> Why:
    """Why a person (`user:<id>` or `device:<id>`) is in or out. Raises DefinitionError for one of whom nothing is known then."""
    with _asked(parts, project, subject) as asked:
        found = parts.previews.why(asked, person, turn or Turn())
        if found is None:
            raise DefinitionError(
                "no event and no list names this person by then; write user:<id>, or device:<id> for a device without a user",
                path="person",
            )
        return Why(asked.as_of, person, found.holds, _reason(found, _names(parts, project), asked.project.zone))


def identifiers(parts: Parts, project: str, subject: Subject, through: str | IdentityMap, turn: Turn | None = None) -> Identifiers:
    """What an identity map, or that of a connection, finds of the members: valid, different, refused; those who said no are left out."""
    cohort, moment, turn = _cohort(parts, project, subject), _moment(parts, project, subject), turn or Turn()
    identity = through
    if not isinstance(identity, IdentityMap):
        identity = members.identity_of(cohort, parts.catalog.connection(project, identity))
    with scratch(parts) as folder:
        if isinstance(cohort.definition, Behaviour):
            found = members.usable(parts, members.asked(parts, cohort, moment, folder), identity, folder, turn)
            if found:
                return Identifiers(moment, found)
        snapshot = members.evaluate(parts, cohort, moment, members.wanted_by(identity), folder, named=False)
        turn.check()
        return Identifiers(moment, members.resolved(parts, project, snapshot, identity, folder))


def examples(parts: Parts, project: str, subject: Subject, identity: IdentityMap) -> tuple[Example, ...]:
    """A few values of the members for each mapping, valid and refused, masked: what a column holds must be seen to be mapped right."""
    cohort, moment = _cohort(parts, project, subject), _moment(parts, project, subject)
    with scratch(parts) as folder:
        snapshot = members.evaluate(parts, cohort, moment, members.wanted_by(identity), folder, named=False)
        return resolve.examples(snapshot.path, identity, EXAMPLES, parts.bounds)


def statement(parts: Parts, project: str, subject: Subject) -> str:
    """The SELECT that finds the members, as DuckDB is asked it; a table is named for each cohort that the rule names.

    Raises DefinitionError for a cohort that is not computed from events.
    """
    cohort, moment = _cohort(parts, project, subject), _moment(parts, project, subject)
    if not isinstance(cohort.definition, Behaviour):
        raise DefinitionError(f"cohort '{cohort.id}' is of kind {cohort.kind.value}; only a behavioural one becomes SQL", path="cohort")
    dialect, zone = DuckDBDialect(), parts.catalog.project(project).zone
    tables = {name: f"cohort {name}" for name in nested(cohort)}
    return compile_rule(cohort.definition.who, moment, zone, dialect, tables).sql(dialect.name, pretty=True)


def _comparison(as_of: datetime, found: engine.Overlap) -> Comparison:
    """Of the new definition laid over the old one."""
    return Comparison(as_of, found.both + found.only_that, found.both + found.only_this, found.only_this, found.only_that)


@contextmanager
def _asked(parts: Parts, project: str, subject: Subject) -> Iterator[Asked]:
    with scratch(parts) as folder:
        yield members.asked(parts, _cohort(parts, project, subject), _moment(parts, project, subject), folder)


def _at(asked: Asked, as_of: datetime) -> Asked:
    return Asked(asked.project, asked.rule, as_of, asked.nested)


def _moment(parts: Parts, project: str, subject: Subject) -> datetime:
    return instant(subject.as_of, parts.catalog.project(project).zone, parts.clock.now())


def _cohort(parts: Parts, project: str, subject: Subject) -> Cohort:
    """The cohort that is meant, checked against the others. Raises DefinitionError, with the path in the rule."""
    if subject.who is None:
        if subject.cohort is None:
            raise DefinitionError("name a cohort, or give the rule of one in 'who'", path="cohort")
        return parts.catalog.cohort(project, subject.cohort)
    name = subject.cohort or DRAFT
    document = {"id": name, "name": name, "kind": "behavioural", "who": subject.who}
    cohort = parse_cohort(read_value(document, f"cohort {name[:80]}"), project)
    known = {each.id: each for each in parts.catalog.cohorts(project)} | {cohort.id: cohort}
    for error in check(known.values()):
        raise error
    return cohort


def _names(parts: Parts, project: str) -> dict[str, str]:
    return {each.id: each.name for each in parts.catalog.cohorts(project)}


def _kind(rule: Rule) -> str:
    """The word that a rule is written with."""
    return next(iter(rule_document(rule))).partition(".")[0]


def _written(rule: Rule) -> bool:
    """Whether the parts of a rule are written as rules of their own; those of `did_not` and `not_in_cohort` are not."""
    return isinstance(rule, All | AnyOf) or (isinstance(rule, Not) and _kind(rule) == "not")


def _size(node: Node, names: Mapping[str, str]) -> Size:
    parts = tuple(_size(part, names) for part in node.parts) if _written(node.rule) else ()
    return Size(_kind(node.rule), phrase(node.rule, names), node.members, node.after, parts)


def _reason(clause: Clause, names: Mapping[str, str], zone: str) -> Reason:
    """What is written in one word (`did_not`) is one rule here too, with what was found of the rule within."""
    within = clause if _written(clause.rule) or not clause.parts else clause.parts[0]
    found = because(
        within.rule, holds=within.holds, times=within.times, last=within.last, value=within.value, names=names, zone=zone_of(zone)
    )
    parts = tuple(_reason(part, names, zone) for part in within.parts)
    return Reason(_kind(clause.rule), phrase(clause.rule, names), clause.holds, found, within.times, within.last, within.value, parts)
