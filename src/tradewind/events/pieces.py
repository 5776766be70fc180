"""One piece of an import: refused lines are set aside, known events removed, and the rest written by month."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from tradewind.compute import literal, quoted
from tradewind.durable import sync
from tradewind.events import links, shape
from tradewind.events.kinds import kind_sql
from tradewind.events.manifest import Columns, EventFile, FileRow
from tradewind.events.quoting import text_list

MOST_COLUMNS = 40
"""Properties of each side that get a column of their own, at most."""

IN_USE = 0.01
"""The share of a piece's events in which such a property must occur."""

_SAMPLE = 50_000
_GLANCE = 500
"""Events among which a column shows whether it may hold GUIDs alone; then all are looked at."""

_ENOUGH = 2_000
"""Events whose properties are looked at for the kinds of their values."""

# A share of the people is read by the row group, and where it begins and ends some rows of others are read with it: hence small ones.
HOW = "COMPRESSION lz4_raw, ROW_GROUP_SIZE 20480"
_STORED = "user_id, device_id, event_type, time, insert_id, whole, event_properties, user_properties"
_FIXED = f"{_STORED}, key_high, key_low, who, device_key"


@dataclass
class Tally:
    """What the pieces of an import came to so far."""

    read: int = 0
    new: int = 0
    duplicates: int = 0
    not_applied: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    files: list[FileRow] = field(default_factory=list)
    names: tuple[set[str], set[str]] = field(default_factory=lambda: (set(), set()))
    kinds: dict[str, Counter[str]] = field(default_factory=dict)


class Piece:
    """A table of some hundred thousand events, in a cursor of its own: one piece is written while the next is filled."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection.cursor()

    def fill(self, lines: object) -> None:
        """Parse a stream of record batches (inputs.LINES) into the table."""
        self.connection.register("lines", lines)
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE piece AS {shape.events_of('lines')}")
        self.connection.unregister("lines")

    def fill_again(self, files: Sequence[FileRow], home: Path) -> None:
        """Read files of events into the table, the oldest first: of the same person and time, what came first stays first."""
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE piece AS {stored(files, home)}")

    def close(self) -> None:
        """Give the table back."""
        self.connection.close()

    def drop_streams(self, numbers: Iterable[int]) -> None:
        """Remove every line of the streams with these numbers."""
        for number in numbers:
            self.connection.execute("DELETE FROM piece WHERE file = ?", [number])

    def set_rejects_aside(self, tally: Tally, labels: list[str], rejects: Path) -> None:
        """Append refused lines (file, line and reason; never the content) to `rejects`, and remove them and blank ones."""
        found = self.connection.execute("SELECT reason, count(*), sum(not_applied) FROM piece GROUP BY reason ORDER BY reason").fetchall()
        for reason, count, operations in found:
            if reason is None:
                tally.not_applied += operations
            elif reason != shape.BLANK:
                tally.rejected[reason] = tally.rejected.get(reason, 0) + count
            tally.read += count if reason != shape.BLANK else 0
        if any(reason not in {None, shape.BLANK} for reason, *_ in found):
            self._append(labels, rejects)
        if any(reason is not None for reason, *_ in found):
            self.connection.execute("DELETE FROM piece WHERE reason IS NOT NULL")

    def _append(self, labels: list[str], rejects: Path) -> None:
        names = "SELECT unnest(?) AS label, unnest(range(?)) AS file"
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE label AS {names}", [labels, len(labels)])
        part = rejects.with_suffix(".part")
        self.connection.execute(
            f"COPY (SELECT label AS file, line, reason FROM piece JOIN label USING (file) WHERE reason <> {literal(shape.BLANK)} "
            f"ORDER BY piece.file, line) TO {literal(part)} (FORMAT json)"
        )
        with rejects.open("ab") as whole, part.open("rb") as lines:
            shutil.copyfileobj(lines, whole)
        part.unlink()

    def drop_duplicates(self, tally: Tally, known: Iterable[EventFile]) -> None:
        """Remove events whose (device, insert id) is in one of the files, or earlier in this piece."""
        removed = self._drop_repeated() + sum(self._drop_known(keys, paths) for keys, paths in by_key(known, self.key_check()))
        tally.duplicates += removed

    def key_check(self) -> str:
        """Which hash function the keys of new files are made by."""
        return str(self.connection.execute(shape.KEY_CHECK).fetchall()[0][0])

    def _drop_repeated(self) -> int:
        doubtful = "SELECT key_high FROM piece WHERE key_high IS NOT NULL GROUP BY key_high HAVING count(*) > 1"
        return self._delete(
            f"""SELECT row FROM (SELECT rowid AS row, row_number() OVER (PARTITION BY key_high, key_low ORDER BY file, line) AS place
                FROM piece WHERE key_high IN ({doubtful})) WHERE place > 1"""
        )

    def _drop_known(self, keys: str, paths: list[str]) -> int:
        """Two steps: half a key finds the few candidates in the least time; then the other half decides."""
        stored = f"(SELECT {keys} FROM read_parquet({text_list(paths)}))"
        candidates = f"SELECT rowid AS row, key_high, key_low FROM piece SEMI JOIN {stored} USING (key_high)"
        (found,) = self.connection.execute(f"CREATE OR REPLACE TEMP TABLE candidate AS {candidates}").fetchall()[0]
        if not found:
            return 0
        return self._delete(f"SELECT row FROM candidate SEMI JOIN {stored} USING (key_high, key_low)")

    def _delete(self, rows: str) -> int:
        return int(self.connection.execute(f"DELETE FROM piece WHERE rowid IN ({rows})").fetchall()[0][0])

    def write(self, tally: Tally, home: Path, folder: str, stem: str) -> None:
        """Write what is left, one new file a month, sorted by person, on the disk when this returns."""
        columns = self._columns(tally)
        months = self.connection.execute(
            "SELECT strftime(time, '%Y-%m') AS month, count(*), min(time), max(time), bool_and(whole) FROM piece GROUP BY ALL ORDER BY 1"
        ).fetchall()
        for month, rows, first, last, whole in months:
            path = f"{folder}/month={month}/{stem}.parquet"
            self._copy(home / path, columns, f"time BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'")
            described = replace(columns, whole=whole, links=rows >= links.ENOUGH)
            if described.links:
                links.write_links(self.connection, home / path)
            tally.files.append(FileRow(path, month, rows, (home / path).stat().st_size, first, last, described))
            tally.new += rows

    def _copy(self, path: Path, columns: Columns, when: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        ordered = f"SELECT *, {', '.join(shape.person_keys())} FROM piece WHERE {when} ORDER BY user_id IS NULL, who, time, file, line"
        guids = ", ".join(f"{quoted(name)}::UUID AS {quoted(name)}" for name in (*columns.small, *columns.capital))
        texts = _wide(columns.event, columns.user, ordered, _FIXED)
        query = f"SELECT * REPLACE ({guids}) FROM ({texts})" if guids else texts
        self.connection.execute(f"COPY ({query}) TO {literal(path)} (FORMAT parquet, {HOW})")
        sync(path)
        sync(path.parent)

    def _columns(self, tally: Tally) -> Columns:
        """The facts that occur, and the properties in use, judged by a sample of the piece."""
        counts = self.connection.execute(f"SELECT count(*), {', '.join(f'count({fact})' for fact in shape.FACTS)} FROM piece").fetchall()[0]
        rows, facts = counts[0], [fact for fact, count in zip(shape.FACTS, counts[1:], strict=True) if count]
        step = max(1, rows // _SAMPLE)
        chosen = []
        for side, names, first in zip(("event", "user"), tally.names, ([], facts), strict=True):
            found = self.connection.execute(
                f"SELECT name, count(*) FROM (SELECT unnest(json_keys({side}_properties)) AS name FROM piece WHERE rowid % {step} = 0) "
                "GROUP BY name ORDER BY count(*) DESC, name"
            ).fetchall()
            names.update(first, (name for name, _ in found[:2000]))
            chosen.append(_distinct_names([*first, *(name for name, count in found if count * step >= rows * IN_USE)]))
        self._count_kinds(tally, chosen[0], chosen[1], rows)
        return Columns(chosen[0], chosen[1], True, self.key_check(), *self._guids(chosen[0], chosen[1], rows))

    def _count_kinds(self, tally: Tally, event: Sequence[str], user: Sequence[str], rows: int) -> None:
        """Of which kinds the values of these properties are, in a sample."""
        names = [*(f"event.{name}" for name in event), *(f"user.{name}" for name in user)]
        if not names:
            return
        texts = _wide(event, user, f"SELECT * FROM piece WHERE rowid % {max(1, rows // _ENOUGH)} = 0")
        counts = ", ".join(f"histogram({kind_sql(quoted(name))})" for name in names)
        found = self.connection.execute(f"SELECT {counts} FROM ({texts})").fetchall()[0]
        for name, kinds in zip(names, found, strict=True):
            tally.kinds.setdefault(name, Counter()).update(kinds or {})

    def _guids(self, event: Sequence[str], user: Sequence[str], rows: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Which of these properties are GUIDs alone, in small letters, and in capital ones: what looks so at a glance, and then is."""
        few = f"SELECT * FROM piece WHERE rowid % {max(1, rows // _GLANCE)} = 0"
        maybe = set().union(*self._guids_among(event, user, few))
        event, user = ([n for n in names if f"{side}.{n}" in maybe] for side, names in (("event", event), ("user", user)))
        return self._guids_among(event, user, "SELECT * FROM piece")

    def _guids_among(self, event: Sequence[str], user: Sequence[str], rows: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        names = [*(f"event.{name}" for name in event), *(f"user.{name}" for name in user)]
        if not names:
            return (), ()
        columns = [(quoted(name), f"TRY_CAST({quoted(name)} AS UUID)::VARCHAR") for name in names]
        counts = (f"count({text}), count_if({guid} = {text}), count_if(upper({guid}) = {text})" for text, guid in columns)
        found = iter(self.connection.execute(f"SELECT {', '.join(counts)} FROM ({_wide(event, user, rows)})").fetchall()[0])
        told = list(zip(names, found, found, found, strict=False))
        small = tuple(name for name, texts, small, _ in told if texts and texts == small)
        capital = tuple(name for name, texts, _, capital in told if texts and texts == capital and name not in small)
        return small, capital


def stored(files: Sequence[FileRow], home: Path) -> str:
    """A SELECT of the events of files as `shape.events_of` gives them; `file` and `line` say in which they are, and where."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for file in files:
        alike.setdefault(tuple(_fact(fact, file.columns) for fact in shape.FACTS), []).append(str(home / file.path))
    selects, before = [], 0
    for facts, paths in alike.items():
        columns = f"file_index + {before} AS file, file_row_number AS line, {_STORED}, {', '.join(facts)}, {', '.join(shape.keys())}"
        selects.append(f"SELECT {columns} FROM read_parquet({text_list(paths)}, file_row_number = true)")
        before += len(paths)
    return " UNION ALL ".join(selects)


def _fact(fact: str, columns: Columns) -> str:
    """A fact as a file holds it, beside the user properties or in them: they come to the same."""
    column = f"user.{fact}"
    if fact not in columns.user:
        return f"NULL::VARCHAR AS {fact}"
    text = f"{quoted(column)}::VARCHAR"
    return f"{f'upper({text})' if column in columns.capital else text} AS {fact}"


def _wide(event: Sequence[str], user: Sequence[str], rows: str, fixed: str = "") -> str:
    """A SELECT of rows of a piece: the fixed columns, and a text for each of these properties."""
    outer = [fixed] if fixed else []
    inner = [*outer, *shape.FACTS]
    for side, names in (("event", event), ("user", user)):
        if names:
            wanted = json.dumps(dict.fromkeys(names, "VARCHAR"))
            inner.append(f"json_transform({side}_properties, {literal(wanted)}) AS {side}")
        for name in names:
            value = f"{side}.{quoted(name)}"
            if side == "user" and name in shape.FACTS:
                value = f"coalesce({value}, {name})"
            outer.append(f"{value} AS {quoted(f'{side}.{name}')}")
    return f"SELECT {', '.join(outer)} FROM (SELECT {', '.join(inner)} FROM ({rows}))"


def _distinct_names(names: Iterable[str]) -> tuple[str, ...]:
    """The first names that stay apart when a column's name is read without regard to case; the others live in the JSON."""
    chosen: dict[str, str] = {}
    for name in names:
        if name and "\0" not in name:
            chosen.setdefault(name.lower(), name)
    return tuple(chosen.values())[:MOST_COLUMNS]


def by_key(files: Iterable[EventFile], key_check: str) -> list[tuple[str, list[str]]]:
    """The files, by the expression that gives their keys: the stored column, or computed anew if hashed otherwise."""
    stored: list[str] = []
    other: list[str] = []
    for file in files:
        (stored if file.columns.key_check == key_check else other).append(str(file.path))
    return [(keys, paths) for keys, paths in ((", ".join(shape.KEYS), stored), (", ".join(shape.keys()), other)) if paths]
