"""The second factor in the console: asked of everybody, turned on with an app's code, asked for at the next sign-in, and turned off."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Browser, Page, expect

from browser_desk import PASSWORD, Desk, Visit
from tradewind.access.totp import STEP, code_at


def code(key: str, later: int = 0) -> str:
    """What the phone shows, or will show next: that is taken too, and no code is taken twice."""
    return code_at(key, int(time.time()) // STEP + later)


def turned_on(seen: Visit) -> tuple[str, list[str]]:
    """The key and the recovery codes that the page showed."""
    page = seen.page
    page.get_by_label("Your password, again").fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("img", name="The key, for the camera of your phone")).to_be_visible()
    assert seen.faults() == []
    key = page.locator("code").inner_text().replace(" ", "")
    page.get_by_label("The code that the app shows now").fill(code(key))
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("they are shown once")).to_be_visible()
    codes = page.locator("li code").all_inner_texts()
    assert seen.faults() == []
    page.get_by_role("button", name="I have kept them").click()
    expect(page.get_by_text("10 recovery codes are left")).to_be_visible()
    return key, codes


def sign_in(page: Page, given: str) -> None:
    """Password, then a code."""
    page.locator("input[name=user]").fill("eve")
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Enter the code")).to_be_visible()
    page.get_by_label("Code").fill(given)
    page.get_by_role("button", name="Sign in").click()


def test_who_needs_a_second_factor_is_led_to_it_and_signs_in_with_it(visit: Callable[..., Visit], chromium: Browser, desk: Desk) -> None:
    desk.state(chromium)  # the first user is made before any other
    product = desk.product
    invited = product.ok("users", "add", "eve", "--name", "Eve", "--administrator", "--json")["code"]
    product.ok("users", "require-factor")
    seen = visit(signed_in=False)
    page = seen.go("/welcome")
    page.get_by_label("One-time code").fill(invited)
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Choose and sign in").click()
    expect(page.get_by_text("Everybody signs in with a second factor here")).to_be_visible()
    seen.go("/projects/default/overview")
    expect(page.get_by_text("Everybody signs in with a second factor here")).to_be_visible()
    key, codes = turned_on(seen)
    product.ok("users", "require-factor", "--off")
    seen.go("/projects/default/settings/people")
    expect(page.get_by_role("table", name="Second factors")).to_contain_text("eve")
    assert seen.faults() == []

    page.get_by_role("button", name="Eve, your account").click()
    page.get_by_role("menuitem", name="Sign out").click()
    sign_in(page, "abcdef")
    expect(page.get_by_text("This code is not good")).to_be_visible()
    seen.complaints.clear()  # the browser says of every refusal that it was one
    assert seen.faults() == []
    page.get_by_label("Code").fill(code(key, later=1))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()

    page.get_by_role("button", name="Eve, your account").click()
    page.get_by_role("menuitem", name="Your sign-in").click()
    page.get_by_label("Your password, again").fill(PASSWORD)
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Turn off").click()
    expect(page.get_by_role("heading", name="Turn the second factor on")).to_be_visible()

    page.get_by_label("The old one").fill(PASSWORD)
    page.get_by_label("The new one").fill(f"{PASSWORD} again")
    assert seen.faults() == []
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
