"""A cohort sent as the guide has it, both setup lists included; a run watched, one held and approved; and what a viewer may not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect

from browser_desk import ALOUD, PASSWORD, Desk, Visit, choose
from sandbox_process import SandboxProcess

Visits = Callable[..., Visit]

SHOP = "/projects/store"
COHORT = "cohorts: [{id: vip, name: Best customers, kind: static, file: vip.csv, identifiers: {idfa: DAID}, people: customer}]"
OTHERS = """
connections: [{id: other, name: Other, destination: thetradedesk, advertiser: ready2, region: sandbox, auth: signature,
  secret: {env: OTHER_SECRET}, identity: [{from: column.idfa, to: DAID}]}]
syncs: [{cohort: vip, connection: other, id: other, cadence: daily, segment: Best customers elsewhere}]
"""


PLACES = (
    "overview", "cohorts", "cohorts/vip", "cohorts/new", "cohorts/new/sql", "cohorts/new/amplitude", "cohorts/new/webhook", "syncs", "runs",
    "segments", "segments/other", "segments/other/lift", "cohorts/vip/sync?to=thetradedesk", "catalog/destinations/thetradedesk/other",
    "catalog/sources", "settings/events", "settings/privacy", "settings/alerts", "settings/plan",
)  # fmt: skip


@dataclass
class Shop:
    """A project of its own with a list of people, one of whom has no identifier that can be sent."""

    desk: Desk
    sandbox: SandboxProcess

    def people(self, first: int, last: int) -> None:
        """Those of the list from now on."""
        rows = [f"c{number},{UUID(int=(0xA << 120) + (number << 64) + number, version=4)}" for number in range(first, last)]
        self.desk.product.write("vip.csv", "\n".join(["customer,idfa", *rows, "nobody,none"]) + "\n")
        self.desk.product.write("shop.yaml", COHORT)
        self.desk.product.ok("--project", "store", "apply", "shop.yaml")

    def other_sync(self) -> None:
        """A sync that was there before anybody looked."""
        self.desk.product.environment["OTHER_SECRET"] = "sandbox-secret-ready2"
        self.desk.product.write("other.yaml", OTHERS)
        self.desk.product.ok("--project", "store", "apply", "other.yaml")


@pytest.fixture(scope="module")
def shop(desk: Desk, chromium: Browser) -> Shop:
    product = desk.product
    product.ok("projects", "add", "store", "--name", "The store")
    product.ok("projects", "plan", "store", "paid")
    product.ok("destinations", "admit", "thetradedesk", "store")
    product.ok("projects", "enable", "store", "thetradedesk", "--paid-plan")
    desk.state(chromium)
    made = Shop(desk, SandboxProcess(desk.sandbox))
    made.people(0, 2_000)
    return made


def test_a_cohort_is_sent_as_the_guide_has_it(visit: Visits, chromium: Browser, shop: Shop) -> None:
    advertiser, secret = _at_the_platform(chromium, shop)
    here = visit()
    _add_account(here.go(f"{SHOP}/catalog/destinations/thetradedesk"), advertiser, secret)
    shop.sandbox.faults({"kind": "late", "seconds": 4})
    page = here.go(f"{SHOP}/cohorts/vip")
    page.get_by_role("main").get_by_role("link", name="Sync", exact=True).click()
    expect(page.get_by_role("heading", name="Sync Best customers")).to_be_visible()
    page.get_by_role("radio", name="TheTradeDesk").check()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("radio", name="Main account").check()
    page.get_by_role("radio", name="Daily").check()
    expect(page.get_by_text("Runs next on")).to_be_visible()
    expect(page.get_by_text("Who can be addressed (100%)")).to_be_visible()
    assert here.faults() == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("region", name="Progress")).to_be_visible()
    expect(page.get_by_text("Done", exact=True)).to_be_visible(timeout=60_000)
    expect(page.locator(ALOUD)).to_have_text("The run is over: Done")
    expect(page.get_by_role("row", name="Accepted")).to_contain_text("2,000")
    page.get_by_role("button", name="Show requests").click()
    expect(page.get_by_text("Accepted (200)")).to_be_visible()
    assert here.faults() == []
    assert len(shop.sandbox.members("ready1", "[Tradewind] Best customers: vip")) == 2_000
    context = chromium.new_context()
    there = context.new_page()
    there.goto(f"{shop.desk.sandbox}/advertisers/ready1/segments")
    expect(there.get_by_role("row", name="[Tradewind] Best customers: vip")).to_contain_text("2,000")
    context.close()


def test_a_held_run_says_why_and_goes_on_when_it_is_approved(visit: Visits, shop: Shop) -> None:
    shop.people(0, 2_000)
    shop.other_sync()
    shop.desk.product.ok("--project", "store", "syncs", "run", "other")
    shop.people(0, 500)
    assert shop.desk.product.call("--project", "store", "syncs", "run", "other").code == 12
    here = visit()
    page = here.go(f"{SHOP}/overview")
    expect(page.get_by_role("row", name="Best customers elsewhere")).to_contain_text("Held")
    page.get_by_role("link", name="Best customers elsewhere").click()
    expect(page.get_by_text("Too small").first).to_be_visible()
    page.get_by_role("button", name="Dry run").click()
    expect(page.get_by_role("alert")).to_contain_text("A run would be held. 1,500 of 2,000", timeout=60_000)
    here.go(f"{SHOP}/segments/other")
    page.get_by_role("row", name="Held").get_by_role("link").first.click()
    expect(page.get_by_role("alert")).to_contain_text("1,500 of 2,000")
    assert here.faults() == []
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("dialog").get_by_role("button", name="Approve 1,500 removals").click()
    expect(page.get_by_text("Done", exact=True)).to_be_visible(timeout=60_000)
    assert len(shop.sandbox.members("ready2", "Best customers elsewhere")) == 500
    shop.people(0, 100)
    assert shop.desk.product.call("--project", "store", "syncs", "run", "other").code == 12
    here.go(f"{SHOP}/segments/other")
    page.get_by_role("row", name="Held").get_by_role("link").first.click()
    page.get_by_role("button", name="Discard").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("the 500 identifiers in the segment stay as they are")
    dialog.get_by_role("textbox").fill("The list was cut short")
    dialog.get_by_role("button", name="Discard the run").click()
    expect(page.get_by_text("Discarded", exact=True)).to_be_visible()
    assert here.faults() == []
    assert len(shop.sandbox.members("ready2", "Best customers elsewhere")) == 500


def test_what_the_platform_refuses_stands_there_in_its_words_with_advice(visit: Visits, shop: Shop) -> None:
    shop.people(0, 2_000)
    shop.other_sync()
    shop.sandbox.faults({"kind": "refuse_items", "every": 500, "code": "InvalidUserId"})
    here = visit()
    page = here.go(f"{SHOP}/segments/other")
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_role("heading", name="Refused by the platform")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("InvalidUserId")).to_be_visible()
    page.get_by_role("button", name="Show identifiers").click()
    expect(page.get_by_role("row", name="InvalidUserId").first).to_be_visible()
    assert here.faults() == []


def test_a_viewer_sees_everything_and_is_told_why_nothing_can_be_changed(visit: Visits, shop: Shop) -> None:
    shop.other_sync()
    page = _as(visit, shop, "viewer")
    page.goto(f"{shop.desk.server.url}{SHOP}/segments/other")
    for name in ("Run now", "Pause", "Trace"):
        expect(page.get_by_role("button", name=name)).to_have_attribute("aria-disabled", "true")
    expect(page.get_by_role("heading", name="Best customers elsewhere")).to_be_visible()
    page.get_by_role("navigation", name="Places of the project").get_by_role("link", name="Catalog").click()
    page.get_by_role("link", name="TheTradeDesk").click()
    button = page.get_by_role("button", name="Add another destination").first
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_attribute("aria-description", "This needs the role manager in this project; yours is viewer.")


def test_a_key_that_fails_stops_the_account_and_the_right_one_lets_it_go_on(visit: Visits, shop: Shop) -> None:
    shop.other_sync()
    here = visit()
    page = here.go(f"{SHOP}/catalog/destinations/thetradedesk/other")
    page.get_by_role("textbox", name="Advertiser Secret Key").fill("one-that-was-revoked")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row", name="Other")).to_be_visible()
    here.go(f"{SHOP}/segments/other")
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_role("alert")).to_contain_text("Why it ended so", timeout=60_000)
    here.go(f"{SHOP}/overview")
    expect(page.get_by_role("row", name="Best customers elsewhere")).to_contain_text("Failing")
    here.go(f"{SHOP}/catalog/destinations/thetradedesk/other")
    expect(page.get_by_role("alert")).to_contain_text("This account is paused")
    assert here.faults() == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved, and still paused")).to_be_visible()
    page.get_by_role("textbox", name="Advertiser Secret Key").fill("sandbox-secret-ready2")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row", name="Other")).to_contain_text("Ready")
    here.go(f"{SHOP}/segments/other")
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_role("heading", name="Run of Best customers")).to_be_visible()
    expect(page.get_by_text("Done", exact=True)).to_be_visible(timeout=60_000)


def test_somebody_new_is_invited_and_every_deed_is_written_down(visit: Visits, shop: Shop) -> None:
    here = visit()
    page = here.go(f"{SHOP}/settings/people")
    page.get_by_role("textbox", name="Their user name").fill("nora")
    page.get_by_role("textbox", name="Their name").fill("Nora New")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("status")).to_contain_text("it is shown once")
    expect(page.get_by_role("combobox", name="Role of Nora New")).to_have_value("Viewer")
    assert here.faults() == []
    page.get_by_role("tab", name="Tokens").click()
    page.get_by_role("textbox", name="What it is for").fill("Reports")
    page.get_by_role("combobox", name="Only for").click()
    page.get_by_role("option", name="Runs").click()
    page.get_by_role("option", name="Figures and statements").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Issue").click()
    expect(page.get_by_role("row", name="Reports")).to_contain_text("Never")
    expect(page.get_by_role("row", name="Reports")).to_contain_text("Runs, Figures and statements")
    page.get_by_role("tab", name="Audit trail").click()
    expect(page.get_by_role("row", name="destination.enable")).to_contain_text("thetradedesk")
    assert here.faults() == []


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_on_a_phone_in_the_dark_and_on_a_desk_every_page_fits_and_can_be_read(visit: Visits, shop: Shop, width: int, scheme: str) -> None:
    shop.other_sync()
    here = visit(width=width, scheme=scheme)
    for place in PLACES:
        page = here.go(f"{SHOP}/{place}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, place
        assert here.faults() == [], place


def test_a_member_makes_cohorts_and_a_manager_sends_them(visit: Visits, shop: Shop) -> None:
    shop.other_sync()
    page = _as(visit, shop, "member")
    page.goto(f"{shop.desk.server.url}{SHOP}/cohorts/vip")
    button = page.get_by_role("main").get_by_role("button", name="Sync", exact=True)
    expect(button).to_have_attribute("aria-description", "This needs the role manager in this project; yours is member.")
    expect(page.get_by_role("link", name="Edit")).to_be_visible()
    page = _as(visit, shop, "manager")
    page.goto(f"{shop.desk.server.url}{SHOP}/settings/privacy")
    expect(page.get_by_text("This needs the role admin in this project; yours is manager.")).to_be_visible()
    page.goto(f"{shop.desk.server.url}{SHOP}/cohorts/vip")
    expect(page.get_by_role("main").get_by_role("link", name="Sync", exact=True)).to_be_visible()


def test_a_cohort_is_synced_by_the_keyboard_alone(visit: Visits, shop: Shop) -> None:
    shop.other_sync()
    page = visit().go(f"{SHOP}/cohorts/vip")
    _press(page, "Sync", "Enter")
    expect(page.get_by_role("heading", name="Where to?")).to_be_visible()
    expect(page.get_by_role("main")).to_be_focused()
    expect(page.locator(ALOUD)).to_have_text("Sync Best customers")
    _press(page, "Next", "Enter")
    expect(page.get_by_role("radio", name="Other")).to_be_visible()
    assert page.evaluate("document.activeElement.contains(document.querySelector('[role=radiogroup]'))"), "the next step has the focus"
    expect(page.locator(ALOUD)).to_have_text(re.compile("people in the cohort, .* can be addressed"))
    if page.get_by_role("radio", name="Main account").count():
        _press(page, "Main account", "ArrowDown")
    expect(page.get_by_role("radio", name="Other")).to_be_checked()
    _press(page, "One-Time Sync", "ArrowDown")
    expect(page.get_by_role("radio", name="Hourly")).to_be_checked()
    _press(page, "Send now", "Space")
    _press(page, "Save", "Enter")
    expect(page.get_by_role("heading", name="[Tradewind] Best customers: vip")).to_be_visible()
    expect(page.get_by_text("Never run").first).to_be_visible()


def _press(page: Page, name: str, key: str) -> None:
    """Go to what is called so by Tab, and press a key there."""
    called = "(document.activeElement.labels?.[0] ?? document.activeElement).innerText.trim()"
    for _ in range(80):
        if page.evaluate(called) == name:
            page.keyboard.press(key)
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"'{name}' is not within reach of the keyboard")


def _as(visit: Visits, shop: Shop, role: str) -> Page:
    """The window of somebody new with a role in the shop."""
    code = shop.desk.product.ok("users", "add", f"{role}-of-store", "--name", role.title(), "--role", f"store={role}")["code"]
    page = visit(signed_in=False).go("/welcome")
    page.locator("input[name=code]").fill(code)
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Choose and sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    return page


def _at_the_platform(chromium: Browser, shop: Shop) -> tuple[str, str]:
    """The guide's first list, on the other side: Settings > Integrations > Add integration > Amplitude, and the two values."""
    context = chromium.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(shop.desk.sandbox)
    page.get_by_role("link", name="ready1", exact=True).click()
    page.get_by_role("link", name="Settings", exact=True).click()
    expect(page.get_by_text("Settings › Integrations")).to_be_visible()
    page.get_by_role("link", name="Add integration").click()
    page.get_by_role("searchbox").fill("ampl")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("button", name="Add Amplitude").click()
    copied = []
    for name in ("Advertiser ID", "Advertiser Secret Key"):
        page.get_by_role("button", name=f"Copy {name}").click()
        expect(page.get_by_role("status")).to_have_text(f"{name} copied")
        copied.append(str(page.evaluate("navigator.clipboard.readText()")))
    context.close()
    return copied[0], copied[1]


def _add_account(page: Page, advertiser: str, secret: str) -> None:
    """The guide's second list, from the tile on."""
    page.get_by_role("link", name="Add another destination").first.click()
    page.get_by_role("textbox", name="Name", exact=True).fill("Main account")
    page.get_by_role("textbox", name="Advertiser ID").fill(advertiser)
    page.get_by_role("textbox", name="Advertiser Secret Key").fill(secret)
    choose(page, "Data Center Region", "Sandbox on this machine")
    choose(page, "User ID, row 1", "Column of a list")
    page.get_by_role("combobox", name="Name of the column, row 1").fill("idfa")
    choose(page, "TheTradeDesk User ID, row 1", "Raw device ID (iOS IDFA or Android's AAID)")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row", name="Main account")).to_contain_text("Ready")


def test_some_are_held_out_and_each_value_has_a_segment(visit: Visits, shop: Shop) -> None:
    """Both are folded away in the wizard, since few people need them."""
    shop.other_sync()
    page = visit().go(f"{SHOP}/cohorts/vip/sync?to=thetradedesk")
    page.get_by_role("radio", name="Other").check()
    page.get_by_role("button", name="Hold some out, or a segment for each value").click()
    page.get_by_label("Held out, in percent").fill("20")
    page.get_by_label("A segment for each value of this user property").fill("tier")
    values = page.get_by_role("combobox", name="Its values")
    for value in ("gold", "silver"):
        values.fill(value)
        values.press("Enter")
    page.get_by_role("checkbox", name="Send now").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Segments")).to_be_visible()
    found = {each["id"]: each for each in shop.desk.product.ok("--project", "store", "syncs", "list")["syncs"]}
    for value in ("gold", "silver"):
        assert found[f"vip-other-{value}"]["only"] == {"split": "vip-other", "property": "tier", "value": value}
        assert found[f"vip-other-{value}"]["holdout"] == {"percent": 20, "salt": "vip-other"}
    page.get_by_role("link", name="[Tradewind] Best customers: vip gold").click()
    expect(page.get_by_text("People whose tier is gold: a part of the split vip-other.")).to_be_visible()
    page.get_by_role("button", name="Run all parts").click()
    expect(page.get_by_role("heading", name="Run of")).to_be_visible()
    ran = {each["sync"] for each in shop.desk.product.ok("--project", "store", "runs", "list")["runs"]}
    assert {"vip-other-gold", "vip-other-silver"} <= ran
