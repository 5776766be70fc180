"""The event store: Parquet files under a home folder, found by their rows and never by looking at the folder."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from tradewind.database import Database, Transaction
from tradewind.events import sql
from tradewind.events.manifest import EventFile, HourRow, Properties
from tradewind.events.people import EventView


class EventStore:
    """The events of every project of one home folder."""

    def __init__(self, database: Database, home: Path) -> None:
        self.database = database
        self.home = home.resolve()

    def files(self, project: str, before: datetime | None = None) -> tuple[EventFile, ...]:
        """The project's files in order of time; those with an event before an instant, if one is given."""
        return tuple(
            EventFile(self.home / row.path, row.rows, row.bytes, row.min_time, row.max_time, row.columns)
            for row in sql.select_files(self.database, project, before)
        )

    def newest(self, project: str) -> datetime | None:
        """The time of the latest event (aware, UTC), or None when there is none."""
        latest = max((file.max_time for file in self.files(project)), default=None)
        return latest.replace(tzinfo=UTC) if latest else None

    def count(self, project: str, before: datetime | None = None) -> int:
        """How many events the project has; with `before`, in files that begin before it."""
        return sum(file.rows for file in self.files(project, before))

    def imports(self, project: str) -> int:
        """How many imports have brought the project new events so far: it grows when events arrive."""
        return sql.count_imports(self.database, project)

    def arrived(self, project: str, after: datetime, until: datetime) -> datetime | None:
        """When the first file came of the imports that brought something new between two instants; None where none did."""
        found = sql.select_arrival(self.database, project, after, until)
        return found.replace(tzinfo=UTC) if found else None

    def hours(self, project: str, source: str) -> set[datetime]:
        """The hours (their begin; naive, UTC) that were pulled whole from a source."""
        return sql.select_hours(self.database, project, source)

    def without_events(self, project: str, hours: Iterable[HourRow]) -> None:
        """Write down hours of a source in which nothing happened."""
        sql.insert_empty_hours(self.database, project, hours)

    def forget_source(self, db: Transaction, project: str, source: str) -> None:
        """Forget within a transaction which hours were pulled from a source; their events stay."""
        sql.delete_hours(db, project, source)

    def unread(self, project: str) -> int:
        """How many of the files given to the last import left nothing: damaged, or all of them when it broke off."""
        return sql.select_refused(self.database, project)

    def vanished(self, project: str, until: datetime) -> set[str]:
        """Properties (`event.<name>`, `user.<name>`) that events of earlier imports have, and those of the last until an instant do not."""
        return sql.select_vanished(self.database, project, until)

    def changed(self, project: str, since: datetime, until: datetime) -> set[str]:
        """Properties in use whose values are of another kind in events imported between two instants than in those before."""
        return sql.select_changed(self.database, project, since, until)

    def properties(self, project: str) -> Properties:
        """Names of properties, for hints and suggestions."""
        event, user = sql.select_properties(self.database, project)
        return Properties(tuple(event), tuple(user))

    def view(
        self, project: str, event_properties: Iterable[str] = (), user_properties: Iterable[str] = (), before: datetime | None = None
    ) -> EventView:
        """The project's events before an instant, as the store is now: what is imported later is not in it."""
        return EventView(self.files(project, before), tuple(event_properties), tuple(user_properties), before)
