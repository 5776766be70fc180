"""From the set-up code to a delivered cohort in a browser, both first starts, with a stopwatch: ./dev stopwatch."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from screenshots import CHROMIUM, PASSWORD, WIDTHS, served

CLICK, KEY, THOUGHT = 1.3, 0.28, 1.35
"""Seconds that a person takes by the keystroke-level model: to point and press, for a key, and to look for what comes next."""

PEOPLE = 1_200


@dataclass
class Hand:
    """Does what a person would, counts it, and keeps a picture of each step where a folder is given."""

    page: Page
    album: Path | None = None
    clicks: int = 0
    keys: int = 0
    began: float = field(default_factory=time.monotonic)

    def click(self, what: Locator) -> None:
        """Once it can be pressed."""
        what.wait_for(timeout=60_000)
        self._picture()
        what.click(timeout=60_000)
        self.clicks += 1

    def type(self, what: Locator, text: str) -> None:
        """Into a field."""
        self.click(what)
        what.fill(text)
        self.keys += len(text)

    def choose(self, field_name: str, option: str) -> None:
        """From a list that opens."""
        self.click(self.page.get_by_role("combobox", name=field_name, exact=True))
        self.click(self.page.get_by_role("option", name=option).first)

    def press(self, name: str) -> None:
        """A button of the page itself, not of its frame."""
        self.click(self.page.get_by_role("main").get_by_role("button", name=name, exact=True).first)

    def follow(self, name: str) -> None:
        """A link of the page itself."""
        self.click(self.page.get_by_role("main").get_by_role("link", name=name, exact=True).first)

    def stop(self) -> float:
        """Seconds since the page was asked for."""
        self._picture()
        return time.monotonic() - self.began

    def _picture(self) -> None:
        if self.album:
            self.page.screenshot(path=self.album / f"{self.clicks:02}.png", full_page=True)


def set_up(hand: Hand, code: str) -> None:
    """The first page."""
    for name, text in {"code": code, "name": "Ada Merchant", "user": "ada", "password": PASSWORD}.items():
        hand.type(hand.page.locator(f"input[name={name}]"), text)
    hand.click(hand.page.get_by_role("button", name="Make the first user"))


def with_samples(hand: Hand, _folder: Path) -> None:
    """People who were made up, and a cohort that is there."""
    hand.press("Fill this project")
    hand.follow("Hat lovers who spend")
    sync(hand)


def with_a_csv(hand: Hand, folder: Path) -> None:
    """A file of one's own, a cohort that one builds, and an account that one adds."""
    page = hand.page
    page.get_by_role("heading", name="Begin").wait_for()
    page.locator("input[type=file]").set_input_files(csv(folder))
    hand.clicks += 2
    hand.press("Go to the cohorts")
    hand.follow("New cohort")
    hand.type(page.get_by_role("textbox", name="Name", exact=True), "Carts without a purchase")
    hand.type(page.get_by_role("combobox", name="Event", exact=True), "Add to Cart")
    page.keyboard.press("Tab")
    hand.press("Save")
    hand.follow("Sync")
    hand.press("Next")
    hand.follow("Add another destination")
    hand.type(page.get_by_role("textbox", name="Name", exact=True), "Main account")
    hand.type(page.get_by_role("textbox", name="Advertiser ID"), "ready1")
    hand.type(page.get_by_role("textbox", name="Advertiser Secret Key"), "sandbox-secret-ready1")
    hand.choose("Data Center Region", "Sandbox on this machine")
    hand.choose("User ID, row 1", "User property")
    hand.type(page.get_by_role("combobox", name="Name of the property, row 1"), "advertising_id")
    hand.choose("TheTradeDesk User ID, row 1", "Raw device ID (iOS IDFA or Android's AAID)")
    hand.press("Test connection")
    expect(page.get_by_role("status")).to_contain_text("The account answers", timeout=20_000)
    hand.press("Save")
    cadence(hand)


def sync(hand: Hand) -> None:
    """Sync > TheTradeDesk > Next > account > cadence > Save."""
    hand.follow("Sync")
    hand.press("Next")
    cadence(hand)


def cadence(hand: Hand) -> None:
    """The last page, and the run to its end."""
    hand.click(hand.page.get_by_role("radio", name="Hourly"))
    hand.press("Save")
    expect(hand.page.get_by_text("Done", exact=True)).to_be_visible(timeout=60_000)


def csv(folder: Path) -> Path:
    """A made-up export: carts, half of them bought, each person with a device id."""
    lines = ["event_type,time,user_id,event.category,user.advertising_id"]
    for number in range(PEOPLE):
        device = UUID(int=(0xC << 120) + (number << 64) + number, version=4)
        did = ("Add to Cart", "Purchase") if number % 2 else ("Add to Cart",)
        lines += [f"{what},{time.strftime('%Y-%m-%dT%H')}:{minute:02}:00Z,u{number},hats,{device}" for minute, what in enumerate(did)]
    path = folder / "shop.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


STARTS = {"sample data": with_samples, "a CSV": with_a_csv}


def walk(browser: Browser, start: str, width: int, album: Path | None) -> str:
    """One start at one width, in a home of its own."""
    with tempfile.TemporaryDirectory(prefix="tradewind-stopwatch-") as name, served(Path(name)) as (url, code):
        context = browser.new_context(viewport={"width": width, "height": WIDTHS[width]})
        page = context.new_page()
        page.set_default_timeout(60_000)
        if album:
            album = album / f"{start.replace(' ', '-')}-{width}"
            album.mkdir(parents=True, exist_ok=True)
        hand = Hand(page, album)
        page.goto(url)
        set_up(hand, code)
        STARTS[start](hand, Path(name))
        machine = hand.stop()
        context.close()
    person = CLICK * hand.clicks + KEY * hand.keys + THOUGHT * hand.clicks
    return f"{start:12} {width:5} px {machine:6.1f} s of machine, {hand.clicks} clicks and {hand.keys} keys: {person:4.0f} s of a person"


def main(arguments: list[str]) -> int:
    """Walk and print; a folder may be given for pictures of each step."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("no Chromium here; on Debian: apt-get install chromium", file=sys.stderr)
        return 1
    album = Path(arguments[0]) if arguments else None
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=list(CHROMIUM))
        for start in STARTS:
            for width in WIDTHS:
                print(walk(browser, start, width, album), flush=True)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
