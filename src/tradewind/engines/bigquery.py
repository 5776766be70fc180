"""The expressions of rules and tables as BigQuery writes them; checked as text, since no server was at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import md5

from sqlglot import exp

from tradewind.cohorts.dialect import NUMBER
from tradewind.engines.template import filled
from tradewind.model.tables import ColumnKind


def _sql(text: str, /, **parts: exp.Expr) -> exp.Expr:
    return filled(text, "bigquery", parts)


class BigQueryDialect:
    """Times without a zone are DATETIMEs there, and instants TIMESTAMPs."""

    name = "bigquery"

    def instant(self, moment: datetime) -> exp.Expr:
        written = moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        return _sql("CAST(:written AS DATETIME)", written=exp.Literal.string(written))

    def number(self, text: exp.Expr) -> exp.Expr:
        number = self.matches(text, exp.Literal.string(NUMBER))
        return _sql("CASE WHEN :number THEN SAFE_CAST(:text AS FLOAT64) END", text=text, number=number)

    def matches(self, text: exp.Expr, pattern: exp.Expr) -> exp.Expr:
        return _sql("REGEXP_CONTAINS(:text, CONCAT('^(?:', :pattern, ')$'))", text=text, pattern=pattern)

    def elements(self, text: exp.Expr) -> exp.Expr:
        listed = _sql(
            """ARRAY(SELECT COALESCE(JSON_VALUE(e), TO_JSON_STRING(e))
               FROM UNNEST(JSON_QUERY_ARRAY(SAFE.PARSE_JSON(:text, wide_number_mode => 'round'))) AS e WHERE JSON_TYPE(e) <> 'null')""",
            text=text,
        )
        there = _sql("NOT SAFE.PARSE_JSON(:text, wide_number_mode => 'round') IS NULL", text=text)
        return _sql("CASE WHEN STARTS_WITH(:text, '[') AND :there THEN :listed END", text=text, there=there, listed=listed)

    def any_element(self, name: str, elements: exp.Expr, holds: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
        return _sql(f"EXISTS(SELECT 1 FROM UNNEST(:elements) AS {name} WHERE :holds)", elements=elements, holds=holds(exp.column(name)))

    def listed(self, texts: Sequence[exp.Expr]) -> exp.Expr:
        return exp.Array(expressions=[text.copy() for text in texts])

    def includes(self, elements: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
        return _sql(
            "NOT EXISTS(SELECT 1 FROM UNNEST(:wanted) AS w WHERE NOT w IN UNNEST(:elements))", elements=elements, wanted=self.listed(values)
        )

    def different(self, elements: exp.Expr) -> exp.Expr:
        return _sql("(SELECT COUNT(DISTINCT e) FROM UNNEST(:elements) AS e)", elements=elements)

    def latest(self, value: exp.Expr, time: exp.Expr, stated: exp.Expr) -> exp.Expr:
        """A list may not hold NULL, so each value is in a struct."""
        return _sql(
            """ARRAY_AGG(CASE WHEN :stated THEN STRUCT(:value AS value) END IGNORE NULLS
               ORDER BY :time DESC, :value DESC LIMIT 1)[SAFE_OFFSET(0)].value""",
            value=value,
            time=time,
            stated=stated,
        )

    def decimal(self, text: exp.Expr) -> exp.Expr:
        number = self.matches(text, exp.Literal.string(NUMBER))
        return _sql(
            "CASE WHEN :number AND ABS(SAFE_CAST(:text AS NUMERIC)) < 1000000000000000000 THEN SAFE_CAST(:text AS NUMERIC) END",
            text=text,
            number=number,
        )

    def exactly(self, number: Decimal) -> exp.Expr:
        return _sql("CAST(:number AS NUMERIC)", number=exp.Literal.string(f"{number:f}"))

    def micros(self, time: exp.Expr) -> exp.Expr:
        return _sql("UNIX_MICROS(TIMESTAMP(:time, 'UTC'))", time=time)

    def day(self, time: exp.Expr, zone: str) -> exp.Expr:
        return _sql("DATE(TIMESTAMP(:time, 'UTC'), :zone)", time=time, zone=exp.Literal.string(zone))

    def md5_hex(self, text: exp.Expr) -> exp.Expr:
        return _sql("TO_HEX(MD5(:text))", text=text)

    def member_hex(self, who: exp.Expr) -> exp.Expr:
        pairs = exp.Literal.string("(.)(.)"), exp.Literal.string(r"\2\1")
        return _sql("REGEXP_REPLACE(REVERSE(TO_HEX(:who)), :pair, :turned)", who=who, pair=pairs[0], turned=pairs[1])

    def member(self, who: exp.Expr) -> exp.Expr:
        return who

    def in_order(self, value: exp.Expr, time: exp.Expr) -> exp.Expr:
        return _sql("ARRAY_AGG(:value ORDER BY :time, :value)", value=value, time=time)

    def key(self, person: exp.Expr) -> exp.Expr:
        return _sql("MD5(:person)", person=person)

    def text(self, column: exp.Expr, kind: ColumnKind) -> exp.Expr:
        how = {
            ColumnKind.JSON: "COALESCE(JSON_VALUE(:column), NULLIF(TO_JSON_STRING(:column), 'null'))",
            ColumnKind.LIST: "TO_JSON_STRING(:column)",
        }
        return _sql(how.get(kind, "CAST(:column AS STRING)"), column=column)

    def property(self, document: exp.Expr, name: str) -> exp.Expr:
        return self.text(_entry(document, name), ColumnKind.JSON)

    def states(self, document: exp.Expr, name: str) -> exp.Expr:
        return _sql("NOT :entry IS NULL", entry=_entry(document, name))

    def utc(self, column: exp.Expr, kind: ColumnKind) -> exp.Expr:
        how = {ColumnKind.INSTANT: "DATETIME(:column, 'UTC')", ColumnKind.INTEGER: "DATETIME(TIMESTAMP_MICROS(:column), 'UTC')"}
        return _sql(how.get(kind, "CAST(:column AS DATETIME)"), column=column)

    def moment(self, instant: datetime, kind: ColumnKind) -> exp.Expr:
        if kind is not ColumnKind.INSTANT:
            return self.instant(instant)
        written = instant.astimezone(UTC).isoformat(sep=" ", timespec="microseconds")
        return _sql("CAST(:written AS TIMESTAMP)", written=exp.Literal.string(written))

    def written(self, statement: exp.Expr) -> str:
        """The whole statement; a column may not have any name there, so that those of properties are told apart by their MD5."""
        return statement.transform(_plain).sql(self.name, identify=True)

    def document(self, text: str) -> exp.Expr:
        return _sql("PARSE_JSON(:text, wide_number_mode => 'round')", text=exp.Literal.string(text))


def _plain(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Identifier) and node.this.startswith(("e:", "u:", "s:", "event.", "user.")):
        return exp.to_identifier(f"c_{md5(node.this.encode(), usedforsecurity=False).hexdigest()}")
    return node


def _entry(document: exp.Expr, name: str) -> exp.Expr:
    return exp.Bracket(this=document.copy(), expressions=[exp.Literal.string(name)])
