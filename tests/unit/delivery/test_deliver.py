"""Delivery: every identifier ends in one outcome, whatever the platform answers and whenever the process dies."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from tradewind.clock import StandingClock
from tradewind.delivery.deliver import CLAIM, Delivery, Stop, deliver
from tradewind.destinations.base import Request
from tradewind.door import DEADLINE
from tradewind.errors import EngineError, LedgerError
from tradewind.ledger.memory import MemoryLedger
from tradewind.ledger.slots.base import Wish
from tradewind.membership.parts import PartWriter
from tradewind.model.destination import Secret
from tradewind.model.identifier import IdentityMap, IdType
from tradewind.model.plan import Batch, Operation, Part
from tradewind.model.run import Account, Answer, BatchState, Claim, Entry, Line, LineClass, Receipt, Run
from tradewind.model.sync import Binding, Target
from tradewind.planning.planner import batches
from tradewind.testing.fakes import FakeDestination

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
TARGET = Target("t1", "https://memory.invalid", "adv1", "payers")
BINDING = Binding("b1", "default", "acme", TARGET, 1, "signature", 43200, IdentityMap(()))
OK = Receipt(Answer.APPLIED, status=200)


class Killed(LedgerError):
    """The process dies: nothing is written after this."""


class Mortal(MemoryLedger):
    """A ledger in a process that dies after so many turns."""

    turns = 0
    last_will: Callable[[], None] = staticmethod(lambda: None)

    def advance(self, claim: Claim, entries: Sequence[Entry], sent: Sequence[Batch] = ()) -> None:
        """Write, and die if that was the last turn."""
        super().advance(claim, entries, sent)
        self.turns -= 1
        if self.turns == 0:
            self.last_will()
            raise Killed


class Crowd(FakeDestination):
    """A platform that counts who is in it, and from the eighth request on waits until it is full, once."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.inside = self.most = 0
        self.changed = threading.Condition()

    def wait_no_more(self) -> None:
        """As if it had been full."""
        with self.changed:
            self.most = self.at_once
            self.changed.notify_all()

    def send(self, request: Request) -> Receipt:
        """As ever, but some of them at the same time."""
        with self.changed:
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.changed.notify_all()
            if len(self.sent) >= 8:
                assert self.changed.wait_for(lambda: self.most == self.at_once, 30)
            receipt = super().send(request)
        with self.changed:
            self.inside -= 1
        return receipt


@dataclass
class Scene:
    """A run that is planned: ten identifiers to add in batches of four."""

    ledger: Mortal
    platform: FakeDestination
    clock: StandingClock
    delivery: Delivery

    def answer(self, *answers: Receipt) -> Stop | None:
        """Deliver while the platform answers so, and applies everything after."""
        self.platform.answers = deque(answers)
        return deliver(self.delivery)

    def holds(self) -> int:
        """How many identifiers the platform holds."""
        return len(self.platform.held(TARGET.url, TARGET.advertiser, TARGET.segment))

    def account(self) -> Account:
        """The run's account, which always balances."""
        account = self.ledger.account("r1")
        assert account.balances()
        return account


def write_part(folder: Path, values: Iterable[bytes], rows: int) -> Part:
    """A delta of adds."""
    writer = PartWriter(folder / "part-0000.arrow", 0, Operation.ADD, IdType.DAID, rows)
    writer.write(pa.chunked_array([pa.array(list(values), pa.binary())]))
    return writer.close()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Everything in memory but the delta's file."""
    clock = StandingClock(NOON)
    return planned(tmp_path, FakeDestination(clock, items=4), clock, 10)


@pytest.fixture
def crowd(tmp_path: Path) -> Scene:
    """Forty identifiers, each in a batch of its own, and a platform that takes four requests at once."""
    clock = StandingClock(NOON)
    return planned(tmp_path, Crowd(clock, items=1, at_once=4), clock, 40)


def planned(folder: Path, platform: FakeDestination, clock: StandingClock, people: int) -> Scene:
    """A run with its batches laid."""
    ledger = Mortal()
    part = write_part(folder, (bytes([n]) * 16 for n in range(1, people + 1)), platform.items)
    ledger.open(Run("r1", "default", "s1", "t1", "b1", 1, NOON, NOON), BINDING)
    claim = ledger.claim("r1", "me", NOON, NOON + CLAIM)
    ledger.lay(claim, batches([part]))
    delivery = Delivery(
        ledger, platform, clock, lambda: 0.5, claim, BINDING, folder, [part],
        secret=lambda: Secret("s"), bound_now=lambda: BINDING, said_no=lambda _read: False, watch=lambda *_: None,
    )  # fmt: skip
    return Scene(ledger, platform, clock, delivery)


def test_everything_is_delivered_once(scene: Scene) -> None:
    """Three requests, ten accepted, all at the platform for thirty days."""
    assert scene.answer() is None
    assert scene.account() == Account(planned=10, accepted=10)
    assert scene.holds() == 10
    assert len(scene.platform.sent) == 3
    scene.clock.sleep(timedelta(days=30).total_seconds())
    assert scene.holds() == 0


def test_refused_items_are_rejected_and_the_rest_is_accepted(scene: Scene) -> None:
    """A partial failure names its lines; nobody else suffers."""
    lines = (Line(1, "MissingUserId", LineClass.ROW), Line(3, "UserNotMapped", LineClass.UNMATCHED))
    assert scene.answer(replace(OK, lines=lines)) is None
    assert scene.account() == Account(planned=10, accepted=8, rejected=2)
    assert scene.holds() == 8


def test_a_batch_with_somebody_who_said_no_meanwhile_is_not_sent(scene: Scene) -> None:
    """Nor sent again when the first answer was lost; the others go on, and the run ends with what was not sent or is in doubt."""
    sent, gone = scene.platform.sent, {bytes([1]) * 16, bytes([5]) * 16}
    delivery = replace(scene.delivery, said_no=lambda read: bool(sent) and not gone.isdisjoint(read().to_pylist()))
    scene.platform.answers.append(Receipt(Answer.UNKNOWN, wait=7.0))
    assert deliver(delivery) is None
    assert scene.account() == Account(planned=10, accepted=2, unknown=4, not_sent=4)
    assert len(scene.platform.sent) == 2


@pytest.mark.parametrize("lost", [Answer.UNKNOWN, Answer.UNREACHED, Answer.THROTTLED])
def test_what_got_no_answer_is_sent_again_as_the_same_bytes(scene: Scene, lost: Answer) -> None:
    """A re-send carries the same stamp, so an expiry is never stretched by a retry."""
    assert scene.answer(Receipt(lost, wait=7.0), OK) is None
    assert scene.account() == Account(planned=10, accepted=10)
    assert scene.platform.sent[0].fingerprint == scene.platform.sent[1].fingerprint
    assert scene.clock.now() == NOON + timedelta(seconds=7)
    assert [attempt.answer for attempt in scene.ledger.attempts("r1")][:2] == [lost, Answer.APPLIED]


def test_silence_ends_the_run_with_doubt(scene: Scene) -> None:
    """After five lost answers the batch is unknown and the rest was not sent; what may be there is not forgotten."""
    scene.platform.applied_anyway = frozenset({Answer.UNKNOWN})
    stop = scene.answer(*[Receipt(Answer.UNKNOWN)] * 5)
    assert stop is not None
    assert not stop.pauses
    assert scene.account() == Account(planned=10, unknown=4, not_sent=6)
    assert scene.holds() == 4


def test_a_refused_account_pauses_and_nothing_counts_as_sent(scene: Scene) -> None:
    """401 and 403 stop the run at once."""
    stop = scene.answer(OK, Receipt(Answer.FORBIDDEN, status=401, note="Invalid token"))
    assert stop is not None
    assert stop.pauses
    assert "Invalid token" in stop.sentence
    assert scene.account() == Account(planned=10, accepted=4, not_sent=6)


def test_what_was_applied_is_settled_even_when_the_answer_stops_the_sync(scene: Scene) -> None:
    """Some items name a fault of the sync, others were applied: those are at the platform and must be remembered."""
    stop = scene.answer(replace(OK, lines=(Line(0, "DataNameTooLong", LineClass.SYNC),)))
    assert stop is not None
    assert not stop.pauses
    assert scene.account() == Account(planned=10, accepted=3, rejected=1, not_sent=6)
    assert scene.holds() == 3


def test_a_poisonous_item_is_found_by_halving(scene: Scene) -> None:
    """A bare 400 of four, of two, of one: the one is rejected and the three are delivered."""
    bad = Receipt(Answer.POISONED, status=400)
    assert scene.answer(bad, OK, OK, bad, OK, bad) is None
    assert scene.account() == Account(planned=10, accepted=9, rejected=1)
    assert scene.holds() == 9
    assert sum(state is BatchState.SETTLED for _, state, _, _ in scene.ledger.settled("r1")) == 5


def test_a_changed_binding_stops_before_anything_is_signed(scene: Scene) -> None:
    """Another secret, map or advertiser is the next run's affair."""
    other = replace(BINDING, secret_version=2)
    stop = deliver(replace(scene.delivery, bound_now=lambda: other))
    assert stop is not None
    assert not scene.platform.sent
    assert scene.account() == Account(planned=10, not_sent=10)


def test_a_run_goes_on_where_it_was_cut(scene: Scene) -> None:
    """Killed between the intent and the answer: the same bytes go out again, and nothing is sent twice besides."""
    scene.ledger.turns = 2
    with pytest.raises(Killed):
        scene.answer()
    assert scene.account() == Account(planned=10, accepted=4, unknown=4, not_sent=2)
    scene.clock.sleep(60)
    assert scene.answer() is None
    assert scene.account() == Account(planned=10, accepted=10)
    assert [batch.stamp for batch, *_ in scene.ledger.settled("r1")] == [NOON, NOON, NOON + timedelta(seconds=60)]


def test_a_stamp_of_yesterday_is_not_sent_again(scene: Scene) -> None:
    """A batch in doubt for more than a day stays unknown; a later plan, with a later stamp, decides."""
    first = scene.ledger.pending("r1")[0]
    scene.ledger.advance(scene.delivery.claim, (), [replace(first, stamp=NOON, sends=1)])
    scene.clock.sleep(timedelta(hours=25).total_seconds())
    assert scene.answer() is None
    assert scene.account() == Account(planned=10, accepted=6, unknown=4)


def test_what_another_version_laid_out_is_not_sent_again(scene: Scene) -> None:
    """The bytes would not be those that were sent: the batch stays unknown, and a later plan decides."""
    first = scene.ledger.pending("r1")[0]
    scene.ledger.advance(scene.delivery.claim, (), [replace(first, stamp=NOON, fingerprint="older-mark", sends=1)])
    assert scene.answer() is None
    assert scene.account() == Account(planned=10, accepted=6, unknown=4)


def test_a_lost_claim_stops_the_worker(scene: Scene) -> None:
    """Another worker has the run: nothing more is written or sent by this one."""
    scene.clock.sleep(CLAIM.total_seconds() + 1)
    scene.ledger.claim("r1", "you", scene.clock.now(), scene.clock.now() + CLAIM)
    with pytest.raises(LedgerError):
        scene.answer()
    assert not scene.platform.sent


def test_a_long_wait_keeps_the_claim(scene: Scene) -> None:
    """A wait of fifteen minutes is longer than a claim lasts, and loses nothing."""
    assert scene.answer(Receipt(Answer.THROTTLED, status=429, wait=900.0), OK) is None
    assert scene.account() == Account(planned=10, accepted=10)


def test_a_general_refusal_is_not_halved_without_end(tmp_path: Path, scene: Scene) -> None:
    """Every request refused without a word about items: that is no poisonous item, and the run stops."""
    part = write_part(tmp_path, (n.to_bytes(16, "big") for n in range(1, 3001)), 1000)
    ledger = MemoryLedger()
    ledger.open(Run("r1", "default", "s1", "t1", "b1", 1, NOON, NOON), BINDING)
    ledger.lay(ledger.claim("r1", "me", NOON, NOON + CLAIM), batches([part]))
    scene.platform.answers = deque([Receipt(Answer.POISONED, status=400)] * 5000)
    stop = deliver(replace(scene.delivery, ledger=ledger, parts=[part]))
    assert stop is not None
    assert len(scene.platform.sent) < 200
    assert ledger.account("r1").balances()


def test_a_file_that_changed_since_it_was_sent_is_noticed(tmp_path: Path, scene: Scene) -> None:
    """Other people under a batch that is in doubt: nothing is sent, and the doubt stays."""
    scene.answer(*[Receipt(Answer.UNKNOWN)] * 5)
    before = len(scene.platform.sent)
    write_part(tmp_path, (bytes([n]) * 16 for n in range(101, 111)), 4)
    with pytest.raises(EngineError, match=r"batch 0 was sent before, and its file, part 0, no longer holds what was sent"):
        scene.answer()
    assert len(scene.platform.sent) == before
    assert scene.account() == Account(planned=10, unknown=4, not_sent=6)


def test_a_batch_that_cannot_be_read_costs_no_receipt(tmp_path: Path, scene: Scene) -> None:
    """The second part is gone: what was under way is settled, and only then the run says what is wrong."""
    gone = Part(1, Operation.ADD, IdType.DAID, "gone.arrow", 4, 4)
    whole = write_part(tmp_path, (bytes([n]) * 16 for n in range(1, 5)), 4)
    ledger = MemoryLedger()
    ledger.open(Run("r1", "default", "s1", "t1", "b1", 1, NOON, NOON), BINDING)
    ledger.lay(ledger.claim("r1", "me", NOON, NOON + CLAIM), batches([whole, gone]))
    with pytest.raises(OSError, match="gone"):
        deliver(replace(scene.delivery, ledger=ledger, parts=[whole, gone]))
    assert ledger.account("r1") == Account(planned=8, accepted=4, not_sent=4)


def test_the_next_batch_is_written_as_sent_with_the_receipt_before_it(scene: Scene) -> None:
    """Killed before the second request: its intent is there, so it is in doubt and goes out again as the same bytes."""
    scene.ledger.turns = 2
    with pytest.raises(Killed):
        scene.answer()
    assert scene.account() == Account(planned=10, accepted=4, unknown=4, not_sent=2)
    intended = scene.ledger.pending("r1")[0]
    assert scene.answer() is None
    assert scene.account() == Account(planned=10, accepted=10)
    assert scene.platform.sent[1].fingerprint == intended.fingerprint


# --- several requests at once


def test_four_requests_go_at_once_and_never_more(crowd: Scene) -> None:
    assert crowd.answer() is None
    assert isinstance(crowd.platform, Crowd)
    assert crowd.platform.most == 4
    assert crowd.account() == Account(planned=40, accepted=40)
    assert len(crowd.platform.sent) == 40


def test_an_add_does_not_leave_before_the_removals_are_answered(tmp_path: Path, crowd: Scene) -> None:
    """Also when several go at once, and one of the removals has to be sent again."""
    gone = PartWriter(tmp_path / "part-0001.arrow", 1, Operation.REMOVE, IdType.DAID, 1)
    gone.write(pa.chunked_array([pa.array([bytes([100 + n]) * 16 for n in range(20)], pa.binary())]))
    parts = [*crowd.delivery.parts, gone.close()]
    ledger = Mortal()
    ledger.open(Run("r1", "default", "s1", "t1", "b1", 1, NOON, NOON), BINDING)
    ledger.lay(ledger.claim("r1", "me", NOON, NOON + CLAIM), batches(parts))
    crowd.platform.answers = deque([OK] * 18 + [Receipt(Answer.UNKNOWN)] * 2)
    assert deliver(replace(crowd.delivery, ledger=ledger, parts=parts)) is None
    assert ledger.account("r1") == Account(planned=60, accepted=60)
    removals = {request.fingerprint for request in crowd.platform.sent[:22]}
    assert len(removals) == 20
    assert not removals & {request.fingerprint for request in crowd.platform.sent[22:]}


def test_the_first_request_goes_alone(crowd: Scene) -> None:
    """A refused account is asked once."""
    stop = crowd.answer(Receipt(Answer.FORBIDDEN, status=401))
    assert stop is not None
    assert len(crowd.platform.sent) == 1
    assert crowd.account() == Account(planned=40, not_sent=40)


@pytest.mark.parametrize("turns", [1, 2, 4, 7, 9])
def test_a_crash_leaves_at_most_one_batch_a_slot_in_doubt(crowd: Scene, turns: int) -> None:
    """And those alone are sent again, as the same bytes."""
    assert isinstance(crowd.platform, Crowd)
    crowd.ledger.turns, crowd.ledger.last_will = turns, crowd.platform.wait_no_more
    with pytest.raises(Killed):
        crowd.answer()
    assert 1 <= crowd.account().unknown <= 4
    sent = [request.fingerprint for request in crowd.platform.sent]
    assert crowd.answer() is None
    assert crowd.account() == Account(planned=40, accepted=40)
    again = [request.fingerprint for request in crowd.platform.sent][len(sent) :]
    assert len(set(sent) & set(again)) <= 4
    assert len(set(sent) | set(again)) == 40


def test_a_call_to_stop_waits_for_what_is_under_way(crowd: Scene) -> None:
    """Nothing new leaves, and every answer is in the ledger."""

    class Asked(Exception):
        """To stop."""

    def watch(_what: str, done: int, _of: int) -> None:
        if done >= 12:
            raise Asked

    with pytest.raises(Asked):
        deliver(replace(crowd.delivery, watch=watch))
    account = crowd.account()
    assert 12 <= account.accepted == len(crowd.platform.sent) < 40
    assert account.unknown == 0
    assert crowd.answer() is None
    assert crowd.account() == Account(planned=40, accepted=40)
    assert len(crowd.platform.sent) == 40


def test_what_stops_one_lets_the_others_be_answered(crowd: Scene) -> None:
    """The eleventh answer refuses the account; those beside it are settled by what they were told."""
    stop = crowd.answer(*[OK] * 10, Receipt(Answer.FORBIDDEN, status=403))
    assert stop is not None
    assert stop.pauses
    account = crowd.account()
    assert account.accepted == len(crowd.platform.sent) - 1
    assert account.unknown == 0


def test_a_request_that_cannot_even_be_tried_costs_no_receipt_of_the_others(crowd: Scene) -> None:
    class Refused(Exception):
        """By the door."""

    class Odd(Crowd):
        def send(self, request: Request) -> Receipt:
            receipt = super().send(request)
            if len(self.sent) == 13:
                raise Refused
            return receipt

    platform = Odd(crowd.clock, items=1, at_once=4)
    with pytest.raises(Refused):
        deliver(replace(crowd.delivery, destination=platform))
    assert crowd.account().accepted == len(platform.sent) - 1
    assert crowd.account().unknown == 1


def test_a_429_makes_every_request_of_the_endpoint_wait(crowd: Scene) -> None:
    """By the ledger, so that other processes wait as well; and half as many go at once afterwards."""
    assert crowd.answer(*[OK] * 12, Receipt(Answer.THROTTLED, status=429, wait=20.0)) is None
    assert crowd.account() == Account(planned=40, accepted=40)
    waited = NOON + timedelta(seconds=20)
    assert crowd.ledger.slots.not_before("https://memory.invalid adv1") == waited
    attempts = crowd.ledger.attempts("r1")
    throttled = [attempt.answer for attempt in attempts].index(Answer.THROTTLED)
    assert all(attempt.sent_at == NOON for attempt in attempts[: throttled + 1])
    assert sum(attempt.sent_at == NOON for attempt in attempts) <= 13 + 3
    assert all(attempt.sent_at in {NOON, waited} for attempt in attempts)


def test_a_wait_that_another_process_was_told_is_kept(scene: Scene) -> None:
    scene.ledger.slots.hold_off("https://memory.invalid adv1", NOON + timedelta(seconds=90))
    assert scene.answer() is None
    assert {attempt.sent_at for attempt in scene.ledger.attempts("r1")} == {NOON + timedelta(seconds=90)}


def test_a_run_waits_while_others_have_every_slot(scene: Scene) -> None:
    """Until their leases end; nothing is signed or written meanwhile."""
    scene.ledger.slots.hold("https://memory.invalid adv1", "r0", Wish(1, 1, 1), NOON, NOON + timedelta(seconds=100))
    assert scene.answer() is None
    assert min(attempt.sent_at for attempt in scene.ledger.attempts("r1")) >= NOON + timedelta(seconds=100)
    assert scene.account() == Account(planned=10, accepted=10)


def test_a_process_that_stood_still_sends_nothing_it_may_no_longer_send(scene: Scene) -> None:
    """Between the intent and the request, for so long that the claim could end before the answer comes; then the batch goes out as any
    that was not reached."""

    class Frozen(Mortal):
        def advance(self, claim: Claim, entries: Sequence[Entry], sent: Sequence[Batch] = ()) -> None:
            super().advance(claim, entries, sent)
            if self.turns == -1:
                scene.clock.sleep(CLAIM.total_seconds() - DEADLINE)

    ledger = Frozen()
    ledger.open(Run("r1", "default", "s1", "t1", "b1", 1, NOON, NOON), BINDING)
    ledger.lay(ledger.claim("r1", "me", NOON, NOON + CLAIM), batches(scene.delivery.parts))
    assert deliver(replace(scene.delivery, ledger=ledger)) is None
    assert [attempt.answer for attempt in ledger.attempts("r1")] == [Answer.UNREACHED, *[Answer.APPLIED] * 3]
    assert len(scene.platform.sent) == 3
    assert ledger.account("r1") == Account(planned=10, accepted=10)


def test_slots_are_given_back_at_the_end(scene: Scene) -> None:
    assert scene.answer() is None
    assert scene.ledger.slots.hold("https://memory.invalid adv1", "r2", Wish(1, 0, 1), scene.clock.now(), NOON + CLAIM).slots == 1
