"""A process that has imported the product once and forks it for each life: orders on standard input, fates on standard output."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import duckdb  # noqa: F401  # what a life needs is imported before it is forked
import pyarrow.parquet  # noqa: F401

import tradewind.app
import tradewind.destinations.thetradedesk.destination
import tradewind.migrations.schema
import tradewind.worker  # noqa: F401
from chaos import victim

TICK = 0.002
"""Seconds between two looks at a life that is to be ended."""


def main() -> None:
    """One life after another, until standard input ends."""
    for line in sys.stdin:
        print(json.dumps(live(json.loads(line))), flush=True)


def live(order: dict[str, Any]) -> dict[str, Any]:
    """Fork a life, kill it after `kill_after` seconds if it lasts so long, and say how it ended and what it reached."""
    folder = Path(order["folder"])
    log, report = folder / "moments.txt", folder / "report.json"
    report.unlink(missing_ok=True)
    log.write_bytes(b"")
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _be(order, log, report)
    status, cpu = _wait(child, began, order.get("kill_after"), order.get("signal", signal.SIGKILL))
    killed = os.WIFSIGNALED(status)
    return {
        "killed": killed,
        "code": None if killed else os.WEXITSTATUS(status),
        "seconds": time.monotonic() - began,
        "cpu_seconds": cpu,
        "moments": log.read_text().split(),
        "report": json.loads(report.read_text()) if report.exists() else None,
    }


def _wait(child: int, began: float, kill_after: float | None, number: int) -> tuple[int, float]:
    """The status it ended with, and the processor's seconds it took."""
    options = 0 if kill_after is None else os.WNOHANG
    while not (ended := os.wait4(child, options))[0]:
        if kill_after is not None and time.monotonic() - began >= kill_after:
            os.kill(child, number)
            options = 0
        else:
            time.sleep(TICK)
    return ended[1], ended[2].ru_utime + ended[2].ru_stime


def _be(order: dict[str, Any], log: Path, report: Path) -> None:
    """The life itself; never returns."""
    code = 1
    try:
        output = os.open(log.with_name("output.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        code = victim.live(order, log, report)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
