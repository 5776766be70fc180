"""Pictures of every page of the console at both widths, of a home that is prepared for it: ./dev screenshots."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).resolve().parent / "screenshots"

PAGES = {
    "overview": "overview",
    "cohorts": "cohorts",
    "cohort": "cohorts/hat-lovers",
    "builder": "cohorts/hat-lovers/edit",
    "wizard": "cohorts/engaged-paid/sync?to=thetradedesk",
    "syncs": "syncs",
    "runs": "runs",
    "run": "runs/{run}",
    "segments": "segments",
    "segment": "segments/{sync}",
    "lift": "segments/{sync}/lift?event=Redeem+Offer&value=amount",
    "catalog": "catalog/destinations",
    "sources": "catalog/sources",
    "destination": "catalog/destinations/thetradedesk",
    "account": "catalog/destinations/thetradedesk/sandbox",
    "settings": "settings",
    "list": "cohorts/new/static",
    "select": "cohorts/new/sql",
    "amplitude": "cohorts/new/amplitude",
    "pushed": "cohorts/new/webhook",
    "lookalike": "cohorts/new/lookalike",
    "events": "settings/events",
    "privacy": "settings/privacy",
    "plan": "settings/plan",
    "alerts": "settings/alerts",
    "tokens": "settings/tokens",
    "audit": "settings/audit",
}
"""Name of the picture -> address within the project."""

DOORS = {"sign-in": "/sign-in", "welcome": "/welcome"}
"""Pages for whoever is not signed in."""

WIDTHS = {1280: 800, 390: 844}

CHROMIUM = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")

PASSWORD = "a calm and steady breeze"
PATIENCE = 120.0


def main() -> int:
    """Prepare, look, and write; the pictures that were there before are replaced."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("no Chromium here; on Debian: apt-get install chromium", file=sys.stderr)
        return 1
    HERE.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="tradewind-screenshots-") as folder,
        served(Path(folder)) as (url, code),
        sync_playwright() as play,
    ):
        browser = play.chromium.launch(executable_path=chromium, args=list(CHROMIUM))
        pictures(browser, url, code)
        browser.close()
    print(f"wrote {len(list(HERE.glob('*.png')))} pictures to {HERE}")
    return 0


def pictures(browser: Browser, url: str, code: str) -> None:
    """One user's way from the set-up code to every page."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(url)
    page.locator("input[name=code]").wait_for()
    shot(page, "set-up")
    for name, text in {"code": code, "name": "Ada Merchant", "user": "ada", "password": PASSWORD}.items():
        page.locator(f"input[name={name}]").fill(text)
    page.get_by_role("button", name="Make the first user").click()
    page.get_by_role("heading", name="Begin").wait_for()
    shot(page, "begin")
    page.get_by_role("button", name="Fill this project").click()
    page.get_by_role("heading", name="Cohorts").wait_for(timeout=PATIENCE * 1000)
    names = first_run(page)
    for name, address in PAGES.items():
        page.goto(f"{url}/projects/default/{address.format(**names)}")
        shot(page, name)
    for name, address in DOORS.items():
        context.clear_cookies()
        page.goto(f"{url}{address}")
        shot(page, name)
    context.close()


def first_run(page: Page) -> dict[str, str]:
    """Send one cohort, as a person would; gives the ids of its sync and its run."""
    api = "/api/v1/projects/default"
    wish = {"cohort": "hat-lovers", "connection": "sandbox", "cadence": "daily", "ttl_days": 30, "holdout": {"percent": 20}}
    sync = asked(page, "POST", f"{api}/syncs", wish)["id"]
    run = asked(page, "POST", f"{api}/syncs/{sync}/runs", None)["id"]
    end = time.monotonic() + PATIENCE
    while asked(page, "GET", f"{api}/runs/{run}", None)["run"]["state"] != "closed" and time.monotonic() < end:
        page.wait_for_timeout(200)
    upload = asked(page, "POST", f"{api}/events/imports?name=offers.ndjson", redeemed(sync))["id"]
    while not asked(page, "GET", f"{api}/uploads/{upload}", None)["finished_at"] and time.monotonic() < end:
        page.wait_for_timeout(200)
    return {"sync": sync, "run": run}


def redeemed(salt: str) -> str:
    """Offers that people redeem now, more of those who are sent than of those whose lot is to be held out; an event a line."""
    chance, lines = random.Random(7), []
    for number in range(2_000):
        key = hashlib.md5(f"user:u-{number:06d}".encode(), usedforsecurity=False).digest()[::-1]
        lot = int(hashlib.md5(f"{salt}:{key.hex()}".encode(), usedforsecurity=False).hexdigest()[:8], 16) / 2**32
        if chance.random() < (0.12 if lot < 0.2 else 0.45):
            event = {"event_type": "Redeem Offer", "user_id": f"u-{number:06d}", "insert_id": f"offer-{number}"}
            told = {"time": int(time.time() * 1000), "event_properties": {"amount": chance.randint(5, 40)}}
            lines.append(json.dumps(event | told))
    return "\n".join(lines)


def asked(page: Page, method: str, path: str, body: dict[str, Any] | str | None) -> dict[str, Any]:
    """Ask the API as the page's own user."""
    call = """async ([method, path, body]) => {
        const file = typeof body === "string";
        const headers = body ? {"Content-Type": file ? "application/octet-stream" : "application/json"} : {};
        return (await fetch(path, {method, headers, body: file || !body ? body : JSON.stringify(body)})).json();
    }"""
    found: dict[str, Any] = page.evaluate(call, [method, path, body])
    return found


def shot(page: Page, name: str) -> None:
    """The page at both widths, when it has come to rest."""
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(300)
        whole = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": width, "height": max(height, whole)})
        page.wait_for_timeout(150)
        page.screenshot(path=HERE / f"{name}-{width}.png")
    page.set_viewport_size({"width": 1280, "height": 800})


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, str]]:
    """A new home with its server beside a sandbox; gives the address and the set-up code."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRADEWIND_")}
    ready, port = folder / "sandbox.json", free_port()
    environment = kept | {"TRADEWIND_HOME": str(folder / "home"), "TRADEWIND_LOOPBACK_ONLY": "true"}
    with started(["tradewind.sandbox", "--port", "0", "--ready-file", str(ready)], environment, folder / "sandbox.log"):
        until(ready.exists)
        environment["TRADEWIND_SANDBOX_URL"] = json.loads(ready.read_text())["url"]
        subprocess.run([sys.executable, "-m", "tradewind", "init"], env=environment, check=True, stdout=subprocess.DEVNULL)
        with started(["tradewind", "serve", "--quiet", "--port", str(port)], environment, folder / "serve.log"):
            until(lambda: answers(f"http://127.0.0.1:{port}/readyz"))
            (code,) = re.findall(r"with the code ([a-z0-9-]+)", (folder / "serve.log").read_text())
            yield f"http://127.0.0.1:{port}", code


@contextmanager
def started(words: Sequence[str], environment: dict[str, str], log: Path) -> Iterator[None]:
    """A process of the product for the length of the block."""
    with log.open("w") as file, subprocess.Popen([sys.executable, "-m", *words], env=environment, stdout=file, stderr=file) as process:
        try:
            yield
        finally:
            process.terminate()


def free_port() -> int:
    """A port that nobody has at the moment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def answers(url: str) -> bool:
    """Whether a server is ready."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def until(holds: Any) -> None:
    """Wait for a condition."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            sys.exit("a process did not start in time")
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
