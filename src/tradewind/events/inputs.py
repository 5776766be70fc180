"""Finding the files to import, and reading any of them as one stream of numbered lines of text, block by block."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from isal import igzip

from tradewind.errors import DefinitionError
from tradewind.events.lines import Unreadable, split_lines
from tradewind.events.tables import table_batches

_LINE_SUFFIXES = (".json", ".ndjson", ".jsonl")
_TABLE_SUFFIXES = (".csv", ".parquet")
SUFFIXES = (".zip", *_LINE_SUFFIXES, *(f"{suffix}.gz" for suffix in _LINE_SUFFIXES), *_TABLE_SUFFIXES)
"""How the names of files end that can be imported."""


@dataclass(frozen=True)
class Input:
    """A file to import. `state` (size, time of change) shows whether it was written to in the meantime."""

    path: Path
    sha256: str
    bytes: int
    state: tuple[int, int]


def find_inputs(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """The files that can be imported, folders walked in order of name, and the files in folders that are of another kind.

    Raises DefinitionError for a path that does not exist or names a file of another kind.
    """
    found: list[Path] = []
    ignored: list[Path] = []
    for path in paths:
        if path.is_dir():
            files = sorted(each for each in path.rglob("*") if each.is_file())
            found += [each for each in files if _known(each)]
            ignored += [each for each in files if not _known(each)]
        elif not path.exists():
            raise DefinitionError("there is no such file or folder", file=str(path))
        elif not path.is_file():
            raise DefinitionError("is neither a regular file nor a folder", file=str(path))
        elif not _known(path):
            raise DefinitionError(f"is not a kind of file that can be imported; expected {', '.join(SUFFIXES)}", file=str(path))
        else:
            found.append(path)
    return found, ignored


def _known(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES)


def identify(path: Path) -> Input:
    """Hash a file. Raises Unreadable when it cannot be opened or is empty."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        state = _state(path)
    except OSError as error:
        raise Unreadable(f"cannot be opened: {error.strerror}") from error
    if not state[0]:
        raise Unreadable("is empty (0 bytes)")
    return Input(path, digest, state[0], state)


def _state(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def read_lines(source: Input, part: Callable[[str], int], moved: Callable[[int], None]) -> Iterator[pa.RecordBatch]:
    """Batches of LINES from one file.

    `part` numbers a stream of lines (the file itself, or a member of a zip) and is given its label;
    `moved` is told the bytes of the file consumed so far. Raises Unreadable when the file is damaged,
    cut short, encrypted or was changed while it was read.
    """
    name = source.path.name.lower()
    try:
        if name.endswith(_TABLE_SUFFIXES):
            yield from table_batches(source.path, part(str(source.path)))
        elif name.endswith(".zip"):
            yield from _read_zip(source.path, part, moved)
        else:
            with source.path.open("rb") as raw:
                yield from split_lines(_decompressed(raw, name), part(str(source.path)), lambda: moved(raw.tell()))
    except (OSError, zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        raise Unreadable(f"is damaged or cut short ({_brief(error)}); get it again and import it then") from error
    if _state(source.path) != source.state:
        raise Unreadable("was changed while it was read; import it again when it is complete")
    moved(source.bytes)


def _read_zip(path: Path, part: Callable[[str], int], moved: Callable[[int], None]) -> Iterator[pa.RecordBatch]:
    with path.open("rb") as raw, zipfile.ZipFile(raw) as archive:
        members = [info for info in archive.infolist() if info.filename.lower().endswith((*_LINE_SUFFIXES, ".gz"))]
        if not members:
            raise Unreadable("holds no .json or .json.gz file; expected the zip that the Export API answers")
        consumed = 0
        for member in members:
            with archive.open(member) as file:
                stream = _decompressed(file, member.filename.lower())
                yield from split_lines(stream, part(f"{path}/{member.filename}"), lambda: None)
            consumed += member.compress_size
            moved(consumed)


def _decompressed(file: Any, name: str) -> AbstractContextManager[Any]:
    if name.endswith(".gz"):
        stream: AbstractContextManager[Any] = igzip.IGzipFile(fileobj=file, mode="rb")  # type: ignore[no-untyped-call]
        return stream
    return pa.PythonFile(file, mode="r")


def _brief(error: Exception) -> str:
    return str(error).split("\n")[0].split(" Detail:")[0][:120] or type(error).__name__
