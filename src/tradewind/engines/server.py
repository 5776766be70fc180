"""Engines that are somebody's server: one statement over its tables, answered as Arrow and written as it streams in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from tradewind.cohorts.clauses.form import EVENTS, PERSON, WHO, quoted
from tradewind.cohorts.compile import compile_rule
from tradewind.cohorts.rules import properties
from tradewind.compute import Bounds, connect, literal, told_of
from tradewind.durable import publish
from tradewind.engines import sql
from tradewind.engines.base import rule_of
from tradewind.engines.fitting import fit_rows
from tradewind.engines.shares import MemberFile
from tradewind.engines.tables import Kinds, Relation, TableDialect, person_of
from tradewind.errors import EngineError
from tradewind.model.cohort import Cohort
from tradewind.model.project import Project
from tradewind.model.snapshot import LAST_EVENT, Snapshot, Wanted
from tradewind.model.tables import ColumnKind, Rows

ROWS = 65_536
"""Rows that are written at a time."""

_DEED: dict[str, pa.DataType] = {"member": pa.binary(), "time": pa.timestamp("us"), "value": pa.float64()}
DEEDS = pa.schema([pa.field(name, kind) for name, kind in _DEED.items()])
"""Somebody did something: who, when, and what it was worth."""

Named = tuple[str, exp.Query]
"""A table of a WITH."""


class Session(Protocol):
    """A server that is being asked: read only, and all answers of one session belong together.

    What it raises are TradewindErrors of one sentence, without a value of the client's.
    """

    @property
    def ours(self) -> bool:
        """Whether what a question costs is borne by this process, and by no server of somebody's."""

    @property
    def dialect(self) -> TableDialect:
        """How this server's SQL is written."""

    def about(self) -> str:
        """The server's name and version. Raises ConfigurationError when it cannot be asked about people at all."""

    def columns(self, table: str) -> Mapping[str, ColumnKind]:
        """What the columns of a table hold, in its order. Raises DefinitionError when it is not there or may not be read."""

    def lend(self, people: pa.Table) -> exp.Query:
        """What stands for `people` in a statement of this session: a SELECT of `who` and `person`, and of `last_event` if it has that.

        `people` has `member` (16 bytes), `person` (text) and perhaps `last_event`.
        """

    def rows(self, statement: exp.Select, tables: Sequence[Named]) -> AbstractContextManager[pa.RecordBatchReader]:
        """The answer to a statement that reads `tables`, those first that others need; for the length of the block."""


@dataclass(frozen=True)
class Served:
    """How a project's people are answered for: a server, the rows that are read there, and tables that are laid before them.

    `inline` are tables that stand in the statement itself, with what their columns hold; `rows` may name them.
    """

    session: Callable[[], AbstractContextManager[Session]]
    rows: tuple[Rows, ...]
    inline: Mapping[str, tuple[exp.Query, Mapping[str, ColumnKind]]]


class ServerEngine:
    """Answers each question in a session of its own; nothing is kept between questions, and nothing is written on the server."""

    def __init__(self, served: Served, bounds: Bounds) -> None:
        self._served, self._bounds = served, bounds

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
        rule = rule_of(cohort, nested)
        with self._asking(f"the evaluation of cohort '{cohort.id}'", as_of) as asking:
            recent = {name for name, path in nested.items() if LAST_EVENT in pq.read_schema(path).names} if recency else None
            lent = {name: f"nested{number}" for number, name in enumerate(nested)}
            tables = [(lent[name], asking.lend(path, recent=name in (recent or ()))) for name, path in nested.items()]
            found = compile_rule(rule, as_of, project.zone, asking.dialect, lent, recent)
            beside = [*([PERSON] if named or sql.needs_names(wanted) else []), *([LAST_EVENT] if recency else [])]
            members = (sql.MEMBERS, sql.members(found, beside, asking.dialect))
            names = properties(rule), sql.properties(wanted)
            relation = asking.tables(*({*one, *other} for one, other in zip(*names, strict=True)))
            return asking.write([*relation, *tables, members], beside, wanted, out)

    def attach(self, project: Project, members: Path, as_of: datetime, wanted: Sequence[Wanted], out: Path) -> Snapshot:  # noqa: ARG002
        found = out.with_name(f".{out.name}.found")
        try:
            with self._asking(f"finding columns for the members in {members.name}", as_of) as asking:
                lent = ("given", asking.lend(members))
                given = exp.select(exp.column(WHO), exp.column(PERSON)).from_("given")
                relation = asking.tables(*sql.properties(wanted))
                table = (sql.MEMBERS, sql.members(given, [PERSON], asking.dialect))
                snapshot = asking.write([*relation, lent, table], [PERSON], wanted, found)
                rows = self._beside(members, found, wanted, out)
        finally:
            found.unlink(missing_ok=True)
        return replace(snapshot, path=out, members=rows)

    def persons(self, project: Project, members: Collection[bytes], as_of: datetime) -> dict[bytes, str]:  # noqa: ARG002
        asked = pa.table({"member": pa.array(sorted(members), pa.binary()), PERSON: pa.array([""] * len(members), pa.string())})
        with self._asking("finding the names of members", as_of) as asking:
            tables = [*asking.tables(), ("asked", asking.session.lend(asked))]
            mine = exp.column(WHO).isin(query=exp.select(exp.column(WHO)).from_("asked"))
            known = exp.select(exp.column(WHO), exp.column(PERSON)).from_(_named_by_events(asking.dialect)).where(mine)
            named = exp.select(exp.alias_(asking.dialect.member(exp.column(WHO)), "member"), exp.column(PERSON)).from_(
                known.subquery("known")
            )
            with asking.session.rows(named, tables) as reader:
                found = pa.Table.from_batches(list(_as(reader, _schema([PERSON], ()))), _schema([PERSON], ()))
        return {row["member"]: row[PERSON] for row in found.to_pylist()}

    def deeds(self, event: str, value: str | None, since: datetime, as_of: datetime, out: Path) -> None:
        """Write to `out` who did an event between two instants, when, and its property `value`: 0 where that is no number."""
        with self._asking("finding who did an event", as_of) as asking:
            zero = exp.Literal.number(0)
            worth = exp.Coalesce(this=asking.dialect.number(quoted(f"e:{value}")), expressions=[zero]) if value else zero
            member = exp.alias_(asking.dialect.member(exp.column(WHO)), "member")
            this = exp.EQ(this=exp.column("event_type"), expression=exp.Literal.string(event))
            from_then = exp.GTE(this=exp.column("time"), expression=asking.dialect.instant(since))
            done = exp.select(member, exp.column("time"), exp.alias_(worth, "value")).from_(EVENTS).where(this, from_then)
            growing = out.with_name(f".{out.name}.growing")
            tables = asking.tables([value] if value else [])
            with asking.session.rows(done, tables) as reader, pq.ParquetWriter(growing, DEEDS) as file:
                for batch in _as(reader, DEEDS):
                    file.write_batch(batch)
            publish(growing, out)

    def close(self) -> None:
        """Nothing is held between questions."""

    @contextmanager
    def _asking(self, what: str, as_of: datetime) -> Iterator[_Asking]:
        try:
            with self._served.session() as session:
                kinds: dict[str, Mapping[str, ColumnKind]] = {name: kinds for name, (_, kinds) in self._served.inline.items()}
                for rows in self._served.rows:
                    if rows.table not in self._served.inline:
                        kinds.setdefault(rows.table, session.columns(rows.table))
                        fit_rows(rows, kinds[rows.table])
                yield _Asking(session, kinds, self._served, as_of)
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise EngineError(f"{what} failed: {told_of(error)}") from None

    def _beside(self, members: Path, found: Path, wanted: Sequence[Wanted], out: Path) -> int:
        """Write the members as they were given with what was found beside them; returns how many they are."""
        growing = out.with_name(f".{out.name}.growing")
        columns = ", ".join(f"found.{exp.to_identifier(column.source, quoted=True).sql('duckdb')}" for column in wanted)
        try:
            with connect(self._bounds) as connection:
                connection.execute(
                    f"COPY (SELECT given.*{', ' if columns else ''}{columns} FROM read_parquet({literal(members)}) AS given"
                    f" LEFT JOIN read_parquet({literal(found)}) AS found USING (member)) TO {literal(growing)} (FORMAT parquet)"
                )
            rows = pq.read_metadata(growing).num_rows
            publish(growing, out)
        finally:
            growing.unlink(missing_ok=True)
        return rows


@dataclass(frozen=True)
class _Asking:
    """One question in its session."""

    session: Session
    kinds: Kinds
    served: Served
    as_of: datetime

    @property
    def dialect(self) -> TableDialect:
        return self.session.dialect

    def tables(self, event: Iterable[str] = (), user: Iterable[str] = ()) -> list[Named]:
        """The relation of events with the properties named, behind what is laid before it."""
        inline = [(name, select.copy()) for name, (select, _) in self.served.inline.items()]
        return [*inline, *Relation(self.served.rows, self.kinds, self.dialect, self.as_of).tables(event, user)]

    def lend(self, members: Path, *, recent: bool = False) -> exp.Query:
        """The members of a file."""
        return self.session.lend(pq.read_table(members, columns=["member", PERSON, *([LAST_EVENT] if recent else [])]))

    def write(self, tables: Sequence[Named], beside: Sequence[str], wanted: Sequence[Wanted], out: Path) -> Snapshot:
        """Write the table `members` with the wanted columns to `out`, whole or not at all."""
        growing = out.with_name(f".{out.name}.growing")
        out.parent.mkdir(parents=True, exist_ok=True)
        schema, select = _schema(beside, wanted), sql.with_columns(wanted, self.dialect, kept=["member", *beside])
        try:
            with MemberFile(growing) as file, self.session.rows(select, tables) as reader:
                file.write(pa.RecordBatchReader.from_batches(schema, _as(reader, schema)))
            missing = self._missing([column for column in wanted if not file.values.get(column.source)])
            publish(growing, out)
        finally:
            growing.unlink(missing_ok=True)
        return Snapshot(out, file.rows, self.as_of, missing)

    def _missing(self, wanted: Sequence[Wanted]) -> tuple[str, ...]:
        """Those of the sources that nothing states."""
        if not wanted:
            return ()
        with self.session.rows(sql.stated(wanted), self.tables(*sql.properties(wanted))) as reader:
            (counts,) = reader.read_all().to_pylist()
        return tuple(column.source for column, count in zip(wanted, counts.values(), strict=True) if count == 0)


def _named_by_events(dialect: TableDialect) -> exp.Subquery:
    """Whoever an event is of, and devices that acted without a user: one that has a user by now was somebody by itself before."""
    device, nobody = exp.column("device_id"), exp.column("user_id").is_(exp.null())
    seen = exp.select(device).distinct().from_(EVENTS).where(nobody, exp.Not(this=device.is_(exp.null())))
    person = person_of(sql.DEVICE, device)
    alone = exp.select(exp.alias_(dialect.key(person), WHO), exp.alias_(person, PERSON)).from_(seen.subquery("seen"))
    of_events = exp.select(exp.column(WHO), exp.column(PERSON)).from_(EVENTS)
    return exp.union(of_events, alone, distinct=True).subquery("everyone")


def _schema(beside: Sequence[str], wanted: Sequence[Wanted]) -> pa.Schema:
    own: dict[str, pa.DataType] = {PERSON: pa.string(), LAST_EVENT: pa.timestamp("us")}
    columns: list[pa.Field[Any]] = [pa.field(name, own[name]) for name in beside]
    found = [pa.field(column.source, pa.list_(pa.string()) if column.all_values else pa.string()) for column in wanted]
    return pa.schema([pa.field("member", pa.binary()), *columns, *found])


def _as(reader: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Batches as files of members hold them; columns are known by their place, since servers shorten names."""
    for batch in reader:
        for start in range(0, batch.num_rows, ROWS):
            part = batch.slice(start, ROWS)
            columns = [turned(part.column(0)), *(part.column(place).cast(field.type) for place, field in enumerate(schema) if place)]
            yield pa.record_batch(columns, schema=schema)


def batches(
    reader: pa.RecordBatchReader, tried: Callable[[Callable[[], pa.RecordBatch | None]], pa.RecordBatch | None]
) -> Iterator[pa.RecordBatch]:
    """What is left of an answer; `tried` takes each step, and says in the session's own words what went wrong with it."""
    while (batch := tried(lambda: next(reader, None))) is not None:
        yield batch


def turned(digests: pa.Array[Any]) -> pa.Array[Any]:
    """Keys of 16 bytes with their last byte first: MD5s as members, or members as MD5s."""
    fixed = digests.cast(pa.binary(16))
    size = len(fixed)
    bytes_of = np.frombuffer(memoryview(fixed.buffers()[1] or b""), np.uint8)[fixed.offset * 16 : (fixed.offset + size) * 16].reshape(
        -1, 16
    )
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), size, [None, pa.py_buffer(bytes_of[:, ::-1].tobytes())]).cast(pa.binary())
