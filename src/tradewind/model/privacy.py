"""What people who said no asked for, and what became of it in every segment and at every recipient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tradewind.model.identifier import IdType
from tradewind.model.run import Answer


class RequestType(StrEnum):
    """What a platform is asked for, in its own words: to address somebody no more, or to delete what it has of them."""

    OPT_OUT = "OptOut"
    DELETION = "Deletion"


class Progress(StrEnum):
    """How far a request has come. TAKING: its identifiers are being written down; OPEN: not every recipient has answered."""

    TAKING = "taking"
    TAKEN = "taken"
    OPEN = "open"
    DONE = "done"


@dataclass(frozen=True)
class PrivacyRequest:
    """One opt-out or deletion, for one identifier or many. `whole` is False when it was cut short while they were written down."""

    id: str
    project: str
    type: RequestType
    asked_at: datetime
    identifiers: int = 0
    progress: Progress = Progress.TAKING
    whole: bool = False
    closed_at: datetime | None = None


@dataclass(frozen=True)
class Removal:
    """The work to take the suppressed out of one target, by `run` where there was somebody to take out.

    While it is not done, `note` says why, and it is tried again from `due_at` on.
    """

    request: str
    target: str
    due_at: datetime
    done_at: datetime | None = None
    tries: int = 0
    run: str | None = None
    removed: int = 0
    note: str = ""


@dataclass(frozen=True)
class Recipient:
    """An advertiser at a host: whoever keeps what was sent there."""

    url: str
    advertiser: str


@dataclass(frozen=True)
class Notice:
    """One request to one recipient: `rows` identifiers of a block from `offset` on, under one type, and its last answer.

    It is settled when the platform took every item, or refused it for good (`rejected`, listed line by line); until then it
    is tried again from `due_at` on.
    """

    request: str
    number: int
    recipient: Recipient
    block: int
    offset: int
    rows: int
    id_type: IdType
    due_at: datetime
    settled: bool = False
    sends: int = 0
    sent_at: datetime | None = None
    fingerprint: str = ""
    answered_at: datetime | None = None
    answer: Answer | None = None
    status: int | None = None
    rejected: int = 0
    note: str = ""
    request_id: str | None = None
