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
import sqlglot.dialects.duckdb  # noqa: F401

import tradewind.app
import tradewind.destinations.thetradedesk.destination
import tradewind.migrations.schema
import tradewind.worker  # noqa: F401
from chaos import victim
from tradewind.__main__ import spare_pandas

TICK = 0.002
"""Seconds between two looks at a life that is to be ended."""


class Life:
    """One child: forked on an order, watched to its end or until it is stopped."""

    def __init__(self, order: dict[str, Any], number: int) -> None:
        folder = Path(order["folder"])
        self.log, self.report = folder / f"moments-{number}.txt", folder / f"report-{number}.json"
        self.output = folder / f"output-{number}.txt"
        self.log.touch()
        self.order, self.began = order, time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            self._be()

    def wait(self) -> dict[str, Any]:
        """How it ended and what it reached; kills it after `kill_after` seconds, if it lasts so long."""
        kill_after, options = self.order.get("kill_after"), os.WUNTRACED
        options |= 0 if kill_after is None else os.WNOHANG
        while not (ended := os.wait4(self.pid, options))[0]:
            if kill_after is not None and time.monotonic() - self.began >= kill_after:
                os.kill(self.pid, self.order.get("signal", signal.SIGKILL))
                kill_after, options = None, os.WUNTRACED
            else:
                time.sleep(TICK)
        _, status, usage = ended
        return {
            "stopped": self.pid if os.WIFSTOPPED(status) else None,
            "killed": os.WIFSIGNALED(status),
            "code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            "seconds": time.monotonic() - self.began,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "moments": self.log.read_text().split(),
            "report": json.loads(self.report.read_text()) if self.report.exists() else None,
            "output": self.output.read_text(errors="replace"),
        }

    def _be(self) -> None:
        """The life itself; never returns."""
        code = 1
        try:
            output = os.open(self.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(output, 1)
            os.dup2(output, 2)
            code = victim.live(self.order, self.log, self.report)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)


def main() -> None:
    """One life after another, until standard input ends; one that was stopped is gone on with by an order that names it."""
    spare_pandas()
    stopped: dict[int, Life] = {}
    for number, line in enumerate(sys.stdin):
        order = json.loads(line)
        if "go_on" in order:
            life = stopped.pop(order["go_on"])
            os.kill(life.pid, signal.SIGCONT)
        else:
            life = Life(order, number)
        fate = life.wait()
        if fate["stopped"]:
            stopped[life.pid] = life
        print(json.dumps(fate), flush=True)
    for life in stopped.values():
        os.kill(life.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
