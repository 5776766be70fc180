"""Rows of text with people or identifiers in their columns, turned into the file of members of a snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.compute import literal, quoted
from tradewind.durable import publish
from tradewind.events.shape import person_key
from tradewind.model.identifier import Mapping
from tradewind.model.snapshot import Snapshot, Wanted
from tradewind.sources.files import ROW
from tradewind.sources.session import Session, session

SLICE = 1_000_000
"""Rows grouped at once."""

BATCH = 65_536
"""Rows that leave DuckDB at once."""

PERSON = "person"
"""The column of the table of events that says whose an event is."""

_COLUMN = "column."
_SEPARATOR = "chr(31)"


@dataclass(frozen=True)
class Rows:
    """A Parquet file of text columns and `_row`, and which of the columns say who a row is about.

    Where the column of people is empty, `otherwise` is the column of another id, which then names the person with its own name before it.
    """

    path: Path
    columns: tuple[str, ...]
    people: str | None
    keys: tuple[str, ...]
    otherwise: str | None = None

    def naming(self) -> list[str]:
        """The columns of which one must have a value for a row to name somebody."""
        return [name for name in (self.people, self.otherwise) if name] or list(self.keys)


def key_columns(columns: Sequence[str], people: str | None, identifiers: Iterable[Mapping]) -> tuple[str, ...]:
    """The columns that make a row what it is: people and identifiers, or all of them where a definition names none."""
    found = [people, *(column_of(mapping.source, columns, people) for mapping in identifiers)]
    return tuple(dict.fromkeys(name for name in found if name)) or tuple(columns)


def column_of(source: str, columns: Sequence[str], people: str | None) -> str | None:
    """The column that answers for a source: `column.<name>`, or one named as the property, `user_id` or `device_id`."""
    if source == "user_id" and people:
        return people
    kind, dot, name = source.partition(".")
    bare = name if dot else kind
    return bare if bare in columns else None


def needed_columns(people: str | None, identifiers: Iterable[Mapping]) -> tuple[str, ...]:
    """The columns that a definition names outright and that must be there."""
    named = (mapping.source.removeprefix(_COLUMN) for mapping in identifiers if mapping.source.startswith(_COLUMN))
    return tuple(dict.fromkeys([*([people] if people else []), *named]))


def filled(columns: Iterable[str]) -> str:
    """SQL that holds when any of the columns has a value."""
    return " OR ".join(f"{quoted(name)} <> ''" for name in columns) or "false"


def row_key(keys: Iterable[str]) -> str:
    """SQL for the text by which two rows are the same."""
    return f"concat_ws({_SEPARATOR}, {', '.join(_or_empty(name) for name in keys)})"


def _or_empty(name: str) -> str:
    return f"coalesce({quoted(name)}, '')"


def write_members(rows: Rows, wanted: Iterable[Wanted], as_of: datetime, out: Path) -> Snapshot:
    """The snapshot of `rows`, written to `out`: one member for each person, or each distinct row of identifiers.

    A person's latest value is that of the last row that has one. Rows that name nobody are counted in `nameless`.
    Wanted sources that no column answers for are not in the file but in `missing`. Raises EngineError.
    """
    wanted = tuple(wanted)
    found = [column_of(want.source, rows.columns, rows.people) for want in wanted]
    with session(out.parent, [rows.path]) as work:
        source = f"read_parquet({literal(str(work.reach(rows.path, 'rows.parquet')))})"
        who = filled(rows.naming())
        nameless = work.number(f"SELECT count(*) FROM {source} WHERE ({who}) IS NOT TRUE")
        work.connection.execute(f"CREATE VIEW named AS {_named(rows, found)} FROM {source} WHERE {who}")
        columns = [(f"w{place}", want) for place, (want, column) in enumerate(zip(wanted, found, strict=True)) if column]
        members = _write(work, rows.people is not None, columns, work.folder / out.name)
        publish(work.folder / out.name, out)
    missing = tuple(want.source for want, column in zip(wanted, found, strict=True) if column is None)
    return Snapshot(out, members, as_of, missing, nameless)


def _named(rows: Rows, found: Sequence[str | None]) -> str:
    """Each row with its member and person, and the columns found as `w0`, `w1`, ..."""
    person = _person(rows.people, rows.otherwise) if rows.people else "NULL"
    key = person if rows.people else f"'row:' || {row_key(rows.keys)}"
    columns = "".join(f", {quoted(column)} AS w{place}" for place, column in enumerate(found) if column)
    return f"SELECT {person_key(key)}::BLOB AS member, {ROW}, {person} AS who{columns}"


def _person(column: str, otherwise: str | None) -> str:
    """The text of a person: a column called `person` has it ready (`user:...` or `device:...`), others hold user ids."""
    name = quoted(column)
    if otherwise:
        return f"CASE WHEN {name} <> '' THEN 'user:' || {name} ELSE '{otherwise}:' || {quoted(otherwise)} END"
    if column != PERSON:
        return f"'user:' || {name}"
    return f"CASE WHEN starts_with({name}, 'user:') OR starts_with({name}, 'device:') THEN {name} ELSE 'user:' || {name} END"


def _write(work: Session, people: bool, columns: Sequence[tuple[str, Wanted]], written: Path) -> int:
    """Write the members of `named` and count them. Who has one row passes as it is; only who has several is worth a grouping."""
    work.connection.execute("CREATE TABLE twice AS SELECT member, count(*) AS rows FROM named GROUP BY member HAVING count(*) > 1")
    one = "".join(f", {_only(column, want)}" for column, want in columns)
    person = "who" if people else f"'row ' || {ROW}"
    select = f"SELECT member, {person} AS person{one} FROM named ANTI JOIN twice USING (member)"
    reader = work.connection.sql(select).to_arrow_reader(BATCH)
    count = 0
    with pq.ParquetWriter(written, reader.schema, compression="zstd") as writer:
        for batch in chain(reader, chain.from_iterable(_grouped(work, people, columns))):
            writer.write_batch(batch.cast(reader.schema))
            count += batch.num_rows
    return count


def _grouped(work: Session, people: bool, columns: Sequence[tuple[str, Wanted]]) -> Iterator[pa.RecordBatchReader]:
    """Those with several rows, slice by slice of the members' first byte: a grouping keeps its values in memory."""
    latest = "".join(f", {_latest(column, want)}" for column, want in columns)
    person = "any_value(who)" if people else f"'row ' || min({ROW})"
    select = f"SELECT member, {person} AS person{latest} FROM several"
    slices, rows = 1, work.number("SELECT coalesce(sum(rows), 0) FROM twice")
    if not rows:
        return
    while slices < 256 and slices * SLICE < rows:
        slices *= 2
    work.connection.execute("CREATE TABLE several AS SELECT named.* FROM named SEMI JOIN twice USING (member)")
    for first in range(0, 256, 256 // slices):
        last = first + 256 // slices
        within = f"member >= '\\x{first:02X}'::BLOB" + (f" AND member < '\\x{last:02X}'::BLOB" if last < 256 else "")
        yield work.connection.sql(f"{select} WHERE {within} GROUP BY member").to_arrow_reader(BATCH)


def _only(column: str, want: Wanted) -> str:
    taken = f"CASE WHEN {column} <> '' THEN [{column}] END" if want.all_values else f"nullif({column}, '')"
    return f"{taken} AS {quoted(want.source)}"


def _latest(column: str, want: Wanted) -> str:
    taken = f"list({column} ORDER BY {ROW})" if want.all_values else f"arg_max({column}, {ROW})"
    return f"{taken} FILTER (WHERE {column} <> '') AS {quoted(want.source)}"
