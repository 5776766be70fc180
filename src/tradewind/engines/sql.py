"""What engines that speak SQL share: the columns beside each member, found in one pass over the members' events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlglot import exp

from tradewind.cohorts.compile import EVENTS, PERSON, WHO, quoted
from tradewind.cohorts.dialect import Dialect
from tradewind.model.snapshot import Wanted

MEMBERS = "members"
USER, DEVICE = "user:", "device:"


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


def with_columns(wanted: Sequence[Wanted], dialect: EngineDialect, *, most: bool = False) -> exp.Select:
    """Every row and column of the table `members` but `who` and, named as its source, each wanted column.

    A column of the latest value is text; one of all values is a list of different texts, the latest last, NULL when empty. Where
    the events hold a property as UUIDs, these stand for the texts. With `most`, everybody's events are grouped: where most are
    the members', this costs less than leaving the others out.
    """
    select = exp.select(exp.Column(this=exp.Star(except_=[exp.to_identifier(WHO)]), table=exp.to_identifier(MEMBERS))).from_(MEMBERS)
    for number, column in enumerate(wanted):
        table = f"found{number}"
        if _found(column):
            select = select.with_(table, as_=_values(column, dialect, most=most)).join(table, join_type="left", on=_same(table))
        select = select.select(exp.alias_(_shown(column, table, dialect), column.source, quoted=True))
    return select


def stated(wanted: Sequence[Wanted]) -> exp.Select:
    """One row: how many events state a value of each wanted source; zero means the data does not have it at all."""
    counts = [exp.alias_(exp.Count(this=quoted(column.source)), f"n{i}") for i, column in enumerate(wanted)]
    return exp.select(*counts).from_(EVENTS)


def _found(column: Wanted) -> bool:
    """Whether events must be read: a user id is the person itself."""
    return column.source != "user_id"


def _there(value: exp.Expr) -> exp.Expr:
    return exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null()))


def _values(column: Wanted, dialect: EngineDialect, *, most: bool) -> exp.Select:
    """`who` and the wanted value or values of each member: first when each different value was last stated, which few rows are left of."""
    value, last = quoted(column.source), exp.column("last")
    says = quoted(f"s:{column.source.removeprefix('user.')}") if column.source.startswith("user.") else _there(value)
    mine = exp.column(WHO).isin(query=exp.select(exp.column(WHO)).from_(MEMBERS))
    different = (
        exp.select(exp.column(WHO), exp.alias_(value, "value"), exp.alias_(exp.Max(this=exp.column("time")), "last"))
        .from_(EVENTS)
        .where(*([] if most else [mine]), _there(value) if column.all_values else says)
        .group_by(exp.column(WHO), value.copy())
    )
    value = exp.column("value")
    wanted = dialect.in_order(value, last) if column.all_values else dialect.latest(value, last, exp.true())
    found = exp.alias_(wanted, column.source, quoted=True)
    return exp.select(exp.column(WHO), found).from_(different.subquery("different")).group_by(exp.column(WHO))


def _shown(column: Wanted, table: str, dialect: EngineDialect) -> exp.Expr:
    """The column as found in events; a user or device that is a person has at least its own id."""
    if column.source not in ("user_id", "device_id"):
        return exp.column(exp.to_identifier(column.source, quoted=True), table)
    own = _own(USER if column.source == "user_id" else DEVICE)
    if column.all_values:
        own = exp.Case().when(_there(own), dialect.listed([own]))
    if column.source == "user_id":
        return own
    return exp.Coalesce(this=exp.column(exp.to_identifier(column.source, quoted=True), table), expressions=[own])


def _own(kind: str) -> exp.Expr:
    """The id inside the text of a person of this kind."""
    person = exp.column(PERSON, MEMBERS)
    starts = exp.StartsWith(this=person, expression=exp.Literal.string(kind))
    return exp.Case().when(starts, exp.Substring(this=person.copy(), start=exp.Literal.number(len(kind) + 1)))


def _same(table: str) -> exp.Expr:
    return exp.EQ(this=exp.column(WHO, table), expression=exp.column(WHO, MEMBERS))
