"""What the rows of the event store say: its files, the sources they came from, and each import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tradewind.events.kinds import Kinds


@dataclass(frozen=True)
class Columns:
    """What a file has beside the fixed columns.

    `event` and `user` name the properties with a column of their own (`event.<name>`, `user.<name>`, text);
    `whole` says that every row states the whole set of user properties; `key_check` tells how `key` was hashed.
    `small` and `capital` name columns (`user.<name>`) that hold UUIDs instead of text: every text there would be is a GUID
    with hyphens, in small or in capital letters. `links` says that the links of the file lie beside it.
    """

    event: tuple[str, ...]
    user: tuple[str, ...]
    whole: bool
    key_check: str
    small: tuple[str, ...] = ()
    capital: tuple[str, ...] = ()
    links: bool = False


@dataclass(frozen=True)
class FileRow:
    """A Parquet file as its row describes it. Times are naive, UTC."""

    path: str
    month: str
    rows: int
    bytes: int
    min_time: datetime
    max_time: datetime
    columns: Columns


@dataclass(frozen=True)
class SourceRow:
    """An input file: its name as given, its size and the SHA-256 of its bytes."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ImportRow:
    """What one import did: events_read = events_new + duplicates + rejected. `refused_files` were given and left nothing.

    `kinds` says of properties in use (`event.<name>`, `user.<name>`) how many values of a sample are of which kind.
    """

    id: str
    started_at: datetime
    finished_at: datetime
    events_read: int
    events_new: int
    duplicates: int
    rejected: int
    not_applied: int
    event_properties: tuple[str, ...]
    user_properties: tuple[str, ...]
    refused_files: int = 0
    kinds: Mapping[str, Kinds] = field(default_factory=dict)


@dataclass(frozen=True)
class HourRow:
    """An hour (its begin; naive, UTC) of a source that was pulled whole, also when it had no event."""

    source: str
    hour: datetime


@dataclass(frozen=True)
class EventFile:
    """A Parquet file of events, those without a user last, sorted by `who` and time: a share of the people is read without the rest.

    `path` is absolute; times are naive, UTC.
    """

    path: Path
    rows: int
    bytes: int
    min_time: datetime
    max_time: datetime
    columns: Columns

    @property
    def links(self) -> Path | None:
        """Where its links lie beside it, if it has any there."""
        return links_beside(self.path) if self.columns.links else None


@dataclass(frozen=True)
class Properties:
    """Names of properties that imports have met, sorted; very rare ones may be absent."""

    event: tuple[str, ...]
    user: tuple[str, ...]


def links_beside(events: Path) -> Path:
    """Where the links of an event file would lie."""
    return events.with_suffix(".links.parquet")


def utc(instant: datetime) -> datetime:
    """An instant as files and rows hold it: naive, in UTC."""
    return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant
