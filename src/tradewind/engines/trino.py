"""The expressions of rules and tables as Trino writes them; checked as text, since no server was at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from sqlglot import exp

from tradewind.cohorts.dialect import NUMBER
from tradewind.engines.template import filled
from tradewind.model.tables import ColumnKind

_SCALAR = "COALESCE(TRY(CAST({0} AS VARCHAR)), JSON_FORMAT({0}))"
"""A JSON value as text: a string itself, anything else as it is written."""


def _sql(text: str, /, **parts: exp.Expr) -> exp.Expr:
    return filled(text, "trino", parts)


class TrinoDialect:
    """Texts are compared by code points there, and a regular expression is one of Java's."""

    name = "trino"

    def instant(self, moment: datetime) -> exp.Expr:
        written = moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        return _sql("CAST(:written AS TIMESTAMP(6))", written=exp.Literal.string(written))

    def number(self, text: exp.Expr) -> exp.Expr:
        number = self.matches(text, exp.Literal.string(NUMBER))
        return _sql("CASE WHEN :number THEN TRY_CAST(:text AS DOUBLE) END", text=text, number=number)

    def matches(self, text: exp.Expr, pattern: exp.Expr) -> exp.Expr:
        return _sql(r"REGEXP_LIKE(:text, CONCAT('\A(?:', :pattern, ')\z'))", text=text, pattern=pattern)

    def elements(self, text: exp.Expr) -> exp.Expr:
        listed = _sql(
            f"""TRANSFORM(FILTER(TRY(CAST(JSON_PARSE(:text) AS ARRAY(JSON))), e -> JSON_FORMAT(e) <> 'null'),
                e -> {_SCALAR.format("e")})""",
            text=text,
        )
        return _sql("CASE WHEN STARTS_WITH(:text, '[') THEN :listed END", text=text, listed=listed)

    def any_element(self, name: str, elements: exp.Expr, holds: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
        return _sql(f"ANY_MATCH(:elements, {name} -> :holds)", elements=elements, holds=holds(exp.column(name)))

    def listed(self, texts: Sequence[exp.Expr]) -> exp.Expr:
        return exp.Array(expressions=[text.copy() for text in texts])

    def includes(self, elements: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
        return _sql("CARDINALITY(ARRAY_EXCEPT(:wanted, :elements)) = 0", elements=elements, wanted=self.listed(values))

    def different(self, elements: exp.Expr) -> exp.Expr:
        return _sql("CARDINALITY(ARRAY_DISTINCT(:elements))", elements=elements)

    def latest(self, value: exp.Expr, time: exp.Expr, stated: exp.Expr) -> exp.Expr:
        return _sql(
            "ELEMENT_AT(ARRAY_AGG(:value ORDER BY :time DESC, :value DESC NULLS LAST) FILTER (WHERE :stated), 1)",
            value=value,
            time=time,
            stated=stated,
        )

    def decimal(self, text: exp.Expr) -> exp.Expr:
        number = self.matches(text, exp.Literal.string(NUMBER))
        return _sql("CASE WHEN :number THEN TRY_CAST(:text AS DECIMAL(27, 9)) END", text=text, number=number)

    def exactly(self, number: Decimal) -> exp.Expr:
        return _sql("CAST(:number AS DECIMAL(27, 9))", number=exp.Literal.string(f"{number:f}"))

    def micros(self, time: exp.Expr) -> exp.Expr:
        return _sql("CAST(ROUND(TO_UNIXTIME(WITH_TIMEZONE(:time, 'UTC')) * 1000000) AS BIGINT)", time=time)

    def day(self, time: exp.Expr, zone: str) -> exp.Expr:
        return _sql("CAST(AT_TIMEZONE(WITH_TIMEZONE(:time, 'UTC'), :zone) AS DATE)", time=time, zone=exp.Literal.string(zone))

    def md5_hex(self, text: exp.Expr) -> exp.Expr:
        return _sql("LOWER(TO_HEX(:key))", key=self.key(text))

    def member_hex(self, who: exp.Expr) -> exp.Expr:
        pairs = exp.Literal.string("(.)(.)"), exp.Literal.string("$2$1")
        return _sql("REGEXP_REPLACE(REVERSE(LOWER(TO_HEX(:who))), :pair, :turned)", who=who, pair=pairs[0], turned=pairs[1])

    def member(self, who: exp.Expr) -> exp.Expr:
        return who

    def in_order(self, value: exp.Expr, time: exp.Expr) -> exp.Expr:
        return _sql("ARRAY_AGG(:value ORDER BY :time, :value)", value=value, time=time)

    def key(self, person: exp.Expr) -> exp.Expr:
        """MD5 is of bytes there. By its own name, since SQLGlot would take it for one that gives a text."""
        octets = exp.Anonymous(this="TO_UTF8", expressions=[person.copy()])
        return exp.Anonymous(this="MD5", expressions=[octets])

    def text(self, column: exp.Expr, kind: ColumnKind) -> exp.Expr:
        how = {
            ColumnKind.JSON: f"NULLIF({_SCALAR.format(':column')}, 'null')",
            ColumnKind.LIST: "JSON_FORMAT(CAST(:column AS JSON))",
        }
        return _sql(how.get(kind, "CAST(:column AS VARCHAR)"), column=column)

    def property(self, document: exp.Expr, name: str) -> exp.Expr:
        entry = _sql("ELEMENT_AT(:object, :name)", object=_object(document), name=exp.Literal.string(name))
        written = _sql(_SCALAR.format(":entry"), entry=entry)
        return _sql("CASE WHEN JSON_FORMAT(:entry) <> 'null' THEN :written END", entry=entry, written=written)

    def states(self, document: exp.Expr, name: str) -> exp.Expr:
        return _sql("CONTAINS(MAP_KEYS(:object), :name)", object=_object(document), name=exp.Literal.string(name))

    def utc(self, column: exp.Expr, kind: ColumnKind) -> exp.Expr:
        how = {
            ColumnKind.INSTANT: "CAST(AT_TIMEZONE(:column, 'UTC') AS TIMESTAMP(6))",
            ColumnKind.INTEGER: "CAST(AT_TIMEZONE(FROM_UNIXTIME_NANOS((:column) * 1000), 'UTC') AS TIMESTAMP(6))",
        }
        return _sql(how.get(kind, "CAST(:column AS TIMESTAMP(6))"), column=column)

    def moment(self, instant: datetime, kind: ColumnKind) -> exp.Expr:
        if kind is not ColumnKind.INSTANT:
            return self.instant(instant)
        written = instant.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        return _sql("CAST(:written AS TIMESTAMP(6) WITH TIME ZONE)", written=exp.Literal.string(f"{written} UTC"))

    def written(self, statement: exp.Expr) -> str:
        """The whole statement; every name is quoted, so that one that is written twice is the same."""
        return statement.sql(self.name, identify=True)

    def document(self, text: str) -> exp.Expr:
        return _sql("JSON_PARSE(:text)", text=exp.Literal.string(text))


def _object(document: exp.Expr) -> exp.Expr:
    return _sql("TRY(CAST(:json AS MAP(VARCHAR, JSON)))", json=document)
