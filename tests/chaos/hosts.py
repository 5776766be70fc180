"""Several workers on one PostgreSQL, each a host of its own where that can be had: one is killed, one stands still for too long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adbc_driver_postgresql import dbapi

from postgres_process import Server
from product import Product
from sandbox_process import SandboxProcess, wait_until
from tradewind.delivery.deliver import LEASE

ENDED = "SELECT count(*) FROM run WHERE state = 'closed'"

BOOKS = ("run", "run_phase", "batch", "attempt", "receipt_line", "membership_version")
"""Tables that say what was done."""

DEVICES = [f"a0000000-0000-4000-8000-{number:012}" for number in range(9)]

WORKERS, LONG = 3, 900.0
"""How many, and seconds after which something is wrong."""

OF_HOST = """\
import os, socket, sys
socket.sethostname(sys.argv[1])
os.execv(sys.executable, [sys.executable, "-m", "tradewind", "worker"])
"""


@dataclass(frozen=True)
class Found:
    """How it ended. `killed_s` and `stopped_s` are the seconds until the run in hand of each was ended by another; None where none was.

    `sent_again` are requests beyond one a sync. `written` says whether anything in the books or at the platform differs after the
    stopped one had gone on and ended.
    """

    syncs: int
    apart: bool
    doubled: int
    missed: int
    wrong: int
    sent_again: int
    killed_s: float | None
    stopped_s: float | None
    written: bool
    seconds: float

    @property
    def clean(self) -> bool:
        """Every promise was kept: what one had in hand was ended within a lease, too."""
        waited = max(self.killed_s or 0.0, self.stopped_s or 0.0)
        return not (self.doubled or self.missed or self.wrong or self.written) and self.sent_again <= 2 and waited < LEASE.total_seconds()


class Hosts:
    """A home with syncs that are due, and workers at it."""

    def __init__(self, folder: Path, sandbox: SandboxProcess, server: Server, syncs: int, *, apart: bool) -> None:
        self.sandbox, self.server, self.syncs, self.apart = sandbox, server, syncs, apart
        self.product = Product(folder, sandbox.url, TTD_SECRET="sandbox-secret-ready1", TRADEWIND_DATABASE_URL=server.admin)
        self.workers: list[subprocess.Popen[bytes]] = []
        self.asking = dbapi.connect(server.admin, autocommit=True)

    def make_due(self) -> None:
        """Syncs of one small list, each with a segment of its own and a slot twenty minutes ago; there is no other while this lasts."""
        product = self.product
        product.ok("init")
        words = ("--advertiser", "ready1", "--region", "sandbox", "--secret-env", "TTD_SECRET", "--map", "column.idfa=DAID")
        product.ok("connections", "add", "main", *words)
        product.write("devices.csv", "\n".join(["idfa", *DEVICES, ""]))
        text = "cohorts: [{id: devices, name: Devices, kind: static, file: devices.csv, identifiers: {idfa: DAID}}]\nsyncs:\n"
        minute = (datetime.now(UTC).minute + 40) % 60
        sync = "  - {{id: s{0}, cohort: devices, connection: main, cadence: hourly, at: '06:{1:02}', segment: segment {0}}}\n"
        text += "".join(sync.format(number, minute) for number in range(self.syncs))
        product.write("devices.yaml", text)
        product.ok("apply", "devices.yaml")
        self.server.run(f"UPDATE sync SET added_at = '{datetime.now(UTC) - timedelta(hours=3):%Y-%m-%d %H:%M:%S}+00'")

    def start(self) -> None:
        """Every worker, each with a host name of its own if that was asked for."""
        for number in range(WORKERS):
            if not self.apart:
                self.workers.append(self.product.start("worker"))
                continue
            command = ["unshare", "--uts", sys.executable, "-c", OF_HOST, f"host-{number}"]
            quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            self.workers.append(subprocess.Popen(command, cwd=self.product.folder, env=self.product.environment, **quiet))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query gives, over a connection that stays: it is asked often, and the workers have need of the processors."""
        with self.asking.cursor() as cursor:
            cursor.execute(query)
            return [tuple(row) for row in cursor.fetchall()]

    def in_hand(self, worker: subprocess.Popen[bytes]) -> str:
        """The sync whose run a worker has in hand; empty where it has none."""
        found = self.rows(f"SELECT sync FROM run WHERE owner LIKE '%:{worker.pid}:%' AND state <> 'closed'")
        return str(found[0][0]) if found else ""

    def catch(self, worker: subprocess.Popen[bytes], how: signal.Signals) -> str:
        """Send a signal at a moment when it has a run in hand; the sync."""
        until = time.monotonic() + LONG
        while time.monotonic() < until:
            if self.in_hand(worker):
                worker.send_signal(signal.SIGSTOP)
                sync = self.in_hand(worker)
                if sync:
                    worker.send_signal(how)
                    return sync
                worker.send_signal(signal.SIGCONT)
        raise AssertionError("a worker never had a run in hand")

    def seconds_until_ended(self, sync: str, since: float) -> float:
        """From an instant until the run of a sync is closed."""
        ended = f"{ENDED} AND sync = '{sync}'"
        wait_until(lambda: self.rows(ended) == [(1,)], f"the run of {sync} is ended by another", LONG)
        return round(time.monotonic() - since, 1)

    def wait_for_all(self) -> None:
        """Until every sync has its run."""
        wait_until(lambda: self.rows(ENDED) == [(self.syncs,)], "every sync has its run", LONG)

    def books(self) -> list[list[str]]:
        """All that the books say, and how many requests came."""
        said = [sorted(map(repr, self.rows(f"SELECT * FROM {table}"))) for table in BOOKS]
        return [*said, [str(len(self.sandbox.requests()))]]

    def found(self, killed_s: float | None, stopped_s: float | None, began: float, *, written: bool) -> Found:
        """The account of it all."""
        runs = [str(row[0]) for row in self.rows("SELECT sync FROM run WHERE outcome = 'clean'")]
        whole = {("DAID", each) for each in DEVICES}
        wrong = sum(self.sandbox.members("ready1", f"segment {number}") != whole for number in range(self.syncs))
        sent = sum(1 for request in self.sandbox.requests() if request["items"])
        missed = self.syncs - len(set(runs))
        seconds = round(time.monotonic() - began, 1)
        counts = (int(self.rows("SELECT count(*) FROM run")[0][0]) - self.syncs, missed, wrong, sent - self.syncs)
        return Found(self.syncs, self.apart, *counts, killed_s, stopped_s, written, seconds)

    def end(self) -> None:
        """Every worker, by its handle."""
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.asking.close()


def run(folder: Path, sandbox: SandboxProcess, server: Server, syncs: int, *, stop: bool, apart: bool = False) -> Found:
    """Let three workers do what is due, kill the first with a run in hand, and with `stop` let the second stand still until another
    has ended its run, go on, and end.
    """
    began = time.monotonic()
    hosts = Hosts(folder, sandbox, server, syncs, apart=apart)
    hosts.make_due()
    hosts.start()
    try:
        first, second, _ = hosts.workers
        killed, at = hosts.catch(first, signal.SIGKILL), time.monotonic()
        if not stop:
            seconds = hosts.seconds_until_ended(killed, at)
            hosts.wait_for_all()
            return hosts.found(seconds, None, began, written=False)
        stopped, then = hosts.catch(second, signal.SIGSTOP), time.monotonic()
        killed_s, stopped_s = hosts.seconds_until_ended(killed, at), hosts.seconds_until_ended(stopped, then)
        hosts.wait_for_all()
        before = hosts.books()
        second.send_signal(signal.SIGTERM)  # it is seen when it goes on: what it has in hand it ends first, or finds that it may not
        second.send_signal(signal.SIGCONT)
        second.wait(LONG)
        return hosts.found(killed_s, stopped_s, began, written=hosts.books() != before)
    finally:
        hosts.end()


def can_be_apart() -> bool:
    """Whether a process may have a host name of its own here."""
    tried = subprocess.run(["unshare", "--uts", "true"], capture_output=True, check=False) if os.geteuid() == 0 else None
    return tried is not None and tried.returncode == 0
