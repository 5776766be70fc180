"""Compaction: many small event files of a month become few, so that every question opens few; no event changes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, groupby
from secrets import token_hex

import duckdb

from tradewind.clock import Clock
from tradewind.compute import Bounds, connect, told_of
from tradewind.errors import Bug, EngineError
from tradewind.events import sql
from tradewind.events.importing import LOCK, MEMORY, alone, remove, remove_unnamed
from tradewind.events.manifest import FileRow
from tradewind.events.pieces import Piece, Tally
from tradewind.events.store import EventStore
from tradewind.moment import reached

MOST = 16
"""Small files that a month may have before they are put together."""

EVENT = 64
"""Bytes that an event weighs at least, however well it is compressed: it is unpacked to be sorted."""

SMALL = 32 << 20
"""Weight from which on a file is large enough to stay as it is."""

LARGEST = 64 << 20
"""Weight of files that become one: a million events at most, about what an import takes at a time, so that memory stays the same."""


@dataclass(frozen=True)
class Compacted:
    """How many files became how many, and their bytes."""

    files: int = 0
    into: int = 0
    bytes: int = 0

    def __add__(self, other: Compacted) -> Compacted:
        return Compacted(self.files + other.files, self.into + other.into, self.bytes + other.bytes)


def choose(files: Sequence[FileRow], most: int = MOST) -> Iterator[tuple[FileRow, ...]]:
    """The lots of files that should become one each, month by month.

    Of more than `most` small files of a month all up to the largest that the smaller ones together outweigh: each file then comes to
    lie in one at least twice its size, so that however often files come, an event is written again only a few times.
    """
    for _, of_month in groupby(sorted(files, key=lambda each: (each.month, _weight(each))), key=lambda each: each.month):
        small = [each for each in of_month if _weight(each) < SMALL]
        if len(small) > most:
            smaller = [0, *accumulate(map(_weight, small))]
            last = max((place for place, each in enumerate(small) if place > 0 and _weight(each) <= smaller[place]), default=0)
            yield from _lots(sorted(small[: last + 1], key=lambda each: (each.min_time, each.path)))


def compact(store: EventStore, project: str, clock: Clock, check: Callable[[], None], most: int = MOST) -> Compacted:
    """Put the small files of a project together, until no month has many; `check` is called between two lots, and may raise.

    Each lot is written to one new file, which takes the place of its files in one transaction; they stay on the disk for whoever reads
    them, until `forget` is called. Broken off anywhere, the store is as before or after a lot. Raises BusyError while an import goes on,
    EngineError when memory or disk do not suffice or a file is damaged.
    """
    done = Compacted()
    while True:
        check()
        with alone(store.home / "events" / project, LOCK, f"an import into project '{project}' is going on") as folder:
            lot = next(choose(sql.select_files(store.database, project), most), None)
            if lot is None:
                return done
            remove_unnamed(store, project, folder)
            done += _put_together(store, project, lot, clock)


def forget(store: EventStore, project: str, until: datetime) -> int:
    """Remove the files that were replaced by an instant, and their rows; how many. Nobody may be reading them any more."""
    paths = sql.select_replaced(store.database, project, until)
    for path in paths:
        remove(store.home / path)
    if paths:
        reached("compaction.removed")
        sql.delete_files(store.database, project, paths)
    return len(paths)


def _weight(file: FileRow) -> int:
    return max(file.bytes, file.rows * EVENT)


def _lots(files: Sequence[FileRow]) -> Iterator[tuple[FileRow, ...]]:
    """Neighbours in time, together up to LARGEST; a file that would be alone stays."""
    lot: list[FileRow] = []
    for file in [*files, None]:
        if file is None or sum(map(_weight, lot)) + _weight(file) > LARGEST:
            if len(lot) > 1:
                yield tuple(lot)
            lot = []
        if file is not None:
            lot.append(file)


def _put_together(store: EventStore, project: str, lot: Sequence[FileRow], clock: Clock) -> Compacted:
    new = _written(store, project, lot, f"{clock.now():%Y%m%dT%H%M%S}-{token_hex(3)}-together")
    reached("compaction.written")
    sql.replace_files(store.database, project, lot, new, clock.now())
    reached("compaction.named")
    return Compacted(len(lot), 1, sum(each.bytes for each in lot))


def _written(store: EventStore, project: str, lot: Sequence[FileRow], stem: str) -> FileRow:
    """A file with the events of others, on the disk when this returns."""
    scratch, tally, folder = store.home / "scratch" / project, Tally(), f"events/{project}"
    try:
        shutil.rmtree(scratch, ignore_errors=True)
        with connect(Bounds(MEMORY, max(1, min(8, os.cpu_count() or 2) - 1), scratch)) as connection:
            piece = Piece(connection)
            piece.fill_again(lot, store.home)
            piece.write(tally, store.home, folder, stem)
            piece.close()
    except (duckdb.Error, OSError) as error:
        for path in (store.home / folder).glob(f"month=*/{stem}.parquet"):
            remove(path)
        raise EngineError(
            f"the event files of project '{project}' could not be put together, and are as they were: {told_of(error)}"
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if [(each.rows, each.month) for each in tally.files] != [(sum(each.rows for each in lot), lot[0].month)]:
        raise Bug(f"event files of project {project} would not be the same once put together")
    return tally.files[0]
