"""What is asked of Amplitude and what it answers, whoever carries it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

AMPLITUDE_ID, USER_ID = "amplitude_id", "user_id"
"""The columns every download has; the properties that were asked for follow."""


@dataclass(frozen=True)
class Account:
    """The key pair of an Amplitude project, and the address of the region it lives in (such as `https://amplitude.com`)."""

    api_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    host: str


@dataclass(frozen=True)
class Listed:
    """A cohort as Amplitude lists it. `size` and `computed_at` are None where it does not say; `kind` is Amplitude's own word."""

    id: str
    name: str
    size: int | None
    computed_at: datetime | None
    archived: bool
    kind: str


@dataclass(frozen=True)
class Fetched:
    """A download as it was written: its members, and its columns in the order of the file."""

    rows: int
    columns: tuple[str, ...]


class Exported(StrEnum):
    """What an export of hours gave: a FILE, NOTHING (there are no events), or TOO_MUCH (ask for fewer hours)."""

    FILE = "file"
    NOTHING = "nothing"
    TOO_MUCH = "too_much"


class Pace(Protocol):
    """Lets requests through no faster and no more at once than Amplitude allows, over all processes."""

    def turn(self) -> AbstractContextManager[None]:
        """Wait until one more request may be made; it is under way for the length of the block."""
        ...

    def hold_off(self, seconds: float) -> None:
        """Nobody asks this project of Amplitude for so long: it said so (429)."""
        ...


class Exporter(Protocol):
    """One Amplitude project, asked for its events; raises as `Client` does."""

    def export(self, first: datetime, until: datetime, out: Path, moved: Callable[[int], None]) -> Exported:
        """Write the zip of the events that reached Amplitude from `first` to before `until` (whole hours, UTC) to `out`.

        `moved` is told the bytes of it so far, from 0 again where a transfer is begun anew. Raises EngineError for an
        answer that is not documented; a zip that is cut short is asked for again.
        """
        ...


class Client(Exporter, Protocol):
    """One Amplitude project, asked.

    All raise RefusedKeyError when the key pair is not known there (401, 403), RetryableError when it does not answer or
    answers only with 429 and 5xx for longer than one waits. None of the sentences holds a key or a person's id.
    """

    def cohorts(self) -> tuple[Listed, ...]:
        """The discoverable cohorts."""
        ...

    def request(self, cohort: str, properties: Sequence[str]) -> str:
        """Ask for a download with these user properties beside each member; its request id. Amplitude counts it.

        Raises UncertainError when the answer was lost or says no id: it may have been counted. After any other error it was
        not, such as GoneError when there is no such cohort.
        """
        ...

    def poll(self, request_id: str) -> bool:
        """Whether the download is ready. Raises GoneError when the request is not known any more or has failed."""
        ...

    def fetch(self, request_id: str, columns: Sequence[str], out: Path) -> Fetched:
        """Write the members to `out` (Parquet, whole or not at all): the named columns as text, and `_row` from 1.

        An empty value is an empty text. Raises GoneError as `poll` does, EngineError when the file ends early, cannot be
        read as what it should be, or lacks a column.
        """
        ...
