"""What to do after an answer: one pure function from (receipt, sends so far, items, chance) to the next step."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tradewind.model.run import Answer, LineClass, Receipt

TRIES = 5
"""Sends of one batch within one run; after them it stays pending, without end, for the runs that follow."""

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds: bounds of the backoff when the platform does not say how long to wait."""

THROTTLED_WAIT = 60.0
"""Seconds to wait after a 429 that does not say how long; its window is a minute."""


PAUSES = {
    Answer.FORBIDDEN: "the platform refuses this account: check its id, secret and region",
    Answer.MISDIRECTED: "the address does not answer as the platform does: check the region",
}
"""Answers that every request of the connection would get, until a person has mended it."""


class Step(StrEnum):
    """What follows. SETTLE: every item is accepted but the receipt's lines. GIVE_UP: not in this run."""

    SETTLE = "settle"
    RESEND = "resend"
    SPLIT = "split"
    GIVE_UP = "give_up"
    PAUSE = "pause"
    STOP_SYNC = "stop_sync"


@dataclass(frozen=True)
class Next:
    """The step, the seconds to wait before it, and for a step that stops something the sentence a person reads."""

    step: Step
    wait: float = 0.0
    sentence: str = ""


def decide(receipt: Receipt, sends: int, items: int, chance: float) -> Next:
    """The next step for a batch of `items` identifiers that was sent `sends` times, this one included.

    `chance` in [0, 1) is the jitter. Whatever the answer leaves unclear is never settled here: it is sent again as it
    is (an upsert with the same stamp changes nothing), halved, or left for a later run.
    """
    if receipt.answer in PAUSES:
        return Next(Step.PAUSE, sentence=_sentence(PAUSES[receipt.answer], receipt))
    match receipt.answer:
        case Answer.APPLIED:
            return _settled(receipt)
        case Answer.POISONED | Answer.TOO_LARGE | Answer.UNATTRIBUTED if items > 1:
            return Next(Step.SPLIT)
        case Answer.POISONED | Answer.TOO_LARGE:
            return Next(Step.GIVE_UP)
    if sends >= TRIES:
        return Next(Step.GIVE_UP)
    unasked = THROTTLED_WAIT if receipt.answer is Answer.THROTTLED else backoff(sends, chance)
    return Next(Step.RESEND, unasked if receipt.wait is None else receipt.wait)


def backoff(sends: int, chance: float) -> float:
    """Seconds before the next send: full jitter under a bound that doubles with each send."""
    return chance * min(LONGEST_WAIT, FIRST_WAIT * float(1 << min(sends, 10)))


def _settled(receipt: Receipt) -> Next:
    """A refusal that every item would meet stops more than the item; the account's comes before the sync's."""
    for line_class, step, words in (
        (LineClass.CONNECTION, Step.PAUSE, "the platform refuses what this account sends"),
        (LineClass.SYNC, Step.STOP_SYNC, "the platform refuses what this sync sends: its segment name or TTL"),
    ):
        codes = sorted({line.code for line in receipt.lines if line.line_class is line_class})
        if codes:
            return Next(step, sentence=_sentence(f"{words} ({', '.join(codes)})", receipt))
    return Next(Step.SETTLE)


def _sentence(words: str, receipt: Receipt) -> str:
    said = "; ".join(part for part in (f"status {receipt.status}" if receipt.status else "", receipt.note) if part)
    return f"{words}; it said: {said}" if said else words
