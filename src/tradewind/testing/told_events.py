"""Events that were told, not imported: the relation an SQL engine reads, from a list in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from tradewind.compute import literal
from tradewind.engines.matching import as_text
from tradewind.engines.memory import Event


class ToldEvents:
    """Stands for the event store where only the language matters: an event without a user is its device's own."""

    def __init__(self, events: Mapping[str, Iterable[Event]]) -> None:
        self._events = {project: list(told) for project, told in events.items()}

    def relation(self, project: str, event_properties: Sequence[str], user_properties: Sequence[str], before: datetime) -> str:
        """A SELECT of literals, of the events of `project` before the instant."""
        names = ["person", "user_id", "device_id", "event_type", "time"]
        names += [f"e:{name}" for name in event_properties]
        names += [f"{kind}:{name}" for name in user_properties for kind in "us"]
        kinds = {"time": "TIMESTAMP"} | {name: "BOOLEAN" for name in names if name.startswith("s:")}
        rows = [self._row(event, event_properties, user_properties) for event in self._events.get(project, ()) if event.time < before]
        cells = [f"c{i}" for i in range(len(names))]
        columns = ", ".join(
            f"CAST({cell} AS {kinds.get(name, 'VARCHAR')}) AS {_quoted(name)}" for cell, name in zip(cells, names, strict=True)
        )
        nobody = f"({', '.join(['NULL'] * len(names))})"
        values = ", ".join([nobody, *(f"({', '.join(row)})" for row in rows)])
        return f"SELECT {columns} FROM (VALUES {values}) told({', '.join(cells)}) WHERE c0 IS NOT NULL"

    def _row(self, event: Event, event_properties: Sequence[str], user_properties: Sequence[str]) -> list[str]:
        person = f"device:{event.device_id}" if event.user_id is None else f"user:{event.user_id}"
        time = event.time.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
        cells: list[str | None] = [person, event.user_id, event.device_id, event.event_type, time]
        cells += [as_text(event.event_properties.get(name)) for name in event_properties]
        for name in user_properties:
            states = event.whole or name in event.user_properties
            cells += [as_text(event.user_properties.get(name)), "true" if states else "false"]
        return ["NULL" if cell is None else literal(cell) for cell in cells]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
