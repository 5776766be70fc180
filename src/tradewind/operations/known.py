"""What is known of cohorts without computing them: how many were in at the last run, and where they are kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tradewind.model.run import Run, RunKind, RunState
from tradewind.model.snapshot import Snapshot
from tradewind.operations.segments import Segment, listed
from tradewind.parts import Parts

LOOKED_AT = 3
"""The youngest runs of each sync that are looked at; one that failed early says nothing."""


@dataclass(frozen=True)
class Known:
    """A cohort as its last run found it. `change` is the difference to the run before of the same rule; None where nothing is known.

    `kept` are the segments that its syncs keep equal to it.
    """

    people: int | None
    change: int | None
    as_of: datetime | None
    kept: tuple[Segment, ...]


def known(parts: Parts, project: str, cohorts: Iterable[str]) -> dict[str, Known]:
    """Of each of some cohorts; each store is asked once."""
    asked = set(cohorts)
    syncs = [each for each in parts.catalog.syncs(project) if each.cohort in asked]
    segments = listed(parts, project, syncs)
    youngest = parts.ledger.youngest(project, [each.id for each in syncs], LOOKED_AT)
    runs = [run for found in youngest.values() for run in found if run.kind is RunKind.SYNC]
    snapshots = parts.ledger.recalled([run.id for run in runs], RunState.EVALUATED, Snapshot)
    evaluated: dict[str, list[tuple[Run, Snapshot]]] = {}
    for run in runs:
        if run.id in snapshots:
            evaluated.setdefault(run.cohort, []).append((run, snapshots[run.id]))
    kept: dict[str, list[Segment]] = {}
    for segment in segments:
        kept.setdefault(segment.sync.cohort, []).append(segment)
    return {cohort: _known(evaluated.get(cohort, ()), kept.get(cohort, ())) for cohort in asked}


def _known(evaluated: Sequence[tuple[Run, Snapshot]], kept: Iterable[Segment]) -> Known:
    newest = sorted(evaluated, key=lambda each: each[1].as_of, reverse=True)
    if not newest:
        return Known(None, None, None, tuple(kept))
    run, last = newest[0]
    before = next((one for other, one in newest if other.cohort_version == run.cohort_version and one.as_of < last.as_of), None)
    return Known(last.members, last.members - before.members if before else None, last.as_of, tuple(kept))
