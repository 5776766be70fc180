"""The files of downloads: written to a folder of the process's own, served whole or in part, and spoilt to order."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from tradewind.sandbox.amplitude.cohorts import Members, line
from tradewind.sandbox.wire import Answer, FromFile, Request

CSV = "text/csv"
AT_A_TIME = 20_000

_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})", re.ASCII)


def write(path: Path, members: Members, properties: Sequence[str]) -> None:
    """Header and members, as CSV with every value in double quotes."""
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = chain([line(["amplitude_id", "user_id", *properties])], members.rows(properties))
        while some := "".join(islice(lines, AT_A_TIME)):
            file.write(some)


def whole(path: Path, content_type: str = CSV) -> Answer:
    """The file as it is."""
    return Answer(200, FromFile(path, 0, path.stat().st_size), content_type)


def ranged(path: Path, request: Request) -> Answer:
    """The file, or the range that was asked for: 206, or 416 where it has no such bytes."""
    size, offered = path.stat().st_size, {"Accept-Ranges": "bytes", "ETag": f'"{path.stem}"'}
    answer = replace(whole(path), headers=offered)
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if not asked or request.headers.get("if-range", offered["ETag"]) != offered["ETag"]:
        return answer
    first, last = int(asked[1]), min(int(asked[2] or size - 1), size - 1)
    if first > last:
        return Answer(416, b"", CSV, {**offered, "Content-Range": f"bytes */{size}"})
    part = FromFile(path, first, last - first + 1)
    return Answer(206, part, CSV, {**offered, "Content-Range": f"bytes {first}-{last}/{size}"})


def _rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


def _written(rows: Sequence[Sequence[str]]) -> bytes:
    return "".join(map(line, rows)).encode()


def _fewer(content: bytes) -> bytes:
    rows = _rows(content)
    return _written(rows[: 1 + (len(rows) - 1) // 2])


def _mid_row(content: bytes) -> bytes:
    rows = _rows(content)
    *before, last = rows[: 1 + max(1, (len(rows) - 1) // 2)]
    return _written(before) + line(last[:1]).encode().removesuffix(b"\n") + b","


def _mid_quote(content: bytes) -> bytes:
    rows = _rows(content)
    *before, last = rows[: 1 + max(1, (len(rows) - 1) // 2)]
    return _written(before) + line(last[:2]).encode().removesuffix(b'"\n')


def _renamed(content: bytes) -> bytes:
    (*names, _), *rows = _rows(content)
    return _written([[*names, "something_else"], *rows])


def _missing_column(content: bytes) -> bytes:
    return _written([row[:-1] for row in _rows(content)])


def _extra_column(content: bytes) -> bytes:
    names, *rows = _rows(content)
    return _written([[*names, "something_else"], *([*row, "x"] for row in rows)])


def _reordered(content: bytes) -> bytes:
    return _written([row[::-1] for row in _rows(content)])


def _short_row(content: bytes) -> bytes:
    names, *rows = _rows(content)
    place = len(rows) // 2
    return _written([names, *rows[:place], *(row[:-1] for row in rows[place : place + 1]), *rows[place + 1 :]])


def _bad_utf8(content: bytes) -> bytes:
    return content.removesuffix(b'"\n') + b'\xff"\n'


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "fewer_rows": _fewer,
    "mid_row": _mid_row,
    "mid_quote": _mid_quote,
    "renamed_column": _renamed,
    "missing_column": _missing_column,
    "extra_column": _extra_column,
    "reordered_columns": _reordered,
    "short_row": _short_row,
    "bad_utf8": _bad_utf8,
    "no_bytes": lambda _content: b"",
    "damaged_zip": lambda content: content[: len(content) // 2],
}
"""How a file may be spoilt, though its transfer looks whole."""


def spoilt(answer: Answer, kind: str) -> Answer:
    """The answer with its file spoilt; `gzip` packs it instead, as a server may. An answer without a file stays as it is."""
    body = answer.body
    if not isinstance(body, FromFile) or answer.status != 200:
        return answer
    content = body.path.read_bytes()
    if kind == "gzip":
        return replace(answer, body=gzip.compress(content, 1), headers={**answer.headers, "Content-Encoding": "gzip"})
    return replace(answer, body=SPOILT[kind](content))
