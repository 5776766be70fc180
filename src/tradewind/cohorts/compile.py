"""A rule as one SELECT over the events of people, in one pass, with every instant a literal."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlglot import exp

from tradewind.cohorts.dialect import Dialect
from tradewind.cohorts.operators import condition
from tradewind.cohorts.rules import leaves
from tradewind.cohorts.windows import bounds
from tradewind.model.cohort import (
    All,
    AnyOf,
    Comparison,
    Did,
    EventFilter,
    InCohort,
    Not,
    Rule,
    UserProperty,
    Window,
)
from tradewind.model.snapshot import LAST_EVENT

EVENTS, WHO, PERSON, BELONGS = "events", "who", "person", "belongs"

_COUNTED: dict[Comparison, type[exp.Binary]] = {
    Comparison.AT_LEAST: exp.GTE,
    Comparison.MORE: exp.GT,
    Comparison.AT_MOST: exp.LTE,
    Comparison.LESS: exp.LT,
    Comparison.EQUAL: exp.EQ,
    Comparison.NOT_EQUAL: exp.NEQ,
}

HOLDS: dict[Comparison, Callable[[Any, int], Any]] = {
    Comparison.AT_LEAST: operator.ge,
    Comparison.MORE: operator.gt,
    Comparison.AT_MOST: operator.le,
    Comparison.LESS: operator.lt,
    Comparison.EQUAL: operator.eq,
    Comparison.NOT_EQUAL: operator.ne,
}
"""How a number of events compares with the one a count names; also of many numbers at once."""

Deed = tuple[str, tuple[EventFilter, ...], Window | None]


def properties(rule: Rule) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The event properties and the user properties a rule looks at, each once, sorted."""
    clauses = list(leaves(rule))
    event = {part.property for clause in clauses if isinstance(clause, Did) for part in clause.where}
    user = {clause.property for clause in clauses if isinstance(clause, UserProperty)}
    return tuple(sorted(event)), tuple(sorted(user))


def qualifying(rule: Rule, *, negated: bool = False) -> Iterator[Did | InCohort]:
    """The clauses that nobody meets who did nothing: what members did by one of these is what they are recent by."""
    match rule:
        case All(rules) | AnyOf(rules):
            for part in rules:
                yield from qualifying(part, negated=negated)
        case Not(part):
            yield from qualifying(part, negated=not negated)
        case Did(count=count) if HOLDS[count.comparison](0, count.number) is negated:
            yield rule
        case InCohort() if not negated:
            yield rule


def compile_rule(
    rule: Rule,
    as_of: datetime,
    zone: str,
    dialect: Dialect,
    nested: Mapping[str, str],
    recent: Collection[str] | None = None,
    beside: Sequence[exp.Alias] = (),
) -> exp.Select:
    """The members: a SELECT of `who` and `person`, each once.

    Unless `recent` is None, there is also `last_event`: the latest event that a clause of `qualifying` counts, or that a cohort
    it names has, where that cohort is in `recent` and its table has the column; NULL where there is none.

    It reads the table `events` (who: a key by which persons are told apart, person, event_type, time, "e:<property>",
    "u:<property>", "s:<property>": whether the event states the user property) and, for each cohort of `nested`, the table
    named there (who, person). `as_of` is aware. `beside` are aggregates over all the events of a member, carried along under their names.
    """
    everybody = bool(beside) or not _deeds_decide(rule)
    judged = _people(rule, as_of, zone, dialect, nested, everybody=everybody, recent=recent, beside=beside)
    found = [*([] if recent is None else [exp.column(LAST_EVENT)]), *(exp.column(each.alias) for each in beside)]
    return exp.select(exp.column(WHO), exp.column(PERSON), *found).from_(judged.subquery("judged")).where(exp.column(BELONGS))


def _people(
    rule: Rule,
    as_of: datetime,
    zone: str,
    dialect: Dialect,
    nested: Mapping[str, str],
    *,
    everybody: bool,
    recent: Collection[str] | None = None,
    beside: Sequence[exp.Alias] = (),
) -> exp.Select:
    """Who a rule can speak of; unless it is `everybody`, only those who did what it names or are in a cohort it names."""
    columns = _Columns.of(rule)
    clauses = [] if recent is None else list(qualifying(rule))
    last = None if recent is None else _last([clause for clause in clauses if isinstance(clause, Did)], as_of, zone, dialect)
    carried = [*([last] if last else []), *beside]
    counted = _counted(columns, as_of, zone, dialect, everybody=everybody, beside=carried)
    verdict = exp.alias_(_verdict(rule, columns, dialect), BELONGS)
    if not columns.cohorts:
        found = [exp.column(WHO), exp.column(PERSON), verdict, *(exp.column(each.alias) for each in carried)]
        return exp.select(*found).from_("counted").with_("counted", as_=counted)
    dated = {clause.cohort for clause in clauses if isinstance(clause, InCohort) and clause.cohort in (recent or ())}
    members = [_members(nested[cohort]) for cohort in columns.cohorts]
    people = exp.union(exp.select(exp.column(WHO), exp.column(PERSON)).from_("counted"), *members, distinct=True)
    others = (exp.column(each.alias, "counted") for each in beside)
    select = exp.select(exp.column(WHO, "people"), exp.column(PERSON, "people"), verdict, *others).from_("people")
    if last:
        latest_of = [exp.column(LAST_EVENT, alias) for cohort, alias in columns.cohorts.items() if cohort in dated]
        latest = exp.Greatest(this=exp.column(LAST_EVENT, "counted"), expressions=latest_of, ignore_nulls=True)
        select = select.select(exp.alias_(latest, LAST_EVENT))
    select = select.join("counted", join_type="left", on=_same_person("counted"))
    for cohort, alias in columns.cohorts.items():
        table = _members(nested[cohort], last=cohort in dated).subquery(alias)
        select = select.join(table, join_type="left", on=_same_person(alias))
    return select.with_("counted", as_=counted).with_("people", as_=people)


@dataclass(frozen=True)
class _Columns:
    """The names of what a rule needs to know of a person; what is asked twice is computed once."""

    deeds: dict[Deed, str] = field(default_factory=dict)
    traits: dict[str, str] = field(default_factory=dict)
    cohorts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rule: Rule) -> _Columns:
        columns = cls()
        for clause in leaves(rule):
            match clause:
                case Did(event, where, _, window):
                    columns.deeds.setdefault((event, where, window), f"c{len(columns.deeds) + 1}")
                case UserProperty(name):
                    columns.traits.setdefault(name, f"p{len(columns.traits) + 1}")
                case InCohort(cohort):
                    columns.cohorts.setdefault(cohort, f"m{len(columns.cohorts) + 1}")
        return columns


def _deeds_decide(rule: Rule) -> bool:
    """Whether nobody belongs who did nothing of what the rule names and is in no cohort it names."""
    clauses = list(leaves(rule))
    return not any(isinstance(clause, UserProperty) for clause in clauses) and not _holds_of_the_idle(rule)


def _holds_of_the_idle(rule: Rule) -> bool:
    match rule:
        case All(rules):
            return all(map(_holds_of_the_idle, rules))
        case AnyOf(rules):
            return any(map(_holds_of_the_idle, rules))
        case Not(part):
            return not _holds_of_the_idle(part)
        case Did(count=count):
            return bool(HOLDS[count.comparison](0, count.number))
        case _:
            return False


def _last(clauses: list[Did], as_of: datetime, zone: str, dialect: Dialect) -> exp.Alias:
    """When one of the clauses last counted an event; as an aggregate."""
    done = [_done((clause.event, clause.where, clause.window), as_of, zone, dialect) for clause in clauses]
    condition = exp.or_(*done) if done else exp.false()
    return exp.Alias(this=exp.Max(this=exp.Case().when(condition, exp.column("time"))), alias=exp.to_identifier(LAST_EVENT))


def _counted(
    columns: _Columns, as_of: datetime, zone: str, dialect: Dialect, *, everybody: bool, beside: Sequence[exp.Alias]
) -> exp.Select:
    """One row a person: how often each deed was done, the latest value of each user property, and what else is wanted."""
    one = exp.Literal.number(1)
    deeds = [
        exp.alias_(exp.Count(this=exp.Case().when(_done(deed, as_of, zone, dialect), one)), name) for deed, name in columns.deeds.items()
    ]
    traits = [
        exp.alias_(dialect.latest(quoted(f"u:{name}"), exp.column("time"), quoted(f"s:{name}")), alias)
        for name, alias in columns.traits.items()
    ]
    person = exp.alias_(exp.AnyValue(this=exp.column(PERSON)), PERSON)
    before = exp.LT(this=exp.column("time"), expression=dialect.instant(as_of))
    select = exp.select(exp.column(WHO), person, *deeds, *traits, *beside).from_(EVENTS).where(before).group_by(exp.column(WHO))
    return select if everybody else select.where(*_named(columns, as_of, zone, dialect))


def _named(columns: _Columns, as_of: datetime, zone: str, dialect: Dialect) -> list[exp.Expr]:
    """What every event has in common that a deed may be: its type, and its time where all deeds have a window."""
    types = sorted({event for event, _, _ in columns.deeds})
    conditions: list[exp.Expr] = [exp.column("event_type").isin(*(exp.Literal.string(event) for event in types))]
    firsts = [bounds(window, as_of, zone)[0] for _, _, window in columns.deeds]
    earliest = min((first for first in firsts if first), default=None)
    if earliest and None not in firsts:
        conditions.append(exp.GTE(this=exp.column("time"), expression=dialect.instant(earliest)))
    return conditions


def _done(deed: Deed, as_of: datetime, zone: str, dialect: Dialect) -> exp.Expr:
    event, where, window = deed
    first, end = bounds(window, as_of, zone)
    time = exp.column("time")
    conditions: list[exp.Expr] = [exp.EQ(this=exp.column("event_type"), expression=exp.Literal.string(event))]
    if first is not None:
        conditions.append(exp.GTE(this=time.copy(), expression=dialect.instant(first)))
    if end != as_of:
        conditions.append(exp.LT(this=time.copy(), expression=dialect.instant(end)))
    conditions += [condition(quoted(f"e:{part.property}"), part.operator, part.values, dialect) for part in where]
    return exp.and_(*conditions)


def _verdict(rule: Rule, columns: _Columns, dialect: Dialect) -> exp.Expr:
    match rule:
        case All(rules):
            return exp.and_(*(_verdict(part, columns, dialect) for part in rules))
        case AnyOf(rules):
            return exp.or_(*(_verdict(part, columns, dialect) for part in rules))
        case Not(part):
            return exp.Not(this=exp.paren(_verdict(part, columns, dialect)))
        case Did(event, where, count, window):
            times = exp.Coalesce(this=exp.column(columns.deeds[event, where, window]), expressions=[exp.Literal.number(0)])
            return _COUNTED[count.comparison](this=times, expression=exp.Literal.number(count.number))
        case UserProperty(name, operator, values):
            return condition(exp.column(columns.traits[name]), operator, values, dialect)
        case InCohort(cohort):
            return exp.Not(this=exp.Is(this=exp.column(PERSON, columns.cohorts[cohort]), expression=exp.Null()))


def _members(table: str, *, last: bool = False) -> exp.Select:
    return (
        exp.select(exp.column(WHO), exp.column(PERSON), *([exp.column(LAST_EVENT)] if last else [])).distinct().from_(exp.to_table(table))
    )


def _same_person(alias: str) -> exp.Expr:
    return exp.EQ(this=exp.column(WHO, alias), expression=exp.column(WHO, "people"))


def quoted(name: str) -> exp.Column:
    """A column whose name may hold any letter."""
    return exp.column(exp.to_identifier(name, quoted=True))
