"""The ledger's in-memory twin: the same promises in plain Python, for rehearsals, simulations and tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from tradewind.errors import LedgerError, TakenError
from tradewind.ledger.base import DELIVERED, UNCERTAIN_ANSWERS, Reach
from tradewind.ledger.slots.base import Slots
from tradewind.ledger.slots.memory import MemorySlots
from tradewind.model.plan import Batch, Operation
from tradewind.model.run import Account, Attempt, BatchState, Claim, Entry, Line, Outcome, Run, RunKind, RunOutcome, RunState
from tradewind.model.sync import Binding

Value = TypeVar("Value")

RESTING = frozenset({RunState.HELD, RunState.CLOSED})
"""States in which a run sends nothing, so that its target may have another."""


@dataclass
class _Batch:
    batch: Batch
    state: BatchState = BatchState.PLANNED
    uncertain: bool = False
    outcome: Outcome | None = None
    lines: tuple[Line, ...] = ()


@dataclass
class _Run:
    run: Run
    owner: str | None = None
    until: datetime | None = None
    fence: int = 0
    phases: dict[str, object] = field(default_factory=dict)
    batches: dict[int, _Batch] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)


class MemoryLedger:
    """Both books of `ledger.base`, forgotten with the process."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}
        self._bindings: dict[str, Binding] = {}
        self.slots: Slots = MemorySlots()

    def open(self, run: Run, binding: Binding) -> None:
        """Write a new run; see the Protocol."""
        for other in self._runs.values():
            same_slot = run.slot and (other.run.project, other.run.sync, other.run.slot) == (run.project, run.sync, run.slot)
            if other.run.id == run.id or same_slot or (other.run.target == run.target and other.run.state not in RESTING):
                name = binding.target.segment
                raise TakenError(f"segment '{name}' has a run that is not closed, or its slot has had one; one run per segment at a time")
        self._bindings[binding.id] = binding
        self._runs[run.id] = _Run(run)

    def binding(self, binding: str) -> Binding:
        """A binding that a run was opened with."""
        if binding not in self._bindings:
            raise LedgerError(f"binding {binding} is not in the ledger")
        return self._bindings[binding]

    def claim(self, run: str, owner: str, now: datetime, until: datetime, dead: Iterable[str] = ()) -> Claim:
        """Take or renew a run; see the Protocol."""
        row = self._runs.get(run)
        if row is None or row.run.state is RunState.CLOSED:
            raise TakenError(f"run {run} cannot be taken; it is held by nobody: it is closed or unknown")
        held = row.owner not in {None, owner, *dead} and row.until is not None and row.until > now
        if held:
            raise TakenError(f"run {run} cannot be taken; it is held by {row.owner} until {row.until:%H:%M:%S} UTC")
        row.fence += row.owner != owner
        row.owner, row.until = owner, until
        return Claim(run, owner, row.fence)

    def release(self, claim: Claim) -> None:
        """Give the claim back; nothing happens when it is void."""
        row = self._runs.get(claim.run)
        if row and (row.owner, row.fence) == (claim.owner, claim.fence):
            row.owner = row.until = None

    def tell(self, run: str, reason: str) -> None:
        """Write that a person told a run to stop; nothing happens when it is closed."""
        row = self._runs.get(run)
        if row and row.run.state is not RunState.CLOSED:
            row.run = replace(row.run, told=reason)

    def holder(self, run: str) -> str | None:
        """Who holds the run's claim."""
        return self._runs[run].owner if run in self._runs else None

    def find(self, project: str, run: str) -> Run | None:
        """The run, or None."""
        row = self._runs.get(run)
        return row.run if row and row.run.project == project else None

    def newest(self, project: str, sync: str, until: datetime) -> Run | None:
        """The run of a sync that was opened last, up to an instant; of those that make its segment equal to its cohort."""
        mine = (row.run for row in self._runs.values() if (row.run.project, row.run.sync, row.run.kind) == (project, sync, RunKind.SYNC))
        return max((run for run in mine if run.opened_at <= until), key=lambda run: (run.opened_at, run.id), default=None)

    def history(self, project: str, sync: str | None = None, limit: int | None = None, before: Run | None = None) -> tuple[Run, ...]:
        """The runs of a project or sync, newest first; with `before` those that come after that one."""
        found = self._where(lambda run: run.project == project and sync in {None, run.sync})
        return tuple(run for run in found if before is None or (run.opened_at, run.id) < (before.opened_at, before.id))[:limit]

    def youngest(self, project: str, syncs: Iterable[str], limit: int) -> dict[str, tuple[Run, ...]]:
        """The runs of each of some syncs that were opened last, but dry ones."""
        found = {sync: tuple(run for run in self.history(project, sync) if run.kind is not RunKind.DRY)[:limit] for sync in syncs}
        return {sync: runs for sync, runs in found.items() if runs}

    def unclosed(self) -> tuple[Run, ...]:
        """Every run that is not closed, newest first."""
        return self._where(lambda run: run.state is not RunState.CLOSED)

    def latest(self, target: str) -> Run | None:
        """The run that was opened last on a target."""
        return next(iter(self._where(lambda run: run.target == target)), None)

    def delivered(self, project: str, sync: str) -> Run | None:
        """The sync's last run that carried out a plan; see the Protocol."""
        mine = (project, sync, RunKind.SYNC)
        return next(iter(self._where(lambda run: (run.project, run.sync, run.kind) == mine and run.outcome in DELIVERED)), None)

    def keepers(self, run: Run) -> tuple[Run, ...]:
        """The runs that kept people while this one was held or failed, newest first."""
        return self._where(lambda each: each.keeps == run.id)

    def named(self, ids: Iterable[str]) -> dict[str, Run]:
        """The runs of ids."""
        return {run: self._runs[run].run for run in ids if run in self._runs}

    def _where(self, holds: Callable[[Run], bool]) -> tuple[Run, ...]:
        runs = [row.run for row in self._runs.values() if holds(row.run)]
        return tuple(sorted(runs, key=lambda run: (run.opened_at, run.id), reverse=True))

    def reached(self, project: str) -> tuple[Reach, ...]:
        """Every binding of the project's runs, newest first."""
        rows = sorted((row for row in self._runs.values() if row.run.project == project), key=lambda row: row.run.opened_at, reverse=True)
        sent = {row.run.binding for row in rows if row.run.state is not RunState.CLOSED or any(b.batch.sends for b in row.batches.values())}
        return tuple(Reach(self._bindings[name], name in sent) for name in dict.fromkeys(row.run.binding for row in rows))

    def record(self, claim: Claim, phase: str, value: object) -> None:
        """Write what a phase gave, or replace it."""
        row = self._guard(claim)
        if phase in set(RunState):
            others = (other.run for other in self._runs.values() if other is not row and other.run.target == row.run.target)
            if phase not in RESTING and any(other.state not in RESTING for other in others):
                raise TakenError(f"run {claim.run} cannot go on yet: another run of its segment is not closed")
        row.phases[phase] = value
        if phase in set(RunState):
            row.run = replace(row.run, state=RunState(phase))

    def recall(self, run: str, phase: str, kind: type[Value]) -> Value | None:
        """What a phase gave, or None."""
        value = self._runs[run].phases.get(phase) if run in self._runs else None
        assert value is None or isinstance(value, kind)
        return value

    def recalled(self, runs: Iterable[str], phase: str, kind: type[Value]) -> dict[str, Value]:
        """What a phase gave in each of some runs."""
        found = {run: self.recall(run, phase, kind) for run in runs}
        return {run: value for run, value in found.items() if value is not None}

    def close(self, claim: Claim, outcome: RunOutcome, reason: str, at: datetime) -> None:
        """End the run and give back the claim."""
        row = self._guard(claim)
        row.run = replace(row.run, state=RunState.CLOSED, outcome=outcome, reason=reason, closed_at=at)
        row.owner = row.until = None

    def lay(self, claim: Claim, batches: Iterable[Batch]) -> None:
        """Write the batches of a plan, once, and once those that are sent again."""
        row = self._guard(claim)
        laid = {each.batch.again for each in row.batches.values()}
        row.batches |= {batch.number: _Batch(batch) for batch in batches if batch.again not in laid}

    def pending(self, run: str) -> tuple[Batch, ...]:
        """The batches planned or sent and not settled, in order."""
        rows = self._runs[run].batches.values() if run in self._runs else ()
        live = [row.batch for row in rows if row.state in {BatchState.PLANNED, BatchState.SENT}]
        return tuple(sorted(live, key=lambda batch: batch.number))

    def advance(self, claim: Claim, entries: Sequence[Entry], sent: Sequence[Batch] = ()) -> None:
        """What attempts gave, and what is about to leave."""
        run = self._guard(claim)
        run.run = replace(run.run, state=RunState.DELIVERING)
        for entry in entries:
            run.attempts.append(entry.attempt)
            row = run.batches[entry.batch.number]
            if entry.outcome:
                row.state, row.outcome, row.lines = BatchState.SETTLED, entry.outcome, entry.lines
                continue
            doubtful = entry.attempt.answer in UNCERTAIN_ANSWERS
            row.uncertain = row.uncertain or doubtful
            row.state = BatchState.SPLIT if entry.halves else BatchState.SENT if doubtful else BatchState.PLANNED
            for half in entry.halves:
                run.batches[half.number] = _Batch(half, uncertain=row.uncertain)
        for batch in sent:
            row = run.batches[batch.number]
            row.uncertain = row.uncertain or row.state is BatchState.SENT
            row.batch, row.state = batch, BatchState.SENT

    def next_number(self, run: str) -> int:
        """The first number no batch of the run has."""
        return max(self._runs[run].batches, default=-1) + 1

    def account(self, run: str) -> Account:
        """The exact account of the run."""
        return sum(self.tallies([run]).get(run, {}).values(), Account())

    def tallies(self, runs: Iterable[str]) -> dict[str, dict[Operation, Account]]:
        """The accounts of some runs, of each operation on its own."""
        found: dict[str, dict[Operation, Account]] = {}
        for run in runs:
            for batch, state, outcome, _ in self.settled(run):
                if not batch.again:
                    mine = found.setdefault(run, {})
                    mine[batch.operation] = mine.get(batch.operation, Account()) + _account(batch, state, outcome)
        return found

    def settled(self, run: str) -> tuple[tuple[Batch, BatchState, Outcome | None, tuple[Line, ...]], ...]:
        """Every batch that counts, in order."""
        rows = sorted(self._runs[run].batches.values(), key=lambda row: row.batch.number) if run in self._runs else []
        return tuple((row.batch, _fate(row), row.outcome, row.lines) for row in rows if row.state is not BatchState.SPLIT)

    def attempts(self, run: str) -> tuple[Attempt, ...]:
        """Every request of the run, in order."""
        return tuple(self._runs[run].attempts) if run in self._runs else ()

    def _guard(self, claim: Claim) -> _Run:
        row = self._runs.get(claim.run)
        if row is None or (row.owner, row.fence) != (claim.owner, claim.fence):
            raise LedgerError(f"the claim on run {claim.run} is lost: another worker has taken it")
        return row


def _account(batch: Batch, state: BatchState, outcome: Outcome | None) -> Account:
    if outcome:
        return Account(batch.rows, outcome.accepted, outcome.rejected, outcome.unknown)
    return Account(batch.rows, unknown=batch.rows) if state is BatchState.SENT else Account(batch.rows, not_sent=batch.rows)


def _fate(row: _Batch) -> BatchState:
    return BatchState.SENT if row.state in {BatchState.PLANNED, BatchState.SETTLED} and row.uncertain else row.state
