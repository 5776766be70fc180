"""Events: bring files, and what a source has, into the event store of a project."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tradewind.errors import DefinitionError
from tradewind.events.importing import ImportSummary, earlier, import_events
from tradewind.events.words import Happened, happened
from tradewind.operations.sources import check_in_amplitude
from tradewind.parts import Parts
from tradewind.sources.amplitude.events import OnPull, Place, Pulled, pull_events
from tradewind.span import span

KINDS = "Amplitude exports (.zip, .json.gz, .json), HTTP V2 events (.json, .ndjson), .csv or .parquet"

_HOUR = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2})?", re.ASCII)

OnProgress = Callable[[int, int, int], None]
"""Told the bytes read, of how many, and the events so far."""


def pull(parts: Parts, project: str, source: str, first: str | None, until: str | None, told: OnPull) -> Pulled:
    """Bring the events that reached a source from an hour to before another into the store; `first` and `until` are `2026-01-01` or
    `2026-01-01T05`, in UTC.

    Raises DefinitionError for a source that is not there and hours that cannot be, ConfigurationError when its keys are
    refused, RetryableError when it does not answer, EngineError when it answers something else than events.
    """
    found = check_in_amplitude(parts.sources.one(project, source))
    begin, end = (hour_of(text, option) if text else None for text, option in ((first, "--from"), (until, "--to")))
    client = parts.amplitude.client(found, parts.clock)
    return pull_events(client, Place(parts.events, project, found.id), begin, end, parts.clock, told)


def hour_of(text: str, option: str) -> datetime:
    """A day or an hour as a person writes it, as the naive instant in UTC of its begin. Raises DefinitionError."""
    if _HOUR.fullmatch(text):
        try:
            return datetime.fromisoformat(text if "T" in text else f"{text}T00")
        except ValueError:
            pass
    raise DefinitionError(f"'{text[:40]}' is not a day or an hour; expected one such as 2026-01-01 or 2026-01-01T05, in UTC", path=option)


@dataclass(frozen=True)
class Words:
    """What rules can speak of: kinds of event, the most frequent first, and properties by name; and the time of the newest event."""

    events: tuple[Happened, ...]
    event_properties: tuple[str, ...]
    user_properties: tuple[str, ...]
    newest: datetime | None


def words(parts: Parts, project: str) -> Words:
    """What the project's events name, for suggestions; rare names may be absent. Raises DefinitionError for a project there is not."""
    parts.catalog.project(project)
    known = parts.events.properties(project)
    return Words(happened(parts.events.files(project), parts.bounds), known.event, known.user, parts.events.newest(project))


def imported(parts: Parts, project: str, path: Path) -> ImportSummary | None:
    """What the import that brought in a file by this path did; None where there was none, or its bytes had come by another."""
    return earlier(parts.events, project, path)


def import_files(
    parts: Parts, project: str, paths: Sequence[Path], on_progress: OnProgress, arrived: datetime | None = None
) -> ImportSummary:
    """Import event files. A file seen before is skipped; a bad line goes to the rejects file; nothing stops the rest.

    `arrived` is when the first of them came here, where that is not now.
    Raises DefinitionError when a path is not there or holds no events that can be read.
    """
    parts.catalog.project(project)
    with span("import", project=project) as tell:
        done = import_events(parts.events, project, paths, on_progress=on_progress, clock=parts.clock, arrived=arrived)
        tell(events=done.events_new)
    if not (done.files or done.skipped_files or done.refused_files):
        raise DefinitionError(f"holds no file that can be imported; expected {KINDS}", file=", ".join(map(str, paths)))
    return done
