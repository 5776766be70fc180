"""The sandbox as a process beside another, for as long as that one needs it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tradewind.sandbox.unusable import Unusable

PATIENCE = 30.0
"""Seconds that it may take to listen, and to end."""


@dataclass(frozen=True)
class Beside:
    """Where it listens: The Trade Desk, and Amplitude by its regions."""

    url: str
    amplitude: Mapping[str, str]


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Beside]:
    """A sandbox that ends with the block, or with this process however that ends; in `folder` it says what it does (`sandbox.log`).

    Raises Unusable when it does not start.
    """
    ready = folder / "sandbox-ready.json"
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tradewind.sandbox", "--until-input-ends", "--ready-file", str(ready), *options]
    with (folder / "sandbox.log").open("w") as log:
        process = subprocess.Popen(  # noqa: S603  our own module
            command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield _when_ready(ready, process, folder / "sandbox.log")
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _when_ready(ready: Path, process: subprocess.Popen[bytes], log: Path) -> Beside:
    end = time.monotonic() + PATIENCE
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise Unusable(f"the sandbox did not start: {log.read_text().strip()[-300:] or 'it says nothing'}")
        time.sleep(0.02)
    told = json.loads(ready.read_text())
    return Beside(told["url"], told["amplitude"])
