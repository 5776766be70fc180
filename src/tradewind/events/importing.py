"""Importing events: files become pieces, pieces become Parquet by month, and one transaction names them all."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import orjson
import pyarrow as pa

from tradewind.clock import Clock
from tradewind.compute import Bounds, connect, told_of
from tradewind.errors import Bug, BusyError, EngineError, LedgerError
from tradewind.events import sql
from tradewind.events.inputs import Input, find_inputs, identify
from tradewind.events.lines import LINES, Unreadable
from tradewind.events.manifest import EventFile, HourRow, ImportRow, SourceRow, links_beside
from tradewind.events.pieces import Piece, Tally
from tradewind.events.reading import Progress, Reading
from tradewind.events.store import EventStore
from tradewind.moment import reached

PIECE = 320 << 20
"""Bytes of text taken at a time; memory stays the same however much is imported."""

MEMORY = "720MiB"
"""What DuckDB may hold before it spills into the scratch folder: room for two pieces, so that usually it does not spill."""

LOCK = ".importing"
"""The lock of whoever changes the files of a project."""


@dataclass(frozen=True)
class ImportSummary:
    """What an import did. events_read = events_new + duplicates + the sum of `rejects` (by reason).

    `skipped_files` were imported before; `refused_files` could not be read to their end and left nothing; `ignored_files` lie in
    folders and are of another kind. `not_applied` counts property operations that are not carried out ($add, ...).
    """

    id: str
    files: int
    skipped_files: tuple[str, ...]
    refused_files: tuple[tuple[str, str], ...]
    ignored_files: tuple[str, ...]
    events_read: int
    events_new: int
    duplicates: int
    rejects: dict[str, int]
    rejects_path: Path | None
    not_applied: int
    months: tuple[str, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """False when a file was refused."""
        return not self.refused_files


def import_events(
    store: EventStore,
    project: str,
    paths: Iterable[Path],
    *,
    on_progress: Progress,
    clock: Clock,
    piece: int = PIECE,
    hours: Sequence[HourRow] = (),
    arrived: datetime | None = None,
) -> ImportSummary:
    """Bring the events of files and folders into the store.

    A file seen before is skipped, a bad line goes to the rejects file, a damaged file (or a table without the needed
    columns) is refused whole; nothing is visible until everything is on the disk. `piece` is how many bytes of text are
    taken at a time. `hours` are those of a source that the files hold whole: they are written down with the events, unless a file
    is refused; `arrived` is when they came here, where that is not now. Raises DefinitionError when a path is missing or of an unknown
    kind or when another import of the project is going on, EngineError when memory or disk do not suffice.
    """
    started, begun = arrived or clock.now(), clock.monotonic()
    found, ignored = find_inputs(paths)
    with alone(store.home / "events" / project, LOCK, f"another import into project '{project}' is going on") as folder:
        remove_unnamed(store, project, folder)
        work = _Import(store, project, f"{clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(3)}", on_progress, clock, piece)
        inputs, skipped = work.choose(found)
        try:
            shutil.rmtree(work.scratch, ignore_errors=True)
            while not work.attempt(inputs):
                inputs = [each for each in inputs if str(each.path) not in work.refused]
            tally = work.tally
            if tally.read != tally.new + tally.duplicates + sum(tally.rejected.values()):
                raise Bug(f"import {work.id} of project {project} does not account for every event")
            read = [each for each in inputs if str(each.path) not in work.refused]
            reached("import.written")
            work.commit(read, started, len(work.refused), () if work.refused else hours)
            reached("import.named")
        except (duckdb.Error, OSError) as error:
            work.give_up(started, len(inputs) + len(work.refused))
            raise EngineError(f"the import into project '{project}' failed and left nothing: {told_of(error)}") from error
        finally:
            shutil.rmtree(work.scratch, ignore_errors=True)
    months = tuple(sorted({file.month for file in tally.files}))
    return ImportSummary(
        work.id, len(read), tuple(skipped), tuple(work.refused.items()), tuple(map(str, ignored)), tally.read, tally.new, tally.duplicates,
        tally.rejected, work.rejects if tally.rejected else None, tally.not_applied, months, clock.monotonic() - begun,
    )  # fmt: skip


def earlier(store: EventStore, project: str, path: Path) -> ImportSummary | None:
    """The account of the import that brought in a file by this path, as its rows and its rejects file have it; None without one."""
    done = sql.select_import_of(store.database, project, str(path))
    if done is None:
        return None
    rejects = _rejects(store, project, done.id)
    reasons = _reasons(rejects) if done.rejected and rejects.exists() else {}
    return ImportSummary(
        done.id, 1, (), (), (), done.events_read, done.events_new, done.duplicates, reasons, rejects if reasons else None,
        done.not_applied, (), (done.finished_at - done.started_at).total_seconds(),
    )  # fmt: skip


def _rejects(store: EventStore, project: str, number: str) -> Path:
    """Which lines an import refused, and why."""
    return store.home / "imports" / project / f"{number}-rejects.ndjson"


def _reasons(rejects: Path) -> dict[str, int]:
    with rejects.open("rb") as lines:
        return dict(Counter(orjson.loads(line)["reason"] for line in lines))


class _Import:
    """One import under way: its files and counts so far, and which inputs turned out unreadable."""

    def __init__(self, store: EventStore, project: str, number: str, on_progress: Progress, clock: Clock, piece: int) -> None:
        self.store, self.project, self.id = store, project, number
        self.on_progress, self.clock, self.piece = on_progress, clock, piece
        self.scratch = store.home / "scratch" / project
        self.rejects = _rejects(store, project, number)
        self.refused: dict[str, str] = {}
        self.tally = Tally()

    def choose(self, found: list[Path]) -> tuple[list[Input], list[str]]:
        """The inputs to read, and those skipped because their bytes were imported before or come twice."""
        inputs: dict[str, Input] = {}
        skipped = []
        for path in found:
            try:
                source = identify(path)
            except Unreadable as reason:
                self.refused[str(path)] = str(reason)
                continue
            if source.sha256 in inputs:
                skipped.append(str(path))
            inputs.setdefault(source.sha256, source)
        seen = sql.select_seen(self.store.database, self.project, inputs)
        skipped += [str(source.path) for sum_, source in inputs.items() if sum_ in seen]
        return [source for sum_, source in inputs.items() if sum_ not in seen], skipped

    def attempt(self, inputs: list[Input]) -> bool:
        """Read all inputs and write their files. False when an input broke off after a piece of it was written."""
        self.tally = Tally()
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.rejects.parent.mkdir(parents=True, exist_ok=True)
        self.rejects.unlink(missing_ok=True)
        known = self.store.files(self.project)
        reading = Reading(inputs, self.on_progress, self.clock, self.piece)
        bounds = Bounds(MEMORY, max(1, min(8, os.cpu_count() or 2) - 1), self.scratch)
        with connect(bounds) as connection, ThreadPoolExecutor(1) as writer:
            writing: Future[None] | None = None
            while not reading.ended:
                piece = Piece(connection)
                piece.fill(pa.RecordBatchReader.from_batches(LINES, reading.next_piece()))
                self.refused.update(reading.refused)
                if writing:
                    writing.result()
                if reading.broken_earlier:
                    self._discard()
                    return False
                piece.drop_streams(reading.broken_here)
                writing = writer.submit(self._finish, piece, reading.pieces, list(reading.labels), known)
            if writing:
                writing.result()
        return True

    def _finish(self, piece: Piece, number: int, labels: list[str], known: Sequence[EventFile]) -> None:
        """Take a full piece to the disk, while the next is being filled."""
        piece.set_rejects_aside(self.tally, labels, self.rejects)
        piece.drop_duplicates(self.tally, (*known, *self._written()))
        piece.write(self.tally, self.store.home, f"events/{self.project}", f"{self.id}-{number:02}")
        piece.close()

    def _written(self) -> list[EventFile]:
        home = self.store.home
        return [EventFile(home / row.path, row.rows, row.bytes, row.min_time, row.max_time, row.columns) for row in self.tally.files]

    def _discard(self) -> None:
        for file in self.tally.files:
            remove(self.store.home / file.path)

    def give_up(self, started: datetime, refused_files: int) -> None:
        """Write down that everything given was left out; where even that cannot be written, the error is told all the same."""
        self.tally = Tally()
        with suppress(LedgerError):
            self.commit([], started, refused_files)

    def commit(self, inputs: list[Input], started: datetime, refused_files: int, hours: Sequence[HourRow] = ()) -> None:
        """Name everything in one transaction."""
        tally = self.tally
        event, user = (tuple(sorted(names)) for names in tally.names)
        rejected = sum(tally.rejected.values())
        finished = self.clock.now()
        done = ImportRow(
            self.id, started, finished, tally.read, tally.new, tally.duplicates, rejected, tally.not_applied, event, user, refused_files,
            {name: dict(kinds) for name, kinds in tally.kinds.items()},
        )  # fmt: skip
        sources = [SourceRow(str(source.path), source.bytes, source.sha256) for source in inputs]
        sql.insert_import(self.store.database, self.project, done, tally.files, sources, hours)


@contextmanager
def alone(folder: Path, name: str, taken: str) -> Iterator[Path]:
    """Hold a lock in a folder; it ends with the process, however that ends. Raises BusyError (`taken`) when another has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(f"{taken}; wait until it has ended") from error
        yield folder


def remove_unnamed(store: EventStore, project: str, folder: Path) -> None:
    """Delete files that no row names: what was broken off left them. Only for who is alone in the folder."""
    events = {store.home / path for path in sql.select_paths(store.database, project)}
    named = events | {links_beside(path) for path in events}
    for path in folder.glob("month=*/*.parquet"):
        if path not in named:
            path.unlink()


def remove(path: Path) -> None:
    """Delete an event file, if it is there, and the links beside it."""
    for each in (path, links_beside(path)):
        each.unlink(missing_ok=True)
