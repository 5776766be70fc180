"""The embedded engine: rules and columns over the event store's files, in DuckDB, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from tradewind.cohorts.clauses.form import EVENTS, PERSON, WHO
from tradewind.cohorts.compile import compile_rule, matters
from tradewind.cohorts.dialect import NUMBER
from tradewind.cohorts.rules import properties
from tradewind.cohorts.stretches import Stretch
from tradewind.compute import Bounds, connect, literal, told_of
from tradewind.durable import publish
from tradewind.engines import sql
from tradewind.engines.base import rule_of
from tradewind.engines.shares import KEY, EventTable, MemberFile, Shares
from tradewind.errors import EngineError
from tradewind.events.relation import WHOLE, Part
from tradewind.model.cohort import Cohort
from tradewind.model.project import Project
from tradewind.model.snapshot import LAST_EVENT, Snapshot, Wanted

SHARE_ROWS = 4_000_000
"""Events of a share of the people: some hundred MiB while they are grouped."""

GUESSES = "join_order,build_side_probe_side"
"""Steps of DuckDB's optimizer that guess sizes behind filters far too low; what is small stands on the right of each join here."""

SETTINGS = {"disabled_optimizers": f"'{GUESSES}'", "parquet_metadata_cache": "true", "arrow_lossless_conversion": "true"}
"""Of every DuckDB that answers about events: each share reads some of every file, and a UUID stays 16 bytes."""

MOST = 8
"""Events for each member of a share, up to which most events are taken to be the members', and the next share is asked all in one pass."""

ROWS = 65_536
"""Rows that are written at a time."""


_DECIMAL = exp.DataType.build("decimal(27, 9)")
_MOST = Decimal("999999999999999999.999999999")


class DuckDBDialect:
    """The expressions of a rule as DuckDB writes them."""

    name = "duckdb"

    def instant(self, moment: datetime) -> exp.Expr:
        """A TIMESTAMP without zone, in UTC, as the files hold it."""
        written = moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        return exp.cast(exp.Literal.string(written), exp.DType.TIMESTAMPNTZ)

    def number(self, text: exp.Expr) -> exp.Expr:
        """TRY_CAST alone would also take `nan`, `1_000` and blanks for numbers."""
        double = exp.TryCast(this=text.copy(), to=exp.DataType.build("double"), safe=True, requires_string=True)
        return exp.Case().when(self.matches(text.copy(), exp.Literal.string(NUMBER)), double)

    def matches(self, text: exp.Expr, pattern: exp.Expr) -> exp.Expr:
        return exp.RegexpFullMatch(this=text, expression=pattern)

    def elements(self, text: exp.Expr) -> exp.Expr:
        parsed = exp.TryCast(this=text.copy(), to=exp.DataType.build("json", dialect="duckdb"), safe=True, requires_string=True)
        listed = exp.func("json_extract_string", parsed, exp.Literal.string("$[*]"), dialect="duckdb")
        return exp.Case().when(exp.StartsWith(this=text.copy(), expression=exp.Literal.string("[")), exp.ArrayCompact(this=listed))

    def any_element(self, name: str, elements: exp.Expr, holds: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
        element = exp.to_identifier(name)
        found = exp.ArrayFilter(this=elements.copy(), expression=exp.Lambda(this=holds(exp.column(element)), expressions=[element]))
        return exp.GT(this=exp.ArraySize(this=found), expression=exp.Literal.number(0))

    def listed(self, texts: Sequence[exp.Expr]) -> exp.Expr:
        return exp.Array(expressions=[text.copy() for text in texts])

    def includes(self, elements: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
        return exp.func("list_has_all", elements, self.listed(values), dialect="duckdb")

    def different(self, elements: exp.Expr) -> exp.Expr:
        return exp.ArraySize(this=exp.ArrayDistinct(this=elements))

    def latest(self, value: exp.Expr, time: exp.Expr, stated: exp.Expr) -> exp.Expr:
        """The greatest of (time, whether there is a value, value), which are compared in this order."""
        there = exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null()))
        parts = {"at": time, "there": there, "value": value.copy()}
        said = exp.Struct(expressions=[exp.PropertyEQ(this=exp.to_identifier(name), expression=part) for name, part in parts.items()])
        return exp.func("struct_extract", exp.Max(this=exp.Case().when(stated, said)), exp.Literal.string("value"), dialect="duckdb")

    def decimal(self, text: exp.Expr) -> exp.Expr:
        """TRY_CAST also gives what is too large for the type, if it is written with a power of ten."""
        number = exp.TryCast(this=text.copy(), to=_DECIMAL.copy(), safe=True, requires_string=True)
        small = exp.Between(this=number.copy(), low=self.exactly(-_MOST), high=self.exactly(_MOST))
        return exp.Case().when(exp.and_(self.matches(text.copy(), exp.Literal.string(NUMBER)), small), number)

    def exactly(self, number: Decimal) -> exp.Expr:
        return exp.cast(exp.Literal.string(f"{number:f}"), _DECIMAL.copy())

    def micros(self, time: exp.Expr) -> exp.Expr:
        return exp.func("epoch_us", time, dialect="duckdb")

    def day(self, time: exp.Expr, zone: str) -> exp.Expr:
        there = time if zone == "UTC" else _at(_at(time, "UTC"), zone)
        return exp.cast(there, "date")

    def md5_hex(self, text: exp.Expr) -> exp.Expr:
        return exp.func("md5", text, dialect="duckdb")

    def member_hex(self, who: exp.Expr) -> exp.Expr:
        return exp.Lower(this=exp.func("hex", self.member(who), dialect="duckdb"))

    def member(self, who: exp.Expr) -> exp.Expr:
        return exp.cast(who, "blob")

    def in_order(self, value: exp.Expr, time: exp.Expr) -> exp.Expr:
        order = exp.Order(this=value, expressions=[exp.Ordered(this=time), exp.Ordered(this=value.copy())])
        return exp.ArrayAgg(this=order)


def _at(time: exp.Expr, zone: str) -> exp.Expr:
    """A time without zone as an instant of that zone; an instant as the time there."""
    return exp.func("timezone", exp.Literal.string(zone), time, dialect="duckdb")


class DuckDBEngine:
    """Answers each question in a DuckDB of its own over the files of `events`; holds nothing between questions.

    The people are taken share by share, each with about `share_rows` events: cost grows with the events, memory does not.
    """

    def __init__(self, events: EventTable, bounds: Bounds, share_rows: int = SHARE_ROWS) -> None:
        self._events, self._bounds, self._share_rows, self._dialect = events, bounds, share_rows, DuckDBDialect()

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
        named = named or sql.needs_names(wanted)
        rule = rule_of(cohort, nested)
        events = self._events.view(project.id, *_both(properties(rule), sql.properties(wanted)), as_of)
        with self._session(f"the evaluation of cohort '{cohort.id}'") as connection, _growing(out) as growing:
            shares = Shares(connection, events, growing.with_suffix(".lent"))
            recent = {name for name, path in nested.items() if LAST_EVENT in pq.read_schema(path).names} if recency else None
            tables = shares.nest(nested, recent or ())
            few = None if sql.glances(wanted) else self._parts(matters(rule, as_of, project.zone, self._dialect))
            compiled = partial(compile_rule, rule, as_of, project.zone, self._dialect, tables, recent, left=few is not None)
            beside = [*([PERSON] if named else []), *([LAST_EVENT] if recency else [])]
            members = self._written(sql.members(compiled(), beside, self._dialect))
            at_once = self._written(sql.at_once(compiled(beside=sql.glances(wanted)), beside, wanted, self._dialect))
            most = False
            with MemberFile(growing) as file:
                for rows in shares.each(self._share_rows, named=named, matters=few):
                    if most and not named:
                        self._write(connection, file, wanted, at_once)
                        continue
                    (found,) = _row(connection, f"CREATE OR REPLACE TEMP TABLE {sql.MEMBERS} AS {members}")
                    most = rows <= MOST * found
                    self._write(connection, file, wanted, self._written(sql.at_a_glance(wanted, self._dialect, most=most)))
            missing = self._missing(connection, project, as_of, file, wanted)
            publish(growing, out)
        return Snapshot(out, file.rows, as_of, missing)

    def attach(self, project: Project, members: Path, as_of: datetime, wanted: Sequence[Wanted], out: Path) -> Snapshot:
        with self._session(f"finding columns for the members in {members.name}") as connection, _growing(out) as growing:
            self._read(connection, project, as_of, sql.properties(wanted))
            connection.execute(f"CREATE TEMP VIEW {sql.MEMBERS} AS SELECT {KEY}, * FROM read_parquet({literal(members)})")
            with MemberFile(growing) as file:
                self._write(connection, file, wanted, self._written(sql.at_a_glance(wanted, self._dialect)))
            missing = self._missing(connection, project, as_of, file, wanted)
            publish(growing, out)
        return Snapshot(out, file.rows, as_of, missing)

    def persons(self, project: Project, members: Collection[bytes], as_of: datetime) -> dict[bytes, str]:
        asked = pa.table({"member": pa.array(sorted(members), pa.binary())})
        with self._session("finding the names of members") as connection:
            connection.register("asked", asked)
            events = self._events.view(project.id, (), (), as_of).own(WHOLE, None)
            named = f"SELECT {WHO}, any_value({PERSON}) AS {PERSON} FROM ({events}) WHERE {WHO} IN (SELECT {KEY} FROM asked) GROUP BY {WHO}"
            return dict(connection.execute(f"SELECT {WHO}::BLOB, {PERSON} FROM ({named})").fetchall())

    def close(self) -> None:
        """Nothing is held between questions."""

    def _write(self, connection: duckdb.DuckDBPyConnection, file: MemberFile, wanted: Sequence[Wanted], glance: str) -> None:
        """Append members with their wanted columns; those with more than one value of a property are asked for once more."""
        unsure = file.write(connection.sql(glance).to_arrow_reader(ROWS))
        if unsure.num_rows:
            connection.register("unsure", unsure.drop_columns([column.source for column in wanted]))
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {sql.DOUBTFUL} AS SELECT {KEY}, * FROM unsure")
            connection.unregister("unsure")
            file.write(connection.sql(self._written(sql.with_columns(wanted, self._dialect, sql.DOUBTFUL))).to_arrow_reader(ROWS))

    @contextmanager
    def _session(self, what: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """A DuckDB for one question; its failure and the disk's are told in one sentence, without the statement."""
        try:
            with connect(self._bounds, SETTINGS) as connection:
                yield connection
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise EngineError(f"{what} failed: {told_of(error)}") from None

    def _read(
        self, connection: duckdb.DuckDBPyConnection, project: Project, as_of: datetime, names: tuple[Sequence[str], Sequence[str]]
    ) -> None:
        """Name all of the project's events `events`, with a column for each event property and user property named."""
        relation = self._events.view(project.id, *names, as_of).relation()
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {EVENTS} AS {relation}")

    def _missing(
        self, connection: duckdb.DuckDBPyConnection, project: Project, as_of: datetime, file: MemberFile, wanted: Sequence[Wanted]
    ) -> tuple[str, ...]:
        """Wanted sources that no event states. The events are only asked about those that no member has."""
        empty = [column for column in wanted if not file.values.get(column.source)]
        if not empty:
            return ()
        self._read(connection, project, as_of, sql.properties(empty))
        counts = _row(connection, self._written(sql.stated(empty)))
        return tuple(column.source for column, count in zip(empty, counts, strict=True) if count == 0)

    def _parts(self, stretches: Sequence[Stretch] | None) -> list[Part] | None:
        """The events that matter, as the event store is asked for them."""
        if stretches is None:
            return None
        return [Part(each.first, each.end, each.holds().sql(self._dialect.name), tuple(sorted(each.properties))) for each in stretches]

    def _written(self, select: exp.Select) -> str:
        return select.sql(self._dialect.name)


@contextmanager
def _growing(out: Path) -> Iterator[Path]:
    """Where a file lies until it is whole; nothing stays of one that does not become so."""
    growing = out.with_name(f".{out.name}.growing")
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield growing
    finally:
        growing.unlink(missing_ok=True)


def _both(one: tuple[Sequence[str], Sequence[str]], other: tuple[Sequence[str], Sequence[str]]) -> tuple[list[str], list[str]]:
    """The event properties and the user properties of either, each once, sorted."""
    return sorted({*one[0], *other[0]}), sorted({*one[1], *other[1]})


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    if row is None:
        raise EngineError("a count came back empty")
    return row
