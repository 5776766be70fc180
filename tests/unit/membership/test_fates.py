"""How a batch ended, as the membership takes it: what may be at the platform is never taken for absent."""

from __future__ import annotations

from datetime import UTC, datetime

from tradewind.membership.facts import ACCEPTED, KEPT, UNKNOWN
from tradewind.membership.merge import Fate, fates_of
from tradewind.model.identifier import IdType
from tradewind.model.plan import Batch, Operation
from tradewind.model.run import BatchState, Line, LineClass, Outcome

BATCH = Batch(3, 0, 100, 10, Operation.ADD, IdType.DAID, datetime(2026, 7, 1, tzinfo=UTC))
REFUSED = (Line(4, "MissingUserId", LineClass.ROW), Line(0, "MissingUserId", LineClass.ROW))


def spans(fates: list[Fate]) -> list[tuple[int, int, str, tuple[int, ...]]]:
    """Offset, rows, outcome and refused rows."""
    return [(fate.batch.offset, fate.batch.rows, fate.outcome, fate.refused) for fate in fates]


def test_a_batch_without_an_outcome_is_in_doubt_unless_it_surely_was_not_applied() -> None:
    """Sent is unknown, planned is as before."""
    fates = fates_of([(BATCH, BatchState.SENT, None, ()), (BATCH, BatchState.PLANNED, None, ())])
    assert [fate.outcome for fate in fates] == [UNKNOWN, KEPT]


def test_what_the_only_answer_refuses_was_not_applied() -> None:
    """One fate, with the refused rows as before."""
    assert spans(fates_of([(BATCH, BatchState.SETTLED, Outcome(8, 2, 0), REFUSED)])) == [(100, 10, ACCEPTED, (0, 4))]


def test_what_a_later_answer_refuses_may_have_been_applied_by_an_earlier_attempt() -> None:
    """The first answer was lost, the second refuses two rows: those two are in doubt, so that leavers among them are removed."""
    assert spans(fates_of([(BATCH, BatchState.SENT, Outcome(8, 2, 0), REFUSED)])) == [
        (100, 1, UNKNOWN, ()),
        (101, 3, ACCEPTED, ()),
        (104, 1, UNKNOWN, ()),
        (105, 5, ACCEPTED, ()),
    ]
    last = (Line(9, "MissingUserId", LineClass.ROW),)
    assert spans(fates_of([(BATCH, BatchState.SENT, Outcome(9, 1, 0), last)])) == [(100, 9, ACCEPTED, ()), (109, 1, UNKNOWN, ())]
