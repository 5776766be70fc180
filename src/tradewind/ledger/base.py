"""What a ledger promises: runs that resume, batches whose intent is durable, and an account that balances."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from tradewind.ledger.slots.base import Slots
from tradewind.model.plan import Batch, Operation
from tradewind.model.run import Account, Answer, Attempt, BatchState, Claim, Entry, Line, Outcome, Run, RunOutcome
from tradewind.model.sync import Binding

Value = TypeVar("Value")

DELIVERED = frozenset({RunOutcome.CLEAN, RunOutcome.WITH_REJECTS, RunOutcome.INCOMPLETE})
"""Outcomes of runs whose plan was carried out, wholly or in part."""

UNCERTAIN_ANSWERS = frozenset({Answer.UNKNOWN, Answer.UNATTRIBUTED})
"""Answers after which the request may or may not have been applied."""


class Runs(Protocol):
    """The book of runs. A run is opened once, claimed by one worker at a time, and closed once."""

    def open(self, run: Run, binding: Binding) -> None:
        """Write a new run. Raises TakenError when its slot has a run, or its target another that is neither held nor closed."""

    def binding(self, binding: str) -> Binding:
        """A binding that a run was opened with. Raises LedgerError when there is none."""

    def claim(self, run: str, owner: str, now: datetime, until: datetime, dead: Iterable[str] = ()) -> Claim:
        """Take or renew a run until an instant; the fence grows with each new owner.

        Raises TakenError while another owner's claim lasts, unless that owner is among `dead`.
        """

    def release(self, claim: Claim) -> None:
        """Give the claim back, so that others need not wait for its end; nothing happens when it is void."""

    def record(self, claim: Claim, phase: str, value: object) -> None:
        """Write what a phase gave; the run's state becomes the phase's.

        Raises LedgerError when the claim is void, TakenError when a held run goes on while its target has another.
        """

    def recall(self, run: str, phase: str, kind: type[Value]) -> Value | None:
        """What a phase gave, or None when the run has not come so far."""

    def close(self, claim: Claim, outcome: RunOutcome, reason: str, at: datetime) -> None:
        """End the run. Raises LedgerError when the claim is void."""


class Word(Protocol):
    """A person's word to a run that somebody else may be at."""

    def tell(self, run: str, reason: str) -> None:
        """Write that a person told a run to stop: whoever works on it reads it there. Nothing happens when it is closed."""


class History(Protocol):
    """What can be asked of the past; reads only."""

    def find(self, project: str, run: str) -> Run | None:
        """The run, or None."""

    def history(self, project: str, sync: str | None = None, limit: int | None = None, before: Run | None = None) -> tuple[Run, ...]:
        """The runs of a project or sync, newest first; all of them, or so many; with `before` those that come after that one."""

    def newest(self, project: str, sync: str, until: datetime) -> Run | None:
        """The run of a sync that was opened last, up to an instant; of those that make its segment equal to its cohort."""

    def holder(self, run: str) -> str | None:
        """Who holds the run's claim."""

    def attempts(self, run: str) -> tuple[Attempt, ...]:
        """Every request of the run, in order."""

    def settled(self, run: str) -> tuple[tuple[Batch, BatchState, Outcome | None, tuple[Line, ...]], ...]:
        """Every batch that counts (no split one), with its state, outcome and refused lines.

        The state of a batch without outcome says whether it may have been applied (SENT) or surely was not (PLANNED). With an
        outcome it is SENT where an attempt before the one that was answered may have been applied, else SETTLED.
        """


class Accounts(Protocol):
    """What became of every identifier that was planned."""

    def account(self, run: str) -> Account:
        """The exact account of the run, at any moment of its life: every planned identifier in one outcome."""

    def tallies(self, runs: Iterable[str]) -> dict[str, dict[Operation, Account]]:
        """The accounts of some runs, of each operation on its own; they add up to the account of the run."""


class Overview(Protocol):
    """What can be asked of runs whosever they are; each answer is short, however long the history."""

    def unclosed(self) -> tuple[Run, ...]:
        """Every run of every project that is not closed, newest first."""

    def latest(self, target: str) -> Run | None:
        """The run that was opened last on a target."""

    def delivered(self, project: str, sync: str) -> Run | None:
        """The run of a sync that was opened last of those that carried out a plan, wholly or in part, to make its segment equal."""

    def keepers(self, run: Run) -> tuple[Run, ...]:
        """The runs that kept people while this one was held or failed, newest first."""

    def named(self, ids: Iterable[str]) -> dict[str, Run]:
        """The runs of ids; one that is not on record is left out."""

    def youngest(self, project: str, syncs: Iterable[str], limit: int) -> dict[str, tuple[Run, ...]]:
        """The runs of each of some syncs that were opened last, at most so many of each, newest first; dry ones are left out.

        All are asked at once."""

    def recalled(self, runs: Iterable[str], phase: str, kind: type[Value]) -> dict[str, Value]:
        """What a phase gave in each of some runs that came so far."""


class Deliveries(Protocol):
    """The book of batches, attempts and receipts of a run."""

    def lay(self, claim: Claim, batches: Iterable[Batch]) -> None:
        """Write the batches of a plan, once; and once more those that say `again` what others have said, which count in no account."""

    def pending(self, run: str) -> tuple[Batch, ...]:
        """The batches that are planned or sent and not settled, in order."""

    def advance(self, claim: Claim, entries: Sequence[Entry], sent: Sequence[Batch] = ()) -> None:
        """One transaction for what attempts gave, and for what is about to be sent next.

        A batch that is *sent* has its stamp and fingerprint, durable before a byte leaves. An entry without outcome leaves its
        batch pending, or puts the halves in its place.
        """

    def next_number(self, run: str) -> int:
        """The first number no batch of the run has."""


@dataclass(frozen=True)
class Reach:
    """A binding that runs of a project were opened with; `sent` when something was sent by it, or may be at this moment."""

    binding: Binding
    sent: bool


class Reaches(Protocol):
    """Where the identifiers of a project may have gone."""

    def reached(self, project: str) -> tuple[Reach, ...]:
        """Every binding that a run of the project was opened with, the one of the newest run first."""


class Ledger(Runs, Word, Deliveries, History, Accounts, Overview, Reaches, Protocol):
    """All books together, as the product's parts hold them, and the slots of the endpoints."""

    @property
    def slots(self) -> Slots:
        """Who may send how much at once."""
