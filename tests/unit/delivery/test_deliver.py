"""Delivery: every identifier ends in one outcome, whatever the platform answers and whenever the process dies."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from tradewind.clock import StandingClock
from tradewind.delivery.deliver import LEASE, Delivery, Stop, deliver
from tradewind.errors import EngineError, LedgerError
from tradewind.ledger.memory import MemoryLedger
from tradewind.membership.parts import PartWriter
from tradewind.model.destination import Secret
from tradewind.model.identifier import IdentityMap, IdType
from tradewind.model.plan import Operation, Part
from tradewind.model.run import Account, Answer, BatchState, Line, LineClass, Receipt, Run
from tradewind.model.sync import Binding, Target
from tradewind.planning.planner import batches
from tradewind.testing.fakes import FakeDestination

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
TARGET = Target("t1", "https://memory.invalid", "adv1", "payers")
BINDING = Binding("b1", "default", "acme", TARGET, 1, "signature", 43200, IdentityMap(()))
OK = Receipt(Answer.APPLIED, status=200)


@dataclass
class Scene:
    """A run that is planned: ten identifiers to add in batches of four."""

    ledger: MemoryLedger
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
    writer = PartWriter(folder / "part-0000.parquet", 0, Operation.ADD, IdType.DAID, rows)
    writer.write(pa.chunked_array([pa.array(list(values), pa.binary())]))
    return writer.close()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Everything in memory but the delta's file."""
    clock = StandingClock(NOON)
    ledger, platform = MemoryLedger(), FakeDestination(clock, items=4)
    part = write_part(tmp_path, (bytes([n]) * 16 for n in range(1, 11)), 4)
    ledger.open(Run("r1", "default", "s1", "t1", "b1", 1, NOON, NOON), BINDING)
    claim = ledger.claim("r1", "me", NOON, NOON + LEASE)
    ledger.lay(claim, batches([part]))
    delivery = Delivery(
        ledger, platform, clock, lambda: 0.5, claim, BINDING, tmp_path, [part], lambda: Secret("s"), lambda: BINDING, lambda *_: None
    )
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

    class Killed(Exception):
        """The process dies."""

    def die(*_: object) -> None:
        raise Killed

    with pytest.raises(Killed):
        deliver(replace(scene.delivery, watch=die))
    first = scene.ledger.pending("r1")[0]
    stamped = replace(first, stamp=NOON, sends=1)
    scene.ledger.sent(scene.delivery.claim, stamped)
    assert scene.account() == Account(planned=10, accepted=4, unknown=4, not_sent=2)
    scene.clock.sleep(60)
    assert scene.answer() is None
    assert scene.account() == Account(planned=10, accepted=10)
    assert [batch.stamp for batch, *_ in scene.ledger.settled("r1")] == [NOON, NOON, NOON + timedelta(seconds=60)]


def test_a_stamp_of_yesterday_is_not_sent_again(scene: Scene) -> None:
    """A batch in doubt for more than a day stays unknown; a later plan, with a later stamp, decides."""
    first = scene.ledger.pending("r1")[0]
    scene.ledger.sent(scene.delivery.claim, replace(first, stamp=NOON, sends=1))
    scene.clock.sleep(timedelta(hours=25).total_seconds())
    assert scene.answer() is None
    assert scene.account() == Account(planned=10, accepted=6, unknown=4)


def test_a_lost_claim_stops_the_worker(scene: Scene) -> None:
    """Another worker has the run: nothing more is written or sent by this one."""
    scene.clock.sleep(LEASE.total_seconds() + 1)
    scene.ledger.claim("r1", "you", scene.clock.now(), scene.clock.now() + LEASE)
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
    ledger.lay(ledger.claim("r1", "me", NOON, NOON + LEASE), batches([part]))
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
    gone = Part(1, Operation.ADD, IdType.DAID, "gone.parquet", 4, 4)
    whole = write_part(tmp_path, (bytes([n]) * 16 for n in range(1, 5)), 4)
    ledger = MemoryLedger()
    ledger.open(Run("r1", "default", "s1", "t1", "b1", 1, NOON, NOON), BINDING)
    ledger.lay(ledger.claim("r1", "me", NOON, NOON + LEASE), batches([whole, gone]))
    with pytest.raises(OSError, match="gone"):
        deliver(replace(scene.delivery, ledger=ledger, parts=[whole, gone]))
    assert ledger.account("r1") == Account(planned=8, accepted=4, not_sent=4)


def test_the_next_batch_is_written_as_sent_with_the_receipt_before_it(scene: Scene) -> None:
    """Killed before the second request: its intent is there, so it is in doubt and goes out again as the same bytes."""

    class Killed(Exception):
        """The process dies."""

    def die(*_: object) -> None:
        raise Killed

    with pytest.raises(Killed):
        deliver(replace(scene.delivery, watch=die))
    assert scene.account() == Account(planned=10, accepted=4, unknown=4, not_sent=2)
    intended = scene.ledger.pending("r1")[0]
    assert scene.answer() is None
    assert scene.account() == Account(planned=10, accepted=10)
    assert scene.platform.sent[1].fingerprint == intended.fingerprint
