"""The CSV of a downloaded cohort turned into Parquet as it comes, in bounded memory, and strict in every byte."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
from isal import isal_zlib
from numpy.typing import NDArray
from pyarrow import compute

from tradewind.door import Incoming
from tradewind.durable import publish
from tradewind.errors import EngineError, RetryableError
from tradewind.sources.amplitude.base import AMPLITUDE_ID, Fetched
from tradewind.sources.files import ROW

BLOCK = 4 << 20
"""Bytes of CSV parsed at a time; no row may be longer."""

LONGEST_HEADER = 1 << 20

Places = NDArray[np.intp]
"""Positions in a block of bytes, ascending."""

_BAD_GZIP: Any = isal_zlib.IsalError
_QUOTE = ord('"')
_BESIDE = np.isin(np.arange(256), np.frombuffer(b'",\r\n', dtype=np.uint8))
_RAGGED = re.compile(r"Row #([0-9]+): Expected ([0-9]+) columns, got ([0-9]+)")


def unpacked(answer: Incoming) -> Iterator[bytes]:
    """The bytes of an answer without their content encoding, 1 MiB at most at a time. Raises RetryableError where gzip ends early."""
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity":
        return answer.slices
    if encoding not in {"gzip", "x-gzip"}:
        raise EngineError("the file came in an encoding that was not asked for; expected gzip or none")
    return _without_gzip(answer.slices)


def _without_gzip(slices: Iterable[bytes]) -> Iterator[bytes]:
    unpacking = isal_zlib.decompressobj(wbits=31)
    try:
        for packed in slices:
            left = packed
            while left:
                if unpacking.eof:
                    unpacking = isal_zlib.decompressobj(wbits=31)
                yield unpacking.decompress(left, 1 << 20)
                left = unpacking.unused_data if unpacking.eof else unpacking.unconsumed_tail
    except _BAD_GZIP as error:
        raise RetryableError("the file came damaged: it is not gzip as it says") from error
    if not unpacking.eof:
        raise RetryableError("the file ended before its gzip did")


def write_parquet(slices: Iterator[bytes], bounded: bool, columns: Sequence[str], out: Path) -> Fetched:
    """Write the rows of a CSV to `out`, which appears whole or not at all: these columns as text, and `_row` from 1.

    `bounded` says that a cut of the bytes would have shown: then the last line may lack its end. Raises EngineError for a file
    that is not CSV with these columns and an `amplitude_id` in each row (one of them), and whatever the slices raise. No message
    has a value in it.
    """
    text = _Text(slices, bounded)
    found = text.header()
    _check_columns(found, columns)
    part = out.with_name(f".{out.name}.part")
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        rows = _write(text, found, tuple(columns), part)
        publish(part, out)
    finally:
        part.unlink(missing_ok=True)
    return Fetched(rows, found)


def _check_columns(found: tuple[str, ...], wanted: Iterable[str]) -> None:
    for name in wanted:
        if found.count(name) != 1:
            how = "no column" if name not in found else "more than one column"
            raise EngineError(f"the file that Amplitude sent has {how} '{name}'; it has {', '.join(found[:12])}")


def _write(text: _Text, found: tuple[str, ...], wanted: tuple[str, ...], part: Path) -> int:
    names = [str(place) for place in range(len(found))]
    taken = [names[found.index(name)] for name in wanted]
    kinds: dict[str, pa.DataType] = dict.fromkeys(taken, pa.string())
    convert = pc.ConvertOptions(include_columns=taken, column_types=kinds, strings_can_be_null=False)
    parse = pc.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
    schema = pa.schema(dict[str, pa.DataType](dict.fromkeys(wanted, pa.string()) | {ROW: pa.int64()}))
    rows = 0
    with pq.ParquetWriter(part, schema, compression="none", use_dictionary=False) as writer:  # read once, soon, and removed
        for block in text.rows():
            read = pc.ReadOptions(column_names=names, block_size=len(block), use_threads=False)
            source: Any = pa.BufferReader(block)
            try:
                table = pc.read_csv(source, read, parse, convert)
            except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
                raise _sentence(error, rows) from error
            _check_named(table.column(wanted.index(AMPLITUDE_ID)), rows)
            numbers = pa.array(np.arange(rows + 1, rows + 1 + table.num_rows, dtype=np.int64))
            writer.write_table(pa.table([*table.columns, numbers], schema=schema))
            rows += table.num_rows
    return rows


def _check_named(ids: Any, before: int) -> None:
    """Refuse a row without an Amplitude id; an empty line is one too."""
    without = compute.index(compute.binary_length(ids), 0).as_py()
    if without >= 0:
        raise EngineError(f"row {before + without + 1:,} of the file that Amplitude sent has no {AMPLITUDE_ID}")


def _sentence(error: Exception, before: int) -> EngineError:
    """Where the file is not CSV, without what stands there; `before` rows were."""
    words = str(error)
    if ragged := _RAGGED.search(words):
        row, expected, got = map(int, ragged.groups())
        return EngineError(f"row {before + row:,} of the file that Amplitude sent has {got} values; expected {expected}, as in its header")
    if "UTF8" in words:
        return EngineError("the file that Amplitude sent is not UTF-8")
    return EngineError(f"the file that Amplitude sent is not CSV after row {before:,}")


class _Text:
    """The bytes of a CSV, each quote looked at: the line of names, then blocks of whole rows."""

    def __init__(self, slices: Iterator[bytes], bounded: bool) -> None:
        self._slices, self._bounded = slices, bounded
        self._held = b""
        self._inside, self._last = False, ord("\n")

    def header(self) -> tuple[str, ...]:
        """Take the line of names off."""
        head = self._take(LONGEST_HEADER).removeprefix(codecs.BOM_UTF8)
        at = head.find(b"\n") + 1
        while at and head.count(b'"', 0, at) % 2:
            at = head.find(b"\n", at) + 1
        if not at and (self._held or len(head) == LONGEST_HEADER):
            raise EngineError("the file that Amplitude sent has no line of column names")
        line, self._held = (head[:at], head[at:] + self._held) if at else (head, b"")
        self._look(line)
        if not at:
            self._check_end()
        try:
            names = next(csv.reader(io.StringIO(line.decode(), newline=""), strict=True), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise EngineError("the column names of the file that Amplitude sent are not CSV in UTF-8") from error
        if not any(names):
            raise EngineError("the file that Amplitude sent is empty; expected at least its column names")
        return tuple(names)

    def rows(self) -> Iterator[bytes]:
        """All that follows, in blocks that end with a row."""
        begun = b""
        while block := self._take(BLOCK):
            inside = self._inside
            quotes = self._look(block)
            end = _last_end(block, quotes, inside)
            if end:
                yield begun + block[:end]
                begun = b""
            begun += block[end:]
            if len(begun) > BLOCK:
                raise EngineError(f"the file that Amplitude sent has a row of more than {BLOCK >> 20} MiB")
        self._check_end()
        if begun:
            yield begun + b"\n"

    def _take(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end."""
        pieces, length = [self._held], len(self._held)
        while length < size and (piece := next(self._slices, None)) is not None:
            pieces.append(piece)
            length += len(piece)
        whole = b"".join(pieces)
        self._held = whole[size:]
        return whole[:size]

    def _check_end(self) -> None:
        """Raise unless the bytes may end here."""
        if not self._bounded and self._last != ord("\n"):
            raise RetryableError("the file ended in the middle of a line")
        if self._inside:
            raise EngineError("the file that Amplitude sent ends inside a quoted value")

    def _look(self, block: bytes) -> Places:
        """Where its quotes are. Each opens a value where one begins, closes it where it ends, or stands twice: pyarrow would not ask."""
        octets = np.frombuffer(block, dtype=np.uint8)
        quotes = np.flatnonzero(octets == _QUOTE)
        if block:
            opening, closing = quotes[int(self._inside) :: 2], quotes[int(not self._inside) :: 2]
            fits = _BESIDE[octets[opening - 1]]
            if len(opening) and opening[0] == 0:
                fits[0] = _BESIDE[self._last]
            after = _BESIDE[np.take(octets, closing + 1, mode="clip")]
            first = self._inside or self._last != _QUOTE or _BESIDE[octets[0]]
            if not (first and fits.all() and after.all()):
                raise EngineError("the file that Amplitude sent has a quote inside a value that does not stand twice, as CSV asks")
            self._inside ^= len(quotes) % 2 == 1
            self._last = block[-1]
        return quotes


def _last_end(block: bytes, quotes: Places, inside: bool) -> int:
    """Where the last row that ends in a block ends, 0 where none does; `inside` says that the block begins in a quoted value."""
    at = block.rfind(b"\n")
    while at >= 0 and (int(inside) + (before := int(np.searchsorted(quotes, at)))) % 2:
        at = block.rfind(b"\n", 0, int(quotes[before - 1])) if before else -1
    return at + 1
