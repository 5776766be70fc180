"""Sends the batches of a plan: intent written, request sent, answer judged, outcome written; nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from tradewind.clock import Clock
from tradewind.delivery.retry import Next, Step, decide
from tradewind.destinations.base import Destination, Request, Sheet
from tradewind.errors import EngineError
from tradewind.ledger.base import Ledger
from tradewind.membership.parts import PartReader
from tradewind.model.destination import Secret
from tradewind.model.plan import Batch, Part
from tradewind.model.run import Answer, Attempt, Claim, Line, LineClass, Outcome, Receipt
from tradewind.model.sync import Binding
from tradewind.moment import reached
from tradewind.planning.planner import halves

LEASE = timedelta(minutes=2)
"""How long a claim lasts; longer than the deadline of a request, and renewed once a third of it is gone."""

STALE = timedelta(hours=24)
"""A batch stamped longer ago is not sent again: its expiry would lie too near, and a later plan knows better."""

SLICE = 30.0
"""Seconds of waiting after which the claim is looked after."""

COMPARE = 1.0
"""Seconds for which the binding, once compared with catalog and vault, is taken to be the same."""

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


@dataclass(frozen=True)
class Ready:
    """A batch as it goes out, with what is pinned then, and its request."""

    batch: Batch
    request: Request


def deliver(delivery: Delivery) -> Stop | None:
    """Send every batch that is not settled, each until it is settled or given up. Returns what stopped it early.

    One request is under way at a time; the next is laid out and signed meanwhile. Raises LedgerError when the claim is
    lost. A batch given up stays as the ledger has it: unknown, or not sent.
    """
    with PartReader(delivery.folder, delivery.parts) as reader, ThreadPoolExecutor(1, "deliver") as beside:
        return _Sender(delivery, reader, beside).send_all()


class _Sender:
    """One delivery under way."""

    def __init__(self, delivery: Delivery, reader: PartReader, beside: ThreadPoolExecutor) -> None:
        self.delivery, self.reader, self.beside = delivery, reader, beside
        self.secret = delivery.secret()
        account = delivery.ledger.account(delivery.claim.run)
        self.done, self.planned = account.accepted + account.rejected, account.planned
        self.poisoned = 0
        self.sheets = [Sheet(), Sheet()]
        self.renewed = self.compared = -LEASE.total_seconds()

    def send_all(self) -> Stop | None:
        """Pass over what is pending until nothing is left; halves of a batch come in the next pass."""
        left: set[int] = set()
        while todo := [batch for batch in self.delivery.ledger.pending(self.delivery.claim.run) if batch.number not in left]:
            ready: Ready | None = None
            for batch, after in pairwise([*todo, None]):
                assert batch is not None, "only the end of the list is nothing"
                if self._stale(batch):
                    left.add(batch.number)
                    continue
                if ready is None:
                    if stop := self._changed():
                        return stop
                    ready = self._prepare(batch)
                    self.delivery.ledger.sent(self.delivery.claim, ready.batch)
                following, receipt, ready = self._send(ready, None if after is None or self._stale(after) else after)
                if following.step is Step.GIVE_UP:
                    left.add(batch.number)
                if stop := self._stopped_by(following, receipt):
                    return stop
                self.delivery.watch("delivering", self.done, self.planned)
        return None

    def _prepare(self, batch: Batch) -> Ready:
        """Lay a batch out and sign it; a stamp it has is kept, so that a re-send is the same bytes."""
        stamp = batch.stamp or self.delivery.clock.now().astimezone(UTC).replace(microsecond=0)
        batch = replace(batch, stamp=stamp, sends=batch.sends + 1)
        self.sheets.reverse()  # the other one may be on its way
        request = self.delivery.destination.prepare(self.delivery.binding, batch, self.reader.read(batch), self.secret, self.sheets[0])
        _compare(batch, request)
        reached("request.signed")
        return Ready(replace(batch, fingerprint=request.fingerprint), request)

    def _send(self, ready: Ready, after: Batch | None) -> tuple[Next, Receipt, Ready | None]:
        """One batch that is written as sent, again and again until it is settled, split or given up, or everything stops.

        The batch after it is made ready meanwhile; when the first request went through, its receipt and the intent of
        the next are one transaction, and the next is returned.
        """
        delivery, coming = self.delivery, None
        while True:
            sent_at = delivery.clock.now()
            answer = self.beside.submit(delivery.destination.send, ready.request)
            coming, after = self._made_ready(after), None
            receipt = answer.result()
            following = decide(receipt, ready.batch.sends, ready.batch.rows, delivery.chance())
            if following.step is not Step.SETTLE or self._changed():
                coming = None
            self._write(ready.batch, receipt, following, sent_at, coming.batch if coming else None)
            if following.step is not Step.RESEND:
                return following, receipt, coming
            self._wait(following.wait)
            ready = replace(ready, batch=replace(ready.batch, sends=ready.batch.sends + 1))
            delivery.ledger.sent(delivery.claim, ready.batch)

    def _made_ready(self, batch: Batch | None) -> Ready | None:
        """The same, where it can be; what is wrong with a batch comes up again in its own turn, once the one under way is settled."""
        try:
            return self._prepare(batch) if batch else None
        except Exception:
            return None

    def _write(self, batch: Batch, receipt: Receipt, following: Next, sent_at: datetime, upcoming: Batch | None) -> None:
        """What an attempt gave. What was applied is settled even when the answer stops everything else."""
        ledger, claim, now = self.delivery.ledger, self.delivery.claim, self.delivery.clock.now()
        attempt = Attempt(batch.number, batch.sends, sent_at, now, receipt.answer, receipt.status, receipt.note, receipt.request_id)
        if receipt.answer is Answer.APPLIED:
            rejected = len(receipt.lines)
            ledger.settle(claim, batch, attempt, Outcome(batch.rows - rejected, rejected, 0), receipt.lines, upcoming)
            self.done += batch.rows
        elif following.step is Step.SPLIT:
            ledger.answered(claim, batch, attempt, halves(batch, ledger.next_number(claim.run)))
        elif following.step is Step.GIVE_UP and receipt.answer in REFUSALS:
            alone = (Line(0, f"status {receipt.status}", LineClass.ROW),)
            ledger.settle(claim, batch, attempt, Outcome(0, 1, 0), alone)
            self.done += 1
        else:
            ledger.answered(claim, batch, attempt)

    def _stopped_by(self, following: Next, receipt: Receipt) -> Stop | None:
        """Whether an answer ends more than its batch."""
        if following.step in {Step.PAUSE, Step.STOP_SYNC}:
            return Stop(following.sentence, pauses=following.step is Step.PAUSE)
        self.poisoned += following.step is Step.SPLIT and receipt.answer is Answer.POISONED
        if self.poisoned > POISONED_LIMIT:
            return Stop(f"the platform refused {self.poisoned} whole requests without naming an item ({receipt.note})", pauses=False)
        if following.step is Step.GIVE_UP and receipt.answer in SILENCE:
            return Stop(f"the platform gave no answer that settles anything ({receipt.note or receipt.answer.value})", pauses=False)
        return None

    def _changed(self) -> Stop | None:
        """Whether the run may still send by its binding. Keeps the claim."""
        self._renew()
        now = self.delivery.clock.monotonic()
        if now - self.compared >= COMPARE:
            if self.delivery.bound_now() != self.delivery.binding:
                return Stop("the connection, its secret or the sync was changed meanwhile; the next run goes by the change", pauses=False)
            self.compared = now
        return None

    def _stale(self, batch: Batch) -> bool:
        return batch.stamp is not None and self.delivery.clock.now() - batch.stamp > STALE

    def _wait(self, seconds: float) -> None:
        """Wait, and keep the claim meanwhile."""
        reached("delivery.waiting")
        while seconds > 0:
            self.delivery.clock.sleep(min(seconds, SLICE))
            seconds -= SLICE
            self._renew()

    def _renew(self) -> None:
        """Renew the claim when it is time."""
        moment, now = self.delivery.clock.monotonic(), self.delivery.clock.now()
        if moment - self.renewed >= LEASE.total_seconds() / 3:
            self.delivery.ledger.claim(self.delivery.claim.run, self.delivery.claim.owner, now, now + LEASE)
            reached("claim.renewed")
            self.renewed = moment


def _compare(batch: Batch, request: Request) -> None:
    """A re-send holds the identifiers that were sent. (What they share may be laid out otherwise after an upgrade.)"""
    if batch.fingerprint and batch.fingerprint.rpartition("-")[2] != request.fingerprint.rpartition("-")[2]:
        raise EngineError(
            f"batch {batch.number} was sent before, and its file, part {batch.part}, no longer holds what was sent; "
            "put the file back as it was, and run the sync again"
        )
