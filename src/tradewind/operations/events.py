"""Events: bring files into the event store of a project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tradewind.errors import DefinitionError
from tradewind.events.importing import ImportSummary, import_events
from tradewind.parts import Parts

KINDS = "Amplitude exports (.zip, .json.gz, .json), HTTP V2 events (.json, .ndjson), .csv or .parquet"

OnProgress = Callable[[int, int, int], None]
"""Told the bytes read, of how many, and the events so far."""


def import_files(parts: Parts, project: str, paths: Sequence[Path], on_progress: OnProgress) -> ImportSummary:
    """Import event files. A file seen before is skipped; a bad line goes to the rejects file; nothing stops the rest.

    Raises DefinitionError when a path is not there or holds no events that can be read.
    """
    parts.catalog.project(project)
    done = import_events(parts.events, project, paths, on_progress=on_progress, clock=parts.clock)
    if not (done.files or done.skipped_files or done.refused_files):
        raise DefinitionError(f"holds no file that can be imported; expected {KINDS}", file=", ".join(map(str, paths)))
    return done
