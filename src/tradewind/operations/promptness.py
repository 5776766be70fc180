"""How soon people leave a segment after the events that say so have arrived."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tradewind.model.cohort import Behaviour
from tradewind.model.plan import Operation
from tradewind.model.run import Run, RunKind, RunOutcome
from tradewind.parts import Parts

LOOK_BACK = 20
"""Runs before one among which that is looked for which had the data of its time."""

SEEN = {RunOutcome.CLEAN, RunOutcome.WITH_REJECTS, RunOutcome.INCOMPLETE}


@dataclass(frozen=True)
class Promptness:
    """Seconds from when the first events that the run before did not have began to arrive, until a removal was acknowledged.

    Over the identifiers removed: half of them within `median`, 95 of 100 within `p95`. An event that came later, with further
    ones before the run, was faster than that.
    """

    arrived_at: datetime
    removed: int
    median: float
    p95: float


def promptness(parts: Parts, run: Run) -> Promptness | None:
    """None where nobody was removed, where no event has come since the run before, and for cohorts that are no rule over events."""
    if run.kind is not RunKind.SYNC:
        return None
    removed = list(_removed(parts, run))
    before = _before(parts, run) if removed else None
    if before is None:
        return None
    cohort = parts.catalog.cohort_at(run.project, run.cohort, run.cohort_version)
    arrived = parts.events.arrived(run.project, before.opened_at, run.opened_at) if isinstance(cohort.definition, Behaviour) else None
    if arrived is None:
        return None
    taken = [((answered - arrived).total_seconds(), count) for answered, count in removed]
    return Promptness(arrived, sum(count for _, count in taken), within(taken, 0.5), within(taken, 0.95))


def within(taken: Iterable[tuple[float, int]], share: float) -> float:
    """The least time within which a share of all are done, of times and how many each counts for."""
    ordered = sorted(taken)
    left = share * sum(count for _, count in ordered)
    for seconds, count in ordered:
        left -= count
        if left <= 0:
            return seconds
    return ordered[-1][0]


def _removed(parts: Parts, run: Run) -> Iterable[tuple[datetime, int]]:
    answered = {attempt.batch: attempt.answered_at for attempt in parts.ledger.attempts(run.id)}
    for batch, _, outcome, _ in parts.ledger.settled(run.id):
        if batch.operation is Operation.REMOVE and not batch.again and outcome and outcome.accepted:
            yield answered[batch.number], outcome.accepted


def _before(parts: Parts, run: Run) -> Run | None:
    earlier = parts.ledger.history(run.project, run.sync, LOOK_BACK, run)
    return next((each for each in earlier if each.kind is RunKind.SYNC and each.outcome in SEEN), None)
