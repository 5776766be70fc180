"""Files that stay where they are as an engine: a locked DuckDB that sees one folder or one file, and only reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from difflib import get_close_matches
from itertools import count
from pathlib import Path
from typing import NoReturn, TypeVar

import duckdb
import pyarrow as pa
from sqlglot import exp

from tradewind.cohorts.clauses.form import EVENTS, PERSON, WHO
from tradewind.compute import Bounds, connect, duckdb_version, literal, quoted
from tradewind.engines.duckdb import ROWS, DuckDBDialect
from tradewind.engines.folders import Folders
from tradewind.engines.server import Named, batches, turned
from tradewind.engines.sql import MEMBERS
from tradewind.engines.tables import OWNER
from tradewind.engines.template import behind, filled
from tradewind.errors import ConfigurationError, DefinitionError, EngineError
from tradewind.events.quoting import pointer, text_list
from tradewind.model.snapshot import LAST_EVENT
from tradewind.model.tables import DATABASES, ColumnKind, Tables

Answer = TypeVar("Answer")

_KINDS = {
    **dict.fromkeys(("VARCHAR", "UUID", "ENUM"), ColumnKind.TEXT),
    **dict.fromkeys((f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE")), ColumnKind.INTEGER),
    **dict.fromkeys(("INTEGER", "UINTEGER"), ColumnKind.INTEGER),
    **dict.fromkeys(("FLOAT", "DOUBLE", "DECIMAL"), ColumnKind.NUMBER),
    "BOOLEAN": ColumnKind.BOOLEAN,
    "TIMESTAMP WITH TIME ZONE": ColumnKind.INSTANT,
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), ColumnKind.TIME),
    "DATE": ColumnKind.DATE,
    **dict.fromkeys(("JSON", "STRUCT", "MAP"), ColumnKind.JSON),
}

_KEPT = {EVENTS: False, MEMBERS: True, OWNER: True}

_LAID, _CLIENT = "laid", "client"
"""The schema of what is read, and the catalog of a file of DuckDB's."""

_CSV = "header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false, skip = 0"

_TIMES = {ColumnKind.INSTANT: "TIMESTAMPTZ", ColumnKind.INTEGER: "BIGINT"}
"""What a time in a CSV is read as."""

_FIRST = 10_000
"""Rows of a CSV by which it is told whether a column has times."""

_LENT = count()


def _sql(text: str, /, **parts: exp.Expr) -> exp.Expr:
    return filled(text, "duckdb", parts)


def _call(name: str, *parts: exp.Expr) -> exp.Expr:
    """A function as DuckDB has it, whatever SQLGlot knows of one of this name."""
    return exp.Anonymous(this=name, expressions=list(parts))


class DuckDBTablesDialect(DuckDBDialect):
    """The expressions of rules as DuckDB writes them, and those that read a client's columns. A person's key is a UUID."""

    def member_hex(self, who: exp.Expr) -> exp.Expr:
        """A member's bytes are those of the key from the last to the first."""
        return _sql(r"REGEXP_REPLACE(REVERSE(REPLACE(CAST(:who AS TEXT), '-', '')), '(.)(.)', '\2\1', 'g')", who=who)

    def key(self, person: exp.Expr) -> exp.Expr:
        return _sql("CAST(MD5(:person) AS UUID)", person=person)

    def text(self, column: exp.Expr, kind: ColumnKind) -> exp.Expr:
        match kind:
            case ColumnKind.LIST:
                return exp.cast(_call("TO_JSON", column), exp.DType.TEXT)
            case ColumnKind.JSON:
                return _call("JSON_EXTRACT_STRING", _json(column), exp.Literal.string("$"))
            case _:
                return exp.cast(column, exp.DType.TEXT)

    def property(self, document: exp.Expr, name: str) -> exp.Expr:
        return _call("JSON_EXTRACT_STRING", _json(document), _pointer(name))

    def states(self, document: exp.Expr, name: str) -> exp.Expr:
        return _call("JSON_EXISTS", _json(document), _pointer(name))

    def utc(self, column: exp.Expr, kind: ColumnKind) -> exp.Expr:
        match kind:
            case ColumnKind.INSTANT:
                return _call("TIMEZONE", exp.Literal.string("UTC"), column)
            case ColumnKind.INTEGER:
                return _call("MAKE_TIMESTAMP", column)
            case _:
                return exp.cast(column, exp.DType.TIMESTAMPNTZ)

    def moment(self, instant: datetime, kind: ColumnKind) -> exp.Expr:
        if kind is not ColumnKind.INSTANT:
            return self.instant(instant)
        return exp.cast(exp.Literal.string(instant.astimezone(UTC).isoformat(sep=" ", timespec="microseconds")), exp.DType.TIMESTAMPTZ)

    def document(self, text: str) -> exp.Expr:
        return exp.Literal.string(text)

    def written(self, statement: exp.Expr) -> str:
        """The whole statement as text."""
        return statement.sql(self.name, copy=False)


def _json(document: exp.Expr) -> exp.Expr:
    """A text that is JSON; NULL where it is none."""
    text = exp.cast(document, exp.DType.TEXT)
    return exp.Case().when(_call("JSON_VALID", text), text.copy())


def _pointer(name: str) -> exp.Expr:
    return exp.Literal.string(pointer(name)[1:-1].replace("''", "'"))


class DuckDBTables:
    """A session over one folder or one file of DuckDB's. Each table that is asked for becomes a view in a schema of its own."""

    ours = True

    def __init__(self, connection: duckdb.DuckDBPyConnection, tables: Tables, place: Path, folders: Folders) -> None:
        self._connection, self._tables, self._place, self._folders = connection, tables, place, folders
        self._laid: dict[str, Mapping[str, ColumnKind]] = {}
        self.dialect = DuckDBTablesDialect()

    def about(self) -> str:
        return f"DuckDB {duckdb_version()}"

    def columns(self, table: str) -> Mapping[str, ColumnKind]:
        if table not in self._laid:
            self._laid[table] = self._lay(table)
        return self._laid[table]

    def lend(self, people: pa.Table) -> exp.Query:
        name = f"lent_by_tradewind_{next(_LENT)}"
        keyed = people.append_column(WHO, pa.chunked_array([turned(part) for part in people["member"].chunks], pa.binary()))
        self._connection.register(name, keyed)
        who = exp.alias_(_sql(f"CAST(LOWER(HEX({WHO})) AS UUID)"), WHO)
        return exp.select(who, PERSON, *([LAST_EVENT] if LAST_EVENT in people.column_names else [])).from_(name)

    @contextmanager
    def rows(self, statement: exp.Select, tables: Sequence[Named]) -> Iterator[pa.RecordBatchReader]:
        query = self.dialect.written(behind(statement, tables, _KEPT).transform(self._found, copy=False))
        reader = self._tried(lambda: self._connection.sql(query).to_arrow_reader(ROWS))
        yield pa.RecordBatchReader.from_batches(reader.schema, batches(reader, self._tried))

    def _found(self, node: exp.Expr) -> exp.Expr:
        """A table of the client's, whose name is quoted, by the view that stands for it; one of a WITH may have the same name."""
        if not isinstance(node, exp.Table) or not node.this.args.get("quoted"):
            return node
        if (name := ".".join(part.name for part in node.parts)) in self._laid:
            return exp.table_(exp.to_identifier(name, quoted=True), db=_LAID, alias=node.args.get("alias"))
        return node

    def _lay(self, table: str) -> Mapping[str, ColumnKind]:
        """Make the view of a table; what the columns hold that it has."""
        source = self._of_file(table) if self._place.is_file() else self._of_folder(table)
        columns = {str(name): str(kind) for name, kind, *_ in self.asked(f"DESCRIBE SELECT * FROM {source}")}
        kinds = {name: _kind(kind) for name, kind in columns.items()}
        texts = not self._place.is_file() and not table.lower().endswith(".parquet")
        times = self._times(table, source, columns) if texts else {}
        shown = []
        for name, kind in columns.items():
            column = quoted(name)
            if kinds[name] is ColumnKind.JSON and kind != "JSON":  # an empty field says nothing
                column = f"json_merge_patch('{{}}', to_json({column})) AS {column}"
            elif name in times:
                kinds[name] = times[name]
                column = f"CAST({column} AS {_TIMES[times[name]]}) AS {column}"
            shown.append(column)
        self.asked(f"CREATE VIEW {_LAID}.{quoted(table)} AS SELECT {', '.join(shown)} FROM {source}")
        return kinds

    def _of_folder(self, pattern: str) -> str:
        files = text_list(map(str, self._folders.files(self._place, pattern)))
        if pattern.lower().endswith(".parquet"):
            return f"read_parquet({files}, union_by_name = true, hive_partitioning = true)"
        return f"read_csv({files}, {_CSV}, union_by_name = true, hive_partitioning = true, hive_types_autocast = false)"

    def _of_file(self, table: str) -> str:
        *above, name = table.split(".")
        schema = above[-1] if above else "main"
        found = self.asked(f"SELECT DISTINCT table_schema, table_name FROM information_schema.tables WHERE table_catalog = '{_CLIENT}'")
        if (schema, name) not in found:
            near = get_close_matches(table, [str(each) if its == "main" else f"{its}.{each}" for its, each in found], 1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise DefinitionError(f"there is no table '{table}' in {self._place}{hint}")
        return f"{_CLIENT}.{quoted(schema)}.{quoted(name)}"

    def _times(self, table: str, source: str, columns: Collection[str]) -> dict[str, ColumnKind]:
        """The columns of a CSV that are said to be times, and whose first values are."""
        found: dict[str, ColumnKind] = {}
        for rows in self._tables.rows:
            if rows.table == table and rows.time and rows.time in columns:
                kind, time = ColumnKind.INTEGER if rows.unit else ColumnKind.INSTANT, quoted(rows.time)
                first = f"SELECT {time} FROM {source} WHERE {time} IS NOT NULL LIMIT {_FIRST}"
                ((wrong,),) = self.asked(f"SELECT count(*) FROM ({first}) WHERE TRY_CAST({time} AS {_TIMES[kind]}) IS NULL")
                found |= {} if wrong else {rows.time: kind}
        return found

    def asked(self, query: str) -> list[tuple[object, ...]]:
        """The answer to a statement of our own; it is told in our own words what is wrong."""
        return self._tried(lambda: self._connection.execute(query).fetchall())

    def _tried(self, work: Callable[[], Answer]) -> Answer:
        try:
            return work()
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            _refused(str(error), self._place)


def _refused(message: str, place: Path) -> NoReturn:
    """In our own words: those of DuckDB may hold values."""
    what = f"the tables of {place} cannot be read"
    if "Permission Error" in message:
        raise ConfigurationError(f"{what}: a view there reads something else, which is not allowed; make it a table") from None
    if "Out of Memory" in message:
        raise EngineError(f"{what}: it needs more memory than it may use; raise TRADEWIND_MEMORY_LIMIT") from None
    if "CSV Error" in message or "sniffing file" in message:
        line = re.search(r"CSV Error on Line: (\d+)", message)
        raise EngineError(f"{what}: {f'line {line[1]}' if line else 'a line'} of a CSV file has not as many fields as its header") from None
    if "Conversion Error" in message:
        raise EngineError(f"{what}: a value is not what its column should hold, such as a time that is none") from None
    if message.startswith(("Binder Error", "Catalog Error")):
        raise EngineError(f"{what}: {message.partition(': ')[2].partition(chr(10))[0]}") from None
    raise EngineError(f"{what}; see whether its files are whole") from None


def _kind(written: str) -> ColumnKind:
    if written.endswith("]"):
        return ColumnKind.LIST
    return _KINDS.get(written.partition("(")[0], ColumnKind.OTHER)


def duckdb_tables(tables: Tables, folders: Folders, bounds: Bounds) -> Callable[[], AbstractContextManager[DuckDBTables]]:
    """Opens a session at a time: a DuckDB in memory that may read the folder or the file, and nothing else of the machine.

    Raises DefinitionError when it is not there or not inside of `folders`, EngineError when it is no file of DuckDB's or another
    program writes it now.
    """

    @contextmanager
    def opened() -> Iterator[DuckDBTables]:
        try:
            place = folders.place(tables.path)
        except DefinitionError as error:
            raise DefinitionError(error.message, path="path") from None
        if place.is_file() is not tables.path.endswith(DATABASES):
            found = "a file" if place.is_file() else "a folder"
            raise DefinitionError(
                f"'{tables.path}' is {found}; expected a folder, or a file that ends in {', '.join(DATABASES)}", path="path"
            )
        with connect(replace(bounds, within=None, below=()), locked=False) as connection:
            if place.is_file():
                _attach(connection, place)
            reached = [str(each) for each in (bounds.spill, None if place.is_file() else place) if each]
            for setting in (
                f"allowed_directories = {text_list(reached)}",
                "python_enable_replacements = false",
                "allow_community_extensions = false",
                "parquet_metadata_cache = true",
                "enable_external_access = false",
                "lock_configuration = true",
            ):
                connection.execute(f"SET {setting}")
            connection.execute(f"CREATE SCHEMA {_LAID}")
            yield DuckDBTables(connection, tables, place, folders)

    return opened


def _attach(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    try:
        connection.execute(f"ATTACH {literal(file)} AS {_CLIENT} (READ_ONLY)")
    except duckdb.Error as error:
        if "lock" in str(error):
            raise EngineError(f"{file} is open in a program that writes it; DuckDB lets nobody read it meanwhile") from None
        raise EngineError(f"{file} cannot be opened as a file of DuckDB {duckdb_version()}") from None
