"""The audit trail's entries: who did what to which object, each sealed to the one before it; pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

REQUEST: ContextVar[str] = ContextVar("request", default="")
"""The id of the request that the API is answering, which its answer and the log have too; nothing beside it, as on the command line."""


@dataclass(frozen=True)
class Deed:
    """What somebody did: `what` is a noun and a verb such as `project.plan`, `details` never holds a secret or an identifier.

    `request` is that of the API by which it was done.
    """

    actor: str
    what: str
    object: str
    project: str = ""
    details: dict[str, str] = field(default_factory=dict)
    request: str = field(default_factory=REQUEST.get)


@dataclass(frozen=True)
class Entry:
    """A deed as it stands in the trail. `seal` covers it and, by the seal of the entry before, all that came earlier."""

    number: int
    at: datetime
    deed: Deed
    seal: str


class Trail(Protocol):
    """Entries are added and never changed. Whoever cannot write one does not act."""

    def write(self, deed: Deed, at: datetime) -> Entry:
        """Add an entry. Raises LedgerError when the store is gone."""
        ...

    def entries(self, project: str | None = None, before: int | None = None, limit: int = 50) -> tuple[Entry, ...]:
        """The newest first: of one project or of all, with numbers below `before`."""
        ...

    def damage(self) -> str:
        """A sentence that names the first entry that was changed or is missing; nothing where all is as it was written."""
        ...


def seal(before: str, number: int, at: datetime, deed: Deed) -> str:
    """SHA-256 over the seal before it and all that the entry says."""
    said = [before, number, at.isoformat(), deed.actor, deed.what, deed.object, deed.project, deed.details]
    said += [deed.request] if deed.request else []  # so that entries of before there were any keep their seals
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def damage(entries: Iterable[Entry]) -> str:
    """What is wrong with a whole trail, in its order; nothing where it is as it was written."""
    before = ""
    for number, entry in enumerate(entries, 1):
        if entry.number != number:
            return f"entry {number} of the audit trail is missing"
        if entry.seal != seal(before, number, entry.at, entry.deed):
            return f"entry {number} of the audit trail, of {entry.at:%Y-%m-%d %H:%M} UTC, was changed after it was written"
        before = entry.seal
    return ""
