"""Streams of bytes as numbered lines of text, block by block, each block one Arrow batch without a Python object a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pyarrow as pa

BLOCK = 4 << 20
"""Bytes of text read at a time."""

LONGEST = 1 << 20
"""Bytes a line may have; longer ones are rejected without being kept in memory."""

LINES = pa.schema(dict[str, pa.DataType]({"file": pa.int32(), "line": pa.int64(), "text": pa.string(), "fault": pa.string()}))
"""What every input becomes. `fault` says why a line could not be handed on as text."""

TOO_LONG = "longer than 1 MiB"
NOT_UTF8 = "not valid UTF-8"


class Unreadable(Exception):
    """A file cannot be read to its end, so nothing of it may be imported. The message is the sentence."""


def split_lines(stream: AbstractContextManager[Any], number: int, moved: Callable[[], None]) -> Iterator[pa.RecordBatch]:
    """Cut a stream of bytes at line feeds. Lines are numbered from 1; each still ends with its line feed."""
    rest, line, skipping = b"", 1, False
    with stream as reader:
        while True:
            buffer = pa.allocate_buffer(len(rest) + BLOCK)
            view = memoryview(buffer).cast("B")
            view[: len(rest)] = rest
            got = reader.readinto(view[len(rest) :])
            end = len(rest) + got
            if not rest and line == 1 and not skipping:
                _open_text(view)
            if not got:
                view[end : end + 1] = b"\n"
                end += bool(rest or skipping)
            feeds = np.flatnonzero(np.frombuffer(view[:end], dtype=np.uint8) == 10)
            if len(feeds):
                starts = np.concatenate((np.zeros(1, np.int32), feeds.astype(np.int32) + 1))
                yield _batch(buffer, starts, number, line, skipping)
                line, skipping = line + len(feeds), False
                rest = bytes(view[starts[-1] : end])
            else:
                rest = bytes(view[:end])
            if len(rest) > LONGEST:
                rest, skipping = b"", True
            moved()
            if not got:
                return


def _batch(buffer: pa.Buffer, starts: Any, number: int, line: int, first_too_long: bool) -> pa.RecordBatch:
    rows = len(starts) - 1
    text = pa.StringArray.from_buffers(rows, pa.py_buffer(starts), buffer)
    fault = pa.nulls(rows, pa.string())
    if first_too_long or (np.diff(starts) > LONGEST + 1).any() or not _is_utf8(text):
        text, fault = _sorted_out(text.cast(pa.binary()), first_too_long)
    numbers = pa.array(np.arange(line, line + rows, dtype=np.int64))
    return pa.record_batch([pa.array(np.full(rows, number, dtype=np.int32)), numbers, text, fault], schema=LINES)


def _is_utf8(text: pa.StringArray) -> bool:
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _sorted_out(lines: pa.Array[Any], first_too_long: bool) -> tuple[pa.StringArray, pa.StringArray]:
    """The lines of one block that holds a bad one: text, or the reason why there is none."""
    texts: list[str | None] = []
    faults: list[str | None] = []
    for row, line in enumerate(bytes(each.as_py()) for each in lines):
        fault = TOO_LONG if len(line) > LONGEST + 1 or (first_too_long and row == 0) else None
        try:
            text = None if fault else line.decode()
        except UnicodeDecodeError:
            text, fault = None, NOT_UTF8
        texts.append(text)
        faults.append(fault)
    return pa.array(texts, pa.string()), pa.array(faults, pa.string())


def _open_text(view: memoryview) -> None:
    """Refuse UTF-16 by its mark, and blank the mark of UTF-8, which is no part of the first line."""
    if bytes(view[:2]) in (b"\xff\xfe", b"\xfe\xff"):
        raise Unreadable("is UTF-16 text; expected UTF-8")
    if bytes(view[:3]) == b"\xef\xbb\xbf":
        view[:3] = b"   "
