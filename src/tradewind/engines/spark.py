"""Spark as an engine: its expressions, and a session that reads the client's tables and answers as Arrow."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import chain, count
from typing import TYPE_CHECKING, NoReturn, TypeVar
from urllib.parse import parse_qsl

import pyarrow as pa
from sqlglot import exp

from tradewind.cohorts.clauses.form import PERSON, WHO
from tradewind.cohorts.dialect import NUMBER
from tradewind.engines.server import Named, turned
from tradewind.engines.template import behind, filled
from tradewind.errors import ConfigurationError, DefinitionError, EngineError, TradewindError
from tradewind.model.snapshot import LAST_EVENT
from tradewind.model.tables import ColumnKind

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql import SparkSession as Spark

Answer = TypeVar("Answer")

_NUMBER = rf"\A(?:{NUMBER})\z"

_STRICT = "map('allowSingleQuotes', 'false', 'allowNonNumericNumbers', 'false')"

_NUMBERS = r"""\G((?:[^"0-9-]++|"(?:[^"\\]++|\\.)*+")*+)(-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+)(?![0-9.eE+-])"""
"""The next number of a JSON that is no part of a string, behind all that is none."""

_LONG = 4_000
"""Letters of a JSON list beyond which its numbers are read as doubles and written anew: Java looks for them by recursion."""

_KINDS = {
    **dict.fromkeys(("string", "char", "varchar"), ColumnKind.TEXT),
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), ColumnKind.INTEGER),
    **dict.fromkeys(("float", "double", "decimal"), ColumnKind.NUMBER),
    "boolean": ColumnKind.BOOLEAN,
    "timestamp": ColumnKind.INSTANT,
    "timestamp_ntz": ColumnKind.TIME,
    "date": ColumnKind.DATE,
    "array": ColumnKind.LIST,
}

_LENT = count()


def _sql(text: str, /, **parts: exp.Expr) -> exp.Expr:
    return filled(text, "spark", parts)


class SparkDialect:
    """The expressions of rules and tables as Spark 4 writes them, in a session whose zone is UTC."""

    name = "spark"

    def instant(self, moment: datetime) -> exp.Expr:
        written = moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        return exp.cast(exp.Literal.string(written), exp.DType.TIMESTAMPNTZ)

    def number(self, text: exp.Expr) -> exp.Expr:
        return _sql("CASE WHEN :text RLIKE :number THEN TRY_CAST(:text AS DOUBLE) END", text=text, number=exp.Literal.string(_NUMBER))

    def matches(self, text: exp.Expr, pattern: exp.Expr) -> exp.Expr:
        return _sql(r"(:text RLIKE CONCAT('\\A(?:', :pattern, ')\\z'))", text=text, pattern=pattern)

    def elements(self, text: exp.Expr) -> exp.Expr:
        """As the value of an object, so that nothing may stand behind the list; its numbers as strings, so that they stay as written."""
        quoted = _sql(
            f"CASE WHEN LENGTH(:text) <= {_LONG} THEN REGEXP_REPLACE(:text, :numbers, '$1\"$2\"') ELSE :text END",
            text=text,
            numbers=exp.Literal.string(_NUMBERS),
        )
        return _sql(
            f"""CASE WHEN STARTSWITH(:text, '[') THEN
                FILTER(FROM_JSON(CONCAT('{{"v":', :quoted, '}}'), 'struct<v:array<string>>', {_STRICT}).v, e -> e IS NOT NULL) END""",
            text=text,
            quoted=quoted,
        )

    def any_element(self, name: str, elements: exp.Expr, holds: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
        element = exp.to_identifier(name)
        each = exp.Lambda(this=holds(exp.column(element)), expressions=[element])
        return exp.Anonymous(this="EXISTS", expressions=[elements.copy(), each])

    def listed(self, texts: Sequence[exp.Expr]) -> exp.Expr:
        return exp.Array(expressions=[text.copy() for text in texts])

    def includes(self, elements: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
        return _sql("SIZE(ARRAY_EXCEPT(:wanted, :elements)) = 0", elements=elements, wanted=self.listed(values))

    def different(self, elements: exp.Expr) -> exp.Expr:
        return _sql("SIZE(ARRAY_DISTINCT(:elements))", elements=elements)

    def latest(self, value: exp.Expr, time: exp.Expr, stated: exp.Expr) -> exp.Expr:
        """The greatest of (time, whether there is a value, value), which are compared in this order."""
        return _sql(
            "MAX(CASE WHEN :stated THEN NAMED_STRUCT('at', :time, 'there', :value IS NOT NULL, 'value', :value) END).value",
            value=value,
            time=time,
            stated=stated,
        )

    def decimal(self, text: exp.Expr) -> exp.Expr:
        return _sql(
            "CASE WHEN :text RLIKE :number THEN TRY_CAST(:text AS DECIMAL(27, 9)) END", text=text, number=exp.Literal.string(_NUMBER)
        )

    def exactly(self, number: Decimal) -> exp.Expr:
        return _sql("CAST(:text AS DECIMAL(27, 9))", text=exp.Literal.string(f"{number:f}"))

    def micros(self, time: exp.Expr) -> exp.Expr:
        return _sql("UNIX_MICROS(CAST(:time AS TIMESTAMP))", time=time)

    def day(self, time: exp.Expr, zone: str) -> exp.Expr:
        return _sql("CAST(CONVERT_TIMEZONE('UTC', :zone, :time) AS DATE)", time=time, zone=exp.Literal.string(zone))

    def md5_hex(self, text: exp.Expr) -> exp.Expr:
        return _sql("MD5(:text)", text=text)

    def member_hex(self, who: exp.Expr) -> exp.Expr:
        return _sql("REGEXP_REPLACE(REVERSE(LCASE(HEX(:who))), '(.)(.)', '$2$1')", who=who)

    def member(self, who: exp.Expr) -> exp.Expr:
        return who

    def in_order(self, value: exp.Expr, time: exp.Expr) -> exp.Expr:
        return _sql("TRANSFORM(ARRAY_SORT(COLLECT_LIST(NAMED_STRUCT('at', :time, 'value', :value))), x -> x.value)", value=value, time=time)

    def key(self, person: exp.Expr) -> exp.Expr:
        return _sql("UNHEX(MD5(:person))", person=person)

    def text(self, column: exp.Expr, kind: ColumnKind) -> exp.Expr:
        return _sql("TO_JSON(:column)" if kind is ColumnKind.LIST else "CAST(:column AS STRING)", column=column)

    def property(self, document: exp.Expr, name: str) -> exp.Expr:
        return _sql("TRY_ELEMENT_AT(:object, :name)", object=_object(document), name=exp.Literal.string(name))

    def states(self, document: exp.Expr, name: str) -> exp.Expr:
        return _sql("MAP_CONTAINS_KEY(:object, :name)", object=_object(document), name=exp.Literal.string(name))

    def utc(self, column: exp.Expr, kind: ColumnKind) -> exp.Expr:  # noqa: ARG002 - the session's zone is UTC
        return exp.cast(column, exp.DType.TIMESTAMPNTZ)

    def moment(self, instant: datetime, kind: ColumnKind) -> exp.Expr:
        plain = self.instant(instant)
        return _sql("CAST(:time AS TIMESTAMP)", time=plain) if kind is ColumnKind.INSTANT else plain

    def document(self, text: str) -> exp.Expr:
        return exp.Literal.string(text)

    def written(self, statement: exp.Expr) -> str:
        """The whole statement, with the few things that SQLGlot does not turn into Spark's own."""
        return statement.transform(_own, copy=False).sql(self.name, copy=False)


def _object(document: exp.Expr) -> exp.Expr:
    """The keys of a JSON text: a string itself, anything else as JSON, null as NULL."""
    return _sql(f"FROM_JSON(:document, 'map<string,string>', {_STRICT})", document=document)


def _own(node: exp.Expr) -> exp.Expr:
    match node:
        case exp.Lower():
            # Letter by letter: some letters have a lower case of two letters, or one that depends on where they stand.
            return exp.Anonymous(this="LCASE", expressions=[_sql("TRANSLATE(:text, 'İΣ', 'iσ')", text=node.this.transform(_own))])
        case exp.In() if not node.expressions and not node.args.get("query"):
            return exp.false()
        case exp.Cast() if node.to.is_type("timestamp") and isinstance(node.this, exp.Null):
            return exp.cast(exp.Null(), exp.DType.TIMESTAMPNTZ)
        case _:
            return node


_EXTRA = "asking a Spark needs the extra 'spark': pip install 'tradewind[spark]'"

ALONE = {
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.log.level": "ERROR",
    "spark.sql.session.timeZone": "UTC",
}
"""A Spark of this process speaks to nobody but itself."""


def local(cores: int, settings: Mapping[str, str]) -> Spark:
    """Spark in a process of its own beside this one, on so many cores; begun by the first who asks, and the same for all."""
    try:
        from pyspark.sql import SparkSession as Spark
    except ImportError as error:
        raise ConfigurationError(_EXTRA) from error
    return Spark.builder.master(f"local[{cores}]").config(map=ALONE | dict(settings)).getOrCreate()


_URL = re.compile(r"local\[(?:[1-9][0-9]*|\*)\](?:\?.+)?|(?:sc|spark)://.+")


def spark(variable: str, environment: Mapping[str, str]) -> Callable[[], AbstractContextManager[SparkSession]]:
    """Opens a session at a time: of a Spark on this machine over folders of Parquet (`local[*]?orders=/data/orders`), of a cluster
    (`spark://host:7077`), or of a Spark Connect (`sc://host:15002`).

    Raises ConfigurationError for a missing or wrong URL, EngineError when Spark cannot be begun or does not answer.
    """

    @contextmanager
    def opened() -> Iterator[SparkSession]:
        url = environment.get(variable, "").strip()
        if not _URL.fullmatch(url):
            raise ConfigurationError(
                f"{variable} does not say where a Spark is; expected local[*]?TABLE=FOLDER, spark://host:port or sc://host:port"
            )
        begun = _begun(url, variable)
        session = SparkSession(begun, variable)
        try:
            yield session
        finally:
            if url.startswith("sc:"):
                begun.stop()

    return opened


def _begun(url: str, variable: str) -> Spark:
    """A session of its own: what is set and named in it is seen by no other."""
    where, _, folders = url.partition("?")
    try:
        if where.startswith("local"):
            cores = where.removeprefix("local[").removesuffix("]")
            session = local(os.cpu_count() or 1 if cores == "*" else int(cores), {}).newSession()
            for table, folder in parse_qsl(folders):
                session.read.parquet(folder).createOrReplaceTempView(table)
            return session
        from pyspark.sql import SparkSession as Spark

        if where.startswith("sc:"):
            return _connected(Spark.builder.remote(url).create())
        return Spark.builder.master(url).config("spark.ui.enabled", "false").getOrCreate().newSession()
    except ImportError as error:
        raise ConfigurationError(_EXTRA) from error
    except TradewindError:
        raise
    except Exception as error:  # what is wrong with Java, the network or the other side has no class of errors in common
        raise EngineError(f"the Spark of {variable} cannot be begun or does not answer ({type(error).__name__})") from None


def _connected(session: Spark) -> Spark:
    """The same, which gives up on a server that does not answer after some 20 seconds, and not after 10 minutes."""
    from pyspark.sql.connect.client.retries import DefaultPolicy

    session.client.set_retry_policies([DefaultPolicy(max_retries=5)])
    return session


_SETTINGS = {"spark.sql.session.timeZone": "UTC", "spark.sql.caseSensitive": "true"}
"""Two properties may differ only in capital letters."""


ROWS = 1_000_000
"""Rows of an answer that are taken at a time."""


class SparkSession:
    """Asks a Spark; its zone is UTC, and what it is lent is forgotten with it. An answer is kept there and taken `rows` at a time."""

    ours = False

    def __init__(self, spark: Spark, variable: str, rows: int = ROWS) -> None:
        self._spark, self._variable, self._rows, self.dialect = spark, variable, rows, SparkDialect()
        for setting in _SETTINGS.items():
            self._tried(partial(spark.conf.set, *setting))

    def taking(self, rows: int) -> SparkSession:
        """The same, which takes so many rows of an answer at a time."""
        return SparkSession(self._spark, self._variable, rows)

    def about(self) -> str:
        return f"Spark {self._tried(lambda: self._spark.version)}"

    def columns(self, table: str) -> Mapping[str, ColumnKind]:
        name = ".".join(f"`{part}`" for part in table.replace("`", "``").split("."))
        if not self._tried(lambda: self._spark.catalog.tableExists(name)):
            raise DefinitionError(f"there is no table '{table}' in the Spark of {self._variable}")
        fields = self._tried(lambda: self._spark.table(name).schema.fields)
        return {
            each.name: _KINDS.get(each.dataType.simpleString().partition("(")[0].partition("<")[0], ColumnKind.OTHER) for each in fields
        }

    def lend(self, people: pa.Table) -> exp.Query:
        if not people.num_rows:  # Spark Connect takes no table without rows
            types = {WHO: "BINARY", PERSON: "STRING"} | ({LAST_EVENT: "TIMESTAMP_NTZ"} if LAST_EVENT in people.column_names else {})
            nothing = _sql(f"SELECT {', '.join(f'CAST(NULL AS {type_}) AS {name}' for name, type_ in types.items())} WHERE FALSE")
            assert isinstance(nothing, exp.Select)
            return nothing
        view = f"lent_by_tradewind_{next(_LENT)}"
        keyed = people.append_column(WHO, pa.chunked_array([turned(part) for part in people["member"].chunks], pa.binary()))
        self._tried(lambda: self._spark.createDataFrame(keyed).createOrReplaceTempView(view))
        last = exp.alias_(exp.cast(exp.column(LAST_EVENT), exp.DType.TIMESTAMPNTZ), LAST_EVENT)
        found = [exp.column(WHO), exp.column(PERSON), *([last] if LAST_EVENT in people.column_names else [])]
        return exp.select(*found).from_(view)

    @contextmanager
    def rows(self, statement: exp.Select, tables: Sequence[Named]) -> Iterator[pa.RecordBatchReader]:
        from pyspark import StorageLevel

        query = self.dialect.written(behind(statement, tables, {}))
        answer = self._tried(lambda: self._spark.sql(query).persist(StorageLevel.DISK_ONLY))
        try:
            parts = max(1, -(-self._tried(answer.count) // self._rows))
            first = self._part(answer, 0, parts)
            others = (self._part(answer, number, parts) for number in range(1, parts))
            yield pa.RecordBatchReader.from_batches(first.schema, (batch for part in chain([first], others) for batch in part.to_batches()))
        finally:
            self._tried(answer.unpersist)

    def _part(self, answer: DataFrame, number: int, parts: int) -> pa.Table:
        """One of so many parts, by a hash of the first column: the same rows however often it is computed anew."""
        mine = answer.where(f"pmod(xxhash64(`{answer.columns[0]}`), {parts}) = {number}") if parts > 1 else answer
        found: pa.Table = self._tried(mine.toArrow)
        return found

    def _tried(self, work: Callable[[], Answer]) -> Answer:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        try:
            return work()
        except PySparkException as error:
            if error.getCondition() is None and type(error).__name__ == "SparkConnectGrpcException":
                raise EngineError(f"the Spark of {self._variable} does not answer; check that it runs, and its address") from None
            _refused(error.getCondition() or type(error).__name__)
        except Py4JError as error:
            _refused(type(error).__name__)


def _refused(condition: str) -> NoReturn:
    """In our own words: those of Spark may hold values."""
    raise EngineError(f"Spark gave up on the question ({condition})") from None
