"""Kind `sql`: one read-only SELECT over the project's events, the operator's files or a PostgreSQL, read as Arrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, cast

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.compute import literal, quoted
from tradewind.errors import DefinitionError, EngineError
from tradewind.events.manifest import EventFile
from tradewind.events.people import person_relation
from tradewind.model.cohort import Select
from tradewind.model.snapshot import Snapshot, Wanted
from tradewind.sources import members
from tradewind.sources.files import ROW, check_names, load, open_table
from tradewind.sources.postgres import postgres_rows
from tradewind.sources.session import session

EVENTS = "events"
"""The name under which a SELECT reads the project's events."""

_BATCH = 65_536


@dataclass(frozen=True)
class EventTable:
    """The events of a project: the SQL of a relation, and the folder of the files it reads."""

    sql: str
    folder: Path


def event_table(files: Sequence[EventFile], folder: Path, before: datetime) -> EventTable:
    """The table `events` of a project whose files all lie in `folder`, as it was before an instant.

    Columns: user_id, device_id, event_type, time (UTC), event_properties, user_properties (JSON text), person
    (`user:<id>` or `device:<id>`).
    """
    columns = ("user_id", "device_id", "event_type", "time", "event_properties", "user_properties")
    if not files:
        return EventTable(f"SELECT {', '.join(f'NULL AS {name}' for name in (*columns, 'person'))} WHERE false", folder)
    named = ", ".join(f"event.{name}" for name in columns)
    paths = ", ".join(literal(str(file.path)) for file in files)
    events = f"read_parquet([{paths}], union_by_name = true) AS event"
    nameless = f"SELECT DISTINCT device_id, time, person FROM ({person_relation(files, before=before)}) WHERE user_id IS NULL"
    return EventTable(
        f"SELECT {named}, coalesce('user:' || event.user_id, who.person) AS person FROM {events} LEFT JOIN ({nameless}) AS who "
        "ON event.user_id IS NULL AND who.device_id = event.device_id AND who.time = event.time",
        folder,
    )


@dataclass(frozen=True)
class SelectSource:
    """Answers definitions of kind `sql`. `base` is the folder that `files:` are relative to; `environment` holds URLs."""

    base: Path
    environment: Mapping[str, str]
    events: EventTable | None = None
    statement_seconds: int = 1800

    def evaluate(self, definition: Select, wanted: Iterable[Wanted], as_of: datetime, out: Path) -> Snapshot:
        """The members that the SELECT answers, written to `out`.

        Of the events only those before `as_of` are there, and `getvariable('as_of')` is that instant; files and a
        PostgreSQL answer as they are now. With `people: person` over events, people known only by a device count too.

        Raises DefinitionError for a wrong query or file, ConfigurationError for a wrong URL or a right that is missing,
        EngineError when the data side fails.
        """
        rows = self._postgres(definition) if definition.source else self._duckdb(definition, as_of, out)
        answer = out.with_name(f".{out.name}.answer")
        try:
            with rows as reader:
                columns = _checked_columns(definition, reader.schema)
                _store(reader, answer)
            keys = members.key_columns(columns, definition.people, definition.identifiers)
            return members.write_members(members.Rows(answer, columns, definition.people, keys), wanted, as_of, out)
        finally:
            answer.unlink(missing_ok=True)

    @contextmanager
    def _duckdb(self, definition: Select, as_of: datetime, out: Path) -> Iterator[pa.RecordBatchReader]:
        files = {name: open_table(file, self.base) for name, file in definition.files}
        folders = [self.events.folder] if self.events else []
        with session(out.parent, [file.path for file in files.values()], folders) as work:
            instant = as_of.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
            work.connection.execute(f"SET VARIABLE as_of = TIMESTAMP '{instant}'")
            if self.events:
                work.connection.execute(f"CREATE VIEW {EVENTS} AS SELECT * FROM ({self.events.sql}) WHERE time < TIMESTAMP '{instant}'")
            for name, file in files.items():
                refused = load(work, file, name)
                if refused:
                    file.refuse(
                        f"{sum(r.rows for r in refused):,} rows are malformed ({refused[0].reason})", next(iter(refused[0].lines), None)
                    )
                work.connection.execute(f"ALTER TABLE {quoted(name)} DROP COLUMN {ROW}")  # SELECT * means the columns of the file
            yield _answer(work.connection, definition.query)

    @contextmanager
    def _postgres(self, definition: Select) -> Iterator[pa.RecordBatchReader]:
        if definition.files:
            _refuse("a SELECT reads either a PostgreSQL or files; leave out 'source' or 'files'")
        with postgres_rows(definition.query, definition.source or "", self.environment, self.statement_seconds) as reader:
            yield reader


def _answer(connection: duckdb.DuckDBPyConnection, query: str) -> pa.RecordBatchReader:
    """The answer of one SELECT, every column as text."""
    try:
        statements = connection.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            _refuse("expected one SELECT and nothing else")
        relation = connection.sql(query)
        check_names(tuple(relation.columns), path="query")
        columns = ", ".join(f"CAST({quoted(name)} AS VARCHAR) AS {quoted(name)}" for name in relation.columns)
        return cast("pa.RecordBatchReader", relation.project(columns).to_arrow_reader(_BATCH))
    except (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException) as error:
        _refuse(f"the SELECT cannot be understood: {_first_line(error)}")
    except duckdb.PermissionException:
        _refuse("the SELECT reads a file that is not declared; name it under 'files'")
    except (duckdb.DataError, duckdb.InvalidInputException) as error:
        raise _failed(error) from None


def _first_line(error: Exception) -> str:
    """What is wrong, and the columns or tables that are meant, where DuckDB has a guess."""
    first, *others = str(error).splitlines()
    guess = next((f" ({line})" for line in others if line.startswith(("Candidate", "Did you mean"))), "")
    return first.partition(": ")[2] + guess


def _refuse(message: str) -> NoReturn:
    raise DefinitionError(message, path="query") from None


def _checked_columns(definition: Select, schema: pa.Schema) -> tuple[str, ...]:
    columns = tuple(schema.names)
    for name in members.needed_columns(definition.people, definition.identifiers):
        if name not in columns:
            _refuse(f"the SELECT answers no column '{name}'; it answers {', '.join(columns[:12])}")
    return columns


def _store(reader: pa.RecordBatchReader, path: Path) -> None:
    """Write the answer as it streams in, with `_row` beside it."""
    fields: list[pa.Field[Any]] = [pa.field(name, pa.string()) for name in reader.schema.names]
    schema = pa.schema([*fields, pa.field(ROW, pa.int64())])
    rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in _batches(reader):
            numbers = pa.array(np.arange(rows + 1, rows + batch.num_rows + 1))
            writer.write_batch(pa.record_batch([*batch.columns, numbers], schema=schema))
            rows += batch.num_rows


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    try:
        yield from reader
    except (pa.ArrowException, OSError, duckdb.Error) as error:
        raise _failed(error) from None


_FAILURES = {
    "statement timeout": "it took longer than allowed",
    "read-only": "it tries to change something; it may only read",
    "onver": "a value could not be converted; guard the cast, for example with a CASE",
    "invalid input syntax": "a value could not be converted; guard the cast, for example with a CASE",
    "division by zero": "it divides by zero",
    "emory": "it needs more memory than it may have",
}


def _failed(error: Exception) -> EngineError:
    """The failure of a running SELECT without its own words, which may hold values."""
    reason = next((sentence for words, sentence in _FAILURES.items() if words in str(error)), "the database gave up on it")
    return EngineError(f"the SELECT could not be finished: {reason}")
