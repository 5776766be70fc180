"""What every clause knows of itself, and the facts about people that clauses ask for together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from sqlglot import exp

from tradewind.cohorts.dialect import Dialect
from tradewind.cohorts.document import Node
from tradewind.cohorts.operators import condition, there
from tradewind.cohorts.windows import Span, span
from tradewind.model.cohort import ANY_EVENT, STATEMENTS, EventFilter, Rule, Window
from tradewind.model.snapshot import LAST_EVENT

EVENTS, HAPPENED, WHO, PERSON, FIRST = "events", "happened", "who", "person", "first"
"""`happened` is what of `events` matters to a rule."""

EVERYBODY = "everybody"
"""Stands for whatever table has a row for each person a rule can speak of."""

C = TypeVar("C")
Names = Mapping[str, str]
"""The names of the project's cohorts by id."""


class Form(ABC, Generic[C]):
    """One kind of clause. What is not overridden is the plain case."""

    words: tuple[str, ...]
    """The keys that it is known by in YAML. Raises DefinitionError in `parse` with file, line, path and what was expected."""

    @abstractmethod
    def parse(self, node: Node, word: str) -> Rule:
        """The clause that a mapping states, in which `word` stands."""

    @abstractmethod
    def document(self, clause: C) -> dict[str, object]:
        """The mapping that `parse` reads back."""

    @abstractmethod
    def phrase(self, clause: C, names: Names) -> str:
        """Whom it means, after "people": `who ...` or `whose ...`."""

    @abstractmethod
    def verdict(self, clause: C, facts: Facts) -> exp.Expr:
        """Whether it holds of a person: true or false, never NULL, over columns asked of `facts`."""

    def negated(self, _clause: C) -> dict[str, object] | None:
        """How its negation is written, where that has words of its own."""
        return None

    def denied(self, _clause: C, _names: Names) -> str | None:
        """How its negation is said, where that has words of its own."""
        return None

    def idle(self, _clause: C) -> bool | None:
        """Whether it holds of somebody with no event that it asks about and in no cohort it names; None where that depends."""
        return False

    def properties(self, _clause: C) -> tuple[Collection[str], Collection[str]]:
        """The event properties and the user properties it looks at."""
        return (), ()

    def moments(self, _clause: C, _facts: Facts) -> Iterable[exp.Expr]:
        """The events that members are recent by: conditions on a row of `events`, or the column of a joined table."""
        return ()

    def size(self, _clause: C) -> int:
        """How many clauses and conditions it counts as."""
        return 1


@dataclass(frozen=True)
class Asked:
    """A condition that events are asked to meet: of which type, within which span, and the properties that are looked at of them."""

    condition: exp.Expr
    event: str
    span: Span
    properties: set[str]


@dataclass
class Facts:
    """What a rule asks of a person: aggregates over the events, and tables of people. What is asked twice is computed once.

    `nested` names the table of each cohort the rule names; those in `recent` have their members' last event.
    """

    as_of: datetime
    zone: str
    dialect: Dialect
    nested: Mapping[str, str]
    recent: Collection[str] = ()
    aggregates: dict[exp.Expr, str] = field(default_factory=dict)
    tables: dict[exp.Expr, str] = field(default_factory=dict)
    cohorts: dict[str, str] = field(default_factory=dict)
    types: set[str] | None = field(default_factory=set)
    """The event types that matter; None where all do."""
    earliest: list[datetime | None] = field(default_factory=list)
    """From when each thing asked for matters; None for from the beginning."""
    asked: dict[exp.Expr, Asked] = field(default_factory=dict)
    """What events are asked for, by condition: an event that meets none of these changes nothing, where `types` are known."""
    first_use: bool = False
    """Whether `events` needs the column `first`, the time of a person's first event."""

    def column(self, aggregate: exp.Expr) -> exp.Column:
        """An aggregate over all events that matter of a person; NULL for those who have none."""
        name = self.aggregates.setdefault(aggregate, f"c{len(self.aggregates) + 1}")
        return exp.column(name, "counted")

    def table(self, people: exp.Select) -> str:
        """The alias of a table of people (`who`, `last_event`, each once), which is joined to everybody."""
        return self.tables.setdefault(people, f"t{len(self.tables) + 1}")

    def cohort(self, cohort: str) -> str:
        """The alias of a nested cohort's members, which are joined and belong to those a rule can speak of."""
        return self.cohorts.setdefault(cohort, f"m{len(self.cohorts) + 1}")

    def asks(self, event: str, first: datetime | None) -> None:
        """Say that events of a type matter, from `first` on."""
        self.earliest.append(first)
        if event == ANY_EVENT:
            self.types = None
        elif self.types is not None:
            self.types.add(event)

    def span(self, window: Window | None) -> Span:
        """The instants of a window."""
        return span(window, self.as_of, self.zone)

    def done(self, event: str, where: Iterable[EventFilter], when: Span, beside: Iterable[str] = ()) -> exp.Expr:
        """Whether a row of `events` is such an event within a span; of those that are, the properties `beside` are looked at too."""
        self.asks(event, when.first)
        conditions: list[exp.Expr] = []
        if event == ANY_EVENT:
            conditions.append(deed(exp.column("event_type")))
        else:
            conditions.append(exp.EQ(this=exp.column("event_type"), expression=exp.Literal.string(event)))
        conditions += self.within(when)
        conditions += [condition(quoted(f"e:{part.property}"), part.operator, part.values, self.dialect) for part in where]
        found = exp.and_(*conditions, copy=False)
        asked = self.asked.setdefault(found, Asked(found, event, when, set()))
        asked.properties.update(beside, (part.property for part in where))
        return found

    def within(self, when: Span) -> list[exp.Expr]:
        """What makes the time of a row lie within a span."""
        time = exp.column("time")
        found: list[exp.Expr] = []
        if when.first is not None:
            found.append(exp.GTE(this=time.copy(), expression=self.dialect.instant(when.first)))
        if when.end < self.as_of:
            found.append(exp.LT(this=time.copy(), expression=self.dialect.instant(when.end)))
        if when.of_first_use is not None:
            self.first_use = True
            micros = int(when.of_first_use.total_seconds()) * 1_000_000
            since = exp.Sub(this=self.dialect.micros(time.copy()), expression=self.dialect.micros(exp.column(FIRST)))
            found.append(exp.LT(this=since, expression=exp.Literal.number(micros)))
        return found


def counted(condition: exp.Expr) -> exp.Expr:
    """How many rows meet a condition."""
    return exp.Count(this=exp.Case().when(condition, exp.Literal.number(1)))


def deed(event_type: exp.Expr) -> exp.Expr:
    """Whether a row says that somebody did something, and not only what is known of them."""
    named = exp.In(this=event_type.copy(), expressions=[exp.Literal.string(name) for name in STATEMENTS])
    return exp.and_(there(event_type), exp.Not(this=named), copy=False)


def or_zero(value: exp.Expr) -> exp.Expr:
    """A number, 0 where it is NULL."""
    return exp.Coalesce(this=value, expressions=[exp.Literal.number(0)])


def surely(condition: exp.Expr) -> exp.Expr:
    """A condition that is false where it is unknown."""
    return exp.Coalesce(this=condition, expressions=[exp.false()])


def last_event(alias: str) -> exp.Column:
    """The last event of a joined table."""
    return exp.column(LAST_EVENT, alias)


def quoted(name: str) -> exp.Column:
    """A column whose name may hold any letter."""
    return exp.column(exp.to_identifier(name, quoted=True))
