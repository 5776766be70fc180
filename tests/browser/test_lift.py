"""What sending does, in the console: some are held out, the sync runs, and the two arms are compared on a desk and on a phone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect

from browser_desk import Desk, Visit
from town import drawn, guid

HOME = "/projects/fair"
PEOPLE = set(range(1, 601))
TEXT = """
cohorts: [{id: carts, name: Carts, kind: behavioural, who: {did: Add to Cart}}]
connections: [{id: acme, name: Acme, destination: thetradedesk, advertiser: ready2, region: sandbox, auth: signature,
  secret: {env: FAIR_SECRET}, identity: [{from: user.ad, to: DAID}]}]
syncs: [{cohort: carts, connection: acme, id: carts, cadence: daily, segment: Left a cart}]
"""


@pytest.fixture
def fair(desk: Desk, chromium: Browser) -> Desk:
    """A project whose one sync has never run."""
    product = desk.product
    product.ok("projects", "add", "fair", "--name", "The fair")
    product.ok("projects", "plan", "fair", "paid")
    product.ok("destinations", "admit", "thetradedesk", "fair")
    product.ok("projects", "enable", "fair", "thetradedesk", "--paid-plan")
    product.environment["FAIR_SECRET"] = "sandbox-secret-ready2"
    did(desk, "Add to Cart", PEOPLE, datetime.now(UTC) - timedelta(hours=3))
    product.write("fair.yaml", TEXT)
    product.ok("--project", "fair", "apply", "fair.yaml")
    desk.state(chromium)
    return desk


def did(desk: Desk, what: str, people: Iterable[int], at: datetime) -> None:
    lines = [
        {"event_type": what, "user_id": f"u{number}", "device_id": f"d{number}", "insert_id": f"{what} {number}",
         "time": int(at.timestamp() * 1000), "user_properties": {"ad": str(guid(number))}, "event_properties": {"price": 20 + number % 9}}
        for number in people
    ]  # fmt: skip
    path = desk.product.write(f"{what}.ndjson", "\n".join(map(json.dumps, lines)))
    desk.product.ok("--project", "fair", "events", "import", str(path))


def test_some_are_held_out_and_what_sending_does_is_seen(visit: Callable[..., Visit], fair: Desk) -> None:
    here = visit()
    page = here.go(f"{HOME}/segments/carts")
    page.get_by_role("link", name="What sending does").click()
    expect(page.get_by_role("heading", name="Nobody is held out of this segment")).to_be_visible()
    assert here.faults() == []
    page.get_by_role("button", name="Hold some out").click()
    page.get_by_role("textbox", name="Held out, in percent").fill("25")
    expect(page.get_by_role("dialog")).to_have_css("opacity", "1")
    assert here.faults() == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="It begins with the next run")).to_be_visible()

    fair.product.ok("--project", "fair", "syncs", "run", "carts")
    out = drawn(25, "carts", PEOPLE)
    sent = sorted(PEOPLE - out)
    did(fair, "Purchase", [*sent[: len(sent) // 2], *sorted(out)[: len(out) // 5]], datetime.now(UTC))
    page = here.go(f"{HOME}/segments/carts/lift")
    expect(page.get_by_text("600 people take part since")).to_be_visible()
    page.get_by_role("combobox", name="They convert by").fill("Purchase")
    page.get_by_role("combobox", name="Worth, a number of it").fill("price")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Sending brings more")).to_have_count(2)
    expect(page.get_by_role("row", name="Converted")).to_have_text(f"Converted{len(sent) // 2}{len(out) // 5}")
    assert here.faults() == []
    found = fair.product.ok("--project", "fair", "lift", "carts", "--event", "Purchase", "--value", "price")
    assert found["conversion"]["difference"] == pytest.approx(len(sent) // 2 / len(sent) - len(out) // 5 / len(out))
    expect(page.get_by_text(f"+{found['conversion']['difference'] * 100:.1f} points")).to_be_visible()

    phone = visit(width=390, scheme="dark")
    page = phone.go(f"{HOME}/segments/carts/lift?event=Purchase&value=price")
    expect(page.get_by_text("Sending brings more")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert phone.faults() == []
    page = phone.go(f"{HOME}/segments/carts/lift?event=Purchase&days=7")
    expect(page.get_by_role("alert")).to_contain_text("0 people of sync 'carts' are sent and have had their time")
    assert phone.faults() == []
    phone.complaints.clear()  # the browser says of every refusal that it was one
