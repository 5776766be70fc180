"""What must change at the platform, and whether it may."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tradewind.model.identifier import IdType


class Operation(StrEnum):
    """One wish for one identifier in one segment."""

    REMOVE = "remove"
    ADD = "add"
    REFRESH = "refresh"


class Decision(StrEnum):
    """Whether a plan goes ahead or waits for a person."""

    PROCEED = "proceed"
    HOLD = "hold"


@dataclass(frozen=True)
class Verdict:
    """A guard's reason to hold: its name, what it counted, the limit, and the sentence a person reads."""

    guard: str
    count: int
    limit: int
    sentence: str


@dataclass(frozen=True)
class Approval:
    """A person's consent to one verdict: the guard, and the count that was shown."""

    guard: str
    count: int


@dataclass(frozen=True)
class Part:
    """A file of the delta, at `path` within its folder: one operation and one id type, `rows` identifiers, `group_rows` to a batch.

    `urgent` are refreshes that would come too late after everything else. With `again` the same wishes stand in another part
    too, and are sent a second time when the delta settles. With `dated` each identifier has its person's last event beside it,
    which is its stamp.
    """

    number: int
    operation: Operation
    id_type: IdType
    path: str
    rows: int
    group_rows: int
    urgent: bool = False
    again: bool = False
    dated: bool = False


@dataclass(frozen=True)
class Delta:
    """Desired minus held: the parts, and how many identifiers stay and need no refresh yet. `desired` counts these too.

    `suppressed` counts those of the removals that are for people who said no. `settles_at` is when the wishes of the parts that
    are sent `again` may be sent a second time. `waiting` counts those of the cohort who may still be in another segment of the split:
    they are not desired yet, and are added once they have left there.
    """

    parts: tuple[Part, ...]
    held: int
    desired: int
    unchanged: int = 0
    suppressed: int = 0
    settles_at: datetime | None = None
    waiting: int = 0

    def count(self, operation: Operation) -> int:
        """Identifiers to which the operation applies."""
        return sum(part.rows for part in self.parts if part.operation is operation and not part.again)

    @property
    def twice(self) -> int:
        """Identifiers whose wish is sent a second time when the delta settles."""
        return sum(part.rows for part in self.parts if part.again)


@dataclass(frozen=True)
class Renewal:
    """Which of those who stay are sent again: who lapses before `before`, those before `urgent` first, or after `after`.

    Who lapses after `after` has more time than a refresh gives now: the TTL was made shorter.
    """

    before: datetime
    urgent: datetime
    after: datetime


@dataclass(frozen=True)
class Plan:
    """Counts, verdicts and the decision; the batches follow from the parts."""

    delta: Delta
    verdicts: tuple[Verdict, ...]
    decision: Decision


@dataclass(frozen=True)
class Batch:
    """A slice of one part: `rows` rows from `offset` on, within one row group. `number` orders the run's batches.

    `stamp` (its TimestampUtc) and `fingerprint` are pinned when it is first sent; a re-send is the same bytes. With `again` it says
    a second time what another batch has said, and counts in no account.
    """

    number: int
    part: int
    offset: int
    rows: int
    operation: Operation
    id_type: IdType
    stamp: datetime | None = None
    fingerprint: str | None = None
    sends: int = 0
    again: bool = False
