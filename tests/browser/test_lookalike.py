"""A lookalike in the console: its seed and size are chosen, its model is made, and the card says how good it is."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from browser_desk import Desk, Visit
from keen import lives

Visits = Callable[..., Visit]

LOOKERS = {"id": "lookers", "name": "Lookers", "kind": "behavioural", "who": {"did": "Look", "in": {"last": "20 days"}}}


@pytest.fixture(scope="module")
def events(desk: Desk) -> None:
    """In a project of its own: the lives of two months until the day before yesterday, and who looked of late."""
    desk.product.ok("projects", "add", "club", "--name", "The club")
    lines = "\n".join(map(json.dumps, lives(random.Random(7), datetime.now(UTC) - timedelta(days=61))[0]))
    desk.product.ok("--project", "club", "events", "import", str(desk.product.write("lives.ndjson", lines)))
    desk.product.ok("--project", "club", "apply", str(desk.product.write("lookers.yaml", json.dumps({"cohorts": [LOOKERS]}))))


def test_a_lookalike_is_chosen_made_and_judged(visit: Visits, desk: Desk, events: None) -> None:
    here = visit()
    page = here.go("/projects/club/cohorts/new")
    page.get_by_role("link", name="Like another cohort").click()
    page.get_by_role("combobox", name="Seed").click()
    page.get_by_role("option", name="Lookers", exact=True).click()
    page.get_by_role("textbox", name="Name", exact=True).fill("Like lookers")
    page.get_by_text("people", exact=True).click()
    page.get_by_role("textbox", name="How many of the others").fill("40")
    assert here.faults() == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The 40 people outside the cohort 'Lookers' who behave most like its members.")).to_be_visible()
    page.get_by_role("button", name="Make the model").click()
    expect(page.get_by_role("table").first).to_contain_text("did Look often", timeout=120_000)
    assert here.faults() == []
    card = desk.product.ok("--project", "club", "cohorts", "show", "like-lookers")["card"]
    assert card["auc"] > card["baseline"]
    expect(page.locator(".figure").first).to_have_text(f"in {card['auc']:.1%} of cases".replace(".0%", "%"))
