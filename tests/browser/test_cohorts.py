"""A cohort as a marketer builds it: clause by clause, with its size before it is saved; then changed, looked into, and removed."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from browser_desk import ALOUD, Desk, Visit

Visits = Callable[..., Visit]

COHORTS = "/projects/shop/cohorts"


@pytest.fixture(scope="module")
def events(desk: Desk) -> None:
    """Thirty people opened, ten of them bought hats."""
    rows: list[tuple[str, str, dict[str, str]]] = [("Open", f"u{n:02}", {}) for n in range(30)]
    rows += [("Buy", f"u{n:02}", {"category": "hats"}) for n in range(10)]
    lines = [
        json.dumps({"event_type": what, "user_id": who, "time": 1767225600000, "insert_id": f"{what} {who}", "event_properties": found})
        for what, who, found in rows
    ]
    desk.product.ok("--project", "shop", "events", "import", str(desk.product.write("day.ndjson", "\n".join(lines))))


def test_a_cohort_has_its_size_before_it_is_saved_and_people_behind_it_after(visit: Visits, desk: Desk, events: None) -> None:
    here = visit()
    page = here.go(COHORTS)
    page.get_by_role("link", name="New cohort").first.click()
    page.get_by_role("textbox", name="Name", exact=True).fill("Opened and bought nothing")
    expect(page.get_by_text("1 clause is not complete yet.")).to_be_visible()
    _did(page, 0, "Open")
    expect(page.locator(".figure").last).to_have_text("30")
    page.get_by_role("button", name="Add a clause").click()
    page.get_by_role("menuitem", name="Did not do an event").click()
    expect(page.get_by_role("group", name="Clause 2").get_by_label("Whether they did it")).to_be_focused()
    _did(page, 1, "Buy")
    expect(page.locator(ALOUD)).to_have_text("20 people, 66.7% of all")
    expect(page.get_by_text("20 people; 20 left")).to_be_visible()
    page.get_by_role("button", name="Did it often").click()
    expect(page.get_by_role("textbox", name="Times").last).to_have_value("3")
    assert here.faults() == []
    page.get_by_role("button", name="Remove this clause").last.click()
    expect(page.get_by_role("button", name="Add a clause")).to_be_focused()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Opened and bought nothing")).to_be_visible()
    expect(page.get_by_role("table").first).to_contain_text("20")
    assert here.faults() == []
    page.get_by_role("tab", name="People").click()
    page.get_by_role("button", name="Why is user:u10 in?").click()
    expect(page.get_by_role("status")).to_contain_text("Open")
    (saved,) = desk.product.ok("--project", "shop", "cohorts", "list")["cohorts"]
    assert saved["id"] == "opened-and-bought-nothing"


def test_a_change_says_who_comes_and_goes_before_it_is_saved_over_nobody_elses(visit: Visits, desk: Desk, events: None) -> None:
    who = {
        "all": [{"did": "Buy", "where": {"event.category": {"is": ["hats"]}}}, {"any": [{"did": "Open"}, {"user.plan": {"is": ["paid"]}}]}]
    }

    def defined(name: str) -> None:
        cohort = {"id": "buyers", "name": name, "kind": "behavioural", "who": who}
        desk.product.ok("--project", "shop", "apply", str(desk.product.write("buyers.yaml", json.dumps({"cohorts": [cohort]}))))

    defined("Buyers")
    here = visit(width=390)
    page = here.go(f"{COHORTS}/buyers/edit")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    def edited() -> None:
        page.get_by_role("combobox", name="Event", exact=True).first.fill("Open")
        page.get_by_role("button", name="Remove this condition").click()
        expect(page.get_by_role("alert")).to_contain_text("20 people come in and 0 people go, of 10 now.")

    edited()
    defined("All buyers")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").filter(has_text="Changed meanwhile")).to_contain_text(
        "somebody changed or removed this", ignore_case=True
    )
    here.complaints.clear()  # the browser says of every refusal that it was one
    page.get_by_role("button", name="Show it as it is now").click()
    expect(page.get_by_role("heading", name="Edit All buyers")).to_be_visible()
    edited()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("tab", name="YAML").click()
    expect(page.locator("pre")).to_contain_text("did: Open")
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", name="Cohorts")).to_be_visible()
    expect(page.get_by_role("link", name="All buyers")).to_have_count(0)


def test_a_list_is_sent_with_its_columns_read_from_its_header(visit: Visits, desk: Desk) -> None:
    here = visit()
    page = here.go(f"{COHORTS}/new/static")
    rows = "".join(f"a000000{number}-0000-4000-8000-000000000000,c{number}\n" for number in range(5))
    with page.expect_file_chooser() as chosen:
        page.get_by_role("button", name="Choose a file").click()
    chosen.value.set_files(desk.product.write("customers.csv", f"idfa,customer_id\n{rows}"))
    expect(page.get_by_role("combobox", name="Column that names people")).to_have_value("customer_id")
    expect(page.get_by_role("combobox", name="Column, row 1")).to_have_value("idfa")
    assert here.faults() == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="customers")).to_be_visible()
    expect(page.locator(".figure").first).to_have_text("5")
    assert here.faults() == []


EVERY_CLAUSE: list[dict[str, object]] = [
    {"did": "Buy"},
    {"did": "Buy", "where": {"event.price": {"greater": ["5"], "less": ["50"]}, "event.category": {"is": ["hats"]}}, "count": ">= 3"},
    {"did": "Buy", "where": [{"event.a": {"is": ["x"]}}, {"event.b": {"is": ["y"]}}, {"event.a": {"is": ["z"]}}], "in": {"last": "3 days"}},
    {"did": "Buy", "days": ">= 2", "in": {"last": "7 days", "complete": True}},
    {"did": "Buy", "sum": {"event.price": ">= 99.50"}, "in": {"last": "7 days", "offset": "8 days"}},
    {"did": "Buy", "average": {"event.price": "< -1"}, "in": {"last": "6 hours"}},
    {"did": "Buy", "minimum": {"event.price": "= 1"}, "in": {"between": ["2026-01-01", "2026-02-01"]}},
    {"did": "Buy", "maximum": {"event.price": "!= 1"}, "in": {"since": "2026-01-01"}},
    {"did": "Buy", "distinct": {"event.sku": ">= 3"}, "in": {"first_use": "7 days"}},
    {"did": "Buy", "nth": "= 1", "in": {"last": "1 day"}},
    {"did": "(any event)", "count": ">= 2", "in": {"last": "14 days"}, "each": "week"},
    {"did_not": "Buy", "in": {"first_use": "1 day"}},
    {"not": {"did": "Buy", "nth": "= 1"}},
    {"not": {"any": [{"did": "Open"}, {"did_not": "Buy"}]}},
    {"more_often": [{"did": "Play", "where": {"event.song": {"is": ["x"]}}}, {"did": "Skip"}], "in": {"last": "6 hours"}},
    {
        "sequence": {
            "steps": [{"did": "Add"}, {"did": "Pay", "within": "30 minutes"}, {"did": "Rate", "where": {"event.stars": {"is": ["5"]}}}],
            "within": "2 days",
            "without": [{"did": "Leave"}],
            "holding": ["event.sku"],
            "dropped_after": 2,
        },
        "in": {"last": "30 days"},
    },
    {"new": {"last": "7 days"}},
    {"inactive": {"between": ["2026-05-15", "2026-06-20"]}},
    {"returned": {"last": "7 days"}, "away": "30 days"},
    {"user.plan": {"is": ["paid", "(none)"]}},
    {"user.plan": {"is_not": ["paid"]}, "told": "latest", "in": {"last": "7 days"}},
    {"user.a.b": {"set_contains": ["x"]}, "told": "ever"},
    {"sample": {"percent": "12.5", "salt": "spring"}},
]  # fmt: skip
"""Each as the API shows it."""


def test_every_clause_goes_through_the_builder_and_comes_out_as_it_was(visit: Visits, desk: Desk, events: None) -> None:
    file = desk.product.write(
        "every.yaml",
        json.dumps({"cohorts": [{"id": "every", "name": "Every clause", "kind": "behavioural", "who": {"any": EVERY_CLAUSE}}]}),
    )
    desk.product.ok("--project", "shop", "apply", str(file))
    here = visit()
    page = here.go(f"{COHORTS}/every/edit")
    expect(page.get_by_text("has no fields here")).to_have_count(0)
    assert here.faults() == []
    page.get_by_role("textbox", name="Name", exact=True).fill("Every clause again")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Every clause again")).to_be_visible()
    saved = page.evaluate("fetch('/api/v1/projects/shop/cohorts/every').then((answer) => answer.json())")
    assert (saved["version"], saved["definition"]) == (1, {"who": {"any": EVERY_CLAUSE}})


def _did(page: Page, place: int, event: str) -> None:
    """Fill in the event of a clause, at whatever time it was."""
    page.get_by_role("combobox", name="Event", exact=True).nth(place).fill(event)
    page.get_by_role("combobox", name="Event", exact=True).nth(place).press("Tab")
    page.get_by_role("combobox", name="When").nth(place).click()
    page.get_by_role("option", name="at any time").click()
