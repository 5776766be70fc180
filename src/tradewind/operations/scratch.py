"""A folder for work that leaves nothing: gone when the block ends, and swept later if the process was killed in it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tradewind.parts import Parts

PREFIX = ".look-"
FORGOTTEN = 86_400
"""Seconds after which a folder that is still there belongs to nobody."""


@contextmanager
def scratch(parts: Parts) -> Iterator[Path]:
    """An empty folder in the home, readable by its owner alone."""
    runs = parts.home / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    _sweep(runs, parts.clock.now().timestamp())
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=runs))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(runs: Path, now: float) -> None:
    for left in runs.glob(f"{PREFIX}*"):
        if now - left.stat().st_mtime > FORGOTTEN:
            shutil.rmtree(left, ignore_errors=True)
