"""The console in a real browser, served by a real server beside a sandbox; nothing but this machine is asked."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import pytest
from playwright.sync_api import Browser, Route, expect, sync_playwright

from browser_desk import ARGUMENTS, Desk, Visit
from product import Product
from sandbox_process import running_sandbox
from serve_process import serving

CHROMIUM = shutil.which("chromium")
CONSOLE = Path(__file__).resolve().parents[2] / "console"

PATIENCE = 60_000
"""Milliseconds until something that is to come must be there: a page is slow beside whatever else the machine does."""

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def ready() -> None:
    """Skips where there is no browser, or nothing to look at."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here; on Debian: apt-get install chromium")
    build = _build()
    if not build.STAMP.exists() or build.STAMP.read_text() != build.fingerprint():
        pytest.skip("the console is not built as its sources are; ./dev console builds it")


@pytest.fixture(scope="module")
def chromium(ready: None) -> Iterator[Browser]:
    """One browser for the tests of a file; as long as it is there this thread has an event loop, and other tests want their own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def desk(ready: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A home that was just made, with a project for which nothing was decided yet; its server, and a sandbox."""
    folder = tmp_path_factory.mktemp("desk")
    with ExitStack() as stack:
        sandbox = stack.enter_context(running_sandbox(folder))
        product = Product(folder, sandbox)
        product.ok("init")
        product.ok("projects", "add", "shop", "--name", "The shop")
        yield Desk(product, stack.enter_context(serving(product)), sandbox)


@pytest.fixture
def visit(chromium: Browser, desk: Desk) -> Iterator[Callable[..., Visit]]:
    """Opens a window of somebody's; at the end none may have complained, nor asked another host."""
    opened: list[Visit] = []

    def open_window(width: int = 1280, *, signed_in: bool = True, scheme: str = "light") -> Visit:
        context = chromium.new_context(
            viewport={"width": width, "height": 844},
            color_scheme="dark" if scheme == "dark" else "light",
            storage_state=desk.state(chromium) if signed_in else None,
        )
        context.set_default_timeout(PATIENCE)
        seen = Visit(context.new_page(), desk.server.url)
        context.route("**/*", lambda route: _only_here(route, seen))
        opened.append(seen)
        return seen

    yield open_window
    for each in opened:
        each.page.context.close()
        assert not each.abroad, "the console asked another host"
        assert not each.complaints, "the browser complained"


def _only_here(route: Route, seen: Visit) -> None:
    if route.request.url.startswith((seen.url, "data:")):
        route.continue_()
    else:
        seen.abroad.append(route.request.url)
        route.abort()


def _build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("console_build", CONSOLE / "build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
