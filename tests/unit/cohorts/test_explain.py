"""The sentence a marketer reads."""

from __future__ import annotations

import pytest

from tradewind.cohorts.document import read_text
from tradewind.cohorts.explain import explain
from tradewind.cohorts.parse import parse_cohort

NAMES = {"engaged": "Engaged"}

CART = """{all: [
    {did: Add to Cart, where: {event.category: {is: [shoes, hats]}}, count: ">= 3", in: {last: 30 days}},
    {did_not: Purchase, in: {last: 30 days}}, {user.plan: {is: [paid]}}, {in_cohort: engaged}]}"""
CART_SENTENCE = (
    "People who did Add to Cart at least 3 times in the last 30 days, where category is shoes or hats; "
    "and did not do Purchase in the last 30 days; and whose plan is paid; and who are in the cohort 'Engaged'."
)


@pytest.mark.parametrize(
    ("who", "sentence"),
    [
        ("{did: Buy}", "People who did Buy."),
        (CART, CART_SENTENCE),
        (
            "{any: [{all: [{did: A}, {not_in_cohort: engaged}]}, {user.plan: {is_not: free}}]}",
            "People (who did A, and who are not in the cohort 'Engaged'); or whose plan is not free.",
        ),
        ("{not: {any: [{did: A}, {did: B}]}}", "People except those (who did A, or did B)."),
        ("{all: [{did: A}, {not: {user.plan: {is: free}}}]}", "People who did A; and not those whose plan is free."),
        ("{not: {did: A, count: '>= 2'}}", "People except those who did A at least 2 times."),
        ("{did: A, count: '= 1'}", "People who did A exactly once."),
        ("{did: A, count: '< 1000'}", "People who did A fewer than 1,000 times."),
        ("{did: A, count: '!= 2'}", "People who did A any number of times but 2."),
        ("{did: A, count: '= 0', in: {last: 1 day}}", "People who never did A yesterday or today."),
        ("{did: A, in: {between: [2026-01-01, 2026-02-01]}}", "People who did A from 2026-01-01 to 2026-01-31."),
        ("{did: A, in: {between: [2026-01-01, 2026-01-02]}}", "People who did A on 2026-01-01."),
        ("{did: A, in: {since: 2026-01-01}}", "People who did A since 2026-01-01."),
        ("{user.tags: {set_contains: [a, b]}}", "People whose tags includes a and b."),
        ("{user.plan: {is: '(none)'}}", "People whose plan is (none)."),
        ("{user.n: {is: [1, 2, 3, 4, 5, 6, 7, 8]}}", "People whose n is 1, 2, 3, 4, 5 or 3 others."),
        ("{user.n: {contains: ''}}", "People whose n contains an empty text."),
        ("{did: A, where: {event.p: {greater: 5, less_or_equal: 9}}}", "People who did A, where p is greater than 5 and p is at most 9."),
        (
            "{did: Buy, sum: {event.price: '>= 99.50'}, in: {last: 30 days}}",
            "People who did Buy with a sum of price of at least 99.5 in the last 30 days.",
        ),
        ("{did: Buy, average: {event.price: '< 1000'}}", "People who did Buy with an average price of less than 1,000."),
        ("{did: Buy, distinct: {event.sku: '= 1'}}", "People who did Buy with exactly 1 different value of sku."),
        (
            "{did: '(any event)', days: '>= 4', in: {last: 4 weeks}, each: week}",
            "People who did anything on at least 4 days in the last 28 days, in each run of 7 days of these.",
        ),
        (
            "{did: Sign up, nth: '= 1', in: {last: 7 days, complete: true}}",
            "People who did Sign up for the first time ever in the last 7 whole days.",
        ),
        ("{did: Buy, nth: '>= 3', in: {last: 6 hours}}", "People who did Buy for the third or a later time ever in the last 6 hours."),
        ("{did: Buy, in: {last: 7 days, offset: 8 days}}", "People who did Buy in the 8 days that ended 8 days ago."),
        ("{did_not: Buy, in: {first_use: 7 days}}", "People who did not do Buy within 7 days of their first event."),
        (
            "{more_often: [{did: Play, where: {event.genre: {is: jazz}}}, {did: Skip}]}",
            "People who did Play (where genre is jazz) more often than Skip.",
        ),
        (
            (
                "{sequence: {steps: [{did: Add}, {did: Pay, within: 90 minutes}], within: 2 days, without: [{did: Leave}], "
                "holding: [event.sku]}, in: {last: 7 days}}"
            ),
            (
                "People who did Add, then Pay within 90 minutes, all within 2 days, without Leave in between, "
                "with the same sku, beginning in the last 7 days."
            ),
        ),
        ("{sequence: {steps: [{did: Add}, {did: Pay}], dropped_after: 1}}", "People who did Add but not then Pay."),
        ("{new: {last: 7 days}}", "People whose first event of all was in the last 7 days."),
        ("{inactive: {last: 30 days}}", "People who did something before, but nothing in the last 30 days."),
        ("{returned: {last: 7 days}, away: 30 days}", "People who came back in the last 7 days after 30 days or more without any event."),
        ("{active: {last: 1 day}}", "People who did anything yesterday or today."),
        (
            "{user.plan: {is: paid}, told: ever, in: {last: 30 days}}",
            "People whose plan is paid, as stated at any time in the last 30 days.",
        ),
        ("{not: {sample: {percent: 10, salt: spring}}}", "People except those who are in the sample of 10 % named 'spring'."),
    ],
)
def test_a_rule_in_words(who: str, sentence: str) -> None:
    cohort = parse_cohort(read_text(f"{{id: c, name: C, kind: behavioural, who: {who}}}"), "default")
    assert explain(cohort, NAMES) == sentence


@pytest.mark.parametrize(
    ("definition", "sentence"),
    [
        ("kind: static, file: vips.csv", "The people of the list vips.csv."),
        ("kind: sql, query: SELECT 1", "The people that a query finds in the project's events."),
        ("kind: sql, query: SELECT 1, files: {crm: a.csv, web: b.csv}", "The people that a query finds in crm and web."),
        ("kind: sql, query: SELECT 1, source: CRM_URL", "The people that a query finds in the PostgreSQL of CRM_URL."),
    ],
)
def test_a_list_in_words(definition: str, sentence: str) -> None:
    assert explain(parse_cohort(read_text(f"{{id: c, name: C, {definition}}}"), "default"), NAMES) == sentence


@pytest.mark.parametrize(
    ("take", "sentence"),
    [
        ("{people: 5000}", "The 5,000 people outside the cohort 'Engaged' who behave most like its members."),
        ("{percent: 10}", "The 10 percent of people outside the cohort 'Engaged' who behave most like its members."),
    ],
)
def test_a_lookalike(take: str, sentence: str) -> None:
    made = parse_cohort(read_text(f"{{id: like, name: Like, kind: lookalike, seed: engaged, take: {take}}}"), "default")
    assert explain(made, NAMES) == sentence
