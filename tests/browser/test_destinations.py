"""The guide's setup as a marketer walks it: set-up code, catalog, enabling, an account, its test; and what a viewer may not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from browser_desk import PASSWORD, Desk, Visit, choose

Visits = Callable[..., Visit]

CATALOG = "/projects/shop/catalog/destinations"


def test_no_page_without_a_session_and_back_to_it_after_signing_in(visit: Visits, desk: Desk) -> None:
    visit()
    here = visit(signed_in=False)
    page = here.go(CATALOG)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert here.faults() == []
    page.locator("input[name=user]").fill("ada")
    page.locator("input[name=password]").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("User or password is wrong.")
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Catalog")).to_be_visible()
    (refused,) = here.complaints
    assert "401" in refused, "of the wrong password alone"
    here.complaints.clear()


def test_the_guides_setup_from_the_catalog_to_an_account_that_answers(visit: Visits, desk: Desk) -> None:
    here = visit()
    page = here.go("/")
    page.get_by_role("link", name="The shop").click()
    page.get_by_role("navigation", name="Places of the project").get_by_role("link", name="Catalog").click()
    expect(page.get_by_role("tab", name="Destinations")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("heading", name="Cohort", exact=True)).to_be_visible()
    page.get_by_role("link", name="TheTradeDesk").click()
    _enable(page)
    page.get_by_role("link", name="Add another destination").first.click()
    page.get_by_role("textbox", name="Name").fill("Main account")
    page.get_by_role("textbox", name="Advertiser ID").fill("ready1")
    secret = page.get_by_role("textbox", name="Advertiser Secret Key")
    secret.fill("not-the-right-one")
    choose(page, "Data Center Region", "Sandbox on this machine")
    choose(page, "User ID, row 1", "User property")
    page.get_by_role("combobox", name="Name of the property, row 1").fill("advertising_id")
    choose(page, "TheTradeDesk User ID, row 1", "Raw device ID (iOS IDFA or Android's AAID)")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_role("status")).to_contain_text("does not answer as it should")
    secret.fill("sandbox-secret-ready1")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_role("status")).to_contain_text("The account answers")
    assert here.faults() == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row", name="Main account")).to_contain_text("Ready")
    (saved,) = desk.product.ok("--project", "shop", "connections", "list")["connections"]
    assert (saved["advertiser"], saved["region"]) == ("ready1", "sandbox")
    assert here.faults() == []


def test_a_source_stands_in_the_catalog_until_it_is_removed(visit: Visits, desk: Desk) -> None:
    desk.product.environment |= {"AMP_API": "made-up-api-key", "AMP_SECRET": "made-up-secret"}
    keys = ("--api-key-env", "AMP_API", "--secret-key-env", "AMP_SECRET")
    desk.product.ok("--project", "shop", "sources", "add", "amplitude", "amp", "--name", "Amplitude of the shop", "--region", "eu", *keys)
    here = visit()
    page = here.go(CATALOG)
    page.get_by_role("tab", name="Sources").click()
    source = page.get_by_role("region", name="Amplitude of the shop")
    expect(source).to_contain_text("Europe. 500 of 500 downloads are left this month.")
    assert here.faults() == []
    source.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(source.get_by_role("button", name="Remove")).to_be_focused()
    source.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", name="No source yet")).to_be_visible()
    assert desk.product.ok("--project", "shop", "sources", "list")["sources"] == []


def test_at_the_width_of_a_phone_nothing_sticks_out_and_the_places_open_from_a_button(visit: Visits, desk: Desk) -> None:
    here = visit(width=390, scheme="dark")
    page = here.go(CATALOG)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Places").click()
    expect(page.get_by_role("link", name="Catalog", exact=True)).to_be_in_viewport()
    assert here.faults() == []


def test_an_address_that_leads_nowhere_says_so(visit: Visits, desk: Desk) -> None:
    expect(visit().go("/projects/shop/nowhere").get_by_role("heading", name="This address leads nowhere")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_before_a_project_can_be_read(visit: Visits, scheme: str) -> None:
    stranger = visit(width=390, signed_in=False, scheme=scheme)
    for place in ("/set-up", "/welcome"):
        page = stranger.go(place)
        expect(page.get_by_role("heading").first).to_be_visible()
        assert stranger.faults() == [], place
    member = visit(scheme=scheme)
    page = member.go("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert member.faults() == []


def _enable(page: Page) -> None:
    """Take away the four walls one after another, as administrator and admin; the last is a plan there that nobody confirmed."""
    wall = page.get_by_role("alert")
    expect(wall).to_contain_text("This project is on the free plan")
    expect(page.get_by_role("button", name="Add another destination").first).to_be_disabled()
    page.get_by_role("button", name="Give the project the paid plan").click()
    expect(wall).to_contain_text("This destination is in closed beta")
    page.get_by_role("button", name="Admit this project").click()
    expect(wall).to_contain_text("Not enabled in this project yet")
    page.get_by_role("button", name="Enable in this project").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Enable", exact=True)).to_be_disabled()
    dialog.get_by_role("checkbox").check()
    dialog.get_by_role("button", name="Enable", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(wall).to_have_count(0)
