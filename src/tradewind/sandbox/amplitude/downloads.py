"""Downloads of cohorts, from the request to the file: what was asked, whether it is ready, and links that live a minute."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from tradewind.sandbox.clock import iso


class State(StrEnum):
    """How far a download is; a failed one has no file."""

    IN_PROGRESS = "JOB INPROGRESS"
    COMPLETED = "JOB COMPLETED"
    FAILED = "JOB FAILED"


@dataclass(slots=True)
class Download:
    """One download that was asked for and counted. Its members are those of the instant it was asked for."""

    id: str
    app: int
    cohort: str
    properties: tuple[str, ...]
    asked_at: int
    path: Path
    polls_left: int
    fails: bool
    written: bool = False

    def poll(self) -> State:
        """Its state; being asked brings it nearer to its end."""
        if self.polls_left > 0 or not self.written:
            self.polls_left -= 1
            return State.IN_PROGRESS
        return self.state

    @property
    def state(self) -> State:
        if self.polls_left > 0 or not self.written:
            return State.IN_PROGRESS
        return State.FAILED if self.fails else State.COMPLETED

    def shown(self) -> dict[str, Any]:
        return {
            "request_id": self.id,
            "app": self.app,
            "cohort_id": self.cohort,
            "properties": list(self.properties),
            "asked_at": iso(self.asked_at),
            "async_status": self.state,
        }


@dataclass(frozen=True, slots=True)
class Link:
    """A pre-signed link to a download's file, good until an instant."""

    token: str
    path: Path
    made_at: int
    until: int


def new_id() -> str:
    """An id that nobody can guess, in the shape that the documentation shows: letters and digits."""
    return secrets.token_hex(11)
