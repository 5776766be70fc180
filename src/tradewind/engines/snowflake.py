"""The expressions of rules and tables as Snowflake writes them; checked as text, since no server was at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from sqlglot import exp

from tradewind.cohorts.dialect import NUMBER
from tradewind.engines.template import filled
from tradewind.model.tables import ColumnKind


def _sql(text: str, /, **parts: exp.Expr) -> exp.Expr:
    return filled(text, "snowflake", parts)


class SnowflakeDialect:
    """A regular expression matches the whole text there by itself; a list is of variants."""

    name = "snowflake"

    def instant(self, moment: datetime) -> exp.Expr:
        written = moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        return _sql("CAST(:written AS TIMESTAMP_NTZ)", written=exp.Literal.string(written))

    def number(self, text: exp.Expr) -> exp.Expr:
        return _sql(
            "CASE WHEN REGEXP_LIKE(:text, :number) THEN TRY_CAST(:text AS DOUBLE) END", text=text, number=exp.Literal.string(NUMBER)
        )

    def matches(self, text: exp.Expr, pattern: exp.Expr) -> exp.Expr:
        """The flag `s` lets a dot match a new line."""
        plain = _sql("REPLACE(:pattern, '(?s:.*)', '.*')", pattern=pattern)
        if isinstance(pattern, exp.Literal):
            plain = exp.Literal.string(str(pattern.this).replace("(?s:.*)", ".*"))
        return _sql("REGEXP_LIKE(:text, :pattern, 's')", text=text, pattern=plain)

    def elements(self, text: exp.Expr) -> exp.Expr:
        listed = _sql(
            """TRANSFORM(FILTER(AS_ARRAY(TRY_PARSE_JSON(:text)), "e" -> NOT IS_NULL_VALUE("e")), "e" -> CAST("e" AS VARCHAR))""", text=text
        )
        return _sql("CASE WHEN STARTSWITH(:text, '[') THEN :listed END", text=text, listed=listed)

    def any_element(self, name: str, elements: exp.Expr, holds: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
        element = exp.cast(exp.column(exp.to_identifier(name, quoted=True)), exp.DType.VARCHAR)
        return _sql(f'ARRAY_SIZE(FILTER(:elements, "{name}" -> :holds)) > 0', elements=elements, holds=holds(element))

    def listed(self, texts: Sequence[exp.Expr]) -> exp.Expr:
        return exp.Array(expressions=[text.copy() for text in texts])

    def includes(self, elements: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
        return _sql("ARRAY_SIZE(ARRAY_EXCEPT(:wanted, :elements)) = 0", elements=elements, wanted=self.listed(values))

    def different(self, elements: exp.Expr) -> exp.Expr:
        return _sql("ARRAY_SIZE(ARRAY_DISTINCT(:elements))", elements=elements)

    def latest(self, value: exp.Expr, time: exp.Expr, stated: exp.Expr) -> exp.Expr:
        """Lists leave NULLs out, so each value is in an object."""
        return _sql(
            """CAST(GET(GET(ARRAY_AGG(CASE WHEN :stated THEN OBJECT_CONSTRUCT_KEEP_NULL('value', :value) END)
               WITHIN GROUP (ORDER BY :time DESC, :value DESC NULLS LAST), 0), 'value') AS VARCHAR)""",
            value=value,
            time=time,
            stated=stated,
        )

    def decimal(self, text: exp.Expr) -> exp.Expr:
        return _sql(
            "CASE WHEN REGEXP_LIKE(:text, :number) THEN TRY_CAST(:text AS DECIMAL(27, 9)) END",
            text=text,
            number=exp.Literal.string(NUMBER),
        )

    def exactly(self, number: Decimal) -> exp.Expr:
        return _sql("CAST(:number AS DECIMAL(27, 9))", number=exp.Literal.string(f"{number:f}"))

    def micros(self, time: exp.Expr) -> exp.Expr:
        return _sql("DATE_PART(EPOCH_MICROSECOND, :time)", time=time)

    def day(self, time: exp.Expr, zone: str) -> exp.Expr:
        return _sql("CAST(CONVERT_TIMEZONE('UTC', :zone, :time) AS DATE)", time=time, zone=exp.Literal.string(zone))

    def md5_hex(self, text: exp.Expr) -> exp.Expr:
        return _sql("MD5(:text)", text=text)

    def member_hex(self, who: exp.Expr) -> exp.Expr:
        pairs = exp.Literal.string("(.)(.)"), exp.Literal.string(r"\2\1")
        return _sql("REGEXP_REPLACE(REVERSE(HEX_ENCODE(:who, 0)), :pair, :turned)", who=who, pair=pairs[0], turned=pairs[1])

    def member(self, who: exp.Expr) -> exp.Expr:
        return who

    def in_order(self, value: exp.Expr, time: exp.Expr) -> exp.Expr:
        return _sql("ARRAY_AGG(:value) WITHIN GROUP (ORDER BY :time, :value)", value=value, time=time)

    def key(self, person: exp.Expr) -> exp.Expr:
        return _sql("MD5_BINARY(:person)", person=person)

    def text(self, column: exp.Expr, kind: ColumnKind) -> exp.Expr:  # noqa: ARG002 - a variant and a list are written as JSON by the cast
        return _sql("CAST(:column AS VARCHAR)", column=column)

    def property(self, document: exp.Expr, name: str) -> exp.Expr:
        return _sql("CAST(GET(:json, :name) AS VARCHAR)", json=document, name=exp.Literal.string(name))

    def states(self, document: exp.Expr, name: str) -> exp.Expr:
        return _sql("NOT GET(:json, :name) IS NULL", json=document, name=exp.Literal.string(name))

    def utc(self, column: exp.Expr, kind: ColumnKind) -> exp.Expr:
        how = {
            ColumnKind.INSTANT: "CAST(CONVERT_TIMEZONE('UTC', :column) AS TIMESTAMP_NTZ)",
            ColumnKind.INTEGER: "CAST(TO_TIMESTAMP(:column, 6) AS TIMESTAMP_NTZ)",
        }
        return _sql(how.get(kind, "CAST(:column AS TIMESTAMP_NTZ)"), column=column)

    def moment(self, instant: datetime, kind: ColumnKind) -> exp.Expr:
        if kind is not ColumnKind.INSTANT:
            return self.instant(instant)
        written = instant.astimezone(UTC).isoformat(sep=" ", timespec="microseconds")
        return _sql("CAST(:written AS TIMESTAMP_TZ)", written=exp.Literal.string(written))

    def written(self, statement: exp.Expr) -> str:
        """The whole statement; every name is quoted, so that one that is written twice is the same."""
        return statement.sql(self.name, identify=True)

    def document(self, text: str) -> exp.Expr:
        return _sql("PARSE_JSON(:text)", text=exp.Literal.string(text))
