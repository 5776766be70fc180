"""The membership versions of a target, each compared with what its run must have made of the one before it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tradewind.errors import EngineError
from tradewind.ledger.base import DELIVERED
from tradewind.membership.buckets import Buckets, buckets_for
from tradewind.membership.compare import differences, fault
from tradewind.membership.parts import count_in
from tradewind.membership.sql import Version
from tradewind.model.plan import Plan
from tradewind.model.run import Run, RunState
from tradewind.operations.tidy import version_is_spent
from tradewind.parts import Parts
from tradewind.phases import merged

Step = tuple[Run, Version | None]
"""A run that changed what a target holds, and the version it left; None when the version's row is gone."""


@dataclass(frozen=True)
class Remade:
    """A version worked out anew: where its files lie for now, its rows, and the instant by which the lapsed were left out."""

    held: Buckets
    rows: int
    moment: datetime


@dataclass(frozen=True)
class Link:
    """What became of a step. `wrong` is a sentence, or nothing when the version is in order.

    `held` is what the run left behind, as far as can be known: the version's files, those made anew, or None.
    `compared` is False where the run's own files are gone, so that the version is taken as it is.
    """

    run: Run
    version: Version | None
    held: Buckets | None
    wrong: str = ""
    compared: bool = True
    remade: Remade | None = None


def chain(runs: Iterable[Run], versions: Sequence[Version]) -> list[Step]:
    """The steps of a target in their order: the versions as numbered, and runs that must have left one where they belong."""
    known = {run.id: run for run in runs}
    steps: list[Step] = [(known[version.run], version) for version in versions if version.run in known]
    without = [run for run in known.values() if run.outcome in DELIVERED and run.id not in {version.run for version in versions}]
    for run in sorted(without, key=lambda run: run.closed_at or run.opened_at):
        end = run.closed_at or run.opened_at
        place = next((place for place, step in enumerate(steps) if _moment(step) > end), len(steps))
        steps.insert(place, (run, None))
    return steps


def _moment(step: Step) -> datetime:
    """When a run wrote what the target holds: between its last answer and its end."""
    run, version = step
    return version.created_at if version else run.closed_at or run.opened_at


def examine(parts: Parts, steps: Iterable[Step], folder: Path) -> Iterator[Link]:
    """Each step worked out anew in `folder` from what was held before it, and compared; only what differs is left there.

    A version that is wrong is replaced by what it should have been before the next is looked at, so one fault is told once.
    """
    before, lost, steps = None, "", list(steps)
    newest = next((version for _, version in reversed(steps) if version), None)
    for number, (run, version) in enumerate(steps):
        if version and newest and _tidied_away(parts, version, newest):
            yield Link(run, version, None, compared=False)
            before, lost = None, f"what run {run.id} left behind was tidied away"
            continue
        link = _examine(parts, run, version, before, lost, folder / f"{number:06d}")
        yield link
        before, lost = link.held, "" if link.held else f"what run {run.id} left behind is lost"


def _tidied_away(parts: Parts, version: Version, newest: Version) -> bool:
    return not (parts.home / version.path).exists() and version_is_spent(version, newest, parts.clock.now())


def delta_fault(parts: Parts, run: Run) -> str:
    """What is wrong with the delta files of a run that has a plan; nothing when they are whole."""
    planned, folder = parts.ledger.recall(run.id, RunState.PLANNED, Plan), parts.home / "runs" / run.id / "delta"
    if planned is None:
        return f"run {run.id} has no plan on record"
    for part in planned.delta.parts:
        found = count_in(folder, part)
        if found is None:
            return f"{folder / part.path} is gone or damaged"
        if found != part.rows:
            return f"{folder / part.path} has {found:,} rows, not the {part.rows:,} on record"
    return ""


def _examine(parts: Parts, run: Run, version: Version | None, before: Buckets | None, lost: str, folder: Path) -> Link:
    there = version.held(parts.home) if version else None
    wrong = fault(there, version.rows) if there and version else f"run {run.id} left no membership version"
    whole = None if wrong else there
    lacking = lost or delta_fault(parts, run)
    if lacking:
        return Link(run, version, whole, f"{wrong}, and cannot be rebuilt: {lacking}" if wrong else "", compared=False)
    try:
        remade = _remake(parts, run, version, before, folder)
        wrong = wrong or (_difference(there, remade) if there else "")
    except EngineError as error:
        return Link(run, version, whole, f"{wrong or f'run {run.id} cannot be worked out anew'}: {error}", compared=False)
    if wrong:
        return Link(run, version, remade.held, wrong, remade=remade)
    shutil.rmtree(folder)
    return Link(run, version, there)


def _remake(parts: Parts, run: Run, version: Version | None, before: Buckets | None, folder: Path) -> Remade:
    planned = parts.ledger.recall(run.id, RunState.PLANNED, Plan)
    assert planned is not None, "a run without a plan has no delta to work with"
    count = version.buckets if version else buckets_for(planned.delta.held + planned.delta.desired)
    moment = _moment((run, version))
    held, rows = merged(parts, run, planned, before, folder, count, moment)
    return Remade(held, rows, moment)


def _difference(there: Buckets, remade: Remade) -> str:
    try:
        count = differences(there, remade.held)
    except EngineError:
        return f"the files in {there.folder} cannot be read"
    return f"{count:,} rows in {there.folder} are not what its run made of the version before" if count else ""
