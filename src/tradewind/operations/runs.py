"""Runs: what happened in one, to the last identifier; and a person's word on one that is held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tradewind.engines.left_out import LeftOut, left_out
from tradewind.engines.look import Names, Reject, beside, count_rejects, read_rejects
from tradewind.errors import DefinitionError, MissingError, TakenError
from tradewind.identity.kinds import to_text
from tradewind.membership.parts import read_batch
from tradewind.model.identifier import Resolution
from tradewind.model.plan import Approval, Batch, Delta, Operation, Plan
from tradewind.model.run import Account, Attempt, Outcome, Run, RunKind, RunOutcome, RunState
from tradewind.model.snapshot import Snapshot
from tradewind.model.sync import Binding, Parting
from tradewind.operations.claims import take
from tradewind.operations.finishing import wind_up
from tradewind.operations.promptness import Promptness, promptness
from tradewind.operations.syncs import go_on, permitted
from tradewind.parts import Parts
from tradewind.phases import APPROVED, Approvals, Watch
from tradewind.targets import left_to_expire


@dataclass(frozen=True)
class Kept:
    """A run that renewed who would have lapsed while another was held or failed, and its account."""

    run: str
    account: Account


@dataclass(frozen=True)
class RunReport:
    """The way of a run from people to the platform; what a phase it has not reached would say is None."""

    run: Run
    binding: Binding
    cohort: str
    snapshot: Snapshot | None
    resolution: Resolution | None
    plan: Plan | None
    account: Account
    tallies: dict[Operation, Account]
    refused: dict[str, int]
    requests: int
    repeated: int
    holds: int | None
    lapses_at: datetime | None
    kept: tuple[Kept, ...]
    left_to_expire: Parting | None
    removal: Promptness | None


@dataclass(frozen=True)
class PlatformReject:
    """An identifier that the platform refused, with its own code."""

    operation: Operation
    id_type: str
    identifier: str
    code: str


def listed(parts: Parts, project: str, sync: str | None = None, limit: int | None = None, before: str | None = None) -> tuple[Run, ...]:
    """The runs of a project or of one sync, newest first; with `before`, the id of one, those that come after it.

    Raises DefinitionError for a sync that there neither is nor was, or a run that is not there.
    """
    last = found(parts, project, before) if before else None
    runs = parts.ledger.history(project, sync, limit, last)
    if sync is not None and not runs and last is None:
        parts.catalog.sync(project, sync)
    return runs


def found(parts: Parts, project: str, run: str) -> Run:
    """The run of an id. Raises DefinitionError when there is none."""
    known = parts.ledger.find(project, run)
    if known is None:
        raise MissingError(f"there is no run '{run}' in project '{project}'; tradewind runs list shows them", run)
    return known


def report(parts: Parts, project: str, run_id: str) -> RunReport:
    """Everything the ledger knows of a run, in counts."""
    run = found(parts, project, run_id)
    ledger = parts.ledger
    binding, version = ledger.binding(run.binding), parts.versions.of_run(run.id)
    attempts, tallies = ledger.attempts(run.id), ledger.tallies([run.id]).get(run.id, {})
    return RunReport(
        run,
        binding,
        run.cohort,
        ledger.recall(run.id, RunState.EVALUATED, Snapshot),
        ledger.recall(run.id, RunState.RESOLVED, Resolution),
        ledger.recall(run.id, RunState.PLANNED, Plan),
        sum(tallies.values(), Account()),
        tallies,
        dict(Counter(line.code for batch, *_, lines in ledger.settled(run.id) for line in lines if not batch.again)),
        len(attempts),
        _again(attempts),
        version.rows if version else None,
        _lapses_at(parts, run, binding),
        _kept(parts, run),
        left_to_expire(parts, run.target) if run.kind is RunKind.DRAIN else None,
        promptness(parts, run),
    )


def progress(parts: Parts, project: str, run_id: str) -> tuple[Run, Account]:
    """How far a run has come: the run and its account. Reads little, so that it can be asked every second."""
    run = found(parts, project, run_id)
    return run, sum(parts.ledger.tallies([run.id]).get(run.id, {}).values(), Account())


def people_refused(parts: Parts, project: str, run_id: str, limit: int) -> tuple[int, tuple[Reject, ...]]:
    """How many values of people gave no identifier, and the first of them with the reason; never the value.

    Those of a cohort in Amplitude are named by their Amplitude id too.

    Raises DefinitionError when the run's files were tidied away.
    """
    run = found(parts, project, run_id)
    path = _rejects(parts, run)
    if path is None:
        return 0, ()
    return count_rejects(path), read_rejects(path, limit, path.with_name("members.parquet"), _names(parts, run))


def people_left_out(parts: Parts, project: str, run_id: str, limit: int) -> tuple[int, tuple[LeftOut, ...]]:
    """How many people of a run have no identifier at all, and the first of them, each with what came of every mapping.

    Raises DefinitionError when the run's files were tidied away.
    """
    run = found(parts, project, run_id)
    rejects = _rejects(parts, run)
    if rejects is None:
        return 0, ()
    identity = parts.ledger.binding(run.binding).identity
    return left_out(rejects.with_name("members.parquet"), rejects, identity, limit, parts.bounds, _names(parts, run))


def platform_refused(parts: Parts, project: str, run_id: str, limit: int) -> tuple[PlatformReject, ...]:
    """The identifiers that the platform refused in a run, with its codes."""
    run = found(parts, project, run_id)
    planned = parts.ledger.recall(run.id, RunState.PLANNED, Plan)
    rejects: list[PlatformReject] = []
    for batch, _, _, lines in parts.ledger.settled(run.id):
        if not lines or batch.again or planned is None or len(rejects) >= limit:
            continue
        part = next(part for part in planned.delta.parts if part.number == batch.part)
        ids = read_batch(parts.home / "runs" / run.id / "delta", part, batch)
        names = ((to_text(batch.id_type, ids[line.item].as_py()), line.code) for line in lines)
        rejects += [PlatformReject(batch.operation, batch.id_type.value, name, code) for name, code in names]
    return tuple(rejects[:limit])


def _names(parts: Parts, run: Run) -> Names:
    """Finds who members of a run are: in the events, else in the files of cohorts that its own is made of."""

    def names(members: Collection[bytes]) -> dict[bytes, str]:
        named: dict[bytes, str] = {}
        for path in sorted((parts.home / "runs" / run.id / "nested").glob("*.parquet")):
            named |= beside(path, "person", members)
        return named | parts.engine.persons(parts.catalog.project(run.project), members, run.as_of)

    return names


def _rejects(parts: Parts, run: Run) -> Path | None:
    """The file of a run's rejects; None while it has none. Raises DefinitionError when it was tidied away."""
    folder = parts.home / "runs" / run.id
    if not folder.exists() and parts.ledger.recall(run.id, "diffed", Delta) is not None:
        raise DefinitionError(f"the files of run {run.id} were tidied away; tradewind runs show {run.id} has the counts")
    path = folder / "rejects.parquet"
    return path if path.exists() else None


def approve(parts: Parts, project: str, run_id: str, approvals: tuple[Approval, ...], watch: Watch) -> Run:
    """Let a held run go on, and take it to its end. Raises as `allow` and a run do."""
    return go_on(parts, allow(parts, project, run_id, approvals), watch)


def allow(parts: Parts, project: str, run_id: str, approvals: tuple[Approval, ...]) -> Run:
    """Write that a held run may go on: the worker does. Every verdict must be named with a count that covers it.

    Raises DefinitionError when the run is not held or an approval names no verdict of it.
    """
    run = found(parts, project, run_id)
    planned = parts.ledger.recall(run.id, RunState.PLANNED, Plan)
    if run.state is not RunState.HELD or planned is None:
        raise DefinitionError(f"run {run.id} is {run.state.value}, not held; there is nothing to approve")
    known = {verdict.guard: verdict for verdict in planned.verdicts}
    for approval in approvals:
        if approval.guard not in known:
            raise DefinitionError(f"no guard '{approval.guard}' holds run {run.id}; held by: {', '.join(known)}")
        if approval.count < known[approval.guard].count:
            count = known[approval.guard].count
            raise DefinitionError(f"guard '{approval.guard}' counted {count:,}; approving {approval.count:,} does not cover it")
    lacking = sorted(set(known) - {approval.guard for approval in approvals})
    if lacking:
        raise DefinitionError(f"run {run.id} is also held by {', '.join(lacking)}; approve every guard by name and count")
    permitted(parts, project, run.sync)
    claim = take(parts.ledger, run.id, parts.clock)
    try:
        parts.ledger.record(claim, APPROVED, Approvals(approvals))
    finally:
        parts.ledger.release(claim)
    return run


def discard(parts: Parts, project: str, run_id: str, reason: str) -> Run:
    """End a run that is held, or that was cut short before anything was sent; nothing of it is sent.

    Raises DefinitionError when it is closed, or when some of it may be at the platform already.
    """
    run = found(parts, project, run_id)
    account = parts.ledger.account(run.id)
    if run.state is RunState.CLOSED:
        raise DefinitionError(f"run {run.id} is closed already")
    if account.accepted or account.rejected or account.unknown:
        raise DefinitionError(f"part of run {run.id} was sent; run the sync again to finish it")
    claim = take(parts.ledger, run.id, parts.clock)
    parts.ledger.close(claim, RunOutcome.DISCARDED, reason, parts.clock.now())
    return found(parts, project, run_id)


def cancel(parts: Parts, project: str, run_id: str, reason: str, watch: Watch) -> Run:
    """Tell a run to stop. Nothing more of it is sent; what was sent stays, and what is unknown of it is known as that.

    Where a worker is at it, it ends by itself once the answers under way are there, or the query it is at has ended; otherwise here and
    now. Raises DefinitionError when it is closed, or takes people out who are owed it.
    """
    run = found(parts, project, run_id)
    if run.state is RunState.CLOSED:
        raise DefinitionError(f"run {run.id} is closed already")
    if run.kind in {RunKind.DRAIN, RunKind.OPT_OUT}:
        raise DefinitionError(f"run {run.id} takes people out who are to leave; it is not cancelled")
    parts.ledger.tell(run.id, reason)
    with suppress(TakenError):
        wind_up(parts, run, reason, watch)
    return found(parts, project, run_id)


def _again(attempts: tuple[Attempt, ...]) -> int:
    """Requests that repeated an earlier one."""
    return len(attempts) - len({attempt.batch for attempt in attempts})


def keeps(batch: Batch, outcome: Outcome | None) -> bool:
    """Whether a batch put somebody into the segment, or renewed somebody there."""
    return batch.operation is not Operation.REMOVE and outcome is not None and outcome.accepted > 0


def _kept(parts: Parts, run: Run) -> tuple[Kept, ...]:
    return tuple(Kept(each.id, parts.ledger.account(each.id)) for each in parts.ledger.keepers(run))


def _lapses_at(parts: Parts, run: Run, binding: Binding) -> datetime | None:
    sent = [batch.stamp for batch, _, outcome, _ in parts.ledger.settled(run.id) if keeps(batch, outcome)]
    stamps = [stamp for stamp in sent if stamp]
    return min(stamps) + timedelta(minutes=binding.ttl_minutes) if stamps else None
