"""Events: bring files into the event store of a project."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from tradewind.events.importing import ImportSummary, import_events
from tradewind.parts import Parts

OnProgress = Callable[[int, int, int], None]
"""Told the bytes read, of how many, and the events so far."""


def import_files(parts: Parts, project: str, paths: Iterable[Path], on_progress: OnProgress) -> ImportSummary:
    """Import event files. A file seen before is skipped; a bad line goes to the rejects file; nothing stops the rest.

    Raises DefinitionError when a path is not there or holds no events that can be read.
    """
    parts.catalog.project(project)
    return import_events(parts.events, project, paths, on_progress=on_progress, clock=parts.clock)
