"""Kind `static`: lists of people or identifiers, kept as numbered versions and changed as sets of rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.compute import literal
from tradewind.durable import publish
from tradewind.errors import EngineError
from tradewind.model.cohort import StaticList
from tradewind.model.snapshot import Snapshot, Wanted
from tradewind.sources import members
from tradewind.sources.files import ROW, RefusedRows, TableFile, load, open_table
from tradewind.sources.session import Session, session

TOLERATED_SHARE = 0.01
TOLERATED_ROWS = 10
"""A file with more malformed rows than both of these, or with no others, is not adopted."""


class Change(StrEnum):
    """What a file does to a list."""

    REPLACE = "replace"
    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True)
class ListChange:
    """A new version of a list, and the account of the file it came from: rows = distinct + duplicates + refused.

    `added` and `removed` are against the version before, `kept` stayed; the version holds kept + added rows.
    """

    version: int
    path: Path
    refused: tuple[RefusedRows, ...]
    rows: int
    distinct: int
    duplicates: int
    added: int
    removed: int
    kept: int


@dataclass(frozen=True)
class ListStore:
    """The lists under one home folder: `lists/<project>/<cohort>/<version>.parquet`.

    Every change writes a new file; the caller records its version, and that record is what makes it count.
    """

    home: Path

    def path(self, project: str, cohort: str, version: int) -> Path:
        """Where a version lies."""
        return self.home / "lists" / project / cohort / f"{version}.parquet"

    def change(
        self, change: Change, project: str, cohort: str, definition: StaticList, file: str, base: Path, current: int | None = None
    ) -> ListChange:
        """Apply the rows of `file` to version `current` of the list (None: there is none yet).

        Two rows are the same when their columns of people and identifiers are. Raises DefinitionError when the file is
        not what it should be, EngineError when another change of the same list came between.
        """
        table = open_table(file, base)
        table.require(members.needed_columns(definition.people, definition.identifiers))
        path = self.path(project, cohort, self._next(project, cohort))
        before = self.path(project, cohort, current) if current is not None else None
        with session(path.parent, [table.path, *([before] if before else [])]) as work:
            edit = _Edit(work, table, definition, before)
            refused = edit.read()
            account = edit.write(change, work.folder / path.name)
            try:
                publish(work.folder / path.name, path, new=True)
            except FileExistsError as error:
                raise EngineError(f"the list of '{cohort}' was changed by somebody else at the same time; try again") from error
        return ListChange(int(path.stem), path, refused, **account)

    def _next(self, project: str, cohort: str) -> int:
        versions = (int(path.stem) for path in self.path(project, cohort, 0).parent.glob("*.parquet") if path.stem.isdecimal())
        return max(versions, default=0) + 1


def evaluate(definition: StaticList, list_path: Path, wanted: Iterable[Wanted], as_of: datetime, out: Path) -> Snapshot:
    """The members of a version of a list, written to `out`. A list is the same at every instant.

    Raises EngineError when the version's file is gone or damaged.
    """
    columns = _columns(list_path)
    keys = members.key_columns(columns, definition.people, definition.identifiers)
    return members.write_members(members.Rows(list_path, columns, definition.people, keys), wanted, as_of, out)


def _columns(path: Path) -> tuple[str, ...]:
    try:
        return tuple(name for name in pq.read_schema(path).names if name != ROW)
    except (OSError, pa.ArrowException) as error:
        raise EngineError(f"the version {path.stem} of the list '{path.parent.name}' is gone or damaged") from error


class _Edit:
    """One change of one list: table `fresh` is what the file says, `held` the version before, both with `_key`."""

    def __init__(self, work: Session, file: TableFile, definition: StaticList, before: Path | None) -> None:
        self._work, self._file, self._before, self._people = work, file, before, definition.people
        columns = _columns(before) if before else file.columns
        self._keys = members.key_columns(columns, definition.people, definition.identifiers)
        file.require(self._keys)
        self._rows = 0

    def read(self) -> tuple[RefusedRows, ...]:
        """Load both sides; what the file's refused rows were."""
        work, key = self._work, members.row_key(self._keys)
        refused = load(work, self._file, "incoming")
        loaded = work.number("SELECT count(*) FROM incoming")
        malformed = sum(reason.rows for reason in refused)
        self._rows = loaded + malformed
        if malformed > max(TOLERATED_ROWS, TOLERATED_SHARE * self._rows) or (malformed and not loaded):
            first = min((line for reason in refused for line in reason.lines), default=None)
            self._file.refuse(f"{malformed:,} of {self._rows:,} rows are malformed ({refused[0].reason}), too many; none was taken", first)
        who = members.filled([self._people] if self._people else self._keys)
        empty = work.number(f"DELETE FROM incoming WHERE ({who}) IS NOT TRUE")
        if empty and empty == loaded:
            self._file.refuse(f"has no value in {', '.join(map(repr, self._keys))} in any row")
        work.connection.execute(f"CREATE VIEW keyed AS SELECT *, md5({key}) AS _key FROM incoming")
        work.connection.execute(
            f"CREATE TABLE fresh AS SELECT * FROM keyed QUALIFY row_number() OVER (PARTITION BY _key ORDER BY {ROW}) = 1"
        )
        held = f"read_parquet({literal(str(work.reach(self._before, 'held.parquet')))})" if self._before else "incoming WHERE false"
        work.connection.execute(f"CREATE VIEW held AS SELECT *, md5({key}) AS _key FROM {held}")
        return (*refused, *([RefusedRows("empty", empty)] if empty else []))

    def write(self, change: Change, written: Path) -> dict[str, int]:
        """Write the new version; the counts of `ListChange`."""
        number = self._work.number
        fresh, held = number("SELECT count(*) FROM fresh"), number("SELECT count(*) FROM held")
        both = number("SELECT count(*) FROM fresh SEMI JOIN held USING (_key)")
        self._work.connection.execute(
            f"COPY (SELECT * EXCLUDE (_key) FROM ({_RESULT[change]})) TO {literal(str(written))} (FORMAT parquet, COMPRESSION zstd)"
        )
        added, removed = {Change.REPLACE: (fresh - both, held - both), Change.ADD: (fresh - both, 0), Change.REMOVE: (0, both)}[change]
        refused = self._rows - number("SELECT count(*) FROM incoming")
        return {
            "rows": self._rows,
            "distinct": fresh,
            "duplicates": self._rows - refused - fresh,
            "added": added,
            "removed": removed,
            "kept": held - removed,
        }


_RESULT = {
    Change.REPLACE: "SELECT * FROM fresh",
    Change.ADD: "SELECT * FROM held UNION ALL BY NAME SELECT * REPLACE "
    f"({ROW} + (SELECT coalesce(max({ROW}), 0) FROM held) AS {ROW}) FROM fresh ANTI JOIN held USING (_key)",
    Change.REMOVE: "SELECT * FROM held ANTI JOIN fresh USING (_key)",
}
