"""Events told to both engines: the list as it is, and the same list imported into an event store of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

from tradewind.clock import SystemClock
from tradewind.database import Database, metadata
from tradewind.engines.memory import Event
from tradewind.errors import Bug
from tradewind.events.importing import import_events
from tradewind.events.store import EventStore


@contextmanager
def told_store(project: str, events: Iterable[Event], home: Path) -> Iterator[EventStore]:
    """An event store under `home` (empty before) that holds exactly the events given."""
    home.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(_line(event)) for event in events]
    database = Database.at(home)
    try:
        metadata.create_all(database.engine)
        store = EventStore(database, home)
        if lines:
            file = home / "told.json"
            file.write_text("\n".join(lines), "utf-8")
            summary = import_events(store, project, [file], on_progress=lambda *_: None, clock=SystemClock())
            if summary.events_new != len(lines):
                raise Bug(f"of {len(lines)} events told, {summary.events_new} were imported: {summary.rejects}")
        yield store
    finally:
        database.close()


def _line(event: Event) -> dict[str, object]:
    """A whole event as an Export file has it, any other as HTTP V2 does."""
    time = event.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return {
        "event_type": event.event_type,
        "event_time" if event.whole else "time": time,
        "user_id": event.user_id,
        "device_id": event.device_id,
        "event_properties": event.event_properties,
        "user_properties": event.user_properties,
    }
