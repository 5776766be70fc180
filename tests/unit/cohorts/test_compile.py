"""The statement of a rule: every instant a literal, one pass over events, and shallow however long the rule."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import duckdb
import pytest
from sqlglot import exp

from tradewind.cohorts.compile import compile_rule, matters
from tradewind.cohorts.operators import lowered
from tradewind.cohorts.rules import properties
from tradewind.cohorts.stretches import MOST, Stretch
from tradewind.engines.duckdb import DuckDBDialect
from tradewind.model.cohort import (
    AT_LEAST_ONCE,
    All,
    AnyOf,
    Between,
    Count,
    Did,
    EventFilter,
    FirstUse,
    InCohort,
    InSequence,
    Interval,
    Last,
    Measure,
    Not,
    Operator,
    Rule,
    Step,
    UserProperty,
)
from tradewind.model.cohort import Comparison as Compared

AS_OF = datetime(2026, 7, 1, 12, 0, 0, 1, tzinfo=UTC)
WHERE = (EventFilter("p", Operator.IS, ("x",)),)


def compiled(rule: Rule, **nested: str) -> exp.Select:
    return compile_rule(rule, AS_OF, "Europe/Berlin", DuckDBDialect(), nested)


def test_instants_are_literals_and_now_is_never_asked() -> None:
    written = compiled(All((Did("A", window=Last(1)), Not(Did("B"))))).sql("duckdb")
    assert "'2026-07-01 12:00:00.000001'" in written
    assert "'2026-06-29 22:00:00.000000'" in written
    assert not re.search(r"now\(|current_|today", written, re.IGNORECASE)


def test_what_is_asked_twice_is_counted_once() -> None:
    twice = AnyOf((Did("A", WHERE, Count(Compared.EQUAL, 1)), Did("A", WHERE, AT_LEAST_ONCE), Did("B", WHERE)))
    assert len(list(compiled(twice).find_all(exp.Count))) == 2


def test_events_are_read_once() -> None:
    rule = All((Did("A"), Did("B", window=Last(3)), UserProperty("plan", Operator.IS, ("x",)), InCohort("vips"), Not(InCohort("late"))))
    statement = compiled(rule, vips="nested0", late="nested1")
    assert [table.name for table in statement.find_all(exp.Table)].count("events") == 1


def test_only_events_that_a_rule_asks_for_matter() -> None:
    rule = All((Did("A", WHERE), AnyOf((Did("B", window=Last(3)), Not(Did("C", window=Last(9)))))))
    told = """(VALUES ('A', 'x', 99), ('A', 'y', 1), ('A', NULL, 1), ('B', NULL, 2), ('B', NULL, 5), ('C', NULL, 5), ('C', NULL, 12),
        ('D', 'x', 1)) AS told(event_type, "e:p", ago)"""
    stretches = matters(rule, AS_OF, "UTC", DuckDBDialect())
    assert stretches is not None
    assert [(each.first and each.first.day, set(each.types), set(each.properties)) for each in stretches] == [
        (None, {"A"}, {"p"}),
        (22, {"A", "C"}, {"p"}),
        (28, {"A", "B", "C"}, {"p"}),
    ]
    assert [each.end for each in stretches] == [each.first for each in stretches[1:]] + [AS_OF]
    events = f"(SELECT *, TIMESTAMP '2026-07-01 12:00:00' - to_days(ago) AS time FROM {told}) AS events"
    of_each = [duckdb.execute(f"SELECT event_type, ago FROM {events} WHERE {_within(each)} ORDER BY ALL").fetchall() for each in stretches]
    assert of_each == [[("A", 99)], [("C", 5)], [("B", 2)]]


def _within(stretch: Stretch) -> str:
    since = f"AND time >= '{stretch.first.replace(tzinfo=None)}'" if stretch.first else ""
    return f"{stretch.holds().sql('duckdb')} AND time < '{stretch.end.replace(tzinfo=None)}' {since}"


def test_what_is_measured_and_held_is_looked_at_where_it_is_asked_for() -> None:
    spent = Did("Buy", measure=Measure.SUM, property="price", window=Last(9))
    steps = InSequence((Step("Look"), Step("Buy", WHERE)), holding=("item",), window=Between(date(2026, 5, 1), date(2026, 6, 1)))
    stretches = matters(AnyOf((spent, steps)), AS_OF, "UTC", DuckDBDialect())
    assert stretches is not None
    assert [(set(each.types), set(each.properties)) for each in stretches] == [
        ({"Look", "Buy"}, {"p", "item"}),
        ({"Buy"}, {"p", "item"}),
        ({"Buy"}, {"p", "item", "price"}),
    ]


def test_neighbours_that_are_asked_for_the_same_are_one_stretch() -> None:
    each_day = Did("A", WHERE, window=Last(9), each=Interval.DAY)
    stretches = matters(each_day, AS_OF, "UTC", DuckDBDialect())
    assert stretches is not None
    assert [(each.first, each.end) for each in stretches] == [(datetime(2026, 6, 22, tzinfo=UTC), AS_OF)]
    many = AnyOf(tuple(Did(f"E{days}", window=Last(days)) for days in range(1, MOST + 2)))
    stretches = matters(many, AS_OF, "UTC", DuckDBDialect())
    assert stretches is not None
    assert len(stretches) == 1


@pytest.mark.parametrize("rule", [Not(Did("A")), All((Did("A"), UserProperty("plan", Operator.IS, ("x",)))), Did("A", window=FirstUse(3))])
def test_every_event_matters_where_the_others_say_something_too(rule: Rule) -> None:
    assert matters(rule, AS_OF, "UTC", DuckDBDialect()) is None


def test_the_properties_of_a_rule() -> None:
    rule = All((Did("A", WHERE), Not(UserProperty("plan", Operator.IS, ("x",))), Did("B", (EventFilter("a", Operator.IS, ("x",)),))))
    assert properties(rule) == (("a", "p"), ("plan",))


@pytest.mark.parametrize("operator", Operator)
def test_ten_thousand_values_are_answered(operator: Operator) -> None:
    values = tuple(f"value {i}" for i in range(10_000))
    rule = Did("A", (EventFilter("p", operator, values),))
    connection = duckdb.connect()
    told = "SELECT 1 AS who, 'user:ann' AS person, 'A' AS event_type, TIMESTAMP '2026-01-01' AS time, 'value 5000' AS \"e:p\""
    connection.execute(f"CREATE VIEW events AS {told}")
    found = connection.execute(compiled(rule).sql("duckdb")).fetchall()
    connection.close()
    negated = "not" in operator.value
    assert bool(found) == (operator not in {Operator.SET_IS, Operator.SET_CONTAINS} if not negated else operator.value.startswith("set"))


def test_small_letters_are_the_same_everywhere() -> None:
    letters = "".join(chr(code) for code in range(1, 0x3000) if not 0xD800 <= code < 0xE000)
    (answer,) = duckdb.connect().execute("SELECT lower(?)", [letters]).fetchone() or ("",)
    assert [a for a, b in zip(letters, answer, strict=True) if lowered(a) != b] == []
