"""PostgreSQL as an engine: its expressions, and a session that reads the client's tables and answers as Arrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from hashlib import md5
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import pyarrow as pa
from sqlglot import exp

from tradewind.cohorts.clauses.form import EVENTS, PERSON
from tradewind.cohorts.dialect import NUMBER
from tradewind.compute import Bounds, connect
from tradewind.engines.server import Named, Session, batches, turned
from tradewind.engines.sql import MEMBERS
from tradewind.engines.tables import OWNER
from tradewind.engines.template import behind, filled
from tradewind.errors import ConfigurationError, DefinitionError, EngineError
from tradewind.model.snapshot import LAST_EVENT
from tradewind.model.tables import ColumnKind
from tradewind.postgres import reading

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Connection

Answer = TypeVar("Answer")

LONGEST_NAME = 63
"""Bytes of a name; PostgreSQL cuts off the rest."""

SECONDS = 1800
"""The longest that a statement may take."""

_STRING = (
    r'"(?:[^"\\\x01-\x1f]|\\["\\/bfnrt]|\\u(?!0000)(?:[0-9a-cA-CefEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}'
    r'|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}))*"'
)
_SPACE = r"[ \t\n\r]*"
_SCALAR = r'(?:""|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null)'
_KEYED = rf'""{_SPACE}:{_SPACE}{_SCALAR}'
_INNERMOST = "|".join(
    rf"\{begin}{_SPACE}(?:{each}{_SPACE}(?:,{_SPACE}{each}{_SPACE})*)?\{end}"
    for begin, each, end in (("[", _SCALAR, "]"), ("{", _KEYED, "}"))
)
"""A list or an object that holds no other, where every string is empty."""

_KINDS = {
    **dict.fromkeys(("text", "character varying", "character", "name", "citext", "uuid"), ColumnKind.TEXT),
    **dict.fromkeys(("smallint", "integer", "bigint"), ColumnKind.INTEGER),
    **dict.fromkeys(("numeric", "real", "double precision"), ColumnKind.NUMBER),
    **dict.fromkeys(("json", "jsonb"), ColumnKind.JSON),
    "boolean": ColumnKind.BOOLEAN,
    "timestamp with time zone": ColumnKind.INSTANT,
    "timestamp without time zone": ColumnKind.TIME,
    "date": ColumnKind.DATE,
    "ARRAY": ColumnKind.LIST,
}


_NAMING = {"42501", "42P01", "42703", "42883"}
"""Errors whose words are names of tables, columns and functions, and never a value."""

_KEPT = {EVENTS: False, MEMBERS: True, OWNER: True}


def _sql(text: str, /, **parts: exp.Expr) -> exp.Expr:
    return filled(text, "postgres", parts)


class PostgresDialect:
    """The expressions of rules and tables as PostgreSQL 14 and later write them."""

    name = "postgres"

    def instant(self, moment: datetime) -> exp.Expr:
        written = moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        return exp.cast(exp.Literal.string(written), exp.DType.TIMESTAMP)

    def number(self, text: exp.Expr) -> exp.Expr:
        """What is too large or too small cannot be read as a double: by way of a numeric."""
        double = _sql(
            """CASE WHEN ABS(CAST(:text AS NUMERIC)) > 1.7976931348623158079e308
               THEN SIGN(CAST(:text AS NUMERIC)) * CAST('Infinity' AS FLOAT8)
               WHEN ABS(CAST(:text AS NUMERIC)) < 2.4703282292062327209e-324 THEN CAST(0 AS FLOAT8)
               ELSE CAST(CAST(:text AS NUMERIC) AS FLOAT8) END""",
            text=text,
        )
        return _sql("CASE WHEN :number THEN :double END", number=self.matches(text, exp.Literal.string(NUMBER)), double=double)

    def matches(self, text: exp.Expr, pattern: exp.Expr) -> exp.Expr:
        """A dot matches a new line without being told so, and may not be told so in the middle of an expression."""
        plain = _sql("REPLACE(:pattern, '(?s:.*)', '.*')", pattern=pattern)
        if isinstance(pattern, exp.Literal):
            plain = exp.Literal.string(str(pattern.this).replace("(?s:.*)", ".*"))
        return _sql("(:text ~ ('^(?:' || :pattern || ')$'))", text=text, pattern=plain)

    def elements(self, text: exp.Expr) -> exp.Expr:
        """A text is taken apart only when it is JSON, which is found out by folding what is innermost until one thing is left."""
        folded = _sql(
            """(WITH RECURSIVE folded(t) AS (
                    SELECT REGEXP_REPLACE(:text, :string, '""', 'g') UNION SELECT REGEXP_REPLACE(t, :innermost, 'null', 'g') FROM folded
                ) SELECT BOOL_OR(t ~ :one) FROM folded)""",
            text=text,
            string=exp.Literal.string(_STRING),
            innermost=exp.Literal.string(_INNERMOST),
            one=exp.Literal.string(f"^null{_SPACE}$"),
        )
        listed = _sql(
            """ARRAY(SELECT e.e COLLATE "C" FROM JSON_ARRAY_ELEMENTS_TEXT(CAST(:text AS JSON)) AS e(e) WHERE NOT e.e IS NULL)""", text=text
        )
        return _sql(
            "CASE WHEN STARTS_WITH(:text, '[') THEN CASE WHEN :folded THEN :listed END END", text=text, folded=folded, listed=listed
        )

    def any_element(self, name: str, elements: exp.Expr, holds: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
        each = f"EXISTS(SELECT 1 FROM UNNEST(:elements) AS {name}({name}) WHERE :holds)"
        return _sql(each, elements=elements, holds=holds(exp.column(name, name)))

    def listed(self, texts: Sequence[exp.Expr]) -> exp.Expr:
        return exp.cast(exp.Array(expressions=[text.copy() for text in texts]), exp.DataType.build("TEXT[]", dialect="postgres"))

    def includes(self, elements: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
        return _sql("(:elements @> :wanted)", elements=elements, wanted=self.listed(values))

    def different(self, elements: exp.Expr) -> exp.Expr:
        return _sql("(SELECT COUNT(DISTINCT e.e) FROM UNNEST(:elements) AS e(e))", elements=elements)

    def latest(self, value: exp.Expr, time: exp.Expr, stated: exp.Expr) -> exp.Expr:
        return _sql(
            "(ARRAY_AGG(:value ORDER BY :time DESC, :value DESC NULLS LAST) FILTER (WHERE :stated))[1]",
            value=value,
            time=time,
            stated=stated,
        )

    def decimal(self, text: exp.Expr) -> exp.Expr:
        read = _sql(
            """CASE WHEN ABS(ROUND(CAST(:text AS NUMERIC), 9)) < 1000000000000000000 THEN ROUND(CAST(:text AS NUMERIC), 9) END""", text=text
        )
        return _sql("CASE WHEN :number THEN :read END", number=self.matches(text, exp.Literal.string(NUMBER)), read=read)

    def exactly(self, number: Decimal) -> exp.Expr:
        return _sql("CAST(:number AS NUMERIC)", number=exp.Literal.string(f"{number:f}"))

    def micros(self, time: exp.Expr) -> exp.Expr:
        return _sql("CAST(EXTRACT(EPOCH FROM :time) * 1000000 AS BIGINT)", time=time)

    def day(self, time: exp.Expr, zone: str) -> exp.Expr:
        return _sql("CAST((:time AT TIME ZONE 'UTC') AT TIME ZONE :zone AS DATE)", time=time, zone=exp.Literal.string(zone))

    def md5_hex(self, text: exp.Expr) -> exp.Expr:
        return _sql('MD5(:text) COLLATE "C"', text=text)

    def member_hex(self, who: exp.Expr) -> exp.Expr:
        """A member's bytes are those of the key from the last to the first."""
        return _sql(r"REGEXP_REPLACE(REVERSE(REPLACE(CAST(:who AS TEXT), '-', '')), '(.)(.)', '\2\1', 'g')", who=who)

    def member(self, who: exp.Expr) -> exp.Expr:
        return _sql("UUID_SEND(:who)", who=who)

    def in_order(self, value: exp.Expr, time: exp.Expr) -> exp.Expr:
        return _sql("ARRAY_AGG(:value ORDER BY :time, :value)", value=value, time=time)

    def key(self, person: exp.Expr) -> exp.Expr:
        return _sql("CAST(MD5(:person) AS UUID)", person=person)

    def text(self, column: exp.Expr, kind: ColumnKind) -> exp.Expr:
        how = {ColumnKind.JSON: ":column OPERATOR(pg_catalog.#>>) '{}'", ColumnKind.LIST: "CAST(TO_JSON(:column) AS TEXT)"}
        return _sql(f'({how.get(kind, "CAST(:column AS TEXT)")}) COLLATE "C"', column=column)

    def property(self, document: exp.Expr, name: str) -> exp.Expr:
        return _sql('(:json OPERATOR(pg_catalog.->>) :name) COLLATE "C"', json=document, name=exp.Literal.string(name))

    def states(self, document: exp.Expr, name: str) -> exp.Expr:
        return _sql("NOT (:json OPERATOR(pg_catalog.->) :name) IS NULL", json=document, name=exp.Literal.string(name))

    def utc(self, column: exp.Expr, kind: ColumnKind) -> exp.Expr:
        how = {
            ColumnKind.INSTANT: ":column AT TIME ZONE 'UTC'",
            ColumnKind.INTEGER: "TIMESTAMP '1970-01-01' + (:column) * INTERVAL '1 microsecond'",
        }
        return _sql(how.get(kind, "CAST(:column AS TIMESTAMP)"), column=column)

    def moment(self, instant: datetime, kind: ColumnKind) -> exp.Expr:
        if kind is not ColumnKind.INSTANT:
            return self.instant(instant)
        return exp.cast(exp.Literal.string(instant.astimezone(UTC).isoformat(sep=" ", timespec="microseconds")), exp.DType.TIMESTAMPTZ)

    def document(self, text: str) -> exp.Expr:
        return exp.cast(exp.Literal.string(text), exp.DType.JSON)

    def written(self, statement: exp.Expr) -> str:
        """The whole statement, with the few things that SQLGlot does not turn into PostgreSQL's own."""
        return statement.transform(_own, copy=False).sql(self.name, copy=False)


def _own(node: exp.Expr) -> exp.Expr:
    match node:
        case exp.AnyValue():
            return exp.Max(this=node.this.transform(_own))  # any_value came with PostgreSQL 16
        case exp.Lower():
            # Letter by letter, whatever the locale of the database is, which may know no letters beyond ASCII.
            return _lower(node)
        case exp.In() if not node.expressions and not node.args.get("query"):
            return exp.false()
        case exp.Identifier() if len(node.this.encode()) > LONGEST_NAME:
            return exp.to_identifier(f"{md5(node.this.encode(), usedforsecurity=False).hexdigest()}", quoted=True)
        case _:
            return node


def _lower(node: exp.Lower) -> exp.Expr:
    """Some letters have a lower case of two letters, or one that depends on where they stand: these go first."""
    if isinstance(node.this, exp.Collate):
        return node
    text = _sql("""TRANSLATE(:text, 'İΣ', 'iσ') COLLATE "und-x-icu" """, text=node.this.transform(_own))
    small = exp.Anonymous(this="LOWER", expressions=[text])
    return exp.paren(exp.Collate(this=exp.paren(small), expression=exp.to_identifier("C", quoted=True)))


class PostgresSession:
    """A read-only session in the PostgreSQL that an environment variable names."""

    ours = False

    def __init__(self, connection: Connection, variable: str) -> None:
        self._connection, self._variable, self.dialect = connection, variable, PostgresDialect()

    def columns(self, table: str) -> Mapping[str, ColumnKind]:
        *above, name = table.split(".")
        schema = f"'{_plain(above[-1])}'" if above else "ANY (current_schemas(false))"
        kinds = self._asked(
            "SELECT column_name::text, data_type::text FROM information_schema.columns"
            f" WHERE table_name = '{_plain(name)}' AND table_schema = {schema} ORDER BY table_schema, ordinal_position"
        )
        if not kinds:
            raise DefinitionError(f"there is no table '{table}' that the user of {self._variable} may read{self._near(name)}")
        return {column: _KINDS.get(kind, ColumnKind.OTHER) for column, kind in kinds}

    def lend(self, people: pa.Table) -> exp.Query:
        """Inside the statement: nothing can be laid down on a server that is only read."""
        last = f", epoch_us({LAST_EVENT})" if LAST_EVENT in people.column_names else ""
        with connect(Bounds()) as duck:
            keyed = people.append_column("who", pa.chunked_array([turned(part) for part in people["member"].chunks], pa.binary()))
            duck.register("people", keyed)
            each = f"json_array(hex(who), replace({PERSON}, chr(0), '�'){last})"
            row = duck.execute(f"SELECT '[' || coalesce(string_agg({each}::VARCHAR, ','), '') || ']' FROM people").fetchone()
        assert row is not None
        columns = ["CAST(one.one OPERATOR(pg_catalog.->>) 0 AS UUID) AS who", '(one.one OPERATOR(pg_catalog.->>) 1) COLLATE "C" AS person']
        if last:
            micros = "CAST(one.one OPERATOR(pg_catalog.->>) 2 AS BIGINT)"
            columns.append(f"TIMESTAMP '1970-01-01' + {micros} * INTERVAL '1 microsecond' AS {LAST_EVENT}")
        found = _sql(
            f"SELECT {', '.join(columns)} FROM JSON_ARRAY_ELEMENTS(CAST(:people AS JSON)) AS one(one)", people=exp.Literal.string(row[0])
        )
        assert isinstance(found, exp.Select)
        return found

    @contextmanager
    def rows(self, statement: exp.Select, tables: Sequence[Named]) -> Iterator[pa.RecordBatchReader]:
        query = self.dialect.written(behind(statement, tables, _KEPT))
        with self._connection.cursor() as cursor:

            def answer() -> pa.RecordBatchReader:
                cursor.execute(query)
                found: pa.RecordBatchReader = cursor.fetch_record_batch()
                return found

            reader = self._tried(answer)
            yield pa.RecordBatchReader.from_batches(reader.schema, batches(reader, self._tried))

    def about(self) -> str:
        ((encoding, version),) = self._asked("SELECT current_setting('server_encoding'), current_setting('server_version')")
        if encoding != "UTF8":  # people are told apart by the bytes of their ids
            raise ConfigurationError(f"the database of {self._variable} keeps texts as {encoding}; only UTF8 is read")
        return f"PostgreSQL {version.partition(' ')[0]}"

    def _near(self, name: str) -> str:
        known = [
            table for (table,) in self._asked("SELECT table_name::text FROM information_schema.tables WHERE table_schema <> 'pg_catalog'")
        ]
        near = get_close_matches(name, known, 1)
        return f"; did you mean '{near[0]}'?" if near else ""

    def _asked(self, query: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:

            def ask() -> list[tuple[Any, ...]]:
                cursor.execute(query)
                return list(cursor.fetchall())

            return self._tried(ask)

    def _tried(self, work: Callable[[], Answer]) -> Answer:
        from adbc_driver_postgresql import dbapi

        try:
            return work()
        except dbapi.Error as error:
            self._refused(error.sqlstate or "", str(error))
        except (pa.ArrowException, OSError) as error:
            self._refused("", str(error))

    def _refused(self, state: str, message: str) -> NoReturn:
        """In our own words: those of the server may hold values. What is asked next is asked anew."""
        self._connection.rollback()
        reason = message.partition("ERROR:")[2].strip().partition("\n")[0] if state in _NAMING else ""
        if state == "42501":
            raise ConfigurationError(f"the user of {self._variable} may not read a table: {reason or state}") from None
        if state.startswith("42"):
            raise EngineError(f"PostgreSQL does not accept the question: {reason or state}") from None
        if state == "57014" or "statement timeout" in message:
            raise EngineError("PostgreSQL took longer than it may, and the question was given up") from None
        raise EngineError(f"PostgreSQL gave up on the question (SQLSTATE {state or 'unknown'})") from None


def _plain(name: str) -> str:
    return name.replace("'", "''")


def postgres(variable: str, environment: Mapping[str, str], seconds: int = SECONDS) -> Callable[[], AbstractContextManager[Session]]:
    """Opens a session at a time."""

    @contextmanager
    def opened() -> Iterator[Session]:
        with reading(variable, environment, seconds) as connection:
            yield PostgresSession(connection, variable)

    return opened
