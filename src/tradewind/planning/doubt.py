"""Requests that may still be applied though nobody waits for them any more, and how long that is possible; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime, timedelta

from tradewind.model.plan import Batch
from tradewind.model.run import Answer, Attempt, BatchState

HOLD = timedelta(minutes=5)
"""How long after its start a request whose answer is unknown may still be applied: the deadline of a request, and the longest
delay believed of a server behind it. A wish to the contrary that is sent within this time is sent again after it."""


def doubts(
    sent: Iterable[tuple[Batch, BatchState]], attempts: Iterable[Attempt], uncertain: Set[Answer], now: datetime
) -> Mapping[int, datetime]:
    """Batch number -> when the last request with it began whose fate is not known; batches without such a request are left out.

    A request of which nothing is on record, because the process ended, began before whatever came next, or before now. A
    batch that was split counts for every batch, since its halves cannot be told any more.
    """
    by_batch: dict[int, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_batch[attempt.batch].append(attempt)
    known = {batch.number: (batch, state) for batch, state in sent}
    found = {number: last for number, tries in by_batch.items() if (last := _last(tries, uncertain))}
    for number, (batch, state) in known.items():
        if state is BatchState.SENT and batch.sends > max((attempt.number for attempt in by_batch[number]), default=0):
            found[number] = now
    of_split = max((moment for number, moment in found.items() if number not in known), default=None)
    if of_split is None:
        return found
    return {number: max(found.get(number, of_split), of_split) for number in known}


def _last(attempts: Sequence[Attempt], uncertain: Set[Answer]) -> datetime | None:
    """When the last doubtful one of these requests of a batch began, at the latest."""
    last, before = None, 0
    for attempt in sorted(attempts, key=lambda attempt: attempt.number):
        if attempt.answer in uncertain or attempt.number > before + 1:
            last = attempt.sent_at
        before = attempt.number
    return last
