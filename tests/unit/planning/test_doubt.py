"""Which requests may still be applied though nobody waits for them, and since when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from tradewind.ledger.base import UNCERTAIN_ANSWERS
from tradewind.model.identifier import IdType
from tradewind.model.plan import Batch, Operation
from tradewind.model.run import Answer, Attempt, BatchState
from tradewind.planning.doubt import doubts

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
NOW = NOON + timedelta(hours=1)


def at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


def a_batch(number: int, sends: int) -> Batch:
    return Batch(number, 0, 0, 10, Operation.ADD, IdType.DAID, NOON, None, sends)


def tried(batch: int, number: int, answer: Answer, minute: int) -> Attempt:
    return Attempt(batch, number, at(minute), at(minute + 1), answer, None, "", None)


def found(sent: Iterable[tuple[Batch, BatchState]], *attempts: Attempt) -> dict[int, datetime]:
    return dict(doubts(sent, attempts, UNCERTAIN_ANSWERS, NOW))


def test_what_was_answered_or_never_arrived_is_in_no_doubt() -> None:
    """An answer tells; a request that reached nobody cannot be applied."""
    one = (a_batch(0, 2), BatchState.SETTLED)
    assert found([one], tried(0, 1, Answer.UNREACHED, 0), tried(0, 2, Answer.APPLIED, 1)) == {}


def test_a_lost_answer_is_in_doubt_from_its_start_though_the_next_was_answered() -> None:
    """The last of them counts."""
    one = (a_batch(0, 3), BatchState.SENT)
    attempts = (tried(0, 1, Answer.UNKNOWN, 0), tried(0, 2, Answer.UNKNOWN, 2), tried(0, 3, Answer.APPLIED, 4))
    assert found([one], *attempts) == {0: at(2)}


def test_a_request_without_a_record_began_before_whatever_came_next() -> None:
    """The process ended while it was under way: before the next request, or before now when there was none."""
    assert found([(a_batch(0, 2), BatchState.SETTLED)], tried(0, 2, Answer.APPLIED, 7)) == {0: at(7)}
    assert found([(a_batch(0, 1), BatchState.SENT)]) == {0: NOW}
    assert found([(a_batch(0, 0), BatchState.PLANNED)]) == {}


def test_doubt_of_a_batch_that_was_split_is_doubt_of_every_batch() -> None:
    """Which were its halves is not known any more."""
    sent = [(a_batch(2, 1), BatchState.SETTLED), (a_batch(3, 1), BatchState.SETTLED)]
    attempts = (tried(1, 1, Answer.UNATTRIBUTED, 3), tried(2, 1, Answer.APPLIED, 5), tried(3, 1, Answer.APPLIED, 6))
    assert found(sent, *attempts) == {2: at(3), 3: at(3)}
