"""Sends the batches of a plan: intent written, request sent, answer judged, outcome written; nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tradewind.clock import Clock
from tradewind.delivery.retry import Next, Step, decide
from tradewind.destinations.base import Destination
from tradewind.ledger.base import Ledger
from tradewind.membership.parts import read_batch
from tradewind.model.destination import Secret
from tradewind.model.plan import Batch, Part
from tradewind.model.run import Answer, Attempt, Claim, Line, LineClass, Outcome, Receipt
from tradewind.model.sync import Binding
from tradewind.planning.planner import halves

LEASE = timedelta(minutes=2)
"""How long a claim lasts; longer than the deadline of a request, and renewed while waiting."""

STALE = timedelta(hours=24)
"""A batch stamped longer ago is not sent again: its expiry would lie too near, and a later plan knows better."""

SLICE = 30.0
"""Seconds of waiting after which the claim is renewed."""


POISONED_LIMIT = 60
"""Whole requests refused without naming an item in one run: enough halvings for four poisonous items, not for a general fault."""

SILENCE = frozenset({Answer.UNREACHED, Answer.UNKNOWN, Answer.THROTTLED})
"""Answers that say nothing of the batch: after as many as are tried, the next batch would fare no better."""

REFUSALS = frozenset({Answer.POISONED, Answer.TOO_LARGE})
"""Answers that refuse a whole request; of a request with one item they refuse the item."""


@dataclass(frozen=True)
class Delivery:
    """What is needed to send: the books, the platform, the binding, and where the identifiers lie."""

    ledger: Ledger
    destination: Destination
    clock: Clock
    chance: Callable[[], float]
    claim: Claim
    binding: Binding
    folder: Path
    parts: Sequence[Part]
    secret: Callable[[], Secret]
    bound_now: Callable[[], Binding]
    watch: Callable[[str, int, int], None]


@dataclass(frozen=True)
class Stop:
    """Why nothing more is sent in this run; `pauses` when the connection must wait for a person."""

    sentence: str
    pauses: bool


def deliver(delivery: Delivery) -> Stop | None:
    """Send every batch that is not settled, each until it is settled or given up. Returns what stopped it early.

    Raises LedgerError when the claim is lost. A batch given up stays as the ledger has it: unknown, or not sent.
    """
    secret = delivery.secret()
    left: set[int] = set()
    poisoned = 0
    while todo := [batch for batch in delivery.ledger.pending(delivery.claim.run) if batch.number not in left]:
        for batch in todo:
            _renew(delivery)
            if delivery.bound_now() != delivery.binding:
                return Stop("the connection, its secret or the sync was changed meanwhile; the next run goes by the change", pauses=False)
            if batch.stamp and delivery.clock.now() - batch.stamp > STALE:
                left.add(batch.number)
                continue
            following, receipt = _send(delivery, batch, secret)
            if following.step in {Step.PAUSE, Step.STOP_SYNC}:
                return Stop(following.sentence, pauses=following.step is Step.PAUSE)
            poisoned += following.step is Step.SPLIT and receipt.answer is Answer.POISONED
            if poisoned > POISONED_LIMIT:
                return Stop(f"the platform refused {poisoned} whole requests without naming an item ({receipt.note})", pauses=False)
            if following.step is Step.GIVE_UP:
                left.add(batch.number)
                if receipt.answer in SILENCE:
                    return Stop(f"the platform gave no answer that settles anything ({receipt.note or receipt.answer.value})", pauses=False)
            account = delivery.ledger.account(delivery.claim.run)
            delivery.watch("delivering", account.accepted + account.rejected, account.planned)
    return None


def _send(delivery: Delivery, batch: Batch, secret: Secret) -> tuple[Next, Receipt]:
    """One batch, again and again until it is settled, split or given up, or everything stops."""
    part = next(part for part in delivery.parts if part.number == batch.part)
    ids = read_batch(delivery.folder, part, batch)
    stamp = batch.stamp or delivery.clock.now().astimezone(UTC).replace(microsecond=0)
    while True:
        batch = replace(batch, stamp=stamp, sends=batch.sends + 1)
        request = delivery.destination.prepare(delivery.binding, batch, ids, secret)
        batch = replace(batch, body_sha256=request.sha256)
        delivery.ledger.sent(delivery.claim, batch)
        sent_at = delivery.clock.now()
        receipt = delivery.destination.send(request)
        following = decide(receipt, batch.sends, batch.rows, delivery.chance())
        _write(delivery, batch, receipt, following, sent_at)
        if following.step is not Step.RESEND:
            return following, receipt
        _wait(delivery, following.wait)


def _write(delivery: Delivery, batch: Batch, receipt: Receipt, following: Next, sent_at: datetime) -> None:
    """What an attempt gave. What was applied is settled even when the answer stops everything else."""
    now = delivery.clock.now()
    attempt = Attempt(batch.number, batch.sends, sent_at, now, receipt.answer, receipt.status, receipt.note, receipt.request_id)
    if receipt.answer is Answer.APPLIED:
        rejected = len(receipt.lines)
        delivery.ledger.settle(delivery.claim, batch, attempt, Outcome(batch.rows - rejected, rejected, 0), receipt.lines)
    elif following.step is Step.SPLIT:
        first = delivery.ledger.next_number(delivery.claim.run)
        delivery.ledger.answered(delivery.claim, batch, attempt, halves(batch, first))
    elif following.step is Step.GIVE_UP and receipt.answer in REFUSALS:
        alone = (Line(0, f"status {receipt.status}", LineClass.ROW),)
        delivery.ledger.settle(delivery.claim, batch, attempt, Outcome(0, 1, 0), alone)
    else:
        delivery.ledger.answered(delivery.claim, batch, attempt)


def _wait(delivery: Delivery, seconds: float) -> None:
    """Wait, and keep the claim meanwhile."""
    while seconds > 0:
        delivery.clock.sleep(min(seconds, SLICE))
        seconds -= SLICE
        _renew(delivery)


def _renew(delivery: Delivery) -> None:
    now = delivery.clock.now()
    delivery.ledger.claim(delivery.claim.run, delivery.claim.owner, now, now + LEASE)
