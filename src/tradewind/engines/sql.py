"""What engines that speak SQL share: the columns beside each member, found in one pass over the members' events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlglot import exp

from tradewind.cohorts.clauses.form import EVENTS, PERSON, WHO, quoted
from tradewind.cohorts.dialect import Dialect
from tradewind.cohorts.operators import there
from tradewind.model.snapshot import Wanted

MEMBERS, DOUBTFUL, SURE = "members", "doubtful", "sure"
USER, DEVICE = "user:", "device:"

NOBODY = "00000000-0000-0000-0000-000000000000"
"""Stands for the value of a property that has none: it is read as text and as UUID alike, and who really has it is looked at again."""


class EngineDialect(Dialect, Protocol):
    """The expressions of a rule, and those of a member."""

    def member(self, who: exp.Expr) -> exp.Expr:
        """The 16 bytes of a person's key."""

    def in_order(self, value: exp.Expr, time: exp.Expr) -> exp.Expr:
        """An aggregate: the values as a list, in the order of time, then of the value."""


def properties(wanted: Sequence[Wanted]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The event properties and the user properties among the wanted sources, each once, sorted."""
    sources = sorted({column.source for column in wanted})
    event = tuple(source.removeprefix("event.") for source in sources if source.startswith("event."))
    user = tuple(source.removeprefix("user.") for source in sources if source.startswith("user."))
    return event, user


def needs_names(wanted: Sequence[Wanted]) -> bool:
    """Whether a wanted column is part of the text of a person."""
    return any(column.source in ("user_id", "device_id") for column in wanted)


def glances(wanted: Sequence[Wanted]) -> list[exp.Alias]:
    """Aggregates over the events of a person: the least and the greatest value of each wanted column.

    Nearly everybody states one value of a property and never another: where the two are the same, nothing need be put in the order
    of time.
    """
    found = []
    for number, column in enumerate(wanted):
        if _found(column):
            value = _stated(column)
            found += [aliased(exp.Min(this=value), f"low{number}"), aliased(exp.Max(this=value.copy()), f"high{number}")]
    return found


def members(found: exp.Select, beside: Sequence[str], dialect: EngineDialect) -> exp.Select:
    """The table `members` of those whom a rule finds: `who`, `member`, and the columns `beside`."""
    member = aliased(dialect.member(exp.column(WHO)), "member")
    return exp.select(exp.column(WHO), member, *map(exp.column, beside)).from_(found.subquery("found"))


def at_a_glance(wanted: Sequence[Wanted], dialect: EngineDialect, *, most: bool = False) -> exp.Select:
    """Every row and column of the table `members` but `who`, each wanted column as `with_columns` gives it, and `sure` (1 or 0).

    Where it is not sure, the columns are not the answer. With `most`, everybody's events are grouped: where most are
    the members', this costs less than leaving the others out.
    """
    select = _members(MEMBERS)
    if aggregates := glances(wanted):
        found = exp.select(exp.column(WHO), *aggregates).from_(EVENTS).where(*([] if most else [_mine(MEMBERS)])).group_by(exp.column(WHO))
        select = select.with_("found", as_=found).join("found", join_type="left", on=_same("found", MEMBERS))
    return select.select(*_at_a_glance(wanted, "found", dialect))


def at_once(found: exp.Select, beside: Sequence[str], wanted: Sequence[Wanted], dialect: EngineDialect) -> exp.Select:
    """The same of members who are found with their `glances` in one pass; `beside` are the columns of theirs that are wanted too."""
    member = aliased(dialect.member(exp.column(WHO)), "member")
    return exp.select(member, *map(exp.column, beside), *_at_a_glance(wanted, MEMBERS, dialect)).from_(found.subquery(MEMBERS))


def _at_a_glance(wanted: Sequence[Wanted], table: str, dialect: EngineDialect) -> list[exp.Alias]:
    """The columns by the glances in `table`, and `sure`."""
    columns, sure = [], []
    for number, column in enumerate(wanted):
        low, high = (exp.column(f"{end}{number}", table) for end in ("low", "high"))
        if _found(column):
            sure.append(_one_value(column, low, high))
        value = exp.Case().when(there(low), dialect.listed([low])) if column.all_values else low
        columns.append(aliased(_shown(column, value, MEMBERS, dialect), column.source))
    judged = exp.Case().when(exp.and_(*sure) if sure else exp.true(), exp.Literal.number(1)).else_(exp.Literal.number(0))
    return [*columns, aliased(judged, SURE)]


def with_columns(
    wanted: Sequence[Wanted], dialect: EngineDialect, members: str = MEMBERS, *, most: bool = False, kept: Sequence[str] = ()
) -> exp.Select:
    """Every row of the table `members` with the columns `kept`, all but `who` unless said, and, named as its source, each wanted column.

    A column of the latest value is text; one of all values is a list of different texts, the latest last, NULL when empty. Where
    the events hold a property as UUIDs, these stand for the texts. With `most`, everybody's events are grouped.
    """
    select = exp.select(*(exp.column(name, members) for name in kept)).from_(members) if kept else _members(members)
    for number, column in enumerate(wanted):
        table = f"found{number}"
        if _found(column):
            select = select.with_(table, as_=_values(column, dialect, [] if most else [_mine(members)]))
            select = select.join(table, join_type="left", on=_same(table, members))
        found = exp.column(exp.to_identifier(column.source, quoted=True), table)
        select = select.select(aliased(_shown(column, found, members, dialect), column.source))
    return select


def stated(wanted: Sequence[Wanted]) -> exp.Select:
    """One row: how many events state a value of each wanted source; zero means the data does not have it at all."""
    counts = [exp.alias_(exp.Count(this=quoted(column.source)), f"n{i}") for i, column in enumerate(wanted)]
    return exp.select(*counts).from_(EVENTS)


def aliased(value: exp.Expr, name: str) -> exp.Alias:
    """A value under a name, which is quoted."""
    return exp.Alias(this=value, alias=exp.to_identifier(name, quoted=True))


def _found(column: Wanted) -> bool:
    """Whether events must be read: a user id is the person itself."""
    return column.source != "user_id"


def _members(table: str) -> exp.Select:
    return exp.select(exp.Column(this=exp.Star(except_=[exp.to_identifier(WHO)]), table=exp.to_identifier(table))).from_(table)


def _mine(members: str) -> exp.Expr:
    return exp.column(WHO).isin(query=exp.select(exp.column(WHO)).from_(members))


def _says(column: Wanted) -> exp.Expr:
    """Whether an event states the property, be it that it has no value any more."""
    value = quoted(column.source)
    return quoted(f"s:{column.source.removeprefix('user.')}") if column.source.startswith("user.") else there(value)


def _stated(column: Wanted) -> exp.Expr:
    """What an event says of the column: a value, NULL for nothing, and NOBODY where a latest value is taken away."""
    value = quoted(column.source)
    if column.all_values or not column.source.startswith("user."):
        return value
    return exp.Case().when(_says(column), exp.Coalesce(this=value, expressions=[exp.Literal.string(NOBODY)]))


def _one_value(column: Wanted, low: exp.Expr, high: exp.Expr) -> exp.Expr:
    """Whether a person's events state one value of the column or none, so that their times do not matter."""
    same: exp.Expr = exp.EQ(this=low.copy(), expression=high.copy())
    if not column.all_values:
        same = exp.and_(same, exp.NEQ(this=low.copy(), expression=exp.Literal.string(NOBODY)))
    return exp.Coalesce(this=same, expressions=[exp.true()])


def _values(column: Wanted, dialect: EngineDialect, mine: Sequence[exp.Expr]) -> exp.Select:
    """`who` and the wanted value or values of each: first when each different value was last stated, which few rows are left of."""
    value, last = quoted(column.source), exp.column("last")
    different = (
        exp.select(exp.column(WHO), aliased(value, "value"), aliased(exp.Max(this=exp.column("time")), "last"))
        .from_(EVENTS)
        .where(*mine, there(value) if column.all_values else _says(column))
        .group_by(exp.column(WHO), value.copy())
    )
    value = exp.column("value")
    wanted = dialect.in_order(value, last) if column.all_values else dialect.latest(value, last, exp.true())
    found = aliased(wanted, column.source)
    return exp.select(exp.column(WHO), found).from_(different.subquery("different")).group_by(exp.column(WHO))


def _shown(column: Wanted, found: exp.Expr, members: str, dialect: EngineDialect) -> exp.Expr:
    """The column as found in events; a user or device that is a person has at least its own id."""
    if column.source not in ("user_id", "device_id"):
        return found
    own = _own(USER if column.source == "user_id" else DEVICE, members)
    if column.all_values:
        own = exp.Case().when(there(own), dialect.listed([own]))
    return own if column.source == "user_id" else exp.Coalesce(this=found, expressions=[own])


def _own(kind: str, members: str) -> exp.Expr:
    """The id inside the text of a person of this kind."""
    person = exp.column(PERSON, members)
    starts = exp.StartsWith(this=person, expression=exp.Literal.string(kind))
    return exp.Case().when(starts, exp.Substring(this=person.copy(), start=exp.Literal.number(len(kind) + 1)))


def _same(table: str, members: str) -> exp.Expr:
    return exp.EQ(this=exp.column(WHO, table), expression=exp.column(WHO, members))
