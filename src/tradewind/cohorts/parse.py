"""From the tree of a YAML text to a cohort, and back to the mapping that is stored and exported."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping as MappingOf
from dataclasses import replace
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeVar

from tradewind.cohorts.document import Node
from tradewind.cohorts.rules import parse_rule, rule_document
from tradewind.cohorts.select import check_select
from tradewind.errors import DefinitionError
from tradewind.model.cohort import Behaviour, Cohort, CohortKind, Definition, Lookalike, Pulled, Pushed, Select, StaticList
from tradewind.model.identifier import IdType, Mapping, Take

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
LONGEST_NAME = 255
AMPLITUDE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What can be the id of a cohort in Amplitude; it becomes part of an address."""

COLUMN = "column."

_FIELDS: dict[CohortKind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    CohortKind.BEHAVIOURAL: (("who",), ()),
    CohortKind.STATIC: (("file",), ("identifiers", "people")),
    CohortKind.SQL: (("query",), ("source", "files", "identifiers", "people")),
    CohortKind.AMPLITUDE: (("source", "cohort"), ("identifiers",)),
    CohortKind.WEBHOOK: (("cohort",), ("identifiers",)),
    CohortKind.LOOKALIKE: (("seed", "take"), ("look_back_days", "retrain_days")),
}
MOST_PEOPLE, MOST_PERCENT = 100_000_000, 50
MOST_LOOK_BACK_DAYS, MOST_RETRAIN_DAYS = 730, 90
_HEAD = ("id", "name", "kind")

Choice = TypeVar("Choice", bound=StrEnum)


def parse_cohort(node: Node, project: str) -> Cohort:
    """The cohort that `node` defines in `project`. Raises DefinitionError with file, line, path and what was expected."""
    every = sorted({name for required, optional in _FIELDS.values() for name in (*required, *optional)})
    if not isinstance(node.value, dict) or "kind" not in node.value:
        node.fields(required=_HEAD, optional=every, what="in a cohort")
    assert isinstance(node.value, dict)
    kind = _choice(node.value["kind"], CohortKind, "kind of cohort")
    required, optional = _FIELDS[kind]
    fields = node.fields(required=(*_HEAD, *required), optional=optional, what=f"in a cohort of kind {kind.value}")
    return Cohort(project, parse_id(fields["id"]), _name(fields["name"]), kind, _definition(kind, fields))


def parse_id(node: Node) -> str:
    """A slug: lower-case letters, digits and hyphens, at most 63 of them. Raises DefinitionError."""
    text = node.text()
    if not SLUG.fullmatch(text):
        node.refuse(f"expected an id of lower-case letters, digits and hyphens (at most 63), found {node.described()}")
    return text


def to_document(cohort: Cohort) -> dict[str, object]:
    """The canonical mapping of a cohort: text, lists and mappings only; `parse_cohort` reads it back as the same cohort."""
    head: dict[str, object] = {"id": cohort.id, "name": cohort.name, "kind": cohort.kind.value}
    match cohort.definition:
        case Behaviour(who):
            return head | {"who": rule_document(who)}
        case StaticList(file, identifiers, people):
            return head | {"file": file} | _lists(identifiers, people)
        case Select(query, source, files, identifiers, people):
            return (
                head
                | {"query": query}
                | ({"source": source} if source else {})
                | ({"files": dict(files)} if files else {})
                | _lists(identifiers, people)
            )
        case Pulled(source, cohort_id, identifiers):
            return head | {"source": source, "cohort": cohort_id} | _lists(identifiers, None)
        case Pushed(cohort_id, identifiers):
            return head | {"cohort": cohort_id} | _lists(identifiers, None)
        case Lookalike(seed, people, percent, look_back_days, retrain_days):
            take = {"people": people} if people is not None else {"percent": percent}
            return head | {"seed": seed, "take": take, "look_back_days": look_back_days, "retrain_days": retrain_days}


def _definition(kind: CohortKind, fields: MappingOf[str, Node]) -> Definition:
    if kind is CohortKind.BEHAVIOURAL:
        return Behaviour(parse_rule(fields["who"]))
    if kind is CohortKind.LOOKALIKE:
        return _lookalike(fields)
    identifiers = _identifiers(fields["identifiers"]) if "identifiers" in fields else ()
    if kind is CohortKind.AMPLITUDE:
        return Pulled(parse_id(fields["source"]), _amplitude_id(fields["cohort"]), identifiers)
    if kind is CohortKind.WEBHOOK:
        return Pushed(_amplitude_id(fields["cohort"]), identifiers)
    people = fields["people"].text() if "people" in fields else None
    if kind is CohortKind.STATIC:
        return StaticList(fields["file"].text(), identifiers, people)
    source = _source(fields["source"]) if "source" in fields else None
    files = _files(fields["files"]) if "files" in fields else ()
    query = fields["query"].text()
    try:
        check_select(query, files=[name for name, _ in files], postgres=source is not None)
    except DefinitionError as error:
        fields["query"].refuse(error.message)
    return Select(query, source, files, identifiers, people)


def _lookalike(fields: MappingOf[str, Node]) -> Lookalike:
    take = fields["take"].fields(optional=("people", "percent"), what="in take; expected {people: 5000} or {percent: 10}")
    if len(take) != 1:
        fields["take"].refuse("expected one of people and percent, such as {people: 5000} or {percent: 10}")
    people = _within(take["people"], 1, MOST_PEOPLE, "people") if "people" in take else None
    percent = _within(take["percent"], 1, MOST_PERCENT, "percent of everybody else") if "percent" in take else None
    found = Lookalike(parse_id(fields["seed"]), people, percent)
    if "look_back_days" in fields:
        found = replace(found, look_back_days=_within(fields["look_back_days"], 1, MOST_LOOK_BACK_DAYS, "days"))
    if "retrain_days" in fields:
        found = replace(found, retrain_days=_within(fields["retrain_days"], 1, MOST_RETRAIN_DAYS, "days"))
    return found


def _within(node: Node, least: int, most: int, what: str) -> int:
    number = node.number()
    if not least <= number <= most:
        node.refuse(f"expected {least} to {most:,} {what}, found {number:,}")
    return number


def _name(node: Node) -> str:
    """NFC, without control characters, at most 255 letters: it is shown, and never part of a path or a statement."""
    name = unicodedata.normalize("NFC", node.text().strip())
    if len(name) > LONGEST_NAME:
        node.refuse(f"expected a name of at most {LONGEST_NAME} characters, found {len(name):,}")
    if any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in name):
        node.refuse("expected a name on one line, without control characters")
    return name


def _choice(node: Node, kinds: type[Choice], what: str) -> Choice:
    values = [kind.value for kind in kinds]
    if isinstance(node.value, str) and node.value in values:
        return kinds(node.value)
    near = get_close_matches(str(node.value), values, 1) or get_close_matches(str(node.value).upper(), values, 1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return node.refuse(f"{node.described()} is not a {what}; expected one of {', '.join(values)}{hint}")


def _amplitude_id(node: Node) -> str:
    """Amplitude's ids are of letters and digits, and some of digits alone, which YAML reads as a number."""
    if isinstance(node.value, dict | list) or not AMPLITUDE_ID.fullmatch(node.written):
        node.refuse(f"expected the id that Amplitude shows for the cohort, of letters and digits, found {node.described()}")
    return node.written


def _source(node: Node) -> str:
    name = node.text()
    if not ENVIRONMENT_NAME.fullmatch(name):
        node.refuse("expected the name of an environment variable that holds the PostgreSQL URL, never the URL itself")
    return name


def _files(node: Node) -> tuple[tuple[str, str], ...]:
    if not isinstance(node.value, dict) or not node.value:
        node.refuse(f"expected a mapping of table names to files, found {node.described()}")
    for name, entry in node.value.items():
        if not TABLE_NAME.fullmatch(name) or name.lower() == "events":
            entry.refuse(f"'{name[:60]}' cannot name a table; expected letters, digits and underscores, and not 'events'")
    if len({name.lower() for name in node.value}) < len(node.value):
        node.refuse("two tables differ only by case; give them different names")
    return tuple((name, entry.text()) for name, entry in node.value.items())


def _identifiers(node: Node) -> tuple[Mapping, ...]:
    if not isinstance(node.value, dict) or not node.value:
        node.refuse(f"expected a mapping of columns to identifier types, found {node.described()}")
    return tuple(_mapping(column, entry) for column, entry in node.value.items())


def _mapping(column: str, node: Node) -> Mapping:
    if not isinstance(node.value, dict):
        return Mapping(f"{COLUMN}{column}", _choice(node, IdType, "type of identifier"))
    fields = node.fields(required=("to",), optional=("take",), what="in a mapping")
    take = _choice(fields["take"], Take, "way to take values") if "take" in fields else Take.LATEST
    return Mapping(f"{COLUMN}{column}", _choice(fields["to"], IdType, "type of identifier"), take)


def _lists(identifiers: tuple[Mapping, ...], people: str | None) -> dict[str, object]:
    columns: dict[str, object] = {}
    for mapping in identifiers:
        target = mapping.id_type.value
        columns[mapping.source.removeprefix(COLUMN)] = target if mapping.take is Take.LATEST else {"to": target, "take": mapping.take.value}
    return ({"identifiers": columns} if columns else {}) | ({"people": people} if people else {})
