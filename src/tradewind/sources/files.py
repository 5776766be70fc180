"""An operator's CSV or Parquet file, opened with suspicion and loaded as columns of text."""

from __future__ import annotations

import codecs
import csv
import io
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import IO, NoReturn

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.compute import literal, quoted
from tradewind.errors import DefinitionError
from tradewind.sources.session import Session

ROW = "_row"
"""The column beside those of the file: the number of the row, from 1."""

MOST_COLUMNS = 1_000
LONGEST_LINE = 1_048_576
"""Bytes of one CSV line; a longer one is refused as a row."""

SHOWN_LINES = 20
"""Line numbers kept for each reason; the count is always whole."""

_BLOCK = 1 << 20
_MAGIC = b"PAR1"
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True)
class RefusedRows:
    """Rows of a file that could not be taken: why, how many, and the lines of the first of them (CSV, from 1)."""

    reason: str
    rows: int
    lines: tuple[int, ...] = ()


@dataclass(frozen=True)
class TableFile:
    """A file that has passed every check that needs no full read. `texts` are the columns that hold text."""

    path: Path
    parquet: bool
    columns: tuple[str, ...]
    texts: frozenset[str]
    stamp: tuple[int, int, int]

    def require(self, names: Iterable[str]) -> None:
        """Raise DefinitionError unless each named column is there and holds text."""
        for name in names:
            if name not in self.columns:
                self.refuse(f"has no column '{name}'{self._hint(name)}")
            if name not in self.texts:
                self.refuse(f"column '{name}' does not hold text; write identifiers as strings, so that none is rounded or cut")

    def refuse(self, message: str, line: int | None = None) -> NoReturn:
        """Raise DefinitionError about this file."""
        raise DefinitionError(message, file=str(self.path), line=line)

    def _hint(self, name: str) -> str:
        if len(self.columns) == 1 and ";" in self.columns[0]:
            return "; its header is cut by semicolons, and only commas are read"
        folded = {column.casefold(): column for column in reversed(self.columns)}
        near = get_close_matches(name.casefold(), folded, 1)
        return f"; did you mean '{folded[near[0]]}'?" if near else f"; it has {', '.join(self.columns[:12])}"


def open_table(file: str, base: Path) -> TableFile:
    """The file at `file`: an absolute path, or one inside the folder `base`.

    Raises DefinitionError when it is not a regular file, leaves `base`, is empty, is not what its ending says, or when
    its column names are missing, repeated, or more than 1,000.
    """
    path = _locate(file, base)
    stamp = _stamp(path)
    ending = path.suffix.lower()
    if ending not in {".csv", ".parquet"}:
        raise DefinitionError(f"ends in '{ending}'; expected a .csv or .parquet file, not compressed", file=str(path))
    with path.open("rb") as stream:
        head = stream.read(LONGEST_LINE)
    if not head:
        raise DefinitionError("is empty; expected a header and rows", file=str(path))
    if ending == ".parquet":
        schema = _schema(path, head)
        columns, texts = tuple(schema.names), frozenset(field.name for field in schema if _is_text(field.type))
    else:
        columns = _header(path, head)
        texts = frozenset(columns)
    check_names(columns, str(path))
    return TableFile(path, ending == ".parquet", columns, texts, stamp)


def check_names(columns: tuple[str, ...], file: str | None = None, path: str | None = None) -> None:
    """Raise DefinitionError when column names are absent, too many, repeated (also but for case) or reserved."""
    if len(columns) > MOST_COLUMNS:
        raise DefinitionError(f"has {len(columns):,} columns; at most {MOST_COLUMNS:,} are read", file=file, path=path)
    seen: dict[str, str] = {}
    for number, name in enumerate(columns, 1):
        if not name.strip():
            raise DefinitionError(f"column {number} has no name; give every column one", file=file, path=path)
        if not name.isprintable():
            raise DefinitionError(f"the name of column {number} holds characters that cannot be printed; rename it", file=file, path=path)
        other = seen.setdefault(name.casefold(), name)
        if other != name or number != len(seen):
            how = "stands twice among the columns" if other == name else f"and '{other}' differ only in case"
            raise DefinitionError(f"'{name}' {how}; rename one", file=file, path=path)
        if name.casefold() == ROW:
            raise DefinitionError(f"column '{ROW}' has a reserved name; rename it", file=file, path=path)


def load(work: Session, file: TableFile, table: str) -> tuple[RefusedRows, ...]:
    """Fill a new table with the file's columns as text and `_row`; what could not be taken is returned by reason.

    The session must be allowed the file. Raises DefinitionError for a CSV that is not UTF-8 or leaves a quote
    open, a Parquet file that is torn, and a file that changed while it was read.
    """
    refused = _load_parquet(work, file, table) if file.parquet else _load_csv(work, file, table)
    if _stamp(file.path) != file.stamp:
        file.refuse("changed while it was read; try again when it is complete")
    return refused


def _locate(file: str, base: Path) -> Path:
    try:
        path = Path(file) if Path(file).is_absolute() else base / file
        mode = path.lstat().st_mode
        resolved = path.resolve(strict=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name cannot be a path"
        raise DefinitionError(f"cannot be read: {reason}", file=file.replace("\0", "?")) from error
    if not stat.S_ISREG(mode):
        kind = "a symbolic link" if stat.S_ISLNK(mode) else "a folder" if stat.S_ISDIR(mode) else "a device or pipe"
        raise DefinitionError(f"is {kind}; expected a regular file", file=file)
    if not Path(file).is_absolute() and not resolved.is_relative_to(base.resolve()):
        raise DefinitionError(f"leads out of the folder {base}; use a file inside it, or an absolute path", file=file)
    return resolved


def _stamp(path: Path) -> tuple[int, int, int]:
    info = path.stat()
    return info.st_ino, info.st_size, info.st_mtime_ns


def _schema(path: Path, head: bytes) -> pa.Schema:
    with path.open("rb") as stream:
        stream.seek(-min(len(head), 4), io.SEEK_END)
        tail = stream.read(4)
    if not head.startswith(_MAGIC):
        raise DefinitionError("is named .parquet but is not Parquet; a CSV file must be named .csv", file=str(path))
    if tail != _MAGIC:
        raise DefinitionError("is cut short: the end of a Parquet file is missing; copy it again", file=str(path))
    try:
        return pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise DefinitionError("is damaged or encrypted: its Parquet footer cannot be read", file=str(path)) from error


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _header(path: Path, head: bytes) -> tuple[str, ...]:
    if head.startswith(_MAGIC):
        raise DefinitionError("is named .csv but is Parquet; rename it to .parquet", file=str(path))
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DefinitionError("is UTF-16 (byte 0); save it as UTF-8", file=str(path))
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head).removeprefix(_BYTE_ORDER_MARK)
        names = tuple(next(csv.reader(io.StringIO(text, newline=""), strict=True), ()))
    except UnicodeDecodeError as error:
        raise DefinitionError(f"is not UTF-8 at byte {error.start}; save it as UTF-8", file=str(path)) from error
    except csv.Error as error:
        raise DefinitionError("the header is not CSV: a quote is open or a name is too long", file=str(path), line=1) from error
    if len(names) == 1 and "\t" in names[0]:
        raise DefinitionError("its header is cut by tabs, and only commas are read", file=str(path), line=1)
    return names


def _load_parquet(work: Session, file: TableFile, table: str) -> tuple[RefusedRows, ...]:
    columns = ", ".join(f"CAST({quoted(name)} AS VARCHAR) AS {quoted(name)}" for name in file.columns)
    path = work.reach(file.path, f"{table}.parquet")
    try:
        work.connection.execute(
            f"CREATE TABLE {quoted(table)} AS SELECT {columns}, row_number() OVER () AS {ROW} FROM read_parquet({literal(str(path))})"
        )
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise DefinitionError("is damaged: its Parquet pages cannot be read", file=str(file.path)) from error
    return ()


def _load_csv(work: Session, file: TableFile, table: str) -> tuple[RefusedRows, ...]:
    scan = _scan(file)
    path = _with_one_ending(file.path, work.folder / f"{table}.csv") if scan.mixed_endings else work.reach(file.path, f"{table}.csv")
    rejects = f"{table}_rejects"
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in file.columns)
    work.connection.execute(
        f"CREATE TABLE {quoted(table)} AS SELECT *, row_number() OVER () AS {ROW} FROM read_csv({literal(str(path))}, "
        f"columns = {{{columns}}}, auto_detect = false, delim = ',', quote = '\"', escape = '\"', header = true, "
        f"strict_mode = true, max_line_size = {LONGEST_LINE}, store_rejects = true, rejects_limit = 0, "
        f"rejects_table = {literal(rejects)}, rejects_scan = {literal(rejects + '_scan')})"
    )
    return (*_rejected(work, file, rejects, path, scan), *_drop_nul(work, file, table, scan))


@dataclass(frozen=True)
class _Scan:
    mixed_endings: bool
    line_end: bytes
    nul_lines: tuple[int, ...]


def _scan(file: TableFile) -> _Scan:
    """One pass over the bytes of a CSV: is it UTF-8, how do its lines end, where are NULs."""
    endings: set[str] = set()
    nuls: list[int] = []
    offset, line, rest = 0, 1, b""
    with file.path.open("rb") as stream:
        for block in _blocks(stream):
            rest = _checked(file, rest + block, offset - len(rest))
            both, carriage, feed = block.count(b"\r\n"), block.count(b"\r"), block.count(b"\n")
            endings.update(name for name, count in (("both", both), ("cr", carriage - both), ("lf", feed - both)) if count)
            if b"\0" in block:
                nuls.extend(line + number for number, text in enumerate(block.splitlines()) if b"\0" in text)
            offset, line = offset + len(block), line + carriage + feed - both
    if rest:
        file.refuse(f"is not UTF-8 at byte {offset - len(rest)}: the last character is cut; copy it again")
    return _Scan(len(endings) > 1, b"\r" if endings == {"cr"} else b"\n", tuple(dict.fromkeys(nuls)))


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(_BLOCK):
        yield block + stream.read(1) if block.endswith(b"\r") else block


def _checked(file: TableFile, text: bytes, offset: int) -> bytes:
    """The bytes at the end that only the next block can complete; DefinitionError at the first wrong byte."""
    try:
        _, used = codecs.utf_8_decode(text, "strict", False)
    except UnicodeDecodeError as error:
        file.refuse(f"is not UTF-8 at byte {offset + error.start}; save it as UTF-8")
    return text[used:]


def _with_one_ending(path: Path, copy: Path) -> Path:
    with path.open("rb") as stream, copy.open("wb") as target:
        for block in _blocks(stream):
            target.write(block.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
    return copy


def _rejected(work: Session, file: TableFile, rejects: str, path: Path, scan: _Scan) -> tuple[RefusedRows, ...]:
    found = work.connection.execute(
        f"SELECT kind, count(*), list(place ORDER BY place)[:{SHOWN_LINES}] FROM "
        f"(SELECT line_byte_position AS place, max(CASE WHEN error_type = 'LINE SIZE OVER MAXIMUM' THEN 'too long' WHEN error_type IN "
        f"('MISSING COLUMNS', 'TOO MANY COLUMNS') THEN 'ragged' ELSE 'unclosed' END) AS kind FROM {quoted(rejects)} GROUP BY place) "
        "GROUP BY kind ORDER BY kind"
    ).fetchall()
    refused = tuple(RefusedRows(kind, rows, _line_numbers(path, places, scan.line_end)) for kind, rows, places in found)
    for rows in refused:
        if rows.reason == "unclosed":
            file.refuse("a quote is opened and not closed as CSV asks; rows after it may have been swallowed", rows.lines[0])
    return refused


def _line_numbers(path: Path, places: list[int], line_end: bytes) -> tuple[int, ...]:
    """The lines, as an editor counts them, that begin at the ascending byte positions (from 1)."""
    numbers, line, position = [], 1, 1
    with path.open("rb") as stream:
        for place in places:
            while position < place and (block := stream.read(min(_BLOCK, place - position))):
                line, position = line + block.count(line_end), position + len(block)
            numbers.append(line)
    return tuple(numbers)


def _drop_nul(work: Session, file: TableFile, table: str, scan: _Scan) -> tuple[RefusedRows, ...]:
    if not scan.nul_lines:
        return ()
    anywhere = " OR ".join(f"contains({quoted(name)}, chr(0))" for name in file.columns)
    rows = work.number(f"DELETE FROM {quoted(table)} WHERE {anywhere}")
    return (RefusedRows("NUL", rows, scan.nul_lines[:SHOWN_LINES]),) if rows else ()
