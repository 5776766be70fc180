"""The state file: what the sandbox holds, written whole under another name and then put in its place."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

import orjson

from tradewind.sandbox.desk import Desk
from tradewind.sandbox.unusable import Unusable

FORMAT = 3


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file by this content, or leave it as it was. Readable by its owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def load(desk: Desk, path: Path) -> None:
    """Take up what the file holds; a file that is not there holds nothing. Raises Unusable in one sentence."""
    try:
        saved = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return
    except OSError as error:
        raise Unusable(f"{path}: cannot be read ({error.strerror})") from None
    except orjson.JSONDecodeError:
        raise Unusable(f"{path}: is damaged or is not a state file of the sandbox; move it away to start empty") from None
    if not isinstance(saved, dict) or saved.get("format") != FORMAT:
        raise Unusable(f"{path}: is not a state file of this sandbox; name another file")
    try:
        desk.clock.restore(saved["clock"])
        desk.segments.restore(saved["segments"])
        desk.journal.restore(saved["journal"])
        desk.directory.restore(saved["platform"])
    except (KeyError, TypeError, AttributeError, ValueError):
        raise Unusable(f"{path}: is a damaged state file; move it away to start empty") from None


class Keeper:
    """Saves a desk while it changes, at most once a second, and once more when it stops."""

    def __init__(self, desk: Desk, path: Path) -> None:
        self._desk, self._path = desk, path
        self._saved = desk.version
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._save()

    def _keep(self) -> None:
        pause = 1.0
        while not self._stopping.wait(pause):
            began = time.monotonic()
            with contextlib.suppress(OSError):  # the disk may have room again at the next turn; the last one reports
                self._save()
            pause = max(1.0, 10 * (time.monotonic() - began))  # a large sandbox saves less often, and still answers

    def _save(self) -> None:
        desk = self._desk
        with desk.lock:
            version = desk.version
            if version == self._saved and self._path.exists():
                return
            parts = {"clock": desk.clock.saved(), "segments": desk.segments.saved(), "journal": desk.journal.saved()}
            content = orjson.dumps({"format": FORMAT, "platform": desk.directory.saved(), **parts})
        write_whole(self._path, content)
        self._saved = version
