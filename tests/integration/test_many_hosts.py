"""Three worker processes on one PostgreSQL: each sync that is due is run once, also what a killed worker had in hand."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from postgres_process import postgres
from product import Product
from sandbox_process import SandboxProcess, wait_until

SYNCS = 200 if "TRADEWIND_SIMULATE" in os.environ else 12
"""Syncs that are due at once; `./dev simulate` takes two hundred."""

ENDED = "SELECT count(*) FROM run WHERE state = 'closed'"
"""Asked of the store itself, over and over: the workers have need of the processors."""

DEVICES = [f"a0000000-0000-4000-8000-{number:012}" for number in range(9)]


@pytest.mark.timeout(600)
def test_none_is_run_twice_and_none_is_left_when_a_worker_is_killed(tmp_path: Path, sandbox: SandboxProcess) -> None:
    """The run that the killed one had in hand is finished by another at once: its process is seen to be gone."""
    with postgres() as server:
        product = Product(tmp_path, sandbox.url, TTD_SECRET="sandbox-secret-ready1", TRADEWIND_DATABASE_URL=server.admin)
        product.ok("init")
        words = ("--advertiser", "ready1", "--region", "sandbox", "--secret-env", "TTD_SECRET", "--map", "column.idfa=DAID")
        product.ok("connections", "add", "main", *words)
        product.write("devices.csv", "\n".join(["idfa", *DEVICES, ""]))
        text = "cohorts: [{id: devices, name: Devices, kind: static, file: devices.csv, identifiers: {idfa: DAID}}]\nsyncs:\n"
        minute = (datetime.now(UTC).minute + 40) % 60  # the slot was twenty minutes ago, and there is no other while the test lasts
        sync = "  - {{id: s{0}, cohort: devices, connection: main, cadence: hourly, at: '06:{1:02}', segment: segment {0}}}\n"
        text += "".join(sync.format(number, minute) for number in range(SYNCS))
        product.write("devices.yaml", text)
        product.ok("apply", "devices.yaml")
        server.run(f"UPDATE sync SET added_at = '{datetime.now(UTC) - timedelta(hours=3):%Y-%m-%d %H:%M:%S}+00'")

        workers = [product.start("worker") for _ in range(3)]
        try:
            wait_until(lambda: server.count("SELECT count(*) FROM run") > 0, "a worker has begun", 120)
            workers[0].kill()
            wait_until(lambda: server.count(ENDED) == SYNCS, "every sync has its run", 500)
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
        runs = product.ok("runs", "list", "--limit", "500")["runs"]
        assert sorted(run["sync"] for run in runs) == sorted(f"s{n}" for n in range(SYNCS))
        assert {run["outcome"] for run in runs} == {"clean"}
        for number in range(SYNCS):
            assert sandbox.members("ready1", f"segment {number}") == {("DAID", each) for each in DEVICES}
        sent = sum(1 for request in sandbox.requests() if request["items"])
        assert SYNCS <= sent <= SYNCS + 1, "at most what the killed one had under way was sent again"
