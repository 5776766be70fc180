"""The table of answers, one row a test: what the next step is, and what it never is."""

from __future__ import annotations

import pytest

from tradewind.delivery.retry import LONGEST_WAIT, TRIES, Next, Step, backoff, decide
from tradewind.model.run import Answer, Line, LineClass, Receipt


def step(receipt: Receipt, *, sends: int = 1, items: int = 100) -> Step:
    return decide(receipt, sends, items, 0.5).step


def applied(*classes: LineClass) -> Receipt:
    return Receipt(Answer.APPLIED, tuple(Line(item, f"Code{item}", line_class) for item, line_class in enumerate(classes)), 200)


@pytest.mark.parametrize(
    ("answer", "first", "last", "single"),
    [
        (Answer.UNREACHED, Step.RESEND, Step.GIVE_UP, Step.RESEND),
        (Answer.UNKNOWN, Step.RESEND, Step.GIVE_UP, Step.RESEND),
        (Answer.THROTTLED, Step.RESEND, Step.GIVE_UP, Step.RESEND),
        (Answer.UNATTRIBUTED, Step.SPLIT, Step.SPLIT, Step.RESEND),
        (Answer.POISONED, Step.SPLIT, Step.SPLIT, Step.GIVE_UP),
        (Answer.TOO_LARGE, Step.SPLIT, Step.SPLIT, Step.GIVE_UP),
        (Answer.FORBIDDEN, Step.PAUSE, Step.PAUSE, Step.PAUSE),
        (Answer.MISDIRECTED, Step.PAUSE, Step.PAUSE, Step.PAUSE),
        (Answer.APPLIED, Step.SETTLE, Step.SETTLE, Step.SETTLE),
    ],
)
def test_the_table(answer: Answer, first: Step, last: Step, single: Step) -> None:
    assert step(Receipt(answer)) is first
    assert step(Receipt(answer), sends=TRIES) is last
    assert step(Receipt(answer), items=1) is single


def test_the_table_has_every_answer_and_only_applied_settles() -> None:
    settling = {
        answer
        for answer in Answer
        for sends in (1, TRIES)
        for items in (1, 2)
        if step(Receipt(answer), sends=sends, items=items) is Step.SETTLE
    }
    assert settling == {Answer.APPLIED}


@pytest.mark.parametrize("line_class", [LineClass.ROW, LineClass.UNMATCHED, LineClass.TRANSIENT])
def test_a_refused_item_stops_nothing(line_class: LineClass) -> None:
    assert decide(applied(line_class), 1, 100, 0.5) == Next(Step.SETTLE)


def test_what_every_item_would_meet_stops_the_sync_or_the_connection() -> None:
    stop = decide(applied(LineClass.ROW, LineClass.SYNC), 1, 100, 0.5)
    assert stop.step is Step.STOP_SYNC
    assert "Code1" in stop.sentence
    assert "Code0" not in stop.sentence
    pause = decide(applied(LineClass.SYNC, LineClass.CONNECTION), 1, 100, 0.5)
    assert (pause.step, "Code1" in pause.sentence) == (Step.PAUSE, True)


def test_a_pause_repeats_what_the_platform_said() -> None:
    pause = decide(Receipt(Answer.FORBIDDEN, status=403, note="IncorrectPermissions"), 1, 100, 0.5)
    assert pause.sentence == "the platform refuses this account: check its id, secret and region; it said: status 403; IncorrectPermissions"


def test_the_platforms_own_wait_is_obeyed_to_the_second() -> None:
    for answer in (Answer.THROTTLED, Answer.UNKNOWN):
        assert decide(Receipt(answer, wait=7.0), 1, 100, 0.9).wait == 7.0
    assert decide(Receipt(Answer.THROTTLED), 1, 100, 0.0).wait == 60.0


def test_backoff_grows_jitters_and_is_bounded() -> None:
    assert [backoff(sends, 1.0) for sends in (1, 2, 3, 4)] == [2.0, 4.0, 8.0, 16.0]
    assert backoff(3, 0.25) == 2.0
    assert backoff(10**6, 1.0) == LONGEST_WAIT
    assert decide(Receipt(Answer.UNKNOWN), 2, 100, 0.5).wait == backoff(2, 0.5)
