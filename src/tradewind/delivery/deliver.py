"""Sends the batches of a plan: intent written, request sent, answer judged, outcome written; nothing is guessed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from tradewind.clock import Clock
from tradewind.delivery.retry import Next, Step, decide
from tradewind.delivery.room import ASK, Room, endpoint
from tradewind.delivery.senders import Senders, Work
from tradewind.destinations.base import Destination, Request, Sheet
from tradewind.door import DEADLINE
from tradewind.errors import EngineError, LedgerError
from tradewind.ledger.base import Ledger
from tradewind.membership.parts import PartReader
from tradewind.model.destination import Secret
from tradewind.model.plan import Batch, Operation, Part
from tradewind.model.run import Answer, Attempt, Claim, Entry, Line, LineClass, Outcome, Receipt
from tradewind.model.sync import Binding
from tradewind.moment import reached
from tradewind.planning.planner import halves
from tradewind.span import span

LEASE = timedelta(minutes=2)
"""Within this time another worker has begun again what a dead one had in hand, and ended it if little was left."""

CLAIM = 0.75 * LEASE
"""How long a claim lasts, renewed once a quarter of it is gone; the rest of a lease is for the other worker to see that it is over."""

STALE = timedelta(hours=24)
"""A batch stamped longer ago is not sent again: its expiry would lie too near, and a later plan knows better."""

SLICE = 10.0
"""Seconds of waiting after which claim and slots are looked after."""

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
    """What is needed to send: the books, the platform, the binding, and where the identifiers lie.

    `said_no` is given how to read the identifiers of a batch, and says whether one of them was suppressed since the plan was made.
    """

    ledger: Ledger
    destination: Destination
    clock: Clock
    chance: Callable[[], float]
    claim: Claim
    binding: Binding
    folder: Path
    parts: Sequence[Part]
    secret: Callable[[], Secret]
    bound_now: Callable[[], Binding | None]
    said_no: Callable[[Callable[[], Any]], bool]
    watch: Callable[[str, int, int], None]


@dataclass(frozen=True)
class Stop:
    """Why nothing more is sent in this run; `pauses` when the connection must wait for a person."""

    sentence: str
    pauses: bool


@dataclass(frozen=True)
class Ready:
    """A batch as it goes out, with what is pinned then, its request, and the sheet that this lies on."""

    batch: Batch
    request: Request
    sheet: Sheet


@dataclass(eq=False)
class Sent:
    """A request under way: when it left, when the claim had been renewed, and what came of it: a receipt, or what kept it from leaving."""

    ready: Ready
    at: datetime
    renewed: float
    came: Receipt | BaseException | None = None


def deliver(delivery: Delivery) -> Stop | None:
    """Send every batch that is not settled, each until it is settled or given up. Returns what stopped it early.

    As many requests are under way as there is room for; the next are laid out and signed meanwhile. What ends it early, an
    error or a call to stop out of `watch`, waits for the answers of those under way and writes them. Raises LedgerError when
    the claim is lost. A batch given up stays as the ledger has it: unknown, or not sent.
    """
    at_once = delivery.destination.spec.limits.at_once
    with PartReader(delivery.folder, delivery.parts) as reader:
        sender = _Sender(delivery, reader, at_once)
        with sender.senders:
            return sender.send_all()


class _Sender:
    """One delivery under way, in one thread: whoever waits for the platform keeps nobody else from anything.

    A batch is in one place at a time: in `todo`, made `ready`, `under_way`, or to be sent `again` at its time, which keeps its slot:
    so a crash leaves at most one batch a slot in doubt.
    """

    def __init__(self, delivery: Delivery, reader: PartReader, at_once: int) -> None:
        self.delivery, self.reader, self.senders = delivery, reader, Senders()
        target, run = delivery.binding.target, delivery.claim.run
        self.room = Room(delivery.ledger.slots, delivery.clock, endpoint(target.url, target.advertiser), run, at_once)
        self.secret = delivery.secret()
        account = delivery.ledger.account(run)
        self.done, self.planned = account.accepted + account.rejected, account.planned
        self.todo, self.ready = deque[Batch](), deque[Ready]()
        self.under_way: list[Sent] = []
        self.again: list[tuple[float, Ready]] = []
        self.entries: list[Entry] = []
        self.left: set[int] = set()
        self.sheets = deque[Sheet]()
        self.stop: Stop | None = None
        self.poisoned = self.new_number = 0
        self.renewed = self.compared = float("-inf")

    def send_all(self) -> Stop | None:
        """Turn after turn, until nothing is left or something stops it."""
        failure: BaseException | None = None
        try:
            while not self._stopped() and self._more():
                self._make_ready()
                if not self._turn():
                    self._wait()
        except LedgerError:
            raise
        except BaseException as error:
            failure = error
        failure = self._wind_up() or failure
        self.room.give_back()
        if failure:
            raise failure
        return self.stop

    def _stopped(self) -> Stop | None:
        """What stops the delivery: an answer, or a binding that is no longer the run's. Keeps the claim."""
        self._renew()
        now = self.delivery.clock.monotonic()
        if self.stop is None and now - self.compared >= COMPARE:
            if self.delivery.bound_now() != self.delivery.binding:
                self.stop = Stop(
                    "the connection, its secret or the sync was changed meanwhile; the next run goes by the change", pauses=False
                )
            self.compared = now
        return self.stop

    def _more(self) -> bool:
        """Whether there is work; halves of a batch come in the next pass over what is pending."""
        if not self._busy():
            pending = self.delivery.ledger.pending(self.delivery.claim.run)
            self.todo.extend(batch for batch in pending if batch.number not in self.left)
        return self._busy()

    def _busy(self) -> bool:
        return bool(self.todo or self.ready or self.under_way or self.again)

    def _make_ready(self) -> None:
        """Lay out and sign what may leave soon."""
        while self.todo and len(self.ready) < self.room.width.whole and not self.room.wait():
            batch = self.todo.popleft()
            if batch.stamp is not None and self.delivery.clock.now() - batch.stamp > STALE:
                self.left.add(batch.number)
            elif _as_sent(batch, ready := self._prepare(batch)):
                self.ready.append(ready)
            else:
                self._leave(ready)

    def _prepare(self, batch: Batch) -> Ready:
        """A stamp that a batch has is kept, so that a re-send is the same bytes. Where items have their own, it is a whole minute,
        since a TTL is: then all lapse at one instant."""
        events, now = self.reader.events(batch), self.delivery.clock.now().astimezone(UTC)
        stamp = batch.stamp or (now.replace(microsecond=0) if events is None else now.replace(second=0, microsecond=0))
        pinned = replace(batch, stamp=stamp, sends=batch.sends + 1)
        sheet = self.sheets.popleft() if self.sheets else Sheet()
        request = self.delivery.destination.prepare(self.delivery.binding, pinned, self.reader.read(batch), self.secret, sheet, events)
        reached("request.signed")
        return Ready(replace(pinned, fingerprint=request.fingerprint), request, sheet)

    def _turn(self) -> bool:
        """Take what was answered and send what there is room for, both in one transaction; whether there was anything to do."""
        self._hear()
        self.delivery.watch("delivering", self.done, self.planned)
        leaving = [each for each in self._leaving() if not self._stays(each)] if self.stop is None else []
        if not self.entries and not leaving:
            return False
        self._write([ready.batch for ready in leaving])
        now = self.delivery.clock.now()
        for ready in leaving:
            self.under_way.append(Sent(ready, now, self.renewed))
            self.senders.hand(self._work(self.under_way[-1]))
        return True

    def _work(self, sent: Sent) -> Work:
        """One request, from its leaving to what came of it."""
        try:
            sent.came = yield from self._send(sent)
        except BaseException as error:
            sent.came = error

    def _send(self, sent: Sent) -> Generator[Any, Any, Receipt]:
        """When the process stood still for so long that the claim may end before the answer comes, nothing leaves: the run may be
        another's by then."""
        if self.delivery.clock.monotonic() - sent.renewed + DEADLINE >= CLAIM.total_seconds():
            return Receipt(Answer.UNREACHED, note="this process stood still; nothing was sent")
        batch, request, destination = sent.ready.batch, sent.ready.request, self.delivery.destination
        with span("send", operation=batch.operation.value, items=batch.rows, bytes=len(request.body), attempt=batch.sends) as tell:
            at_hand = destination.at_hand(request)
            receipt: Receipt = (yield from at_hand) if at_hand else (yield partial(destination.send, request))
            tell(answer=receipt.answer.value, status=receipt.status or 0)
        return replace(receipt, note=self.secret.struck_from(receipt.note)) if receipt.note else receipt

    def _leaving(self) -> list[Ready]:
        """What leaves now: first what is due again, which has its slot, then new batches in what slots are free."""
        using = len(self.under_way) + len(self.again)
        allowed = self.room.allowed(using + len(self.ready) + len(self.todo), using)
        now = self.delivery.clock.monotonic()
        due = [each for each in self.again if each[0] <= now][: max(0, allowed - len(self.under_way))]
        self.again = [each for each in self.again if not any(each is one for one in due)]
        leaving = [replace(ready, batch=replace(ready.batch, sends=ready.batch.sends + 1)) for _, ready in due]
        out = [sent.ready for sent in self.under_way] + [ready for _, ready in self.again] + leaving
        while self.ready and len(out) < allowed and all(self.ready[0].batch.operation is ready.batch.operation for ready in out):
            out.append(self.ready.popleft())  # removals are answered before an add leaves, and adds before a refresh
            leaving.append(out[-1])
        return leaving

    def _stays(self, ready: Ready) -> bool:
        """Whether a batch names somebody who said no since the plan was made; then it is left to the next plan."""
        batch = ready.batch
        if batch.operation is Operation.REMOVE or not self.delivery.said_no(lambda: self.reader.read(batch)):
            return False
        self._leave(ready)
        return True

    def _leave(self, ready: Ready) -> None:
        """Leave a batch that was made ready to a later plan."""
        self.left.add(ready.batch.number)
        self.sheets.append(ready.sheet)

    def _hear(self) -> None:
        """Judge every answer that is there. What a request could not even be sent for is raised once the others are judged."""
        self.senders.wait(0)
        failures = []
        for sent in [each for each in self.under_way if each.came]:
            self.under_way.remove(sent)
            if isinstance(sent.came, Receipt):
                self._judge(sent, sent.came)
            elif sent.came:
                failures.append(sent.came)
        if failures:
            raise failures[0]

    def _judge(self, sent: Sent, receipt: Receipt) -> None:
        """What an attempt gave. What was applied is settled even when the answer stops everything else."""
        ready, batch = sent.ready, sent.ready.batch
        following = decide(receipt, batch.sends, batch.rows, self.delivery.chance())
        self.room.told(receipt)
        now = self.delivery.clock.now()
        attempt = Attempt(batch.number, batch.sends, sent.at, now, receipt.answer, receipt.status, receipt.note, receipt.request_id)
        if receipt.answer is Answer.APPLIED:
            rejected = len(receipt.lines)
            entry = Entry(batch, attempt, Outcome(batch.rows - rejected, rejected, 0), receipt.lines)
        elif following.step is Step.SPLIT:
            entry = Entry(batch, attempt, halves=halves(batch, self._two_numbers()))
        elif following.step is Step.GIVE_UP and receipt.answer in REFUSALS:
            entry = Entry(batch, attempt, Outcome(0, 1, 0), (Line(0, f"status {receipt.status}", LineClass.ROW),))
        else:
            entry = Entry(batch, attempt)
            if following.step is Step.GIVE_UP:
                self.left.add(batch.number)
        self.entries.append(entry)
        self.done += batch.rows if entry.outcome else 0
        if following.step is Step.RESEND:
            self.again.append((self.delivery.clock.monotonic() + following.wait, ready))
        else:
            self.sheets.append(ready.sheet)
        self.stop = self.stop or self._stopped_by(following, receipt)

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

    def _write(self, leaving: Sequence[Batch]) -> None:
        entries, self.entries = self.entries, []
        self.delivery.ledger.advance(self.delivery.claim, entries, leaving)

    def _two_numbers(self) -> int:
        self.new_number = 2 + (self.new_number or self.delivery.ledger.next_number(self.delivery.claim.run))
        return self.new_number - 2

    def _wait(self) -> None:
        """Until an answer comes, or until something may be due."""
        if not self._busy():
            return
        now = self.delivery.clock.monotonic()
        times = [each for each in (self.room.wait(), *(due - now for due, _ in self.again)) if each > 0]
        seconds = min(times, default=SLICE if self.under_way else ASK)
        if self.under_way:
            self.senders.wait(min(seconds, SLICE))
        else:
            reached("delivery.waiting")
            self.delivery.clock.sleep(min(seconds, SLICE))

    def _wind_up(self) -> BaseException | None:
        """Nothing more is sent: wait for what is under way, and write what was answered. Returns what one of them failed with."""
        failure: BaseException | None = None
        while self.under_way:
            self.senders.wait(SLICE)
            try:
                self._hear()
            except Exception as error:
                failure = error
        if self.entries:
            self._write([])
        return failure

    def _renew(self) -> None:
        """Renew the claim when it is time."""
        moment, now = self.delivery.clock.monotonic(), self.delivery.clock.now()
        if moment - self.renewed >= CLAIM.total_seconds() / 4:
            self.delivery.ledger.claim(self.delivery.claim.run, self.delivery.claim.owner, now, now + CLAIM)
            reached("claim.renewed")
            self.renewed = moment


def _as_sent(batch: Batch, ready: Ready) -> bool:
    """Whether a re-send is the bytes that were sent; False when another version of the product laid them out. Then a later plan goes on.

    Raises EngineError when the file is not what it was.
    """
    before, now = batch.fingerprint, ready.request.fingerprint
    if before is None or before == now:
        return True
    if before.rpartition("-")[0] == now.rpartition("-")[0]:
        raise EngineError(
            f"batch {batch.number} was sent before, and its file, part {batch.part}, no longer holds what was sent; "
            "put the file back as it was, and run the sync again"
        )
    return False
