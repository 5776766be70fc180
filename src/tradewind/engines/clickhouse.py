"""ClickHouse as an engine: its expressions, and a session that reads the client's tables and answers as Arrow."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from functools import cached_property
from itertools import chain
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from tradewind.cohorts.clauses.form import PERSON, WHO
from tradewind.cohorts.dialect import NUMBER
from tradewind.compute import Bounds, connect
from tradewind.engines.server import Named, turned
from tradewind.engines.sql import MEMBERS
from tradewind.engines.tables import OWNER
from tradewind.engines.template import behind, filled
from tradewind.errors import DefinitionError
from tradewind.model.snapshot import LAST_EVENT
from tradewind.model.tables import ColumnKind

SETTINGS = {
    "join_use_nulls": "1",  # who has no row on the right has NULLs, not zeros and empty texts
    "prefer_column_name_to_alias": "1",  # what a SELECT names does not change what its own parts mean
    "least_greatest_legacy_null_behavior": "0",
    "max_query_size": "1073741824",  # a condition may have ten thousand values
    "max_ast_elements": "10000000",
    "max_expanded_ast_elements": "10000000",
    "output_format_arrow_string_as_string": "1",
    "output_format_arrow_compression_method": "'none'",
}
"""What a statement needs to mean the same as elsewhere, whatever the server is set to."""

_KINDS = {
    "String": ColumnKind.TEXT,
    "FixedString": ColumnKind.TEXT,
    "UUID": ColumnKind.TEXT,
    "Enum": ColumnKind.TEXT,
    "Int": ColumnKind.INTEGER,
    "UInt": ColumnKind.INTEGER,
    "Float": ColumnKind.NUMBER,
    "BFloat": ColumnKind.NUMBER,
    "Decimal": ColumnKind.NUMBER,
    "Bool": ColumnKind.BOOLEAN,
    "DateTime": ColumnKind.INSTANT,
    "Date": ColumnKind.DATE,
    "JSON": ColumnKind.JSON,
    "Array": ColumnKind.LIST,
}

_FARTHEST = 2**31
"""What a frame cannot begin farther back than: in microseconds, a bit over half an hour."""

_KEEPS = "enable_materialized_cte"

_NUMBER = rf"\A(?:{NUMBER})\z"

_FLAT = r'(?s)\A\[(?:[^\[\]{}"]|"(?:[^"\\]|\\.)*")*\]\s*\z'
"""What may be a list in which there is no other list and no object."""

_TEXT_OR_NUMBER = r'(?s)"((?:[^"\\]|\\.)*)"|(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)'
_AS_TEXT = r'"\1\2"'
"""Numbers of a list become texts, as they are written: read as numbers they would be rounded, and one that is too large not read at all."""


def _sql(text: str, /, **parts: exp.Expr) -> exp.Expr:
    return filled(text, "clickhouse", parts)


class ClickHouseDialect:
    """The expressions of rules and tables as ClickHouse writes them.

    A list cannot be NULL there. What may be one is kept as the JSON it is in, and taken apart where it is looked at.
    """

    name = "clickhouse"

    def instant(self, moment: datetime) -> exp.Expr:
        written = moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        return _sql("toDateTime64(:text, 6, 'UTC')", text=exp.Literal.string(written))

    def number(self, text: exp.Expr) -> exp.Expr:
        """What is too large to be read is infinite."""
        return _sql(
            """CASE WHEN match(:text, :number)
               THEN COALESCE(toFloat64OrNull(:text), CASE WHEN startsWith(:text, '-') THEN -inf ELSE inf END) END""",
            text=text,
            number=exp.Literal.string(_NUMBER),
        )

    def matches(self, text: exp.Expr, pattern: exp.Expr) -> exp.Expr:
        return _sql(r"match(:text, concat('\\A(?:', :pattern, ')\\z'))", text=text, pattern=pattern)

    def elements(self, text: exp.Expr) -> exp.Expr:
        return _sql(
            """CASE WHEN NOT startsWith(:text, '[') THEN NULL
               WHEN match(:text, :flat) THEN CASE WHEN isValidJSON(:quoted) THEN :quoted END
               WHEN isValidJSON(:text) THEN :text END""",
            text=text,
            flat=exp.Literal.string(_FLAT),
            quoted=_sql(
                "replaceRegexpAll(:text, :part, :quoted)",
                text=text,
                part=exp.Literal.string(_TEXT_OR_NUMBER),
                quoted=exp.Literal.string(_AS_TEXT),
            ),
        )

    def any_element(self, name: str, elements: exp.Expr, holds: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
        element = exp.to_identifier(name)
        each = exp.Lambda(this=holds(exp.column(element)), expressions=[element])
        return _sql("arrayExists(:each, :elements)", each=each, elements=_apart(elements))

    def listed(self, texts: Sequence[exp.Expr]) -> exp.Expr:
        return exp.Array(expressions=[text.copy() for text in texts])

    def includes(self, elements: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
        return _sql("hasAll(:elements, :wanted)", elements=_apart(elements), wanted=self.listed(values))

    def different(self, elements: exp.Expr) -> exp.Expr:
        return _sql("length(arrayDistinct(:elements))", elements=_apart(elements))

    def latest(self, value: exp.Expr, time: exp.Expr, stated: exp.Expr) -> exp.Expr:
        """In a tuple, since an aggregate skips what is NULL by itself."""
        return _sql(
            "tupleElement(argMaxIf(tuple(:value), tuple(:time, :value IS NOT NULL, COALESCE(:value, '')), COALESCE(:stated, FALSE)), 1)",
            value=value,
            time=time,
            stated=stated,
        )

    def decimal(self, text: exp.Expr) -> exp.Expr:
        """Read with more decimals than are kept, since what is left over would be cut off; a zero with a large power is not read."""
        return _sql(
            """CASE WHEN match(:text, :number) AND toFloat64OrNull(:text) = 0 THEN toDecimal128(0, 9)
               WHEN match(:text, :number) AND ABS(toFloat64OrNull(:text)) < 1e18
               THEN toDecimal128(round(toDecimal256OrNull(:text, 38), 9), 9) END""",
            text=text,
            number=exp.Literal.string(_NUMBER),
        )

    def exactly(self, number: Decimal) -> exp.Expr:
        return _sql("toDecimal128(:text, 9)", text=exp.Literal.string(f"{number:f}"))

    def micros(self, time: exp.Expr) -> exp.Expr:
        return _sql("toUnixTimestamp64Micro(:time)", time=time)

    def day(self, time: exp.Expr, zone: str) -> exp.Expr:
        return _sql("toDate32(:time, :zone)", time=time, zone=exp.Literal.string(zone))

    def md5_hex(self, text: exp.Expr) -> exp.Expr:
        return _sql("LOWER(hex(MD5(:text)))", text=text)

    def member_hex(self, who: exp.Expr) -> exp.Expr:
        return _sql("LOWER(hex(reverse(:who)))", who=who)

    def member(self, who: exp.Expr) -> exp.Expr:
        return who

    def in_order(self, value: exp.Expr, time: exp.Expr) -> exp.Expr:
        return _sql("arrayMap(x -> x.2, arraySort(groupArray(tuple(:time, :value))))", value=value, time=time)

    def key(self, person: exp.Expr) -> exp.Expr:
        return _sql("MD5(:person)", person=person)

    def text(self, column: exp.Expr, kind: ColumnKind) -> exp.Expr:
        how = {ColumnKind.LIST: "toJSONString(:column)", ColumnKind.JSON: "NULLIF(toJSONString(:column), 'null')"}
        return _sql(how.get(kind, "CAST(:column AS Nullable(String))"), column=column)

    def property(self, document: exp.Expr, name: str) -> exp.Expr:
        return _sql(
            """CASE JSONType(:json, :name) WHEN 'String' THEN JSONExtractString(:json, :name) WHEN 'Null' THEN NULL
               ELSE JSONExtractRaw(:json, :name) END""",
            json=_json(document),
            name=exp.Literal.string(name),
        )

    def states(self, document: exp.Expr, name: str) -> exp.Expr:
        return _sql("JSONHas(:json, :name) = 1", json=_json(document), name=exp.Literal.string(name))

    def utc(self, column: exp.Expr, kind: ColumnKind) -> exp.Expr:  # noqa: ARG002 - a time is an instant there
        return _sql("toDateTime64(:column, 6, 'UTC')", column=column)

    def moment(self, instant: datetime, kind: ColumnKind) -> exp.Expr:  # noqa: ARG002 - a time is an instant there
        return self.instant(instant)

    def document(self, text: str) -> exp.Expr:
        return exp.Literal.string(text)

    def written(self, statement: exp.Expr) -> str:
        """The whole statement, with the few things that SQLGlot does not turn into ClickHouse's own."""
        return statement.transform(_own, copy=False).sql(self.name, copy=False)


def _json(document: exp.Expr) -> exp.Expr:
    """A column that may be of the type JSON, as text."""
    return _sql("CAST(:document AS Nullable(String))", document=document)


def _apart(elements: exp.Expr) -> exp.Expr:
    """A list of texts: as `listed` makes it, else the elements of the JSON that `elements` gives."""
    if isinstance(elements, exp.Array):
        return elements
    return _sql(
        """arrayMap(e -> if(startsWith(e, '"'), JSONExtractString(e), e),
                    arrayFilter(e -> e <> 'null', JSONExtractArrayRaw(assumeNotNull(:json))))""",
        json=elements,
    )


def _own(node: exp.Expr) -> exp.Expr:  # noqa: PLR0911 - one answer a kind of node
    match node:
        case exp.Lower() if not isinstance(node.this, exp.Anonymous | exp.Hex | exp.LowerHex):
            # Letter by letter: some letters have a lower case of two letters, or one that depends on where they stand.
            return _sql("lowerUTF8(translateUTF8(:text, 'İΣ', 'iσ'))", text=node.this.transform(_own))
        case exp.In() if not node.expressions and not node.args.get("query"):
            return exp.false()
        case exp.Case() if not node.args.get("default") and any(isinstance(each.args["true"], exp.Array) for each in node.args["ifs"]):
            node.set("default", exp.Array())
            return node
        case exp.Window(args={"spec": exp.WindowSpec(args={"start": exp.Literal() as start})}) if int(start.this) >= _FARTHEST:
            return _far_back(node, start)
        case exp.Select():
            # A column that is named with its table would keep both names where two tables have it.
            node.set("expressions", [exp.alias_(each, each.name, quoted=True) if _of_table(each) else each for each in node.expressions])
            return node
        case exp.Cast() if node.to.is_type("timestamp"):
            return _sql("CAST(:value AS Nullable(DateTime64(6, 'UTC')))", value=node.this)
        case _:
            return node


def _far_back(window: exp.Window, start: exp.Expr) -> exp.Expr:
    """The greatest of all values before, less those that are too far back."""
    value, at = window.this.this, window.args["order"].expressions[0].this
    all_before = window.copy()
    all_before.args["spec"].set("start", "UNBOUNDED")
    all_before.set("this", _sql("groupArrayIf(tuple(:at, assumeNotNull(:value)), :value IS NOT NULL)", at=at, value=value))
    near = _sql("arrayFilter(x -> tupleElement(x, 1) >= :at - :start, :all)", at=at, start=start, all=all_before)
    return _sql("CASE WHEN notEmpty(:near) THEN arrayMax(arrayMap(x -> tupleElement(x, 2), :near)) END", near=near)


def _of_table(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and bool(node.table) and not isinstance(node.this, exp.Star)


class Wire(Protocol):
    """A ClickHouse that answers statements. What it raises are TradewindErrors of one sentence, without a value of the client's."""

    def ask(self, statement: str) -> AbstractContextManager[Iterator[pa.RecordBatch]]:
        """The answer, with SETTINGS, for the length of the block; it has at least one batch, which may be empty."""


class ClickHouseSession:
    """Asks a ClickHouse by a wire."""

    ours = False

    def __init__(self, wire: Wire, variable: str) -> None:
        self.wire, self._variable, self.dialect = wire, variable, ClickHouseDialect()

    def about(self) -> str:
        return f"ClickHouse {self._asked('SELECT version() AS version')[0]['version']}"

    def columns(self, table: str) -> Mapping[str, ColumnKind]:
        *above, name = table.split(".")
        database = exp.Literal.string(above[-1]).sql(self.dialect.name) if above else "currentDatabase()"
        found = self._asked(
            "SELECT name, type FROM system.columns"
            f" WHERE table = {exp.Literal.string(name).sql(self.dialect.name)} AND database = {database} ORDER BY position"
        )
        if not found:
            raise DefinitionError(f"there is no table '{table}' that the user of {self._variable} may read{self._near(name)}")
        return {row["name"]: _kind(row["type"]) for row in found}

    def lend(self, people: pa.Table) -> exp.Query:
        """Inside the statement: nothing can be laid down on a server that is only read."""
        last = LAST_EVENT in people.column_names
        with connect(Bounds()) as duck:
            keyed = people.append_column(WHO, pa.chunked_array([turned(part) for part in people["member"].chunks], pa.binary()))
            duck.register("people", keyed)
            each = f"[hex({WHO}), {PERSON}{f', epoch_us({LAST_EVENT})::VARCHAR' if last else ''}]"
            (listed,) = duck.execute(f"SELECT coalesce(to_json(list({each})), '[]')::VARCHAR FROM people").fetchall()[0]
        found = _sql(
            f"""SELECT CAST(unhex(assumeNotNull(one[1])) AS FixedString(16)) AS {WHO}, one[2] AS {PERSON}
                {f", fromUnixTimestamp64Micro(CAST(one[3] AS Nullable(Int64)), 'UTC') AS {LAST_EVENT}" if last else ""}
                FROM (SELECT arrayJoin(JSONExtract(:people, 'Array(Array(Nullable(String)))')) AS one)""",
            people=exp.Literal.string(listed),
        )
        assert isinstance(found, exp.Select)
        return found

    @contextmanager
    def rows(self, statement: exp.Select, tables: Sequence[Named]) -> Iterator[pa.RecordBatchReader]:
        query = self.dialect.written(behind(statement, tables, dict.fromkeys((MEMBERS, OWNER), True) if self._keeps else {}))
        with self.wire.ask(f"{query} SETTINGS {_KEEPS} = 1" if self._keeps else query) as batches:
            first = _without_empty_lists(next(batches))
            others = (_without_empty_lists(batch) for batch in batches)
            yield pa.RecordBatchReader.from_batches(first.schema, chain([first], others))

    @cached_property
    def _keeps(self) -> bool:
        """Whether it can keep what a WITH finds, instead of finding it wherever it is named; only young ones can."""
        return bool(self._asked(f"SELECT name FROM system.settings WHERE name = '{_KEEPS}'"))

    def _asked(self, query: str) -> list[dict[str, str]]:
        with self.wire.ask(query) as batches:
            return [row for batch in batches for row in batch.to_pylist()]

    def _near(self, name: str) -> str:
        known = [row["name"] for row in self._asked("SELECT name FROM system.tables WHERE database <> 'system'")]
        near = get_close_matches(name, known, 1)
        return f"; did you mean '{near[0]}'?" if near else ""


def _kind(written: str) -> ColumnKind:
    """What a type such as `LowCardinality(Nullable(String))` holds."""
    inner = re.sub(r"^(?:(?:Nullable|LowCardinality)\()+", "", written)
    word = re.match(r"[A-Za-z]*", inner)
    return _KINDS.get(word[0], ColumnKind.OTHER) if word else ColumnKind.OTHER


def _without_empty_lists(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Lists that hold nothing are none: ClickHouse has no list that is NULL."""
    columns: list[Any] = list(batch.columns)
    for place, column in enumerate(columns):
        if pa.types.is_list(column.type):
            lengths: Any = pc.list_value_length(column)
            nothing: Any = pa.scalar(None, column.type)
            columns[place] = pc.if_else(pc.equal(lengths, pa.scalar(0)), nothing, column)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
