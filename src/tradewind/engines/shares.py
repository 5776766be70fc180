"""The people of a project, one share after another, so that memory holds one share however many people there are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tradewind.cohorts.clauses.form import EVENTS, PERSON, WHO
from tradewind.compute import literal
from tradewind.engines.sql import SURE
from tradewind.events.people import EventView
from tradewind.events.relation import Part, Share
from tradewind.model.snapshot import LAST_EVENT

MOST = 256
"""The most shares there are."""

AT_ONCE = 4
"""How many times the events of a share of the people stand behind the devices that are looked up at a time: less is held of each."""

DEVICES = "known_devices"
"""The table of what is known of devices, while events are laid aside."""

SAMPLED, ENOUGH = 64, 50_000
"""How many events matter is asked of one in so many of the people, where that many events are expected of them."""


class EventTable(Protocol):
    """Where an engine finds what people did."""

    def view(self, project: str, event_properties: Sequence[str], user_properties: Sequence[str], before: datetime | None) -> EventView:
        """What happened before an instant, or at all. Whatever arrives later, its answers belong together."""


class Shares:
    """Shows a DuckDB, as `events` and under names of nested cohorts, one share of the people after another.

    `aside` is a file of its own for as long as it lasts.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, events: EventView, aside: Path) -> None:
        self._connection, self._events, self._aside = connection, events, aside
        self._nested: list[str] = []

    def nest(self, nested: Mapping[str, Path], recent: Collection[str] = ()) -> dict[str, str]:
        """The name under which the members of each cohort are shown, from their member files; those `recent` with their last event."""
        self._nested = [f"nested{number}" for number in range(len(nested))]
        for table, (cohort, path) in zip(self._nested, nested.items(), strict=True):
            columns = f"{KEY}, {PERSON}{f', {LAST_EVENT}' if cohort in recent else ''}"
            self._connection.execute(f"CREATE TEMP TABLE all_{table} AS SELECT {columns} FROM read_parquet({literal(path)})")
        return dict(zip(nested, self._nested, strict=True))

    def each(self, rows: int, *, named: bool = True, matters: Sequence[Part] | None = None) -> Iterator[int]:
        """Show share after share, each of about so many events at most; gives how many they are, about.

        Unless `named`, not everybody has a `person` and a `device_id`. With `matters`, only these parts of the events are shown.
        """
        events = self._events if matters is None else self._events.of(matters)
        shown = self._rows(events)
        of = _shares(shown, rows)
        lent = f"FROM ({events.lent(named=named, devices=DEVICES)}) {'ORDER BY who' if of > 1 else ''}"
        try:
            self._find_devices(events, _shares(shown, AT_ONCE * rows), named=named)
            (found,) = self._connection.execute(
                f"COPY ({lent}) TO {literal(self._aside)} (FORMAT parquet, COMPRESSION uncompressed)"
            ).fetchall()[0]
            self._connection.execute(f"DROP TABLE {DEVICES}")
            read = f"read_parquet({literal(self._aside)})" if found else None
            for number in range(of):
                self._show(events, Share(number, of), read)
                yield shown // of
        finally:
            with suppress(FileNotFoundError):
                self._aside.unlink()

    def _find_devices(self, events: EventView, of: int, *, named: bool) -> None:
        """Fill a table with the devices that matter to `lent`, a share at a time, so that memory holds what one share is found from."""
        for number in range(of):
            into = f"INSERT INTO {DEVICES}" if number else f"CREATE OR REPLACE TEMP TABLE {DEVICES} AS"
            self._connection.execute(f"{into} {events.devices(Share(number, of), named=named)}")

    def _rows(self, events: EventView) -> int:
        """How many rows there are to be shown, about: parts of the events are counted among some of the people."""
        if events.parts is None:
            return events.rows
        part = Share(0, SAMPLED if events.rows > SAMPLED * ENOUGH else 1)
        counts = [
            f"(SELECT {part.of} * count(*) FROM ({events.stored(part)}))",
            *(f"(SELECT count(*) FROM all_{table})" for table in self._nested),
        ]
        return int(self._connection.execute(f"SELECT {' + '.join(counts)}").fetchall()[0][0])

    def _show(self, events: EventView, share: Share, lent: str | None) -> None:
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {EVENTS} AS {events.own(share, lent)}")
        for table in self._nested:
            self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {table} AS FROM all_{table} WHERE {share.holds(WHO)}")


def _shares(shown: int, rows: int) -> int:
    """How many shares there must be of so many events, for about so many in each at most."""
    of = 1
    while of < MOST and of * rows < shown:
        of *= 2
    return of


KEY = f"member::UUID AS {WHO}"
"""The key of a person in a file of members."""


class MemberFile:
    """Writes what is found for share after share as one file; counts its rows, and the values of each column."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, 0
        self.values: dict[str, int] = {}
        self._writer: pq.ParquetWriter | None = None

    def write(self, found: pa.RecordBatchReader) -> pa.Table:
        """Append the rows of a stream; they are not packed, since identifiers hardly shrink.

        Where the stream has the column `sure`, only those that are; returns the others.
        """
        kept = pa.schema([field for field in found.schema if field.name != SURE])
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.path, kept, compression="none", use_dictionary=False)
        unsure: list[pa.RecordBatch] = []
        for batch in found:
            rows = batch.select(kept.names)
            if SURE in batch.schema.names:
                sure: Any = batch.column(SURE).cast(pa.bool_())
                if pc.all(sure).as_py() is False:
                    unsure.append(rows.filter(pc.invert(sure)))
                    rows = rows.filter(sure)
            self._append(self._writer, rows)
        return pa.Table.from_batches(unsure, kept)

    def _append(self, writer: pq.ParquetWriter, rows: pa.RecordBatch) -> None:
        writer.write_batch(rows)
        self.rows += rows.num_rows
        for name, column in zip(rows.schema.names, rows.columns, strict=True):
            self.values[name] = self.values.get(name, 0) + rows.num_rows - column.null_count

    def __enter__(self) -> MemberFile:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        if self._writer is not None:
            self._writer.close()
