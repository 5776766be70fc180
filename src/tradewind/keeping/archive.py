"""The content of a backup: what it is first, then files as a tar, and last the list of their sizes and hashes."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from tradewind.errors import ConfigurationError

ABOUT, LIST = "backup.json", "files.json"
FORMAT = 1

_SLICE = 1 << 20
_MOST = 64 << 20
"""Bytes of one of the two texts, at most."""

Moved = Callable[[int], None]
"""Told how many bytes more were written or read."""


class Stream(Protocol):
    """What gives a backup's bytes, one after the other."""

    def read(self, size: int, /) -> bytes: ...


class Sink(Protocol):
    """What takes them."""

    def write(self, data: bytes, /) -> int: ...


@dataclass(frozen=True)
class About:
    """What a backup is: when and by which version it was made, its schema and kind of database (`sqlite` or `postgresql`), and its bytes.

    `tables` are the columns of each table of a PostgreSQL, in an order in which they can be filled.
    """

    made_at: str
    version: str
    schema: str
    database: str
    bytes: int
    tables: tuple[tuple[str, tuple[str, ...]], ...] = ()
    format: int = FORMAT


@dataclass(frozen=True)
class Kept:
    """A file of a backup: its path in it, its size, and the SHA-256 of its bytes."""

    path: str
    bytes: int
    sha256: str


def pack(sink: Sink, about: About, root: Path, paths: Iterable[Path], moved: Moved) -> list[Kept]:
    """Write a backup of files below `root`. Raises FileNotFoundError when one is gone."""
    with tarfile.open(fileobj=_Writing(sink), mode="w|", bufsize=_SLICE, format=tarfile.PAX_FORMAT) as tar:
        _add_text(tar, ABOUT, asdict(about))
        kept = [_add(tar, path, path.relative_to(root).as_posix(), moved) for path in paths]
        _add_text(tar, LIST, [asdict(each) for each in kept])
    return kept


def unpack(stream: Stream, into: Path, ready: Callable[[About], None], moved: Moved) -> list[Kept]:
    """Read a backup into the folder `into`, after `ready` has seen what it is. All of it is compared with the list at its end.

    Raises ConfigurationError when something is lacking or is not what the list says.
    """
    try:
        with tarfile.open(fileobj=_Reading(stream), mode="r|", bufsize=_SLICE) as tar:
            members = iter(tar)
            ready(_about(_text(tar, next(members, None), ABOUT)))
            kept, listed = [], None
            for member in members:
                if member.name == LIST:
                    listed = [Kept(**each) for each in _text(tar, member, LIST)]
                    break
                kept.append(_take(tar, member, into, moved))
    except tarfile.TarError as error:
        raise _damaged() from error
    if listed != kept:
        raise _damaged()
    return kept


def _add(tar: tarfile.TarFile, path: Path, name: str, moved: Moved) -> Kept:
    with path.open("rb") as file:
        info = _info(name, os.fstat(file.fileno()).st_size)
        hashed = _Hashing(file, moved)
        tar.addfile(info, hashed)  # type: ignore[arg-type]  # it only reads
    return Kept(name, info.size, hashed.sum.hexdigest())


def _add_text(tar: tarfile.TarFile, name: str, value: Any) -> None:
    text = json.dumps(value).encode()
    tar.addfile(_info(name, len(text)), io.BytesIO(text))


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path, moved: Moved) -> Kept:
    parts = PurePosixPath(member.name).parts
    content = tar.extractfile(member) if member.isreg() else None
    if content is None or not parts or member.name.startswith("/") or ".." in parts:
        raise _damaged()
    place = into.joinpath(*parts)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    hashed = _Hashing(content, moved)
    with open(place, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        while some := hashed.read(_SLICE):
            file.write(some)
        file.flush()
        os.fsync(file.fileno())
    return Kept(member.name, member.size, hashed.sum.hexdigest())


def _text(tar: tarfile.TarFile, member: tarfile.TarInfo | None, name: str) -> Any:
    content = tar.extractfile(member) if member and member.name == name and member.size <= _MOST else None
    if content is None:
        raise _damaged()
    return json.loads(content.read())


def _about(found: dict[str, Any]) -> About:
    if found.get("format") != FORMAT:
        raise ConfigurationError(
            f"the backup has format {found.get('format')}, and this program knows {FORMAT}; use the program that wrote it"
        )
    return About(**found | {"tables": tuple((name, tuple(columns)) for name, columns in found["tables"])})


def _damaged() -> ConfigurationError:
    return ConfigurationError("the backup is damaged: what is in it is not what its list says; nothing was restored")


class _Hashing:
    """Reads through to another file, and hashes and counts what comes."""

    def __init__(self, file: Any, moved: Moved) -> None:
        self._file, self._moved, self.sum = file, moved, hashlib.sha256()

    def read(self, size: int) -> bytes:
        some: bytes = self._file.read(size)
        self.sum.update(some)
        self._moved(len(some))
        return some


class _Writing(io.RawIOBase):
    """A sink as the tar wants it."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        return self._sink.write(bytes(data))


class _Reading(io.RawIOBase):
    """A stream as the tar wants it."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._stream.read(size)


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder, in a fixed order."""
    yield from sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
