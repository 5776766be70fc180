"""Snowflake, BigQuery and Trino: every kind of rule compiles, reads back as the same SQL, and says what was meant in known places."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlglot
from sqlglot import exp

from tradewind.cohorts.clauses.form import EVENTS, PERSON
from tradewind.cohorts.compile import compile_rule
from tradewind.cohorts.rules import properties
from tradewind.engines import sql
from tradewind.engines.bigquery import BigQueryDialect
from tradewind.engines.snowflake import SnowflakeDialect
from tradewind.engines.spec.ask import cohort_of
from tradewind.engines.spec.inline import COLUMNS, inline, rows_of
from tradewind.engines.spec.rows import Case, Table
from tradewind.engines.spec.tables import TABLES
from tradewind.engines.tables import Relation, TableDialect
from tradewind.engines.template import behind
from tradewind.engines.trino import TrinoDialect
from tradewind.model.cohort import Behaviour
from tradewind.model.snapshot import Wanted
from tradewind.model.tables import ColumnKind, Rows, Stated, TimeUnit

DIALECTS: tuple[SnowflakeDialect | BigQueryDialect | TrinoDialect, ...] = (SnowflakeDialect(), BigQueryDialect(), TrinoDialect())
ROWS = [(table, case) for table in TABLES for case in table.cases[::5]]
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)

SHOP = Rows(
    "shop.orders",
    user="customer",
    device="device",
    time="placed",
    unit=TimeUnit.MILLISECONDS,
    event_column="kind",
    properties=Stated("about", (("amount", "total"), ("tags", "tags"))),
)
KINDS = {
    "customer": ColumnKind.INTEGER,
    "device": ColumnKind.TEXT,
    "placed": ColumnKind.INTEGER,
    "kind": ColumnKind.TEXT,
    "about": ColumnKind.JSON,
    "total": ColumnKind.NUMBER,
    "tags": ColumnKind.LIST,
}


def statement(table: Table, case: Case, dialect: TableDialect) -> exp.Select:
    """The whole question that a run would be: tables, rule, and columns beside the members."""
    definition = cohort_of(case).definition
    assert isinstance(definition, Behaviour)
    nested = {name: f"nested{number}" for number, name in enumerate(table.cohorts)}
    found = compile_rule(definition.who, table.as_of, table.zone, dialect, nested)
    wanted = (Wanted("user.plan", False), Wanted("event.v", True))
    names = properties(definition.who), sql.properties(wanted)
    relation = Relation((rows_of("told", whole=False),), {"told": COLUMNS}, dialect, table.as_of)
    tables = relation.tables(*({*one, *other} for one, other in zip(*names, strict=True)))
    members = (sql.MEMBERS, sql.members(found, [PERSON], dialect))
    return behind(sql.with_columns(wanted, dialect, kept=["member", PERSON]), [*tables, members], {})


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_kind_of_rule_reads_back_as_it_was_written(dialect: SnowflakeDialect | BigQueryDialect | TrinoDialect) -> None:
    for table, case in ROWS:
        written = dialect.written(statement(table, case, dialect))
        assert dialect.written(sqlglot.parse_one(written, dialect=dialect.name)) == written, case.rule


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_made_up_events_stand_in_a_question_there_too(dialect: SnowflakeDialect | BigQueryDialect | TrinoDialect) -> None:
    (names,) = (table for table in TABLES if table.title == "Names and values are data")
    served = inline(names.events, dialect, lambda: pytest.fail("nobody is asked"))
    for select, _ in served.inline.values():
        written = dialect.written(select)
        assert dialect.written(sqlglot.parse_one(written, dialect=dialect.name)) == written


@pytest.mark.parametrize(
    ("dialect", "fragments"),
    [
        (
            DIALECTS[0],
            (
                'FROM "shop"."orders" WHERE "placed" < 1782907200000',
                'CAST(TO_TIMESTAMP(CAST("placed" AS BIGINT) * 1000, 6) AS TIMESTAMPNTZ)',
                'COALESCE(CAST("total" AS VARCHAR), CAST(GET("about", \'amount\') AS VARCHAR))',
                'MD5_BINARY("person")',
                'TRY_CAST("e:amount" AS DOUBLE)',
                'COUNT("user_id") OVER (PARTITION BY "device_id" ORDER BY "time" NULLS FIRST ROWS BETWEEN UNBOUNDED PRECEDING',
            ),
        ),
        (
            DIALECTS[1],
            (
                "FROM `shop`.`orders` WHERE `placed` < 1782907200000",
                "DATETIME(TIMESTAMP_MICROS(CAST(`placed` AS INT64) * 1000), 'UTC')",
                "COALESCE(CAST(`total` AS STRING), COALESCE(JSON_VALUE(`about`['amount'], '$'), NULLIF(TO_JSON_STRING(",
                "MD5(`person`)",
                "SAFE_CAST(`c_2dea115f423af60440c7b717ec0565df` AS FLOAT64)",
                "COUNT(`user_id`) OVER (PARTITION BY `device_id` ORDER BY `time` ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
            ),
        ),
        (
            DIALECTS[2],
            (
                'FROM "shop"."orders" WHERE "placed" < 1782907200000',
                "CAST(AT_TIMEZONE(FROM_UNIXTIME_NANOS((CAST(\"placed\" AS BIGINT) * 1000) * 1000), 'UTC') AS TIMESTAMP(6))",
                "ELEMENT_AT(TRY(CAST(\"about\" AS MAP(VARCHAR, JSON))), 'amount')",
                'MD5(TO_UTF8("person"))',
                'TRY_CAST("e:amount" AS DOUBLE)',
                'COUNT("user_id") OVER (PARTITION BY "device_id" ORDER BY "time" NULLS FIRST ROWS BETWEEN UNBOUNDED PRECEDING',
            ),
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_known_places_are_written_as_meant(dialect: SnowflakeDialect | BigQueryDialect | TrinoDialect, fragments: tuple[str, ...]) -> None:
    definition = cohort_of(Case("{did: Buy, where: {event.amount: {greater: 50}}}", "")).definition
    assert isinstance(definition, Behaviour)
    relation = Relation((SHOP,), {"shop.orders": KINDS}, dialect, NOON)
    found = compile_rule(definition.who, NOON, "UTC", dialect, {})
    written = dialect.written(behind(found, relation.tables(["amount", "tags"]), {}))
    assert [fragment for fragment in fragments if fragment not in written] == [], written
    assert EVENTS in written
