"""Every row of what can be wrong with names, rules and times, and what is answered: here, or by the test that is named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests_of import functions
from tradewind.cohorts.document import read_text
from tradewind.cohorts.parse import parse_cohort
from tradewind.errors import DefinitionError
from tradewind.operations.instants import instant

TESTS = Path(__file__).resolve().parents[1]


def where(condition: str) -> str:
    """A rule with one condition on an event."""
    return f"{{did: E, where: {{event.v: {{{condition}}}}}}}"


RULES = [
    ("E1", where("like: x"), "at who.where.event.v.like: 'like' is not an operator"),
    ("E1", "{where: {event.v: {is: x}}}", "'where' is not a rule"),
    ("E1", "{did: E, where: {event.v: }}", "at who.where.event.v: expected an operator with values"),
    ("E1", where('"$ne": null'), "'$ne' is not an operator"),
    ("E1", '{user.plan: {is: {"$ne": null}}}', "found a mapping"),
    ("E2", '{did: E, where: {"event.a\\0b": {is: x}}}', "a character that no event can hold"),
    ("E2", where('is: "a\\0b"'), "a character that no event can hold"),
    ("E2", f"{{did: {'e' * 10_000}}}", "at most 1,024 characters"),
    ("E2", where(f"is: {'v' * 10_000}"), "at most 1,024 characters"),
    ("E3", where(f"is: [{'a, ' * 10_001}]"), "1 to 10,000 values, found 10,001"),
    ("E3", "{not: " * 17 + "{did: E}" + "}" * 17, "nested deeper than 16"),
    ("E3", f"{{any: [{'{did: E}, ' * 201}]}}", "at most 200"),
    ("E4", where("regex: '(a+)+$'"), "'regex' is not an operator"),
    ("E6", "{did: E, in: {since: 2026-02-30}}", "cannot read '2026-02-30'"),
    ("E6", "{did: E, in: {last: -1 days}}", "expected a number of days or weeks"),
    ("E6", "{did: E, in: {last: 1000000000 days}}", "expected a number of days or weeks"),
    ("E6", "{did: E, count: '>= NaN'}", "a comparison and a whole number"),
    ("E6", "{did: E, sum: {event.v: '>= NaN'}}", "at most 15 digits"),
    ("E6", "{did: E, sum: {event.v: '>= 1e308'}}", "at most 15 digits"),
    ("E9", "{}", "at who: expected one of"),
    ("E9", "{all: []}", "at least one rule"),
    ("H2", "{did: E, in: {since: 2026-W01-1}}", "expected a date such as"),
    ("H2", "{did: E, in: {since: 20260101T000000Z}}", "expected a date such as"),
    ("H3", "{did: E, in: {between: [2026-01-01, '2026-01-01 24:00']}}", "expected a date such as"),
    ("H4", "{did: E, in: {since: 0001-01-01}}", "from 1970 to 2999"),
    ("H4", "{did: E, in: {since: 9999-12-31}}", "from 1970 to 2999"),
]
"""A rule as it is written, and what its refusal says; the same sentence is the command's and the API's."""

INSTANTS = [
    ("H1", "2026-07-01T09:30:00", "with its offset"),
    ("H2", "20260101T000000Z", "is not an instant"),
    ("H2", "2026-W01-1", "is not an instant"),
    ("H3", "2026-07-01T24:00:00Z", "is not an instant"),
    ("H3", "2026-06-30T23:59:60Z", "is not an instant"),
    ("H3", "2026-07-01T10:00:00+25:00", "is not an instant"),
    ("H3", "2026-02-30", "is not an instant"),
    ("H4", "0001-01-01", "is too far away"),
    ("H4", "9999-12-31", "is too far away"),
    ("H5", "2026-07-01T10:00:00.123456789Z", "is not an instant"),
]

ELSEWHERE = {
    "E2": "generative/test_injections.py::test_postgresql_takes_them_for_what_they_are",
    "E4": "generative/test_engines_agree.py::test_an_operator_means_the_same_in_sql_and_in_python",
    "E5": "spec/test_cohort_language.py::test_row",
    "E7": "unit/web/test_who_may.py::test_an_object_of_another_project_is_not_there",
    "E8": "unit/operations/test_apply.py::test_a_circle_with_a_cohort_already_there_is_refused",
    "E10": "unit/planning/test_guards.py::test_an_empty_snapshot_holds_only_while_something_is_held",
    "E11": "unit/planning/test_guards.py::test_a_property_that_changed_its_type_holds",
    "E12": "integration/test_wrong_input.py::test_a_wrong_definition_changes_nothing",
    "E13": "unit/catalog/test_catalog.py::test_a_segment_that_differs_only_by_case_is_refused",
    "E14": "unit/catalog/test_catalog.py::test_a_segment_that_differs_only_by_case_is_refused",
    "E15": "integration/test_wrong_input.py::test_a_wrong_definition_changes_nothing",
    "H6": "unit/operations/test_projects.py::test_what_is_not_a_zone_is_refused_before_anything_is_made",
    "H7": "unit/test_schedule.py::test_daily_by_example",
    "H8": "unit/test_schedule.py::test_daily_by_example",
    "H9": "unit/test_schedule.py::test_hourly_fires_as_often_as_the_day_has_hours",
    "H10": "unit/test_schedule.py::test_daily_by_example",
    "H11": "unit/test_schedule.py::test_after_any_time_away_one_slot_is_due_and_the_others_are_counted",
    "H12": "unit/test_schedule.py::test_a_clock_that_went_back_makes_nothing_due",
    "H13": "unit/operations/test_zones.py::test_other_rules_than_before_are_noted_once",
    "H14": "unit/planning/test_guards.py::test_an_instant_in_the_future_holds",
    "H15": "unit/web/test_webhook.py::test_the_message_that_was_computed_last_counts_in_whatever_order_they_come",
}
"""What is held on every engine by the tables of the language and the suite of engines, or is no rule and no instant."""


@pytest.mark.parametrize(("row", "rule", "says"), RULES)
def test_a_rule_that_cannot_be_is_refused_with_its_place(row: str, rule: str, says: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        parse_cohort(read_text(f"{{id: c, name: C, kind: behavioural, who: {rule}}}"), "default")
    assert says in str(refused.value), row
    assert len(str(refused.value)) < 400, "a value of a megabyte is not repeated"


@pytest.mark.parametrize(("row", "text", "says"), INSTANTS)
def test_a_time_that_cannot_be_is_refused(row: str, text: str, says: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        instant(text, "Europe/Berlin", datetime(2026, 7, 1, tzinfo=UTC))
    assert says in str(refused.value), row


def test_every_row_is_answered_by_a_test_that_is_there() -> None:
    missing = [(row, place) for row, place in ELSEWHERE.items() if place.partition("::")[2] not in functions(place.partition("::")[0])]
    assert missing == []
    answered = {row for row, *_ in (*RULES, *INSTANTS)} | set(ELSEWHERE)
    assert {*(f"E{number}" for number in range(1, 16)), *(f"H{number}" for number in range(1, 16))} - answered == set()
