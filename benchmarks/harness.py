"""Measures systems side by side, each in a process of its own, and prints their rows and ratios.

A benchmark is a script that calls `measure` once a system and `report` once. It must not hold much memory itself: on
Linux a new process's peak begins at that of the process that started it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """What one system did with `items` items: wall seconds, processor seconds, and peak memory in MiB."""

    system: str
    items: int
    seconds: float
    cpu_s: float
    peak_rss_mib: float

    @property
    def items_per_s(self) -> float:
        """Items in a second of wall time."""
        return self.items / self.seconds

    @property
    def cpu_s_per_million(self) -> float:
        """Processor seconds that a million items cost."""
        return self.cpu_s / self.items * 1_000_000

    def as_json(self) -> dict[str, str | float]:
        """The row as `--json` prints it."""
        return {
            "system": self.system,
            "items_per_s": round(self.items_per_s, 1),
            "cpu_s_per_million": round(self.cpu_s_per_million, 4),
            "peak_rss_mib": round(self.peak_rss_mib, 1),
        }


def measure(system: str, command: Sequence[str], items: int) -> Row:
    """Run a command to its end and account for it and the processes it waited for. Exits when the command fails."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{system} ended with code {process.returncode}; nothing was measured")
    return Row(system, items, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def median(rows: Sequence[Row]) -> Row:
    """One row for several runs of a system: the median of each figure."""
    first = rows[0]
    figures = ([getattr(row, name) for row in rows] for name in ("seconds", "cpu_s", "peak_rss_mib"))
    return Row(first.system, first.items, *(statistics.median(values) for values in figures))


def report(rows: Sequence[Row], ratios: Mapping[str, float], *, as_json: bool) -> None:
    """Print the rows and the ratios by name, as one JSON object or as a table."""
    rounded = {name: round(value, 3) for name, value in ratios.items()}
    if as_json:
        print(json.dumps({"rows": [row.as_json() for row in rows], "ratios": rounded}))
        return
    table = Table("system", "items/s", "CPU-s per million", "peak MiB")
    for row in rows:
        table.add_row(row.system, f"{row.items_per_s:,.0f}", f"{row.cpu_s_per_million:.3f}", f"{row.peak_rss_mib:,.0f}")
    console = Console()
    console.print(table)
    for name, value in rounded.items():
        console.print(f"{name}: {value:g}")
