"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def publish(finished: Path, place: Path) -> None:
    """Make a file durable and give it its name in the same folder, replacing what had it."""
    _sync(finished)
    finished.replace(place)
    _sync(place.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
