"""Guards: reasons to hold a plan until a person has looked; one small pure function each."""

from __future__ import annotations

from collections.abc import Iterable

from tradewind.model.plan import Approval, Delta, Operation, Verdict

LEAVERS_ALWAYS_ALLOWED = 500
LEAVERS_SHARE = 0.25
SMALL_SEGMENT = 50
SMALL_SEGMENT_SHARE = 0.5


def judge(delta: Delta, gone: Iterable[str]) -> tuple[Verdict, ...]:
    """Every verdict against a delta. `gone` are the mapped columns that the data had before and has no more."""
    found = (column_gone(tuple(gone)), empty(delta), shrink(delta))
    return tuple(verdict for verdict in found if verdict)


def column_gone(gone: tuple[str, ...]) -> Verdict | None:
    """A column of the identity map has gone from the data: its identifiers would all be removed."""
    if not gone:
        return None
    return Verdict("column_gone", len(gone), 0, f"mapped, in the data before, and there no more: {', '.join(gone)}")


def empty(delta: Delta) -> Verdict | None:
    """Nobody is left, although the segment holds people who did not say no."""
    held = delta.held - delta.suppressed
    if delta.desired or not held:
        return None
    return Verdict("empty", held, 0, f"the cohort gives no identifier, and {held:,} would be removed")


def shrink(delta: Delta) -> Verdict | None:
    """More leave than max(500, 25 %) of the segment, or more than half of a segment of at least 50; who said no is not counted."""
    leavers, held = delta.count(Operation.REMOVE) - delta.suppressed, delta.held - delta.suppressed
    limit = max(LEAVERS_ALWAYS_ALLOWED, int(held * LEAVERS_SHARE))
    if held >= SMALL_SEGMENT:
        limit = min(limit, int(held * SMALL_SEGMENT_SHARE))
    if leavers <= limit or not delta.desired:
        return None
    return Verdict("shrink", leavers, limit, f"{leavers:,} of {held:,} identifiers would be removed; at most {limit:,} pass unseen")


def unanswered(verdicts: Iterable[Verdict], approvals: Iterable[Approval]) -> tuple[Verdict, ...]:
    """The verdicts no approval answers. An approval names the guard and a count, and covers no larger one."""
    allowed = {approval.guard: approval.count for approval in approvals}
    return tuple(verdict for verdict in verdicts if verdict.count > allowed.get(verdict.guard, -1))
