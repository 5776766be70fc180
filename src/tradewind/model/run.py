"""One execution of one sync, what was sent in it, and what the platform said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tradewind.model.plan import Batch


class RunKind(StrEnum):
    """What a run is for: make the segment equal to the cohort; renew who would lapse; empty a segment; take named people out;
    write down, after a backup was restored, that nothing of a segment is sure; work out what the first would do, and send nothing.

    Only the first is held by guards: the others add nobody, and a person or the sync's own run asked for them.
    """

    SYNC = "sync"
    KEEP = "keep"
    DRAIN = "drain"
    OPT_OUT = "opt_out"
    RESTORE = "restore"
    DRY = "dry"


class RunState(StrEnum):
    """How far a run has come; it resumes at the first phase whose row is missing."""

    OPEN = "open"
    EVALUATED = "evaluated"
    RESOLVED = "resolved"
    PLANNED = "planned"
    HELD = "held"
    DELIVERING = "delivering"
    SETTLING = "settling"
    CLOSED = "closed"


class RunOutcome(StrEnum):
    """How a closed run ended."""

    CLEAN = "clean"
    WITH_REJECTS = "with_rejects"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    DISCARDED = "discarded"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    DRY = "dry"


class Answer(StrEnum):
    """What an answer says of the whole request; what differs per item stands in the receipt's lines."""

    APPLIED = "applied"
    UNREACHED = "unreached"
    UNATTRIBUTED = "unattributed"
    UNKNOWN = "unknown"
    POISONED = "poisoned"
    FORBIDDEN = "forbidden"
    TOO_LARGE = "too_large"
    THROTTLED = "throttled"
    MISDIRECTED = "misdirected"


class LineClass(StrEnum):
    """What a refusal of one item means for the item, the sync or the connection."""

    ROW = "row"
    UNMATCHED = "unmatched"
    SYNC = "sync"
    CONNECTION = "connection"
    TRANSIENT = "transient"


@dataclass(frozen=True)
class Line:
    """One refused item: its position in the request (0-based), the platform's code and class."""

    item: int
    code: str
    line_class: LineClass


@dataclass(frozen=True)
class Receipt:
    """What the platform said to one request. `lines` are the exceptions; every other item shares `answer`.

    `wait` is the platform's Retry-After in seconds, already clamped. `note` is scrubbed of identifiers.
    """

    answer: Answer
    lines: tuple[Line, ...] = ()
    status: int | None = None
    wait: float | None = None
    note: str = ""
    request_id: str | None = None


@dataclass(frozen=True)
class Account:
    """The exact account of a run: planned = accepted + rejected + unknown + not_sent."""

    planned: int = 0
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    not_sent: int = 0

    def balances(self) -> bool:
        """True when every planned identifier has exactly one outcome."""
        return self.planned == self.accepted + self.rejected + self.unknown + self.not_sent

    def __add__(self, other: Account) -> Account:
        """Both together."""
        return Account(*(mine + theirs for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True)))


@dataclass(frozen=True)
class Run:
    """One execution of one sync, as the ledger holds it. `target` and `binding` are ids, pinned when it was opened.

    `slot` is the instant of the cadence it was opened for, None when a person asked; `missed` counts slots before it that
    had no run. `keeps` is, for a run that only renews who would lapse, the run that is held or failed meanwhile. `cohort` is
    the sync's cohort, so that the run can be told of after the sync has gone. `mark` says what data the cohort had when it was opened.
    `told` is the reason that a person gave who told it to stop; empty where nobody did.
    """

    id: str
    project: str
    sync: str
    target: str
    binding: str
    cohort_version: int
    as_of: datetime
    opened_at: datetime
    state: RunState = RunState.OPEN
    outcome: RunOutcome | None = None
    reason: str = ""
    closed_at: datetime | None = None
    slot: datetime | None = None
    missed: int = 0
    keeps: str | None = None
    kind: RunKind = RunKind.SYNC
    cohort: str = ""
    mark: str = ""
    told: str = ""


@dataclass(frozen=True)
class Claim:
    """A worker's right to write to a run. Every write carries the fence; a newer claim makes it void."""

    run: str
    owner: str
    fence: int


class BatchState(StrEnum):
    """How far a batch has come. A split batch lives on in its two halves and counts no more."""

    PLANNED = "planned"
    SENT = "sent"
    SETTLED = "settled"
    SPLIT = "split"


@dataclass(frozen=True)
class Attempt:
    """One request: when it was sent, and what was answered."""

    batch: int
    number: int
    sent_at: datetime
    answered_at: datetime
    answer: Answer
    status: int | None
    note: str
    request_id: str | None


@dataclass(frozen=True)
class Outcome:
    """How a batch ended, in identifiers. `rejected` counts its lines; the rest of the rows share one fate."""

    accepted: int
    rejected: int
    unknown: int


@dataclass(frozen=True)
class Entry:
    """What one attempt adds to the ledger: outcome and refused lines if it ended its batch, or the halves in which that lives on."""

    batch: Batch
    attempt: Attempt
    outcome: Outcome | None = None
    lines: tuple[Line, ...] = ()
    halves: tuple[Batch, ...] = ()
