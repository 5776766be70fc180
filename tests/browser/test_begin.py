"""A project that has nothing begins with a file of events, or with made-up people."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from browser_desk import Desk, Visit

CSV = "event_type,time,user_id,user.plan\nOpen,2026-01-01T10:00:00Z,u1,paid\nOpen,2026-01-01T11:00:00Z,u2,free\nBuy,not a time,u3,free\n"


def test_a_csv_is_read_while_one_waits_and_says_what_came_of_it(visit: Callable[..., Visit], desk: Desk) -> None:
    here = visit()
    page = here.go("/projects/default")
    expect(page.get_by_role("heading", name="Try with sample data and the sandbox")).to_be_visible()
    assert here.faults() == []
    page.locator("input[type=file]").set_input_files(desk.product.write("week.csv", CSV))
    expect(page.get_by_role("status")).to_contain_text("2 events")
    expect(page.get_by_role("status")).to_contain_text("1 line: no time")
    page.get_by_role("button", name="Go to the cohorts").click()
    expect(page.get_by_role("heading", name="No cohort yet")).to_be_visible()
