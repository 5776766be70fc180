"""What the console waits for in a project of 1,000 cohorts, 1,000 syncs and 10,000 runs, beside the most that each may take.

One list is synced for real with a sandbox; its rows are then written so often that there are as many. `CPU` is the server's, of one
answer; `median` is by the clock. Pages are those of a new browser with nothing kept, from the address to the first use, where there is a
Chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "docs"))

SYNCS, RUNS_EACH, PEOPLE, ASKED, OPENED = 1_000, 10, 2_000, 20, 3
PROJECT = "/api/v1/projects/default"
ANSWERS = {
    "50 cohorts": f"{PROJECT}/cohorts?limit=50",
    "50 segments": f"{PROJECT}/segments?limit=50",
    "50 runs": f"{PROJECT}/runs?limit=50",
    "50 runs, a later page": f"{PROJECT}/runs?limit=50&cursor={{next}}",
    "a segment": f"{PROJECT}/segments/s0001",
    "a cohort": f"{PROJECT}/cohorts/c0001",
    "every name": f"{PROJECT}/names",
    "figures": "/api/v1/figures",
}
PAGES = {
    "overview": ("overview", f"{SYNCS:,} syncs"),
    "cohorts": ("cohorts", "Cohort number 5"),
    "runs": ("runs", "Opened"),
    "segments": ("segments", "Segment 5"),
}
MOST_OF_AN_ANSWER, MOST_OF_A_PAGE = 200.0, 1_500.0
"""Milliseconds."""

DEFINED = """
cohorts: [{id: c0000, name: Cohort number 0, kind: static, file: list.csv, identifiers: {idfa: DAID}, people: customer}]
connections: [{id: main, name: Main account, destination: thetradedesk, advertiser: ready1, region: sandbox, auth: signature,
  secret: {env: BENCH_SECRET}, identity: [{from: column.idfa, to: DAID}]}]
syncs: [{cohort: c0000, connection: main, id: s0000, cadence: daily, segment: Segment 0}]
"""


@dataclass(frozen=True)
class Figure:
    """Milliseconds that something took: of the server's processor (None where it was not counted), and by the clock."""

    what: str
    cpu: float | None
    median: float
    most: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object")
    as_json = parser.parse_args().json
    with tempfile.TemporaryDirectory(prefix="tradewind-bench-") as name:
        figures = list(measured(Path(name)))
    if as_json:
        print(json.dumps({"figures": [vars(each) for each in figures]}))
        return
    table = Table("what", "CPU ms", "median ms", "at most")
    for each in figures:
        table.add_row(each.what, "" if each.cpu is None else f"{each.cpu:,.0f}", f"{each.median:,.0f}", f"{each.most:,.0f}")
    Console().print(table)


def measured(folder: Path) -> Iterator[Figure]:
    """Everything, in a home of its own."""
    import screenshots

    with home(folder) as environment:
        port = screenshots.free_port()
        words = ["tradewind", "serve", "--quiet", "--port", str(port)]
        with screenshots.started(words, environment, folder / "serve.log"):
            url = f"http://127.0.0.1:{port}"
            screenshots.until(lambda: screenshots.answers(f"{url}/readyz"))
            code = re.findall(r"with the code ([a-z0-9-]+)", (folder / "serve.log").read_text())[0]
            ask = signed_in(url, code)
            yield from answers(ask, process_at(port))
            if chromium := shutil.which("chromium"):
                yield from pages(chromium, url)


@contextmanager
def home(folder: Path) -> Iterator[dict[str, str]]:
    """A home as large as said, beside its sandbox; gives the environment of its commands."""
    import screenshots

    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRADEWIND_")}
    own = {"TRADEWIND_HOME": str(folder / "home"), "TRADEWIND_LOOPBACK_ONLY": "true", "BENCH_SECRET": "sandbox-secret-ready1"}
    environment, ready = kept | own, folder / "sandbox.json"
    rows = [f"c{number},{uuid.UUID(int=(0xA << 120) + (number << 64) + number, version=4)}" for number in range(PEOPLE)]
    (folder / "list.csv").write_text("\n".join(["customer,idfa", *rows]) + "\n")
    (folder / "all.yaml").write_text(DEFINED)
    with screenshots.started(["tradewind.sandbox", "--port", "0", "--ready-file", str(ready)], environment, folder / "sandbox.log"):
        screenshots.until(ready.exists)
        environment["TRADEWIND_SANDBOX_URL"] = json.loads(ready.read_text())["url"]
        for words in (
            "init", "projects plan default paid", "destinations admit thetradedesk default",
            "projects enable default thetradedesk --paid-plan", "apply all.yaml", "syncs run s0000",
        ):  # fmt: skip
            command = [sys.executable, "-m", "tradewind", *words.split()]
            subprocess.run(command, env=environment, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        grow(folder / "home")
        yield environment


def grow(home: Path) -> None:
    """Write what one cohort, sync and run left behind so often that there are as many; every membership has its files."""
    from tradewind.planning.binding import target_of

    db = sqlite3.connect(home / "tradewind.db")
    db.row_factory = sqlite3.Row

    def one(table: str) -> dict[str, Any]:
        return dict(db.execute(f"SELECT * FROM {table} LIMIT 1").fetchone())

    def put(table: str, row: dict[str, Any]) -> None:
        columns = ", ".join(f'"{name}"' for name in row)
        db.execute(f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(row))})", list(row.values()))

    cohort, version, sync, target = one("cohort"), one("cohort_version"), one("sync"), one("target")
    binding, run, held = one("binding"), one("run"), one("membership_version")
    of_run = {table: [dict(row) for row in db.execute(f"SELECT * FROM {table}")] for table in ("run_phase", "batch", "attempt")}
    for number in range(1, SYNCS):
        cohort_id, sync_id, segment = f"c{number:04}", f"s{number:04}", f"Segment {number}"
        place = target_of(target["url"], target["advertiser"], segment)
        document = json.loads(binding["document"])
        document["target"] |= {"segment": segment} | ({"id": place.id} if "id" in document["target"] else {})
        bound = f"b{number:04}{binding['id'][5:]}"
        put("cohort", cohort | {"id": cohort_id, "name": f"Cohort number {number}"})
        put("cohort_version", version | {"cohort": cohort_id})
        folded = sync["folded"].replace("segment 0", segment.lower())
        put("sync", sync | {"id": sync_id, "cohort": cohort_id, "segment": segment, "folded": folded})
        put("target", target | {"id": place.id, "segment": segment})
        put(
            "binding",
            binding | {"id": bound, "target": place.id, "document": json.dumps(document | ({"id": bound} if "id" in document else {}))},
        )
        path = f"membership/x{number}/1"
        shutil.copytree(home / held["path"], home / path)
        for back in range(RUNS_EACH):
            name = f"{run['id'][:-6]}{number:04}{back:02}"
            moved = {at: earlier(run[at], back, number) for at in ("opened_at", "closed_at", "as_of")}
            put("run", run | moved | {"id": name, "sync": sync_id, "cohort": cohort_id, "target": place.id, "binding": bound})
            for table, rows in of_run.items():
                for row in rows:
                    put(table, row | {"run": name})
            at = {"created_at": earlier(held["created_at"], back, number)}
            put("membership_version", held | at | {"target": place.id, "version": RUNS_EACH - back, "run": name, "path": path})
    db.commit()
    db.close()


def earlier(text: str, days: int, seconds: int) -> str:
    """An instant as the database has it, so long before."""
    from datetime import datetime, timedelta

    return str(datetime.fromisoformat(text) - timedelta(days=days, seconds=seconds))


def signed_in(url: str, code: str) -> Callable[[str], bytes]:
    """Make the first user, and give what asks as they."""
    import screenshots

    def call(path: str, body: dict[str, str] | None, cookie: str) -> tuple[bytes, str]:
        headers = {"Content-Type": "application/json", "Origin": url, "Cookie": cookie}
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url + path, data, headers), timeout=60) as answer:
            return answer.read(), (answer.headers["Set-Cookie"] or "").split(";")[0]

    call("/api/v1/setup", {"code": code, "name": "Ada", "user": "ada", "password": screenshots.PASSWORD}, "")
    _, session = call("/api/v1/session", {"user": "ada", "password": screenshots.PASSWORD}, "")
    return lambda path: call(path, None, session)[0]


def answers(ask: Callable[[str], bytes], process: int) -> Iterator[Figure]:
    """Each answer: the very first figures after the start, then so many of every kind."""
    yield Figure("figures, the first after a start", *taken(lambda: ask(ANSWERS["figures"]), process, 1), MOST_OF_AN_ANSWER)
    following = json.loads(ask(ANSWERS["50 runs"]))["next"]
    for what, path in ANSWERS.items():
        there = path.format(next=following)
        ask(there)
        yield Figure(what, *taken(partial(ask, there), process, ASKED), MOST_OF_AN_ANSWER)


def taken(work: Callable[[], object], process: int, times: int) -> tuple[float, float]:
    """Processor milliseconds of a process each time, and the median by the clock."""
    before, seconds = processor(process), []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return 1000 * (processor(process) - before) / times, 1000 * statistics.median(seconds)


def processor(process: int) -> float:
    """Seconds that a process has had of the processors; without /proc there are none to tell."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def process_at(port: int) -> int:
    """The server of that port."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        words = path.read_bytes().split(b"\0")
        if b"serve" in words and str(port).encode() in words:
            return int(path.parent.name)
    raise SystemExit("the server is not among the processes")


def pages(chromium: str, url: str) -> Iterator[Figure]:
    """The sign-in page, until one can type; and pages of whoever is signed in, until their rows are there."""
    import screenshots
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=list(screenshots.CHROMIUM))
        state: Any = None
        for what, (place, mark) in {"sign-in": ("", ""), **PAGES}.items():
            seconds = []
            for _ in range(OPENED):
                context = browser.new_context(viewport={"width": 1280, "height": 800}, storage_state=state)
                page = context.new_page()
                begun = time.perf_counter()
                page.goto(f"{url}/projects/default/{place}")
                if mark:
                    page.get_by_text(mark, exact=True).first.wait_for()
                    page.get_by_role("link", name="Cohorts", exact=True).first.click(trial=True)
                else:
                    page.locator("input[name=user]").fill("ada")
                seconds.append(time.perf_counter() - begun)
                if state is None and len(seconds) == OPENED:
                    page.locator("input[name=password]").fill(screenshots.PASSWORD)
                    page.get_by_role("button", name="Sign in").click()
                    page.get_by_role("heading", level=1, name="Overview").wait_for()
                    state = context.storage_state()
                context.close()
            yield Figure(f"page: {what}", None, 1000 * statistics.median(seconds), MOST_OF_A_PAGE)
        browser.close()


if __name__ == "__main__":
    main()
