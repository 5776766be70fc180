"""An empty event store in a folder of the test's own, and short ways to fill and ask it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tradewind.clock import StandingClock
from tradewind.compute import Bounds, connect
from tradewind.database import Database, metadata
from tradewind.events.importing import PIECE, ImportSummary, import_events
from tradewind.events.store import EventStore

Record = dict[str, Any]


class Desk:
    """A store of one project `p`, the folder its inputs are written to, and what was reported as progress."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "inputs"
        self.folder.mkdir()
        self.home = folder / "home"
        self.home.mkdir()
        self.database = Database.at(self.home)
        metadata.create_all(self.database.engine)
        self.store = EventStore(self.database, self.home)
        self.progress: list[tuple[int, int, int]] = []
        self.on_progress: Callable[[int, int, int], None] = lambda *told: self.progress.append(told)

    def file(self, name: str, *events: Mapping[str, Any] | str | bytes) -> Path:
        """An input of one line for each event; `.gz` is compressed."""
        lines = [
            event if isinstance(event, bytes) else (event if isinstance(event, str) else json.dumps(event)).encode() for event in events
        ]
        data = b"".join(line + b"\n" for line in lines)
        path = self.folder / name
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    def bring(self, *paths: Path, piece: int = PIECE) -> ImportSummary:
        """Import files."""
        clock = StandingClock(datetime(2026, 7, 1, tzinfo=UTC))
        return import_events(self.store, "p", paths, on_progress=self.on_progress, clock=clock, piece=piece)

    def close(self) -> None:
        self.database.close()

    def ask(self, query: str, *, event: tuple[str, ...] = (), user: tuple[str, ...] = (), before: datetime | None = None) -> list[Record]:
        """Rows of a query over the people relation, which it calls `events`."""
        with connect(Bounds()) as connection:
            relation = self.store.view("p", event, user, before).relation()
            found = connection.execute(query.replace("events", f"({relation})", 1))
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def exported(minute: int, device: str | None, user: str | None = None, **more: Any) -> Record:
    """An event as the Export API writes it, so many minutes into 2026."""
    at = f"2026-01-01 {minute // 60:02}:{minute % 60:02}:00.000000"
    return {
        "event_type": "visit",
        "device_id": device,
        "user_id": user,
        "event_time": at,
        "$insert_id": f"{device}/{user}/{minute}",
        "event_properties": {},
        "user_properties": {},
    } | more


def sent(minute: int, device: str | None, user: str | None = None, **more: Any) -> Record:
    """An event as it is sent to HTTP V2, so many minutes into 2026."""
    at = 1767225600000 + minute * 60_000
    return {"event_type": "visit", "device_id": device, "user_id": user, "time": at, "insert_id": f"{device}/{user}/{minute}"} | more


def _text(event: Mapping[str, Any] | str) -> str:
    return event if isinstance(event, str) else json.dumps(event)
