"""The plan: delta and verdicts in, a decision and numbered batches out; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from tradewind.model.plan import Approval, Batch, Decision, Delta, Operation, Part, Plan
from tradewind.planning.guards import SOUND, Evidence, judge, unanswered

ORDER = (Operation.REMOVE, Operation.ADD, Operation.REFRESH)
"""Removals go before adds, so that the platform's own "time left" shows what the adds say. Urgent refreshes go before all."""


def plan(delta: Delta, evidence: Evidence = SOUND, approvals: Iterable[Approval] = ()) -> Plan:
    """The plan of a delta: it is held when a guard objects and no approval covers the count."""
    verdicts = judge(delta, evidence)
    decision = Decision.HOLD if unanswered(verdicts, approvals) else Decision.PROCEED
    return Plan(delta, verdicts, decision)


def batches(parts: Iterable[Part], *, again: bool = False, first: int = 0) -> Iterator[Batch]:
    """The batches of a delta in sending order: each is one row group of one part, so each row is in exactly one.

    With `again` those that say a second time what others have said; the number of the first of them is `first`.
    """
    number = first
    mine = [part for part in parts if part.again is again]
    for part in sorted(mine, key=lambda part: (not part.urgent, ORDER.index(part.operation), part.number)):
        for offset in range(0, part.rows, part.group_rows):
            rows = min(part.group_rows, part.rows - offset)
            yield Batch(number, part.number, offset, rows, part.operation, part.id_type, again=again)
            number += 1


def halves(batch: Batch, first_number: int) -> tuple[Batch, Batch]:
    """The two batches that take the place of one that was too large, or that hides a poisonous item.

    They keep its stamp: should no half be sent, what the whole may have done still has the time it was done at.
    """
    middle = batch.rows // 2
    unsent = replace(batch, fingerprint=None, sends=0)
    return (
        replace(unsent, number=first_number, rows=middle),
        replace(unsent, number=first_number + 1, offset=batch.offset + middle, rows=batch.rows - middle),
    )
