"""The parts of a split: one snapshot serves all of them, and nobody enters one before they have left another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tradewind.engines.arms import narrow
from tradewind.members import wanted_by
from tradewind.membership.buckets import Buckets
from tradewind.model.plan import Operation, Plan
from tradewind.model.run import Account, Run, RunState
from tradewind.model.snapshot import Snapshot, Wanted
from tradewind.model.sync import Binding, Sync
from tradewind.parts import Parts
from tradewind.targets import known_place

WHOLE = "whole.parquet"
"""The file of a run in which the whole cohort of its split is, for the runs of the other parts."""


def fellows(parts: Parts, sync: Sync) -> tuple[Sync, ...]:
    """The other parts of the split that a sync is one of, by id."""
    if sync.only is None:
        return ()
    found = parts.catalog.syncs(sync.project)
    return tuple(each for each in found if each.only and each.only.split == sync.only.split and each.id != sync.id)


def wanted_of(sync: Sync, binding: Binding) -> tuple[Wanted, ...]:
    """The columns that a run needs beside each member: those of the identity map, and the property that a split goes by."""
    wanted = wanted_by(binding.identity)
    if sync.only is None or (source := f"user.{sync.only.property}") in {each.source for each in wanted}:
        return wanted
    return (*wanted, Wanted(source, all_values=False))


def part_of(parts: Parts, run: Run, binding: Binding, sync: Sync, folder: Path, evaluate: Callable[[], Snapshot]) -> Snapshot:
    """The people of a part, from the whole cohort as a fellow's run as of the same instant has found it, else as `evaluate` does.

    Whatever arrives between the runs of the parts, nobody is in two of them, or in none.
    """
    assert sync.only is not None
    others = fellows(parts, sync)
    whole = next((found for each in others if (found := _found(parts, run, binding, each))), None)
    if whole is None:
        whole = evaluate()
        whole.path.replace(folder / WHOLE)
        whole = replace(whole, path=folder / WHOLE)
    listed = [sync.only.value, *(each.only.value for each in others if each.only)]
    return narrow(whole, sync.only, listed, folder / "members.parquet", parts.bounds)


def elsewhere(parts: Parts, sync: Sync) -> list[Buckets]:
    """What the segments of the other parts hold as far as we know."""
    targets = [place.id for each in fellows(parts, sync) if (place := known_place(parts, each))]
    newest = [parts.versions.newest(target) for target in targets]
    return [version.held(parts.home) for version in newest if version]


def together(parts: Parts, sync: Sync, slot: datetime) -> Run | None:
    """The run of another part for the same slot, as of whose instant this part runs too; None where it is the first."""
    now = parts.clock.now()
    runs = [parts.ledger.newest(each.project, each.id, now) for each in fellows(parts, sync)]
    return next((run for run in runs if run and run.slot == slot), None)


def to_be_let_in(parts: Parts, syncs: Sequence[Sync], began: datetime) -> list[tuple[Sync, Run]]:
    """Parts with people who waited in their last run, opened since an instant, until they had left another part; which they have now.

    Each with that run.
    """
    now, found = parts.clock.now(), []
    for sync in syncs:
        last = parts.ledger.newest(sync.project, sync.id, now) if sync.only else None
        if last is None or last.opened_at < began or last.state is not RunState.CLOSED:
            continue
        planned = parts.ledger.recall(last.id, RunState.PLANNED, Plan)
        later = [parts.ledger.newest(each.project, each.id, now) for each in fellows(parts, sync)]
        left = [run.id for run in later if run and run.opened_at >= began and run.closed_at and run.closed_at >= last.opened_at]
        if planned and planned.delta.waiting and any(_removed(each) for each in parts.ledger.tallies(left).values()):
            found.append((sync, last))
    return found


def _removed(tallies: dict[Operation, Account]) -> bool:
    return tallies.get(Operation.REMOVE, Account()).accepted > 0


def _found(parts: Parts, run: Run, binding: Binding, fellow: Sync) -> Snapshot | None:
    """The whole cohort as the newest run of another part has it, where that is the same question and its file is still there."""
    last = parts.ledger.newest(fellow.project, fellow.id, parts.clock.now())
    if last is None or (last.as_of, last.cohort, last.cohort_version) != (run.as_of, run.cohort, run.cohort_version):
        return None
    same = parts.ledger.binding(last.binding).identity == binding.identity
    snapshot = parts.ledger.recall(last.id, RunState.EVALUATED, Snapshot) if same else None
    path = parts.home / "runs" / last.id / WHOLE
    return replace(snapshot, path=path, members=snapshot.whole or 0) if snapshot and path.exists() else None
