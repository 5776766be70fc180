"""The people of a project, one share after another, so that memory holds one share however many people there are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.cohorts.compile import EVENTS, PERSON, WHO
from tradewind.compute import literal
from tradewind.events.people import EventView
from tradewind.events.relation import Share
from tradewind.model.snapshot import LAST_EVENT

MOST = 256
"""The most shares there are."""


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

    def each(self, rows: int) -> Iterator[int]:
        """Show share after share, each of about so many events at most; gives how many they are, about."""
        lent = f"({self._events.lent()})"
        try:
            (found,) = self._connection.execute(
                f"COPY (FROM {lent}) TO {literal(self._aside)} (FORMAT parquet, COMPRESSION lz4_raw)"
            ).fetchall()[0]
            read = f"read_parquet({literal(self._aside)})" if found else None
            of = 1
            while of < MOST and of * rows < self._events.rows:
                of *= 2
            for number in range(of):
                self._show(Share(number, of), read)
                yield self._events.rows // of
        finally:
            with suppress(FileNotFoundError):
                self._aside.unlink()

    def _show(self, share: Share, lent: str | None) -> None:
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {EVENTS} AS {self._events.own(share, lent)}")
        for table in self._nested:
            self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {table} AS FROM all_{table} WHERE {share.holds(WHO)}")


KEY = f"member::UUID AS {WHO}"
"""The key of a person in a file of members."""


class MemberFile:
    """Writes what is found for share after share as one file; counts its rows, and the values of each column."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, 0
        self.values: dict[str, int] = {}
        self._writer: pq.ParquetWriter | None = None

    def write(self, found: pa.RecordBatchReader) -> None:
        """Append the rows of a stream; they are not packed, since identifiers hardly shrink."""
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.path, found.schema, compression="none", use_dictionary=False)
        for batch in found:
            self._writer.write_batch(batch)
            self.rows += batch.num_rows
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                self.values[name] = self.values.get(name, 0) + batch.num_rows - column.null_count

    def __enter__(self) -> MemberFile:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        if self._writer is not None:
            self._writer.close()
