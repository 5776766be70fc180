"""A client's own tables as the relation `events` that rules are compiled against, whoever's SQL it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial, reduce
from typing import Protocol, cast

from sqlglot import exp

from tradewind.cohorts.clauses.form import EVENTS, PERSON, WHO, quoted
from tradewind.cohorts.operators import missing, there
from tradewind.engines.sql import DEVICE, USER, EngineDialect, aliased
from tradewind.events.shape import NO_PERSON
from tradewind.model.tables import ColumnKind, Rows, Stated, TimeUnit

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of what is known of a person and has no time."""

OWNER = "owner"
"""The table of whose each device was at each time at which it acted without a user."""

_ZERO = "00000000-0000-0000-0000-000000000000"

_MICROSECONDS = {TimeUnit.SECONDS: 1_000_000, TimeUnit.MILLISECONDS: 1_000, TimeUnit.MICROSECONDS: 1}

Kinds = Mapping[str, Mapping[str, ColumnKind]]
"""By table what each of its columns holds."""


class TableDialect(EngineDialect, Protocol):
    """The expressions of rules and members, and those that read a client's columns."""

    def key(self, person: exp.Expr) -> exp.Expr:
        """What persons (`user:<id>`, `device:<id>`) are told apart by: their MD5."""

    def text(self, column: exp.Expr, kind: ColumnKind) -> exp.Expr:
        """A column as text, compared and ordered by code points; NULL where it is NULL, or is JSON's null. A list is its JSON."""

    def property(self, document: exp.Expr, name: str) -> exp.Expr:
        """A key of a JSON column as text: a string itself, anything else its JSON; NULL where it is not there or null."""

    def states(self, document: exp.Expr, name: str) -> exp.Expr:
        """Whether a JSON column has a key, be it null."""

    def utc(self, column: exp.Expr, kind: ColumnKind) -> exp.Expr:
        """A time with or without a zone, a date, or a whole number of microseconds since 1970, as a time without a zone in UTC."""

    def moment(self, instant: datetime, kind: ColumnKind) -> exp.Expr:
        """A literal that a column of this kind is compared with as it is, so that an index of the client's is of use."""

    def document(self, text: str) -> exp.Expr:
        """A JSON value, as a column of kind JSON holds it."""


@dataclass(frozen=True)
class Relation:
    """The tables as `events`: who, person, user_id, device_id, event_type, time; by event property `e:<name>` and `event.<name>`, by user
    property `u:<name>`, `user.<name>` (both the same text) and `s:<name>`; only what happened before an instant, if there is one.
    """

    rows: Sequence[Rows]
    kinds: Kinds
    dialect: TableDialect
    before: datetime | None

    def tables(self, event: Iterable[str] = (), user: Iterable[str] = ()) -> list[tuple[str, exp.Query]]:
        """What stands in a WITH, in this order: the last is `events` with the properties named, those before it are needed by it."""
        told = self._told(sorted(set(event)), sorted(set(user)))
        names = told.named_selects
        user_id, device_id = exp.column("user_id", "told"), exp.column("device_id", "told")
        persons = [person_of(USER, user_id), person_of(DEVICE, device_id)]
        before: list[tuple[str, exp.Query]] = []
        joins: list[exp.Join] = []
        if self._lends():
            before = self._owners()
            alone = exp.Case().when(missing(user_id), device_id)
            held = exp.And(
                this=_equal(exp.column("device_id", OWNER), alone), expression=_equal(exp.column("time", OWNER), exp.column("time", "told"))
            )
            joins.append(exp.Join(this=exp.to_table(OWNER), side="LEFT", on=held))
            persons.insert(1, person_of(USER, exp.column("user_id", OWNER)))
        whose = aliased(exp.Coalesce(this=persons[0], expressions=persons[1:]), PERSON)
        seen = _select([*(exp.column(exp.to_identifier(name, quoted=True), "told") for name in names), whose], _named(told, "told"))
        seen.set("joins", joins)
        key = aliased(self.dialect.key(exp.column(PERSON)), WHO)
        return [*before, (EVENTS, _select([key, exp.column(PERSON), *map(quoted, names)], _named(seen, "seen")))]

    def _lends(self) -> bool:
        """Whether an event can be without a user on a device that has one."""
        return any(rows.device for rows in self.rows) and any(rows.user for rows in self.rows)

    def _owners(self) -> list[tuple[str, exp.Query]]:
        """The last user seen on a device at or before a time, else the first after; of several at one time the greatest."""
        device, time, user, turn = (partial(exp.column, name) for name in ("device_id", "time", "user_id", "turn"))
        ids = [self._one(rows, (), ()) for rows in self.rows if rows.device]
        lent = _select([device()], exp.to_table("ids"), missing(user()), there(device()))
        instants = _select([device(), time(), aliased(exp.Max(this=user()), "user_id")], exp.to_table("ids"), device().isin(query=lent))
        so_far = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
        order = exp.Order(expressions=[exp.Ordered(this=time(), nulls_first=True)])
        counted = exp.Window(this=exp.Count(this=user()), partition_by=[device()], order=order, spec=so_far)
        last = exp.Window(this=exp.Max(this=user()), partition_by=[device(), turn()])
        first = exp.Max(this=exp.Case().when(_equal(turn(), exp.Literal.number(1)), user()))
        after = exp.Window(this=first, partition_by=[device()])
        whose = aliased(exp.Coalesce(this=last, expressions=[after]), "user_id")
        return [
            ("ids", _all(ids)),
            ("instants", instants.group_by(device(), time(), copy=False)),
            ("turns", _select([device(), time(), user(), aliased(counted, "turn")], exp.to_table("instants"))),
            (OWNER, _select([device(), time(), whose], exp.to_table("turns"))),
        ]

    def _told(self, event: Sequence[str], user: Sequence[str]) -> exp.Query:
        return _all([self._one(rows, event, user) for rows in self.rows])

    def _one(self, rows: Rows, event: Sequence[str], user: Sequence[str]) -> exp.Select:
        """The rows of one table that say of somebody what happened, and when."""
        found: list[tuple[str, exp.Expr]] = [
            ("user_id", self._id(rows, rows.user)),
            ("device_id", self._id(rows, rows.device)),
            ("event_type", self._type(rows)),
            ("time", self._time(rows)),
        ]
        for name in event:
            value = self._value(rows, rows.properties, name)
            found += [(f"e:{name}", value), (f"event.{name}", value.copy())]
        for name in user:
            value = self._value(rows, rows.user_properties, name)
            found += [(f"u:{name}", value), (f"user.{name}", value.copy()), (f"s:{name}", self._states(rows, name))]
        inner = _select([aliased(value, name) for name, value in found], table_of(rows.table), *self._early(rows))
        somebody = exp.Paren(this=exp.Or(this=there(exp.column("user_id")), expression=there(exp.column("device_id"))))
        known = [somebody, there(exp.column("time")), *([there(exp.column("event_type"))] if rows.event_column else [])]
        return _select([quoted(name) for name, _ in found], _named(inner, "one"), *known)

    def _kind(self, rows: Rows, column: str) -> ColumnKind:
        return self.kinds[rows.table][column]

    def _text(self, rows: Rows, column: str) -> exp.Expr:
        return self.dialect.text(quoted(column), self._kind(rows, column))

    def _id(self, rows: Rows, column: str | None) -> exp.Expr:
        """An id, NULL where it stands for nobody."""
        if column is None:
            return _no_text()
        text = self._text(rows, column)
        nobody = exp.Lower(this=text.copy()).isin(*map(exp.Literal.string, NO_PERSON))
        return exp.Case().when(exp.not_(exp.or_(nobody, _equal(text.copy(), exp.Literal.string(_ZERO)))), text)

    def _type(self, rows: Rows) -> exp.Expr:
        """What happened; NULL where a row only says what is known of somebody."""
        if rows.event_column:
            return self._text(rows, rows.event_column)
        return exp.Literal.string(rows.event) if rows.event else _no_text()

    def _time(self, rows: Rows) -> exp.Expr:
        if rows.time is None:
            return self.dialect.instant(BEGINNING)
        if rows.unit is None:
            return self.dialect.utc(quoted(rows.time), self._kind(rows, rows.time))
        of_one = exp.Literal.number(_MICROSECONDS[rows.unit])
        return self.dialect.utc(exp.Mul(this=exp.cast(quoted(rows.time), exp.DType.BIGINT), expression=of_one), ColumnKind.INTEGER)

    def _early(self, rows: Rows) -> list[exp.Expr]:
        """Only what is before the instant, said of the column as it is."""
        if self.before is None or rows.time is None:
            return []
        if rows.unit is None:
            return [exp.LT(this=quoted(rows.time), expression=self.dialect.moment(self.before, self._kind(rows, rows.time)))]
        since = self.before - BEGINNING
        microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        return [exp.LT(this=quoted(rows.time), expression=exp.Literal.number(-(-microseconds // _MICROSECONDS[rows.unit])))]

    def _value(self, rows: Rows, stated: Stated, name: str) -> exp.Expr:
        """A property as text: of a column of its own, else of the JSON."""
        found = [self._text(rows, column) for own, column in stated.columns if own == name]
        if stated.json:
            found.append(self.dialect.property(quoted(stated.json), name))
        return exp.Coalesce(this=found[0], expressions=found[1:]) if len(found) > 1 else (found[0] if found else _no_text())

    def _states(self, rows: Rows, name: str) -> exp.Expr:
        """Whether a row says anything of a user property; an empty cell says nothing, unless the row says all there is."""
        stated = rows.user_properties
        if rows.whole:
            return exp.convert(bool(stated.json) or name in dict(stated.columns))
        found = [there(quoted(column)) for own, column in stated.columns if own == name]
        if stated.json:
            found.append(exp.Coalesce(this=self.dialect.states(quoted(stated.json), name), expressions=[exp.false()]))
        return exp.or_(*found) if found else exp.false()


def table_of(name: str) -> exp.Table:
    """A table by its name, which may have those of schema and database before it; letters count."""
    *above, table = (exp.to_identifier(part, quoted=True) for part in name.split("."))
    schema = above.pop() if above else None
    return exp.Table(this=table, db=schema, catalog=above.pop() if above else None)


def _select(columns: Sequence[exp.Expr], source: exp.Expr, *where: exp.Expr) -> exp.Select:
    """A SELECT of what is given and is nobody else's: SQLGlot's own builder copies it all at every step."""
    condition = exp.Where(this=reduce(lambda one, other: exp.And(this=one, expression=other), where)) if where else None
    return exp.Select(expressions=list(columns), from_=exp.From(this=source), where=condition)


def _named(query: exp.Query, name: str) -> exp.Subquery:
    return exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(name)))


def _all(selects: Sequence[exp.Select]) -> exp.Query:
    first, *others = selects
    return reduce(lambda one, other: exp.Union(this=one, expression=other, distinct=False), others, cast("exp.Query", first))


def person_of(kind: str, own: exp.Expr) -> exp.Expr:
    """What a user or a device is known by: `user:<id>` or `device:<id>`; NULL without an id."""
    return exp.DPipe(this=exp.Literal.string(kind), expression=own.copy(), safe=True)


def _no_text() -> exp.Expr:
    return exp.cast(exp.Null(), exp.DType.TEXT)


def _equal(one: exp.Expr, other: exp.Expr) -> exp.Expr:
    return exp.EQ(this=one.copy(), expression=other.copy())
