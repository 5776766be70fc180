"""Compaction: event files are put together where they are many; those replaced go when nobody reads them any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tradewind.errors import BusyError, EngineError
from tradewind.events.compacting import compact, forget
from tradewind.model.run import RunState
from tradewind.operations.tidy import note_done, was_done
from tradewind.parts import Parts

KEPT = timedelta(days=1)
"""How long files stay at least after others took their place: no question takes so long. A run that has still to read events keeps them."""

MARK = ".together"
"""The file whose time says when the events of a project were put together last."""

Check = Callable[[], None]
"""Raises when the work shall end; what is put together by then stays so."""


@dataclass(frozen=True)
class Compacted:
    """So many files of a project became how many, and so many of those replaced earlier are gone."""

    files: int
    into: int
    bytes: int
    removed: int


def compacted(parts: Parts, project: str, check: Check) -> Compacted:
    """Put the event files of a project together where a month has many, and remove those replaced long enough ago.

    Raises DefinitionError for a project there is not, BusyError while an import goes on, EngineError when memory or disk do not suffice.
    """
    parts.catalog.project(project)
    removed = forget(parts.events, project, _unread_until(parts, project))
    done = compact(parts.events, project, parts.clock, check)
    return Compacted(done.files, done.into, done.bytes, removed)


def compacted_daily(parts: Parts, project: str, check: Check) -> None:
    """The same for the worker, when a day has passed since the last time.

    Where an import goes on, the next look finds it still to be done, until the import has ended. Raises EngineError when something
    fails; all is as before then, and tomorrow is another day.
    """
    folder, now = parts.home / "events" / project, parts.clock.now()
    if not folder.is_dir() or was_done(folder / MARK, now):
        return
    try:
        compacted(parts, project, check)
    except BusyError:
        return
    except EngineError:
        note_done(folder / MARK, now)
        raise
    note_done(folder / MARK, now)


def _unread_until(parts: Parts, project: str) -> datetime:
    """Who looks at files replaced by this instant has looked for too long."""
    reading = [run.opened_at for run in parts.ledger.unclosed() if run.project == project and run.state is RunState.OPEN]
    return min([parts.clock.now() - KEPT, *reading])
