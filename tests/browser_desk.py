"""What a test in a browser holds: the desk with its server and its users, and a window that somebody looks through."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, StorageState

from product import Product
from serve_process import Serving

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")
"""A browser that asks nobody for anything of its own."""

ALOUD = "[aria-live=polite]"
"""Where the console says what changes to those who do not see it."""

PASSWORD = "a calm and steady breeze"
AXE = Path(__file__).resolve().parents[1] / "console" / "node_modules" / "axe-core" / "axe.min.js"


@dataclass
class Desk:
    """A server with a home of its own, and the sandbox beside it."""

    product: Product
    server: Serving
    sandbox: str
    _state: StorageState | None = None

    def state(self, browser: Browser) -> StorageState:
        """The cookie of the administrator, who is made by the set-up page the first time somebody asks."""
        if self._state is None:
            context = browser.new_context()
            page = context.new_page()
            page.goto(self.server.url)
            page.locator("input[name=code]").fill(self.server.code())
            page.locator("input[name=name]").fill("Ada Merchant")
            page.locator("input[name=user]").fill("ada")
            page.locator("input[name=password]").fill(PASSWORD)
            page.get_by_role("button", name="Make the first user").click()
            page.get_by_role("heading", name="Projects").wait_for()
            self._state = context.storage_state()
            context.close()
        return self._state


@dataclass
class Visit:
    """A window, what it asked of other hosts, and what the browser complained of."""

    page: Page
    url: str
    abroad: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def go(self, path: str) -> Page:
        """Open an address of the console, and wait until nothing is asked any more."""
        self.page.goto(f"{self.url}{path}")
        self.page.wait_for_load_state("networkidle")
        return self.page

    def faults(self) -> list[str]:
        """What axe holds for serious on the page as it is."""
        self.page.evaluate(self._axe)
        found: dict[str, Any] = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        grave = [each for each in found["violations"] if each["impact"] in {"serious", "critical"}]
        return [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in grave]

    @cached_property
    def _axe(self) -> str:
        return AXE.read_text()

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


def choose(page: Page, field: str, option: str) -> None:
    """Take an option of a field that offers some."""
    page.get_by_role("combobox", name=field, exact=True).click()
    page.get_by_role("option", name=option).click()
