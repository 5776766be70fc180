"""Files that appear whole or not at all, and stay: written elsewhere, synced, then named."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until a file or a folder's list of names is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def publish(finished: Path, place: Path, *, new: bool = False) -> None:
    """Make a file, or a folder of files, durable and give it its name on the same disk, replacing what had it.

    With `new` (files only) FileExistsError when the name is taken.
    """
    for path in sorted(finished.rglob("*")):
        sync(path)
    sync(finished)
    place.parent.mkdir(parents=True, exist_ok=True)
    if new:
        os.link(finished, place)
        finished.unlink()
    else:
        if place.is_dir():
            shutil.rmtree(place)
        finished.replace(place)
    sync(place.parent)
