"""Files that lie ready on the disk: whoever fills one waits for its content, and not for what others have just written."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from tradewind.durable import sync

SIZE = 128 << 10
"""Bytes of each: a message of some three thousand users fits in."""

MOST = 64
"""So many lie ready at most."""

LOCK = "lock"
"""The file in the folder of a process that it holds while it lives."""

_END = 8
"""Bytes at the end of a Parquet file: how long the description before them is, and a word."""


class Spares:
    """Those of this process, in a folder of its own below `place`. None is made before one was asked for: few processes take messages."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._ready: deque[Path] = deque()
        self._wanted = False
        self._mine: tuple[Path, int] | None = None

    def fill(self, content: bytes) -> Path | None:
        """A file that holds the content of a Parquet file, on the disk when this returns; None where none is ready or it does not fit.

        The size of the file stays: columns stand at its beginning and their description at its end, with nothing that counts between.
        """
        self._wanted = True
        end = _END + int.from_bytes(content[-_END:-4], "little")
        if len(content) > SIZE:
            return None
        with suppress(IndexError, FileNotFoundError):
            path = self._ready.popleft()
            with path.open("r+b") as file:
                file.write(content[:-end])
                file.seek(SIZE - end)
                file.write(content[-end:])
                file.flush()
                os.fdatasync(file.fileno())
            return path
        return None

    def make_ready(self) -> None:
        """Make as many as are lacking, on the disk when this returns. Raises OSError."""
        if not self._wanted or len(self._ready) > MOST // 2:
            return
        folder = self._folder()
        made = [folder / f"{secrets.token_hex(8)}.parquet" for _ in range(MOST - len(self._ready))]
        for path in made:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(bytes(SIZE))
        for each in (*made, folder, self._place, self._place.parent):
            sync(each)
        self._ready.extend(made)

    def sweep(self, named: Collection[Path]) -> None:
        """Remove what processes left that have ended, but for the files that rows name."""
        for folder in self._place.glob("*"):
            with suppress(OSError), (folder / LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left = [path for path in folder.glob("*.parquet") if path not in named]
                for path in left:
                    path.unlink()
                if not any(folder.glob("*.parquet")):
                    (folder / LOCK).unlink()
                    folder.rmdir()

    def close(self) -> None:
        """Leave those that lie ready to whoever sweeps."""
        self._ready.clear()
        if self._mine:
            os.close(self._mine[1])
            self._mine = None

    def _folder(self) -> Path:
        if self._mine is None:
            folder = self._place / secrets.token_hex(8)
            folder.mkdir(parents=True, mode=0o700)
            held = os.open(folder / LOCK, os.O_WRONLY | os.O_CREAT, 0o600)
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._mine = folder, held
        return self._mine[0]
