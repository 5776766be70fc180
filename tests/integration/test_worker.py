"""The worker as a process: several at once run a slot once, and a signal ends it in order."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from product import Product
from sandbox_process import SandboxProcess, wait_until

SECRET = "sandbox-secret-ready1"
SEGMENT = "[Tradewind] Devices: devices"


def guids(first: int, last: int) -> list[str]:
    """Device ids."""
    return [f"a0000000-0000-4000-8000-{number:012}" for number in range(first, last)]


@pytest.fixture
def product(tmp_path: Path, sandbox: SandboxProcess) -> Product:
    """A home with one account at the sandbox and a list that is synced every hour; its first slot has passed."""
    product = Product(tmp_path, sandbox.url, TTD_SECRET=SECRET)
    product.ok("init")
    words = ("--advertiser", "ready1", "--region", "sandbox", "--secret-env", "TTD_SECRET", "--map", "column.idfa=DAID")
    product.ok("connections", "add", "main", *words)
    fill(product, guids(0, 50))
    was_added(product, datetime.now(UTC) - timedelta(hours=3))
    return product


def fill(product: Product, ids: list[str]) -> None:
    """The list, and its sync."""
    product.write("devices.csv", "\n".join(["idfa", *ids, ""]))
    text = "cohorts: [{id: devices, name: Devices, kind: static, file: devices.csv, identifiers: {idfa: DAID}}]\n"
    text += 'syncs: [{id: devices, cohort: devices, connection: main, cadence: hourly, at: "06:30"}]\n'
    product.write("devices.yaml", text)
    product.ok("apply", "devices.yaml")


def was_added(product: Product, moment: datetime) -> None:
    """Let the sync have been there for a while: a slot cannot be waited for in a test."""
    with sqlite3.connect(product.folder / "home" / "tradewind.db") as rows:
        rows.execute("UPDATE sync SET added_at = ?", (f"{moment:%Y-%m-%d %H:%M:%S.%f}",))
        rows.execute("UPDATE run SET slot = NULL, opened_at = ?", (f"{moment:%Y-%m-%d %H:%M:%S.%f}",))
    rows.close()


def only_run(product: Product) -> dict[str, Any]:
    """The newest run."""
    found: dict[str, Any] = product.ok("runs", "list")["runs"][0]
    return found


def test_once_runs_what_is_due_and_says_so(product: Product, sandbox: SandboxProcess) -> None:
    """For a scheduler of one's own: the newest slot, with those before it counted; then nothing is due."""
    (done,) = product.ok("worker", "--once")["done"]
    slot = datetime.fromisoformat(done["run"]["slot"])
    assert (slot.minute, done["run"]["outcome"], done["error"]) == (30, "clean", None)
    assert done["run"]["missed"] == 2
    assert "2 slots passed without a run" in product.text("runs", "show", done["run"]["id"]).output
    assert len(sandbox.members("ready1", SEGMENT)) == 50
    again = product.text("worker", "--once")
    assert (again.code, again.output, again.error.strip()) == (0, "", "Nothing is due.")


def test_once_ends_with_the_code_of_what_went_wrong(product: Product) -> None:
    """Held is 12, a failed source its own code; the sentence names the sync."""
    product.ok("worker", "--once")
    fill(product, guids(0, 3))
    was_added(product, datetime.now(UTC) - timedelta(hours=3))
    held = product.text("worker", "--once")
    assert held.code == 12
    assert "default/devices" in held.output
    product.write("sql.yaml", "cohorts: [{id: q, name: Q, kind: sql, query: SELECT idfa FROM gone, files: {gone: devices.csv}}]\n")
    product.ok("apply", "sql.yaml")
    product.ok("syncs", "add", "q", "main", "--cadence", "daily", "--at", "23:45")
    (product.folder / "devices.csv").unlink()
    was_added(product, datetime.now(UTC) - timedelta(days=3))
    failed = product.call("worker", "--once")
    by_sync = {done["sync"]: done for done in failed.json["done"]}
    assert failed.code == by_sync["q-main"]["error"]["exit_code"] > 0
    assert {run["outcome"] for run in product.ok("runs", "list", "--sync", "q-main")["runs"]} == {"failed"}


@pytest.mark.timeout(600)
def test_several_workers_run_a_slot_once(product: Product, sandbox: SandboxProcess) -> None:
    """Three at the same moment: one run, one request, and nobody complains."""
    workers = [product.start("worker", "--once") for _ in range(3)]
    codes = [worker.wait(90) for worker in workers]
    assert codes == [0, 0, 0]
    (run,) = product.ok("runs", "list")["runs"]
    assert run["outcome"] == "clean"
    assert [request["items"] for request in sandbox.requests() if request["items"]] == [50]


@pytest.mark.timeout(600)
def test_a_signal_ends_the_worker_after_the_request_under_way(product: Product, sandbox: SandboxProcess) -> None:
    """SIGTERM in the first of three slow requests: that one is settled, the others are not sent; the next worker finishes the run."""
    product.ok("worker", "--once")
    fill(product, guids(5, 60))
    was_added(product, datetime.now(UTC) - timedelta(hours=3))
    sandbox.faults({"kind": "late", "seconds": 3, "times": 1})
    process = product.start("worker")
    try:
        wait_until(lambda: sandbox.get("/_sandbox/counts")["under_way"] == 1, "the first request is under way")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(35) == 0
        assert time.monotonic() - began < 35
    finally:
        _end(process)
    account = product.ok("runs", "show", only_run(product)["id"])["account"]
    assert (account["planned"], account["accepted"], account["rejected"]) == (60, 5, 0)
    assert account["not_sent"] >= 45, "at most the intent of the next batch was written"
    (done,) = product.ok("worker", "--once")["done"]
    assert done["run"]["outcome"] == "clean"
    assert sandbox.members("ready1", SEGMENT) == {("DAID", each) for each in guids(5, 60)}


@pytest.mark.timeout(600)
def test_a_second_signal_ends_it_at_once(product: Product, sandbox: SandboxProcess) -> None:
    """The request under way is left unanswered: unknown, and sent again as the same bytes by the next worker."""
    sandbox.faults({"kind": "late", "seconds": 20, "times": 1})
    process = product.start("worker")
    try:
        wait_until(
            lambda: bool(product.ok("runs", "list")["runs"]) and only_run(product)["state"] == "delivering", "a request is under way"
        )
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(18) == 0
        assert time.monotonic() - began < 20, "it did not wait for the answer"
    finally:
        _end(process)
    assert product.ok("runs", "show", only_run(product)["id"])["account"]["unknown"] == 50
    (done,) = product.ok("worker", "--once")["done"]
    assert done["run"]["outcome"] == "clean"
    assert len(sandbox.members("ready1", SEGMENT)) == 50


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait(10)
