"""The conformance suite of ledgers: whatever store keeps it, these laws hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tradewind.errors import LedgerError, TakenError
from tradewind.ledger.base import Ledger
from tradewind.ledger.slots.base import Share, Wish
from tradewind.model.identifier import IdentityMap, IdType
from tradewind.model.plan import Approval, Batch, Operation
from tradewind.model.run import (
    Account,
    Answer,
    Attempt,
    BatchState,
    Claim,
    Entry,
    Line,
    LineClass,
    Outcome,
    Run,
    RunKind,
    RunOutcome,
    RunState,
)
from tradewind.model.sync import Binding, Target

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
SOON = NOON + timedelta(minutes=1)
TARGET = Target("t1", "http://127.0.0.1:1", "ready1", "[Tradewind] Payers: payers")
BINDING = Binding("b1", "default", "acme", TARGET, 1, "signature", 43200, IdentityMap(()))


def a_run(run: str = "r1", target: str = "t1") -> Run:
    """A run as it is opened."""
    return Run(run, "default", "payers-acme", target, "b1", 1, NOON, NOON)


def a_batch(number: int, rows: int = 10) -> Batch:
    """A planned batch of adds."""
    return Batch(number, 0, number * 10, rows, Operation.ADD, IdType.DAID)


def an_attempt(batch: int, answer: Answer, number: int = 1) -> Attempt:
    """A request and what was answered."""
    return Attempt(batch, number, NOON, SOON, answer, 200, "", "q1")


class LedgerSuite:
    """Subclass it with a `ledger` fixture that gives an empty ledger."""

    def test_what_is_sent_again_is_laid_once_and_counts_in_no_account(self, ledger: Ledger, claim: Claim) -> None:
        """It is pending and settled as any other batch."""
        ledger.lay(claim, [a_batch(0)])
        twice = replace(a_batch(5), again=True)
        for _ in range(2):
            ledger.lay(claim, [twice])
        assert [(batch.number, batch.again) for batch in ledger.pending("r1")] == [(0, False), (5, True)]
        ledger.advance(claim, [], [replace(twice, stamp=NOON, sends=1)])
        ledger.advance(claim, [Entry(twice, an_attempt(5, Answer.APPLIED), Outcome(10, 0, 0))])
        assert ledger.account("r1") == Account(planned=10, not_sent=10)
        assert [(batch.again, state) for batch, state, *_ in ledger.settled("r1")] == [
            (False, BatchState.PLANNED),
            (True, BatchState.SETTLED),
        ]

    @pytest.fixture
    def claim(self, ledger: Ledger) -> Claim:
        """A run that is open and taken."""
        ledger.open(a_run(), BINDING)
        return ledger.claim("r1", "me", NOON, SOON)

    def test_a_target_has_one_open_run(self, ledger: Ledger, claim: Claim) -> None:
        """A second run of a segment is refused until the first is closed."""
        with pytest.raises(LedgerError, match="one run per segment"):
            ledger.open(a_run("r2"), BINDING)
        ledger.close(claim, RunOutcome.CLEAN, "", SOON)
        ledger.open(a_run("r2"), BINDING)
        assert [run.id for run in ledger.history("default")] == ["r2", "r1"]

    def test_a_held_run_leaves_its_target_free(self, ledger: Ledger, claim: Claim) -> None:
        """While a run waits for a person another may go on in its place; the held one waits for it in turn."""
        ledger.record(claim, RunState.HELD, Approval("shrink", 501))
        ledger.open(replace(a_run("r2"), kind=RunKind.KEEP, keeps="r1"), BINDING)
        with pytest.raises(TakenError, match="cannot go on yet"):
            ledger.record(claim, RunState.PLANNED, Approval("shrink", 501))
        ledger.close(ledger.claim("r2", "me", NOON, SOON), RunOutcome.CLEAN, "", SOON)
        ledger.record(claim, RunState.PLANNED, Approval("shrink", 501))

    def test_a_slot_has_one_run(self, ledger: Ledger) -> None:
        """A second run of the same slot is refused for ever, also when the first is closed; runs without a slot are not concerned."""
        first = replace(a_run(), slot=NOON, missed=3)
        ledger.open(first, BINDING)
        assert ledger.find("default", "r1") == first
        ledger.close(ledger.claim("r1", "me", NOON, SOON), RunOutcome.FAILED, "no source", SOON)
        with pytest.raises(TakenError, match="slot has had one"):
            ledger.open(replace(a_run("r2", "t1"), slot=NOON), BINDING)
        ledger.open(replace(a_run("r3"), slot=NOON, sync="other"), BINDING)
        ledger.close(ledger.claim("r3", "me", NOON, SOON), RunOutcome.CLEAN, "", SOON)
        ledger.open(a_run("r4"), BINDING)

    def test_the_newest_run_of_a_sync_is_one_that_makes_its_segment_equal(self, ledger: Ledger, claim: Claim) -> None:
        """None that keeps people, empties a segment or takes people out; up to an instant, so that a wrong clock's run does not count."""
        ledger.close(claim, RunOutcome.FAILED, "no source", SOON)
        for kind in (RunKind.KEEP, RunKind.DRAIN, RunKind.OPT_OUT):
            other = replace(a_run(kind.value), opened_at=SOON, kind=kind, keeps="r1", cohort="payers")
            ledger.open(other, BINDING)
            assert ledger.find("default", kind.value) == other
            ledger.close(ledger.claim(kind.value, "me", NOON, SOON), RunOutcome.CLEAN, "", SOON)
        ledger.open(replace(a_run("r3"), opened_at=SOON + timedelta(days=365)), BINDING)
        found = ledger.newest("default", "payers-acme", SOON)
        assert found is not None
        assert found.id == "r1"
        assert ledger.newest("default", "payers-acme", NOON - timedelta(minutes=1)) is None
        assert ledger.newest("default", "other", SOON) is None

    def test_what_stands_open_and_what_was_last_is_told_in_short(self, ledger: Ledger, claim: Claim) -> None:
        """Over all projects and syncs: the runs not closed, the last on a target, the last that was carried out, those that kept people."""
        ledger.close(claim, RunOutcome.INCOMPLETE, "stopped", SOON)
        for name, outcome in (("r2", RunOutcome.FAILED), ("r3", RunOutcome.CANCELLED)):
            ledger.open(replace(a_run(name), opened_at=SOON), BINDING)
            ledger.close(ledger.claim(name, "me", NOON, SOON), outcome, "", SOON)
        later = SOON + timedelta(hours=1)
        ledger.open(replace(a_run("r4"), opened_at=later, kind=RunKind.KEEP, keeps="r2"), BINDING)
        ledger.close(ledger.claim("r4", "me", NOON, SOON), RunOutcome.CLEAN, "", later)
        ledger.open(replace(a_run("r5"), opened_at=later + timedelta(hours=1), project="other"), BINDING)
        assert [run.id for run in ledger.unclosed()] == ["r5"]
        assert [run and run.id for run in (ledger.latest("t1"), ledger.latest("t9"))] == ["r5", None]
        assert [run and run.id for run in (ledger.delivered("default", "payers-acme"), ledger.delivered("other", "payers-acme"))] == [
            "r1",
            None,
        ]
        failed = ledger.named(["r2", "r9"])
        assert list(failed) == ["r2"]
        assert [run.id for run in ledger.keepers(failed["r2"])] == ["r4"]
        assert [run.id for run in ledger.history("default", "payers-acme", 1)] == ["r4"]
        (newest,), everything = ledger.history("default", "payers-acme", 1), [run.id for run in ledger.history("default", "payers-acme")]
        assert [run.id for run in ledger.history("default", "payers-acme", before=newest)] == everything[1:]
        assert [run.id for run in ledger.history("default", "payers-acme", 1, newest)] == everything[1:2]

    def test_a_claim_that_is_given_back_is_free(self, ledger: Ledger, claim: Claim) -> None:
        """At once, and with a new fence; giving back what another took does nothing."""
        ledger.release(claim)
        newer = ledger.claim("r1", "you", NOON, SOON)
        assert newer.fence > claim.fence
        ledger.release(claim)
        assert ledger.holder("r1") == "you"
        with pytest.raises(LedgerError, match="is lost"):
            ledger.record(claim, RunState.EVALUATED, Approval("x", 1))

    def test_a_claim_excludes_others_until_it_ends(self, ledger: Ledger, claim: Claim) -> None:
        """Another worker waits for the end of a claim; then the old one may write no more."""
        with pytest.raises(LedgerError, match="held by me"):
            ledger.claim("r1", "you", NOON, SOON)
        newer = ledger.claim("r1", "you", SOON, SOON + timedelta(minutes=1))
        assert newer.fence > claim.fence
        with pytest.raises(LedgerError, match="claim on run r1 is lost"):
            ledger.record(claim, RunState.EVALUATED, Approval("x", 1))

    def test_the_claim_of_a_dead_worker_is_taken_at_once(self, ledger: Ledger, claim: Claim) -> None:
        """An owner known to be dead holds nothing."""
        assert ledger.claim("r1", "you", NOON, SOON, dead=[claim.owner]).owner == "you"

    def test_renewing_keeps_the_fence(self, ledger: Ledger, claim: Claim) -> None:
        """The same owner takes the run again without shutting itself out."""
        assert ledger.claim("r1", "me", NOON, SOON + timedelta(minutes=5)) == claim

    def test_phases_are_recalled_as_they_were_recorded(self, ledger: Ledger, claim: Claim) -> None:
        """A phase's value comes back equal, and its name becomes the run's state."""
        assert ledger.recall("r1", RunState.EVALUATED, Approval) is None
        ledger.record(claim, RunState.EVALUATED, Approval("shrink", 501))
        assert ledger.recall("r1", RunState.EVALUATED, Approval) == Approval("shrink", 501)
        assert ledger.find("default", "r1") == Run(**{**vars(a_run()), "state": RunState.EVALUATED})
        assert ledger.find("other", "r1") is None
        assert ledger.binding("b1") == BINDING

    def test_batches_are_laid_once(self, ledger: Ledger, claim: Claim) -> None:
        """Laying a plan twice, as a resumed run may, changes nothing."""
        ledger.lay(claim, [a_batch(0), a_batch(1)])
        ledger.lay(claim, [a_batch(0), a_batch(1), a_batch(2)])
        assert [batch.number for batch in ledger.pending("r1")] == [0, 1]
        assert ledger.account("r1") == Account(planned=20, not_sent=20)

    def test_a_batch_without_receipt_is_unknown(self, ledger: Ledger, claim: Claim) -> None:
        """From the moment its intent is written a batch may have been applied."""
        ledger.lay(claim, [a_batch(0), a_batch(1)])
        pinned = Batch(**{**vars(a_batch(0)), "stamp": NOON, "fingerprint": "ab", "sends": 1})
        ledger.advance(claim, (), [pinned])
        assert ledger.pending("r1")[0] == pinned
        assert ledger.account("r1") == Account(planned=20, unknown=10, not_sent=10)

    def test_what_was_surely_not_applied_is_not_sent(self, ledger: Ledger, claim: Claim) -> None:
        """A throttled request leaves its rows as if it had not been made; after a lost answer it cannot."""
        ledger.lay(claim, [a_batch(0)])
        ledger.advance(claim, (), [a_batch(0)])
        ledger.advance(claim, [Entry(a_batch(0), an_attempt(0, Answer.THROTTLED))])
        assert ledger.account("r1") == Account(planned=10, not_sent=10)
        ledger.advance(claim, (), [a_batch(0)])
        ledger.advance(claim, [Entry(a_batch(0), an_attempt(0, Answer.UNKNOWN, 2))])
        ledger.advance(claim, (), [a_batch(0)])
        ledger.advance(claim, [Entry(a_batch(0), an_attempt(0, Answer.THROTTLED, 3))])
        assert ledger.account("r1") == Account(planned=10, unknown=10)
        assert [attempt.number for attempt in ledger.attempts("r1")] == [1, 2, 3]

    def test_a_send_after_a_crash_stays_in_doubt(self, ledger: Ledger, claim: Claim) -> None:
        """Sent twice without an answer between: a refusal of the second says nothing of the first."""
        ledger.lay(claim, [a_batch(0)])
        ledger.advance(claim, (), [a_batch(0)])
        ledger.advance(claim, (), [a_batch(0)])
        ledger.advance(claim, [Entry(a_batch(0), an_attempt(0, Answer.FORBIDDEN, 2))])
        assert ledger.account("r1") == Account(planned=10, unknown=10)

    def test_the_account_is_told_of_each_operation(self, ledger: Ledger, claim: Claim) -> None:
        """They add up to the account of the run; what is said again counts in none, and a run without batches has none."""
        leaving = replace(a_batch(1, rows=4), operation=Operation.REMOVE)
        ledger.lay(claim, [a_batch(0), leaving, replace(a_batch(2, rows=3), operation=Operation.REMOVE)])
        ledger.lay(claim, [replace(a_batch(5), again=True)])
        ledger.advance(claim, [Entry(a_batch(0), an_attempt(0, Answer.APPLIED), Outcome(9, 1, 0))], [replace(leaving, stamp=NOON, sends=1)])
        found = ledger.tallies(["r1", "r9"])
        assert found == {
            "r1": {Operation.ADD: Account(10, accepted=9, rejected=1), Operation.REMOVE: Account(7, unknown=4, not_sent=3)},
        }
        assert sum(found["r1"].values(), Account()) == ledger.account("r1") == Account(17, 9, 1, 4, 3)

    def test_settling_accounts_for_every_row(self, ledger: Ledger, claim: Claim) -> None:
        """Accepted, rejected and the lines are one transaction."""
        lines = (Line(3, "MissingUserId", LineClass.ROW),)
        ledger.lay(claim, [a_batch(0)])
        ledger.advance(claim, (), [a_batch(0)])
        ledger.advance(claim, [Entry(a_batch(0), an_attempt(0, Answer.APPLIED), Outcome(9, 1, 0), lines)])
        assert ledger.account("r1") == Account(planned=10, accepted=9, rejected=1)
        assert ledger.account("r1").balances()
        ((batch, state, outcome, found),) = ledger.settled("r1")
        assert (batch.number, state, outcome, found) == (0, BatchState.SETTLED, Outcome(9, 1, 0), lines)
        assert not ledger.pending("r1")

    def test_a_refusal_after_a_lost_answer_stays_in_doubt(self, ledger: Ledger, claim: Claim) -> None:
        """The first request may have been applied to all, whatever the second one's answer refuses."""
        lines = (Line(3, "MissingUserId", LineClass.ROW),)
        ledger.lay(claim, [a_batch(0)])
        ledger.advance(claim, (), [a_batch(0)])
        ledger.advance(claim, [Entry(a_batch(0), an_attempt(0, Answer.UNKNOWN))])
        ledger.advance(claim, (), [a_batch(0)])
        ledger.advance(claim, [Entry(a_batch(0), an_attempt(0, Answer.APPLIED, 2), Outcome(9, 1, 0), lines)])
        assert ledger.account("r1") == Account(planned=10, accepted=9, rejected=1)
        ((_, state, outcome, found),) = ledger.settled("r1")
        assert (state, outcome, found) == (BatchState.SENT, Outcome(9, 1, 0), lines)

    def test_halves_of_a_batch_in_doubt_stay_in_doubt(self, ledger: Ledger, claim: Claim) -> None:
        """What may have been applied of the whole may have been applied of each half, whatever is answered to it later."""
        halves = (a_batch(1, 5), a_batch(2, 5))
        ledger.lay(claim, [a_batch(0)])
        ledger.advance(claim, (), [a_batch(0)])
        ledger.advance(claim, [Entry(a_batch(0), an_attempt(0, Answer.UNKNOWN))], [a_batch(0)])
        ledger.advance(claim, [Entry(a_batch(0), an_attempt(0, Answer.POISONED, 2), halves=halves)], halves)
        ledger.advance(claim, [Entry(half, an_attempt(half.number, Answer.APPLIED), Outcome(5, 0, 0)) for half in halves])
        assert [state for _, state, *_ in ledger.settled("r1")] == [BatchState.SENT, BatchState.SENT]

    def test_settling_one_batch_sends_the_next(self, ledger: Ledger, claim: Claim) -> None:
        """The receipt of one and the intent of the next are one transaction, under one fence."""
        ledger.lay(claim, [a_batch(0), a_batch(1), a_batch(2)])
        ledger.advance(claim, (), [a_batch(0)])
        pinned = Batch(**{**vars(a_batch(1)), "stamp": NOON, "fingerprint": "ab", "sends": 1})
        ledger.advance(claim, [Entry(a_batch(0), an_attempt(0, Answer.APPLIED), Outcome(10, 0, 0), ())], [pinned])
        assert ledger.pending("r1") == (pinned, a_batch(2))
        assert ledger.account("r1") == Account(planned=30, accepted=10, unknown=10, not_sent=10)
        ledger.claim("r1", "you", SOON, SOON + timedelta(minutes=1))
        with pytest.raises(LedgerError, match="claim on run r1 is lost"):
            ledger.advance(claim, [Entry(pinned, an_attempt(1, Answer.APPLIED), Outcome(10, 0, 0), ())], [a_batch(2)])
        assert ledger.account("r1") == Account(planned=30, accepted=10, unknown=10, not_sent=10)

    def test_one_turn_is_one_transaction(self, ledger: Ledger, claim: Claim) -> None:
        """Several receipts, an answer that settles nothing, a split and several intents: all of them or none."""
        ledger.lay(claim, [a_batch(number) for number in range(6)])
        pinned = [Batch(**{**vars(a_batch(number)), "stamp": NOON, "fingerprint": f"f{number}", "sends": 1}) for number in range(6)]
        ledger.advance(claim, (), pinned[:4])
        assert ledger.account("r1") == Account(planned=60, unknown=40, not_sent=20)
        halves = (a_batch(6, 5), a_batch(7, 5))
        entries = [
            Entry(pinned[0], an_attempt(0, Answer.APPLIED), Outcome(9, 1, 0), (Line(3, "MissingUserId", LineClass.ROW),)),
            Entry(pinned[1], an_attempt(1, Answer.APPLIED), Outcome(10, 0, 0)),
            Entry(pinned[2], an_attempt(2, Answer.UNREACHED)),
            Entry(pinned[3], an_attempt(3, Answer.POISONED), halves=halves),
        ]
        again = replace(pinned[2], sends=2)
        ledger.advance(claim, entries, [again, pinned[4], pinned[5]])
        assert ledger.account("r1") == Account(planned=60, accepted=19, rejected=1, unknown=30, not_sent=10)
        assert ledger.pending("r1") == (again, pinned[4], pinned[5], *halves)
        assert sorted(attempt.batch for attempt in ledger.attempts("r1")) == [0, 1, 2, 3]
        ledger.claim("r1", "you", SOON, SOON + timedelta(minutes=1))
        with pytest.raises(LedgerError, match="claim on run r1 is lost"):
            ledger.advance(claim, [Entry(pinned[4], an_attempt(4, Answer.APPLIED), Outcome(10, 0, 0))], [halves[0]])
        assert ledger.account("r1") == Account(planned=60, accepted=19, rejected=1, unknown=30, not_sent=10)

    def test_slots_are_shared_fairly(self, ledger: Ledger) -> None:
        """One alone has all; a second has its part as soon as the first has given back what it does not use."""
        slots = ledger.slots
        assert slots.hold("e", "one", Wish(4, 0, 4), NOON, SOON) == Share(4, None)
        assert slots.hold("e", "two", Wish(4, 0, 4), NOON, SOON) == Share(0, None)
        assert slots.hold("e", "one", Wish(4, 3, 4), NOON, SOON).slots == 3
        assert slots.hold("e", "two", Wish(4, 0, 4), NOON, SOON).slots == 1
        assert slots.hold("e", "one", Wish(4, 1, 4), NOON, SOON).slots == 3
        assert slots.hold("elsewhere", "three", Wish(4, 0, 4), NOON, SOON).slots == 4
        slots.give_back("e", "one")
        assert slots.hold("e", "two", Wish(4, 1, 4), NOON, SOON).slots == 4

    def test_slots_expire_by_themselves(self, ledger: Ledger) -> None:
        """Of an owner that is gone; the same owner, back again, has them at once."""
        slots = ledger.slots
        slots.hold("e", "one", Wish(4, 0, 4), NOON, SOON)
        assert slots.hold("e", "one", Wish(4, 0, 4), NOON, SOON).slots == 4
        assert slots.hold("e", "two", Wish(4, 0, 4), SOON - timedelta(seconds=1), SOON).slots == 0
        assert slots.hold("e", "two", Wish(4, 0, 4), SOON, SOON + timedelta(minutes=1)).slots == 4

    def test_one_who_was_told_to_wait_makes_all_wait(self, ledger: Ledger) -> None:
        """The longest wait counts, at this endpoint alone, and also where nobody holds a slot yet."""
        slots = ledger.slots
        assert slots.not_before("e") is None
        slots.hold_off("e", SOON)
        slots.hold_off("e", NOON)
        assert slots.not_before("e") == SOON
        assert slots.hold("e", "two", Wish(4, 0, 4), NOON, SOON) == Share(4, SOON)
        assert slots.not_before("elsewhere") is None

    def test_a_split_batch_lives_in_its_halves(self, ledger: Ledger, claim: Claim) -> None:
        """The halves count instead of the whole, in its place and with its doubt."""
        ledger.lay(claim, [a_batch(0)])
        ledger.advance(claim, (), [a_batch(0)])
        halves = (a_batch(ledger.next_number("r1"), 5), a_batch(ledger.next_number("r1") + 1, 5))
        ledger.advance(claim, [Entry(a_batch(0), an_attempt(0, Answer.TOO_LARGE), halves=halves)])
        assert [batch.number for batch in ledger.pending("r1")] == [1, 2]
        assert ledger.account("r1") == Account(planned=10, not_sent=10)
        quarters = tuple(replace(a_batch(number), rows=2, stamp=NOON) for number in (3, 4))
        ledger.advance(claim, [Entry(halves[0], an_attempt(1, Answer.UNATTRIBUTED), halves=quarters)])
        fates = [(batch.number, state, batch.stamp) for batch, state, *_ in ledger.settled("r1")]
        assert fates == [(2, BatchState.PLANNED, None), (3, BatchState.SENT, NOON), (4, BatchState.SENT, NOON)], "the doubt has its time"

    def test_a_run_is_told_to_stop_while_it_is_not_closed(self, ledger: Ledger, claim: Claim) -> None:
        """By whoever it is, under anybody's claim; afterwards the word is part of its history."""
        assert ledger.unclosed()[0].told == ""
        ledger.tell("r1", "the wrong people")
        told = ledger.unclosed()[0]
        assert (told.id, told.told) == ("r1", "the wrong people")
        ledger.close(claim, RunOutcome.CANCELLED, "", SOON)
        ledger.tell("r1", "too late")
        found = ledger.find(told.project, "r1")
        assert found is not None
        assert found.told == "the wrong people"

    def test_the_youngest_runs_of_many_syncs_are_asked_at_once(self, ledger: Ledger) -> None:
        """Newest first, so many of each; what a phase gave is asked of many runs at once, too."""
        for sync, hours in (("one", (0, 2, 1)), ("two", (5,)), ("other", (9,))):
            for hour in hours:
                at = NOON + timedelta(hours=hour)
                run = replace(a_run(f"{sync}{hour}", f"t-{sync}{hour}"), sync=sync, as_of=at, opened_at=at)
                ledger.open(run, replace(BINDING, target=replace(TARGET, id=run.target)))
        dry = replace(a_run("dry", "t-dry"), sync="two", opened_at=NOON + timedelta(hours=7), kind=RunKind.DRY)
        ledger.open(dry, replace(BINDING, target=replace(TARGET, id=dry.target)))
        found = ledger.youngest("default", ["one", "two", "none"], 2)
        assert {sync: [run.id for run in runs] for sync, runs in found.items()} == {"one": ["one2", "one1"], "two": ["two5"]}
        assert ledger.youngest("default", [], 2) == ledger.youngest("elsewhere", ["one"], 2) == {}
        held = ledger.claim("one2", "w1", NOON, SOON)
        ledger.record(held, "approved", Approval("shrink", 3))
        assert ledger.recalled(["one2", "one1", "none"], "approved", Approval) == {"one2": Approval("shrink", 3)}

    def test_a_closed_run_takes_no_more_writes(self, ledger: Ledger, claim: Claim) -> None:
        """Closing gives the claim back."""
        ledger.close(claim, RunOutcome.INCOMPLETE, "stopped", SOON)
        run = ledger.find("default", "r1")
        assert run is not None
        assert (run.state, run.outcome, run.reason, run.closed_at) == (RunState.CLOSED, RunOutcome.INCOMPLETE, "stopped", SOON)
        with pytest.raises(LedgerError):
            ledger.lay(claim, [a_batch(0)])
        with pytest.raises(LedgerError, match="cannot be taken"):
            ledger.claim("r1", "me", NOON, SOON)

    def test_where_something_was_sent_is_known_for_ever(self, ledger: Ledger, claim: Claim) -> None:
        """By the bindings of the runs, newest first; an open run may be sending at this moment, and one that ended without did not."""
        assert [(reach.binding.id, reach.sent) for reach in ledger.reached("default")] == [("b1", True)]
        ledger.lay(claim, [a_batch(0)])
        ledger.close(claim, RunOutcome.CANCELLED, "", SOON)
        assert [reach.sent for reach in ledger.reached("default")] == [False]
        other = replace(BINDING, id="b2", secret_version=2)
        ledger.open(replace(a_run("r2"), binding="b2", opened_at=SOON), other)
        second = ledger.claim("r2", "me", NOON, SOON)
        ledger.lay(second, [a_batch(0)])
        ledger.advance(second, [], [replace(a_batch(0), stamp=NOON, sends=1)])
        ledger.close(second, RunOutcome.INCOMPLETE, "stopped", SOON)
        assert [(reach.binding, reach.sent) for reach in ledger.reached("default")] == [(other, True), (BINDING, False)]
        assert not ledger.reached("other")
