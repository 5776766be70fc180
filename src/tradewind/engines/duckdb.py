"""The embedded engine: rules and columns over the event store's files, in DuckDB, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import duckdb
from sqlglot import exp

from tradewind.cohorts.compile import PERSON, compile_people, compile_rule, properties
from tradewind.cohorts.dialect import NUMBER
from tradewind.compute import Bounds, connect, literal
from tradewind.durable import publish
from tradewind.engines import sql
from tradewind.engines.base import Preview, rule_of
from tradewind.errors import EngineError
from tradewind.model.cohort import Cohort
from tradewind.model.project import Project
from tradewind.model.snapshot import Snapshot, Wanted


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
        """The greatest of (time, has a value, value): a struct's fields compare one after another, and none of them is NULL."""
        has = exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null()))
        fields = {"at": time, "has": has, "value": exp.Coalesce(this=value.copy(), expressions=[exp.Literal.string("")])}
        row = exp.Struct(expressions=[exp.PropertyEQ(this=exp.to_identifier(name), expression=field) for name, field in fields.items()])
        greatest = exp.Max(this=exp.Case().when(stated, row))
        return exp.Case().when(
            exp.Dot(this=greatest, expression=exp.to_identifier("has")),
            exp.Dot(this=greatest.copy(), expression=exp.to_identifier("value")),
        )

    def member(self, person: exp.Expr) -> exp.Expr:
        return exp.Unhex(this=exp.MD5(this=person))

    def in_order(self, value: exp.Expr, time: exp.Expr) -> exp.Expr:
        order = exp.Order(this=value, expressions=[exp.Ordered(this=time), exp.Ordered(this=value.copy())])
        return exp.ArrayAgg(this=order)


class EventTable(Protocol):
    """Where the engine finds what people did."""

    def relation(self, project: str, event_properties: Sequence[str], user_properties: Sequence[str], before: datetime) -> str:
        """A SELECT for DuckDB: person, user_id, device_id, event_type, time (UTC); for each event property `e:<name>`; for
        each user property `u:<name>`, and `s:<name>`: whether the event states it. Texts, NULL where there is no value.
        """


class DuckDBEngine:
    """Answers each question in a DuckDB of its own over the files of `events`; holds nothing between questions."""

    def __init__(self, events: EventTable, bounds: Bounds) -> None:
        self._events, self._bounds, self._dialect = events, bounds, DuckDBDialect()

    def evaluate(
        self, project: Project, cohort: Cohort, as_of: datetime, wanted: Sequence[Wanted], nested: Mapping[str, Path], out: Path
    ) -> Snapshot:
        rule = rule_of(cohort, nested)
        with self._session(f"the evaluation of cohort '{cohort.id}'") as connection:
            self._read(connection, project, as_of, properties(rule))
            tables = _name_members(connection, nested)
            select = compile_rule(rule, as_of, project.zone, self._dialect, tables).subquery("found")
            member = exp.alias_(self._dialect.member(exp.column(PERSON)), "member")
            members = exp.select(member, exp.column(PERSON)).from_(select)
            connection.execute(f"CREATE TEMP TABLE {sql.MEMBERS} AS {self._written(members)}")
            self._read(connection, project, as_of, sql.properties(wanted))
            return self._write(connection, as_of, wanted, out)

    def attach(self, project: Project, members: Path, as_of: datetime, wanted: Sequence[Wanted], out: Path) -> Snapshot:
        with self._session(f"finding columns for the members in {members.name}") as connection:
            self._read(connection, project, as_of, sql.properties(wanted))
            connection.execute(f"CREATE TEMP VIEW {sql.MEMBERS} AS SELECT * FROM read_parquet({literal(members)})")
            return self._write(connection, as_of, wanted, out)

    def preview(self, project: Project, cohort: Cohort, as_of: datetime, nested: Mapping[str, Path], limit: int) -> Preview:
        rule = rule_of(cohort, nested)
        with self._session(f"the preview of cohort '{cohort.id}'") as connection:
            self._read(connection, project, as_of, properties(rule))
            select = compile_people(rule, as_of, project.zone, self._dialect, _name_members(connection, nested))
            connection.execute(f"CREATE TEMP TABLE judged AS {self._written(select)}")
            members, universe = _row(connection, "SELECT count(*) FILTER (WHERE belongs), count(*) FROM judged")
            sample = connection.execute("SELECT person FROM judged WHERE belongs ORDER BY person LIMIT ?", [limit]).fetchall()
            return Preview(members, universe, tuple(person for (person,) in sample))

    def close(self) -> None:
        """Nothing is held between questions."""

    @contextmanager
    def _session(self, what: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """A DuckDB for one question; its failure and the disk's are told in one sentence, without the statement."""
        try:
            with connect(self._bounds) as connection:
                yield connection
        except (duckdb.Error, OSError) as error:
            first_line = str(error).partition("\n")[0] or type(error).__name__
            raise EngineError(f"{what} failed: {first_line}") from None

    def _read(
        self, connection: duckdb.DuckDBPyConnection, project: Project, as_of: datetime, names: tuple[Sequence[str], Sequence[str]]
    ) -> None:
        """Name the project's events `events`, with a column for each event property and user property named."""
        relation = self._events.relation(project.id, *names, as_of)
        connection.execute(f"CREATE OR REPLACE TEMP VIEW events AS {relation}")

    def _write(self, connection: duckdb.DuckDBPyConnection, as_of: datetime, wanted: Sequence[Wanted], out: Path) -> Snapshot:
        """The table `members` with the wanted columns, sorted, as a file."""
        select = sql.with_columns(wanted, self._dialect).order_by(exp.column("member", sql.MEMBERS))
        out.parent.mkdir(parents=True, exist_ok=True)
        growing = out.with_name(f".{out.name}.growing")
        try:
            (members,) = _row(connection, f"COPY ({self._written(select)}) TO {literal(growing)} (FORMAT parquet, COMPRESSION zstd)")
            missing = self._missing(connection, growing, wanted)
            publish(growing, out)
        finally:
            growing.unlink(missing_ok=True)
        return Snapshot(out, members, as_of, missing)

    def _missing(self, connection: duckdb.DuckDBPyConnection, file: Path, wanted: Sequence[Wanted]) -> tuple[str, ...]:
        """Wanted sources that no event states. The events are only asked about those that no member has."""
        columns = ", ".join(f"count({exp.to_identifier(column.source, quoted=True).sql('duckdb')})" for column in wanted)
        if not wanted:
            return ()
        held = _row(connection, f"SELECT {columns} FROM read_parquet({literal(file)})")
        empty = [column for column, count in zip(wanted, held, strict=True) if count == 0]
        if not empty:
            return ()
        counts = _row(connection, self._written(sql.stated(empty)))
        return tuple(column.source for column, count in zip(empty, counts, strict=True) if count == 0)

    def _written(self, select: exp.Select) -> str:
        return select.sql(self._dialect.name)


def _name_members(connection: duckdb.DuckDBPyConnection, nested: Mapping[str, Path]) -> dict[str, str]:
    """A view for each member file, by the id of its cohort."""
    tables = {cohort: f"nested{number}" for number, cohort in enumerate(nested)}
    for cohort, table in tables.items():
        connection.execute(f"CREATE TEMP VIEW {table} AS SELECT person FROM read_parquet({literal(nested[cohort])})")
    return tables


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    if row is None:
        raise EngineError("a count came back empty")
    return row
