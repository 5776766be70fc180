"""A rule as one SELECT over the events of people, with every instant a literal: its clauses are asked together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlglot import exp

from tradewind.cohorts.clauses.form import EVENTS, EVERYBODY, FIRST, HAPPENED, PERSON, WHO, Facts, deed
from tradewind.cohorts.clauses.registry import form_of
from tradewind.cohorts.dialect import Dialect
from tradewind.cohorts.rules import idle, qualifying
from tradewind.cohorts.stretches import Stretch, stretches
from tradewind.model.cohort import All, AnyOf, Not, Rule
from tradewind.model.snapshot import LAST_EVENT

BELONGS = "belongs"


def compile_rule(
    rule: Rule,
    as_of: datetime,
    zone: str,
    dialect: Dialect,
    nested: Mapping[str, str],
    recent: Collection[str] | None = None,
    beside: Sequence[exp.Alias] = (),
    *,
    left: bool = False,
) -> exp.Select:
    """The members: a SELECT of `who` and `person`, each once.

    Unless `recent` is None, there is also `last_event`: the latest event that a clause of `qualifying` counts, or that a cohort
    it names has, where that cohort is in `recent` and its table has the column; NULL where there is none.

    It reads the table `events` (who: a key by which persons are told apart, person, event_type, time, "e:<property>",
    "u:<property>", "s:<property>": whether the event states the user property) and, for each cohort of `nested`, the table
    named there (who, person). `as_of` is aware. `beside` are aggregates over all the events of a member, carried along under their names.
    With `left`, the table `events` has only what `matters` leaves of what happened before `as_of`.
    """
    facts = Facts(as_of, zone, dialect, nested, recent or ())
    verdict = exp.alias_(_verdict(rule, facts), BELONGS, copy=False)
    carried = list(beside)
    last = None if recent is None else _last_event(rule, facts, carried)
    everybody = bool(beside) or idle(rule) is not False
    people = _people(facts, dated=last is not None)
    found = [
        *([exp.alias_(last, LAST_EVENT, copy=False)] if last is not None else []),
        *(exp.column(each.alias, "counted") for each in beside),
    ]
    happened = exp.select(exp.Star()).from_(EVENTS) if left else _happened(facts, everybody=everybody)
    judged = people.select(verdict, *found, copy=False).with_(HAPPENED, as_=happened, copy=False)
    for table, alias in facts.tables.items():
        assert isinstance(table, exp.Select)
        judged = judged.with_(alias, as_=table, copy=False)
    tabled = facts.tables and not (everybody or facts.aggregates or carried)
    judged = judged.with_("counted", as_=_tabled(facts) if tabled else _counted(facts, carried), copy=False)
    if facts.cohorts:
        judged = judged.with_("people", as_=_everybody(facts), copy=False)
    for column in list(judged.find_all(exp.Column)):
        if column.table == EVERYBODY:
            column.set("table", exp.to_identifier("people" if facts.cohorts else "counted"))
    columns = [WHO, PERSON, *([LAST_EVENT] if last is not None else []), *(each.alias for each in beside)]
    return exp.select(*map(exp.column, columns)).from_(judged.subquery("judged", copy=False)).where(exp.column(BELONGS), copy=False)


def matters(rule: Rule, as_of: datetime, zone: str, dialect: Dialect) -> tuple[Stretch, ...] | None:
    """Which rows of `events` can change who is a member, or a member's `last_event`; None where each of them may."""
    facts = Facts(as_of, zone, dialect, {})
    _verdict(rule, facts)
    _last_event(rule, facts, [])
    if idle(rule) is not False or facts.first_use or facts.types is None:
        return None
    return stretches(facts.asked.values())


def _verdict(rule: Rule, facts: Facts) -> exp.Expr:
    match rule:
        case All(rules):
            return exp.and_(*(_verdict(part, facts) for part in rules), copy=False)
        case AnyOf(rules):
            return exp.or_(*(_verdict(part, facts) for part in rules), copy=False)
        case Not(part):
            return exp.Not(this=exp.paren(_verdict(part, facts), copy=False))
        case _:
            return form_of(rule).verdict(rule, facts)


def _last_event(rule: Rule, facts: Facts, carried: list[exp.Alias]) -> exp.Expr:
    """When a member was last counted: the latest of an aggregate, which is added to `carried`, and of the joined tables."""
    moments = [moment for clause in qualifying(rule) for moment in form_of(clause).moments(clause, facts)]
    columns = [moment for moment in moments if isinstance(moment, exp.Column) and moment.name == LAST_EVENT]
    done = [moment for moment in moments if moment not in columns]
    if columns and not done:
        return exp.Greatest(this=columns[0], expressions=columns[1:], ignore_nulls=True) if len(columns) > 1 else columns[0]
    condition = exp.or_(*done, copy=False) if done else exp.false()
    latest = exp.Max(this=exp.Case().when(condition, exp.column("time"), copy=False))
    carried.append(exp.Alias(this=latest, alias=exp.to_identifier(LAST_EVENT)))
    own = exp.column(LAST_EVENT, "counted")
    return exp.Greatest(this=own, expressions=columns, ignore_nulls=True) if columns else own


def _happened(facts: Facts, *, everybody: bool) -> exp.Select:
    """The events before the instant, and `first` where it is asked for; unless it is `everybody`, only those that matter."""
    before = exp.LT(this=exp.column("time", EVENTS), expression=facts.dialect.instant(facts.as_of))
    select = exp.select(exp.Column(this=exp.Star(), table=exp.to_identifier(EVENTS))).from_(EVENTS).where(before)
    if facts.first_use:
        happened = deed(exp.column("event_type", EVENTS))
        first = exp.alias_(exp.Min(this=exp.Case().when(happened, exp.column("time", EVENTS))), FIRST)
        firsts = exp.select(exp.column(WHO, EVENTS), first).from_(EVENTS).where(before.copy()).group_by(exp.column(WHO, EVENTS))
        same = exp.EQ(this=exp.column(WHO, "use"), expression=exp.column(WHO, EVENTS))
        select = select.select(exp.column(FIRST, "use")).join(firsts.subquery("use"), on=same)
    return select if everybody else select.where(*_matters(facts), copy=False)


def _matters(facts: Facts) -> list[exp.Expr]:
    """What every event has in common that is asked for: its type, and its time where all have a beginning."""
    if facts.types is None:
        return []
    types = exp.column("event_type", EVENTS).isin(*(exp.Literal.string(event) for event in sorted(facts.types)))
    conditions: list[exp.Expr] = [types if facts.types else exp.false()]
    firsts = [first for first in facts.earliest if first is not None]
    if firsts and len(firsts) == len(facts.earliest):
        conditions.append(exp.GTE(this=exp.column("time", EVENTS), expression=facts.dialect.instant(min(firsts))))
    return conditions


def _tabled(facts: Facts) -> exp.Select | exp.Union:
    """Those who are in one of the tables, where nobody else can be a member."""
    tables = [exp.select(exp.column(WHO), exp.column(PERSON)).from_(alias) for alias in facts.tables.values()]
    return exp.union(*tables, distinct=True) if len(tables) > 1 else tables[0]


def _counted(facts: Facts, carried: Iterable[exp.Alias]) -> exp.Select:
    """One row a person: every aggregate that is asked for."""
    person = exp.alias_(exp.AnyValue(this=exp.column(PERSON)), PERSON)
    found = [exp.alias_(aggregate, name, copy=False) for aggregate, name in facts.aggregates.items()]
    return exp.select(exp.column(WHO), person, *found, *carried).from_(HAPPENED, copy=False).group_by(exp.column(WHO), copy=False)


def _everybody(facts: Facts) -> exp.Select | exp.Union:
    """Whom a rule can speak of: those with an event, and the members of the cohorts it names."""
    named = [exp.to_table(facts.nested[cohort]) for cohort in facts.cohorts]
    members = [exp.select(exp.column(WHO), exp.column(PERSON)).distinct().from_(table) for table in named]
    return exp.union(exp.select(exp.column(WHO), exp.column(PERSON)).from_("counted"), *members, distinct=True)


def _people(facts: Facts, *, dated: bool) -> exp.Select:
    """Everybody, with what is known of each."""
    people = "people" if facts.cohorts else "counted"
    select = exp.select(exp.column(WHO, people), exp.column(PERSON, people)).from_(people, copy=False)
    if facts.cohorts:
        select = select.join("counted", join_type="left", on=_same("counted", people), copy=False)
    for cohort, alias in facts.cohorts.items():
        last = [exp.column(LAST_EVENT)] if dated and cohort in facts.recent else []
        members = exp.select(exp.column(WHO), exp.column(PERSON), *last).distinct().from_(exp.to_table(facts.nested[cohort]))
        select = select.join(members.subquery(alias), join_type="left", on=_same(alias, people), copy=False)
    for alias in facts.tables.values():
        select = select.join(alias, join_type="left", on=_same(alias, people), copy=False)
    return select


def _same(alias: str, people: str) -> exp.Expr:
    return exp.EQ(this=exp.column(WHO, alias), expression=exp.column(WHO, people))
