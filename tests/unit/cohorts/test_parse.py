"""Definitions are read strictly: what is wrong is named with its file, line and path, and what was expected."""

from __future__ import annotations

import pytest

from tradewind.cohorts.document import read_text, read_value
from tradewind.cohorts.parse import parse_cohort, to_document
from tradewind.cohorts.rules import parse_rule
from tradewind.errors import DefinitionError
from tradewind.model.cohort import (
    All,
    AnyOf,
    Behaviour,
    Cohort,
    Comparison,
    Count,
    Did,
    InCohort,
    Lookalike,
    Not,
    Operator,
    Rule,
    Select,
    StaticList,
    UserProperty,
)
from tradewind.model.identifier import IdType, Mapping, Take

NESTED_16 = "{not: " * 15 + "{did: A}" + "}" * 15


def cohort(text: str) -> Cohort:
    return parse_cohort(read_text(text, "shop.yaml"), "default")


def rule(who: str) -> Rule:
    definition = cohort(f"id: c\nname: C\nkind: behavioural\nwho: {who}").definition
    assert isinstance(definition, Behaviour)
    return definition.who


def refusal(text: str) -> str:
    with pytest.raises(DefinitionError) as caught:
        cohort(text)
    return str(caught.value)


def test_the_line_that_all_write() -> None:
    written = (
        "{id: cart-no-buy, name: Cart and no purchase, kind: behavioural, who: {all: [{did: Add to Cart, where: {event.category: "
        '{is: [shoes, hats]}}, count: ">= 3", in: {last: 30 days}}, {did_not: Purchase, in: {last: 30 days}}, '
        "{user.plan: {is: [paid]}}, {in_cohort: engaged}]}}"
    )
    parsed = cohort(written)
    assert isinstance(parsed.definition, Behaviour)
    assert isinstance(parsed.definition.who, All)
    added, bought, plan, engaged = parsed.definition.who.rules
    assert isinstance(added, Did)
    assert (added.count, [part.values for part in added.where]) == (Count(Comparison.AT_LEAST, 3), [("shoes", "hats")])
    assert isinstance(bought, Not)
    assert (plan, engaged) == (UserProperty("plan", Operator.IS, ("paid",)), InCohort("engaged"))
    assert parse_cohort(read_value(to_document(parsed)), "default") == parsed


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (
            "{user.age: {greater: 18, less: 65}}",
            All((UserProperty("age", Operator.GREATER, ("18",)), UserProperty("age", Operator.LESS, ("65",)))),
        ),
        ("{not_in_cohort: vips}", Not(InCohort("vips"))),
        ("{any: [{in_cohort: a}, {not: {in_cohort: b}}]}", AnyOf((InCohort("a"), Not(InCohort("b"))))),
        ("{user.a.b: {is: x}}", UserProperty("a.b", Operator.IS, ("x",))),
        ("{did: A, count: '=0'}", Did("A", count=Count(Comparison.EQUAL, 0))),
    ],
)
def test_other_ways_to_write_a_rule(who: str, expected: Rule) -> None:
    assert rule(who) == expected


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *[(word, word) for word in ("NO", "on", "01234", "1.50", "12:30", "1_000", "2026-01-02", "1e400")],
        *[("True", "true"), ("'5'", "5"), ("''", "")],
    ],
)
def test_values_stay_as_they_are_written(written: str, value: str) -> None:
    assert rule(f"{{user.v: {{is: {written}}}}}") == UserProperty("v", Operator.IS, (value,))


@pytest.mark.parametrize(
    ("who", "sentence"),
    [
        (
            "{}",
            "at who: expected one of all, any, not, did, did_not, more_often, sequence",
        ),
        ("[]", "at who: expected one of all, any"),
        ("{dit: A}", "at who.dit: 'dit' is not a rule; did you mean 'did'?"),
        ("{event.x: {is: 1}}", "at who.event.x: 'event.x' is a property of an event; put it under the 'where' of a 'did'"),
        ("{did: A, in_cohort: b}", "at who: one rule is expected here, found 'did' and 'in_cohort'; put them into the list"),
        ("{all: []}", "at who.all: expected at least one rule"),
        ("{all: [{did: A}, {did: }]}", "at who.all[1].did: expected a text, found nothing"),
        ("{did: A, were: {}}", "at who.were: 'were' is not known beside 'did'; did you mean 'where'?"),
        (
            "{did: A, where: {category: {is: x}}}",
            "at who.where.category: 'category' is not a property of the event; expected 'event.<property>'",
        ),
        ("{did: A, where: []}", "at who.where: expected at least one condition"),
        ("{did: $identify}", "at who.did: '$identify' is no event: it says something of a person, and nobody does it"),
        ("{sequence: {steps: [{did: A}, {did: $groupidentify}]}}", "at who.sequence.steps[1].did: '$groupidentify' is no event"),
        ("{did: A, where: {event.x: {iss: 1}}}", "at who.where.event.x.iss: 'iss' is not an operator; did you mean 'is'?"),
        ('{did: A, where: {event.x: {"$ne": null}}}', "'$ne' is not an operator; expected one of is, is_not"),
        (
            "{did: A, where: {event.x: shoes}}",
            "at who.where.event.x: expected an operator with values, such as {is: [paid]}, found 'shoes'",
        ),
        ("{did: A, where: {event.x: {is: null}}}", "write '(none)' for people without a value"),
        ("{did: A, where: {event.x: {is: [[a]]}}}", "expected a text, number or switch, found a list"),
        ("{did: A, where: {event.x: {is: []}}}", "expected 1 to 10,000 values, found 0"),
        ("{did: A, where: {event.x: {glob_match: '[z-a]'}}}", "cannot be read as a glob: the range 'z-a' runs backwards"),
        ("{did: A, count: 3}", "at who.count: expected a comparison and a whole number, such as \">= 3\", found '3'"),
        ("{did: A, count: '>= 1.5'}", "expected a comparison and a whole number"),
        ("{did: A, count: '< 0'}", "'< 0' is never true"),
        ("{did: A, count: '>= 0'}", "'>= 0' is always true"),
        ("{did_not: A, count: '>= 2'}", "at who.count: 'count' does not go with 'did_not'"),
        ("{did: A, in: {last: 30}}", "expected a number of days or weeks, such as '30 days', found '30'"),
        ("{did: A, in: {last: -1 days}}", "expected a number of days or weeks"),
        ("{did: A, in: {last: 999999999 days}}", "expected 1 to 10,000 days, found 999,999,999"),
        ("{did: A, in: {last: 0 days}}", "expected 1 to 10,000 days, found 0"),
        ("{did: A, in: {since: 2026-02-30}}", "2026-02-30"),
        ("{did: A, in: {since: 0001-01-01}}", "expected a date from 1970 to 2999"),
        ("{did: A, in: {since: 2026-01-01 10:00:00}}", "expected a date such as 2026-01-31"),
        ("{did: A, in: {between: [2026-02-01, 2026-02-01]}}", "2026-02-01 is not before 2026-02-01"),
        ("{did: A, in: {between: [2026-02-01]}}", "expected two dates"),
        ("{did: A, in: {last: 1 day, since: 2026-01-01}}", "at who.in: expected one of {last: 30 days}"),
        ("{did: A, count: '>= 1', days: '>= 1'}", "at who.days: 'count' is compared here already"),
        ("{did: A, sum: '>= 1'}", 'expected one property and a comparison, such as {event.price: ">= 99.50"}'),
        ("{did: A, sum: {price: '>= 1'}}", "'price' is not a property of the event; expected 'event.<property>'"),
        ("{did: A, sum: {event.price: 'lots'}}", "expected a comparison and a number of at most 15 digits and 9 decimals"),
        ("{did: A, distinct: {event.sku: '>= 1.5'}}", "expected a comparison and a whole number"),
        ("{did_not: A, sum: {event.price: '> 1'}}", "'sum' does not go with 'did_not'"),
        ("{did: A, nth: '= 0'}", "at who.nth: is never true: the first event is number 1"),
        ("{did: A, nth: '= 1', count: '>= 2'}", "at who.nth: does not go with 'count'"),
        ("{did: A, nth: '= 1', in: {first_use: 7 days}}", "begins at another time for each person"),
        ("{did: A, each: week}", "at who.each: needs a window of days that begins somewhere"),
        ("{did: A, each: year, in: {last: 1 day}}", "expected one of day, week, found 'year'"),
        ("{did: A, each: day, in: {last: 5 hours}}", "needs a window of days"),
        ("{did: A, in: {last: 0 hours}}", "expected 1 to 8,784 hours, found 0"),
        ("{did: A, in: {last: 6 hours, complete: true}}", "goes with a number of days or weeks, not with hours"),
        ("{did: A, in: {last: 6 days, offset: 1 day, complete: true}}", "does not go with 'offset'"),
        ("{did: A, in: {since: 2026-01-01, offset: 1 day}}", "'offset' and 'complete' go with 'last' alone"),
        ("{more_often: [{did: A}]}", "expected two events, the more frequent one first, found 1"),
        ("{sequence: {steps: [{did: A}]}}", "at who.sequence.steps: expected 2 to 20 steps, found 1"),
        ("{sequence: {steps: [{did: A, within: 1 day}, {did: B}]}}", "'within' is not known in a step"),
        ("{sequence: {steps: [{did: A}, {did: B}], within: a while}}", "expected a length of time such as '30 minutes'"),
        (
            "{sequence: {steps: [{did: A}, {did: B}], dropped_after: 2}}",
            "expected the number of a step that another one follows, 1 to 1, found 2",
        ),
        ('{sequence: {steps: [{did: A}, {did: B}], without: [{did: "(any event)"}]}}', "name those that may not come between"),
        ("{new: {first_use: 1 day}}", "'first_use' does not go here"),
        ("{returned: {last: 7 days}}", "'away' is missing beside 'returned'"),
        ("{user.plan: {is: paid}, in: {last: 7 days}}", "a window goes with 'told: latest' or 'told: ever'"),
        ("{user.plan: {is: paid}, told: latest}", "at who.told: needs a window"),
        ("{user.plan: {is: paid}, told: now}", "expected one of latest, ever, found 'now'"),
        ("{sample: {percent: 0, salt: x}}", "expected a number above 0 and up to 100"),
        ("{sample: {percent: 10}}", "'salt' is missing in a sample"),
        ("{user.: {is: x}}", "expected 'user.<property>', found 'user.' alone"),
        ("{in_cohort: Big Ones}", "at who.in_cohort: expected the id of a cohort"),
        ('{did: "a\\0b"}', "at who.did: holds a character that no event can hold"),
        (f"{{did: {'x' * 1025}}}", "expected at most 1,024 characters, found 1,025"),
        (f"{{user.x: {{is: [{', '.join(['a'] * 10_001)}]}}}}", "expected 1 to 10,000 values, found 10,001"),
        (f"{{all: [{', '.join(['{did: A}'] * 201)}]}}", "at who: has 201 clauses and conditions; a rule has at most 200"),
        (f"{{not: {NESTED_16}}}", "is nested deeper than 16 rules"),
    ],
)
def test_a_wrong_rule_is_refused_in_one_sentence(who: str, sentence: str) -> None:
    told = refusal(f"id: c\nname: C\nkind: behavioural\nwho: {who}\n")
    assert told.startswith("shop.yaml:4: at who")
    assert sentence in told
    assert "\n" not in told


def test_sixteen_levels_are_read() -> None:
    assert rule(NESTED_16)


def test_the_line_of_an_error_is_its_own() -> None:
    told = refusal("id: c\nname: C\nkind: behavioural\nwho:\n  all:\n    - did: A\n    - did: B\n      count: often\n")
    assert told.startswith("shop.yaml:8: at who.all[1].count: expected")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("id: c\nname: C\n", "shop.yaml:1: 'kind' is missing in a cohort"),
        (
            "id: c\nname: C\nkind: behavioral\nwho: {did: A}",
            "shop.yaml:3: at kind: 'behavioral' is not a kind of cohort; expected one of static, ",
        ),
        ("id: c\nname: C\nkind: behavioural\n", "'who' is missing in a cohort of kind behavioural"),
        ("id: c\nname: C\nkind: static\nfile: a.csv\nwho: {did: A}", "at who: 'who' is not known in a cohort of kind static"),
        (
            "id: C C\nname: C\nkind: behavioural\nwho: {did: A}",
            "at id: expected an id of lower-case letters, digits and hyphens (at most 63), found 'C C'",
        ),
        (f"id: {'c' * 64}\nname: C\nkind: behavioural\nwho: {{did: A}}", "at id: expected an id"),
        (f"id: c\nname: {'n' * 256}\nkind: behavioural\nwho: {{did: A}}", "at name: expected a name of at most 255 characters, found 256"),
        ('id: c\nname: "a\\nb"\nkind: behavioural\nwho: {did: A}', "at name: expected a name on one line"),
        (
            "id: c\nname: C\nkind: static\nfile: a.csv\nidentifiers: {idfa: IDFA}",
            "at identifiers.idfa: 'IDFA' is not a type of identifier; expected one of TDID, DAID, UID2",
        ),
        ("id: c\nname: C\nkind: static\nfile: a.csv\nidentifiers: {idfa: daid}", "did you mean 'DAID'?"),
        (
            "id: c\nname: C\nkind: static\nfile: a.csv\nidentifiers: [idfa]",
            "at identifiers: expected a mapping of columns to identifier types",
        ),
        ("id: c\nname: C\nkind: sql\nquery: DROP TABLE events", "shop.yaml:4: at query: expected a SELECT, found DROP"),
        ("id: c\nname: C\nkind: sql\nquery: SELECT 1\nsource: postgres://me:secret@h/d", "never the URL itself"),
        ("id: c\nname: C\nkind: sql\nquery: SELECT 1\nfiles: {events: a.csv}", "at files.events: 'events' cannot name a table"),
        ("id: c\nname: C\nkind: sql\nquery: SELECT 1\nfiles: {a: a.csv, A: b.csv}", "at files: two tables differ only by case"),
        ("- a", "shop.yaml:1: expected a mapping"),
        ("just words", "shop.yaml:1: expected a mapping"),
    ],
)
def test_a_wrong_cohort_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    told = refusal(text)
    assert sentence in told
    assert "secret" not in told


def test_a_static_list_and_a_select_survive_being_stored() -> None:
    given = cohort("{id: l, name: L, kind: static, file: a.csv, identifiers: {idfa: DAID, uid: {to: UID2, take: all}}, people: user_id}")
    maps = (Mapping("column.idfa", IdType.DAID), Mapping("column.uid", IdType.UID2, Take.ALL))
    assert given.definition == StaticList("a.csv", maps, "user_id")
    chosen = cohort("{id: s, name: S, kind: sql, query: 'SELECT * FROM crm', source: CRM_URL, files: {crm: crm.csv}, people: who}")
    assert chosen.definition == Select("SELECT * FROM crm", "CRM_URL", (("crm", "crm.csv"),), (), "who")
    for each in (given, chosen):
        assert parse_cohort(read_value(to_document(each)), "default") == each


def test_a_name_is_stored_in_one_form() -> None:
    assert cohort('{id: c, name: "Cafe\\u0301 <img onerror>", kind: behavioural, who: {did: A}}').name == "Café <img onerror>"


def test_a_document_of_an_api_has_no_line_but_a_path() -> None:
    with pytest.raises(DefinitionError) as caught:
        parse_cohort(read_value({"id": "c", "name": "C", "kind": "behavioural", "who": {"all": [{"did": 5}]}}), "default")
    assert str(caught.value) == "<request>: at who.all[0].did: expected a text, found '5'"


def test_a_property_has_a_name_of_bounded_length() -> None:
    with pytest.raises(DefinitionError, match="expected at most 1,024 characters, found 1,025"):
        parse_rule(read_value({f"user.{'x' * 1025}": {"is": "a"}}))


LIKE = "{{id: like, name: Like, kind: lookalike, seed: buyers, take: {take}{more}}}"


def test_a_lookalike_names_its_seed_and_how_many_it_takes() -> None:
    few = cohort(LIKE.format(take="{people: 5000}", more=""))
    assert few.definition == Lookalike("buyers", people=5000, look_back_days=90, retrain_days=7)
    share = cohort(LIKE.format(take="{percent: 10}", more=", look_back_days: 30, retrain_days: 1"))
    assert share.definition == Lookalike("buyers", percent=10, look_back_days=30, retrain_days=1)
    for each in (few, share):
        assert parse_cohort(read_value(to_document(each)), "default") == each


@pytest.mark.parametrize(
    ("take", "more", "sentence"),
    [
        ("{people: 5, percent: 1}", "", "expected one of people and percent, such as {people: 5000} or {percent: 10}"),
        ("{}", "", "expected one of people and percent"),
        ("5000", "", "found '5000'"),
        ("{people: 0}", "", "expected 1 to 100,000,000 people, found 0"),
        ("{percent: 51}", "", "expected 1 to 50 percent of everybody else, found 51"),
        ("{people: 5}", ", retrain_days: 91", "expected 1 to 90 days, found 91"),
        ("{people: 5}", ", look_back_days: 0", "expected 1 to 730 days, found 0"),
        ("{people: 5}", ", who: {did: A}", "'who' is not known in a cohort of kind lookalike"),
    ],
)
def test_a_lookalike_is_refused_where_it_says_something_else(take: str, more: str, sentence: str) -> None:
    assert sentence in refusal(LIKE.format(take=take, more=more))
