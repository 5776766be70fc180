"""A request to be left alone: suppressed at once, out of every segment, every recipient told, and all of it on record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from town import Town, guid
from tradewind.errors import DefinitionError
from tradewind.ledger.memory import MemoryLedger
from tradewind.model.identifier import IdType
from tradewind.model.plan import Approval, Plan
from tradewind.model.privacy import PrivacyRequest, Progress, RequestType
from tradewind.model.run import Answer, Line, LineClass, Receipt, RunKind, RunOutcome, RunState
from tradewind.model.sync import Cadence, Sync, SyncState
from tradewind.operations import connections, privacy, runs, syncs
from tradewind.operations.doctor import examined
from tradewind.worker import Stop, run_once

DEVICE = "00000000-0000-4000-8000-00000000000{}"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A hundred people, and the ledger in memory, which is quicker."""
    town = Town(tmp_path, MemoryLedger())
    yield town
    town.close()


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[Town]:
    """The same with a ledger that outlives the process."""
    town = Town(tmp_path)
    yield town
    town.close()


def nothing(_what: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def run(town: Town, sync: Sync) -> None:
    """Run it to its end."""
    syncs.run(town.parts, "default", sync.id, None, nothing)


def ask(town: Town, *numbers: int, kind: RequestType = RequestType.OPT_OUT) -> PrivacyRequest:
    """These people say no."""
    return privacy.ask(town.parts, "default", kind, privacy.words(str(guid(number)) for number in numbers), nothing)


def work(town: Town, request: PrivacyRequest) -> PrivacyRequest:
    """Do what can be done."""
    return privacy.work(town.parts, request, nothing)


def notices(town: Town, request: PrivacyRequest) -> list[tuple[IdType, bool, Answer | None, int]]:
    """Type, whether it is settled, answer and sends of each."""
    return [(each.id_type, each.settled, each.answer, each.sends) for each in town.parts.privacy.notices(request.id)]


def test_an_opt_out_takes_people_out_of_every_segment_and_tells_the_advertiser(town: Town) -> None:
    """Under both types that a GUID may have been sent as; the rest of the segment is left alone."""
    one, two = town.add("one", Cadence.DAILY), town.add("two", Cadence.HOURLY)
    run(town, one)
    run(town, two)
    sent = len(town.platform.sent)
    done = work(town, ask(town, 3, 5))
    assert done.progress is Progress.DONE
    assert town.held(one) == town.held(two) == set(range(1, 101)) - {3, 5}
    assert [request.items for request in town.platform.sent[sent:]] == [2, 2, 2, 2], "two removals, and a notice for each type"
    named = {("adv1", RequestType.OPT_OUT, id_type, guid(number).bytes) for id_type in (IdType.TDID, IdType.DAID) for number in (3, 5)}
    assert set(town.platform.told) == named
    report = privacy.report(town.parts, "default", done.id)
    assert [(place.segment, removal.removed) for place, removal in report.removals] == sorted(
        [("segment one", 2), ("segment two", 2)], key=lambda each: each[0] != report.removals[0][0].segment
    )
    opted = [each for each in town.parts.ledger.history("default") if each.kind is RunKind.OPT_OUT]
    assert [each.outcome for each in opted] == [RunOutcome.CLEAN, RunOutcome.CLEAN]


def test_they_never_come_back(town: Town) -> None:
    """The events still name them, and the next runs go on without a word."""
    sync = town.add("one", Cadence.DAILY)
    run(town, sync)
    work(town, ask(town, 3))
    town.clock.sleep(86_400)
    run(town, sync)
    assert 3 not in town.held(sync)
    assert len(town.held(sync)) == 99


def test_a_deletion_asks_the_platform_to_delete(town: Town) -> None:
    """In the platform's own word."""
    run(town, town.add("one", Cadence.DAILY))
    work(town, ask(town, 3, kind=RequestType.DELETION))
    assert {kind for _, kind, _, _ in town.platform.told} == {RequestType.DELETION}


@pytest.mark.parametrize("state", [SyncState.PAUSED, SyncState.ENDED, None])
def test_the_state_of_the_sync_does_not_matter(town: Town, state: SyncState | None) -> None:
    """Paused, ended or taken out of the catalog."""
    sync = town.add("one", Cadence.DAILY)
    run(town, sync)
    if state:
        town.parts.catalog.set_sync_state("default", "one", state)
    else:
        town.parts.catalog.remove_sync("default", "one")
    assert work(town, ask(town, 3)).progress is Progress.DONE
    assert 3 not in town.held(sync)


def test_who_was_never_sent_is_suppressed_all_the_same(town: Town) -> None:
    """Nothing is removed; the advertiser is told, for nobody can say any more to whom all went that was ever sent."""
    run(town, town.add("one", Cadence.DAILY))
    done = work(town, ask(town, 777))
    assert done.progress is Progress.DONE
    assert not [each for each in town.parts.ledger.history("default") if each.kind is RunKind.OPT_OUT]
    assert len(town.platform.told) == 2


def test_where_nothing_was_ever_sent_nobody_is_told(town: Town) -> None:
    """A request is done with the list alone."""
    town.add("one", Cadence.DAILY)
    assert work(town, ask(town, 3)).progress is Progress.DONE
    assert not town.platform.sent


def test_a_run_that_is_under_way_sends_nobody_who_says_no_meanwhile(town: Town) -> None:
    """The batches that are left out wait for the next plan; the removal waits for the run to end, and the advertiser with it."""
    town.platform.items = 10
    sync = town.add("one", Cadence.DAILY)
    asked: list[PrivacyRequest] = []

    def on_send() -> None:
        if not asked:
            town.clock.sleep(2)
            asked.append(work(town, ask(town, 1, 55)))
            asked.append(work(town, asked[0]))  # and once more, while the removal is put off

    town.platform.on_send = on_send
    run(town, sync)
    _, request = asked
    assert request.progress is Progress.OPEN
    assert "under way" in town.parts.privacy.removals(request.id)[0].note
    assert len(town.platform.sent) > 1
    assert not town.platform.told
    assert 55 not in town.held(sync)
    assert 1 in town.held(sync), "it was sent before"
    (first,) = town.parts.ledger.history("default")
    assert first.outcome is RunOutcome.INCOMPLETE
    assert runs.report(town.parts, "default", first.id).account.not_sent == 10
    town.clock.sleep(60)
    assert work(town, request).progress is Progress.DONE
    assert town.held(sync).isdisjoint({1, 55})
    run(town, sync)
    assert town.held(sync) == set(range(1, 101)) - {1, 55}


def test_a_held_run_stands_in_nobodys_way(town: Town) -> None:
    """The removal passes it by, and when it is approved those who said no meanwhile are still not sent."""
    sync = town.add("one", Cadence.DAILY)
    run(town, sync)
    town.people.numbers = set(range(90, 120))
    town.clock.sleep(3600)
    held = syncs.run(town.parts, "default", sync.id, None, nothing)
    assert held.state is RunState.HELD
    assert work(town, ask(town, 3, 91, 110)).progress is Progress.DONE
    assert town.held(sync) == set(range(1, 101)) - {3, 91}
    plan = town.parts.ledger.recall(held.id, RunState.PLANNED, Plan)
    assert plan
    approvals = tuple(Approval(verdict.guard, verdict.count) for verdict in plan.verdicts)
    assert runs.approve(town.parts, "default", held.id, approvals, nothing).outcome is RunOutcome.INCOMPLETE
    assert town.held(sync).isdisjoint({3, 91, 110})


def test_what_fails_is_put_off_with_its_reason_and_done_later(town: Town) -> None:
    """The platform is away for the removal and the notice alike; nothing is forgotten."""
    sync = town.add("one", Cadence.DAILY)
    run(town, sync)
    town.platform.answers.extend([Receipt(Answer.UNREACHED, note="no connection")] * 10)
    request = work(town, ask(town, 3))
    assert request.progress is Progress.OPEN
    assert 3 in town.held(sync)
    assert not town.parts.privacy.due(town.clock.now())
    town.clock.sleep(3600)
    assert [each.id for each in town.parts.privacy.due(town.clock.now())] == [request.id]
    assert work(town, request).progress is Progress.DONE
    assert 3 not in town.held(sync)
    assert len(town.platform.told) == 2


def test_a_refused_item_is_on_record_and_an_unclear_one_is_asked_again(town: Town) -> None:
    """InvalidUserId is final; Unknown is not."""
    run(town, town.add("one", Cadence.DAILY))
    request = ask(town, 3, 5)
    removed = Receipt(Answer.APPLIED, status=200)
    invalid = Receipt(Answer.APPLIED, (Line(1, "InvalidUserId", LineClass.ROW),), 200, request_id="abc")
    unclear = Receipt(Answer.APPLIED, (Line(0, "Unknown", LineClass.TRANSIENT),), 200)
    town.platform.answers.extend([removed, invalid, unclear])
    assert work(town, request).progress is Progress.OPEN
    first, second = town.parts.privacy.notices(request.id)
    assert (first.settled, first.rejected, first.request_id, second.settled) == (True, 1, "abc", False)
    town.clock.sleep(3600)
    assert work(town, request).progress is Progress.DONE
    assert [(number, line.item, line.code) for number, line in town.parts.privacy.lines(request.id)] == [(0, 1, "InvalidUserId")]


def test_a_notice_that_is_refused_whole_is_halved_until_the_item_is_found(town: Town) -> None:
    """The others are told."""
    run(town, town.add("one", Cadence.DAILY))
    request = ask(town, 1_001, 1_002, 1_003)
    poisoned = Receipt(Answer.POISONED, status=400)
    one = Receipt(Answer.APPLIED, (Line(0, "Bad", LineClass.ROW),), 400)
    town.platform.answers.extend([poisoned, Receipt(Answer.APPLIED, status=200), one, Receipt(Answer.APPLIED, status=200)])
    assert work(town, request).progress is Progress.DONE
    assert len(town.platform.told) == 5
    assert sum(each.rejected for each in town.parts.privacy.notices(request.id)) == 1
    assert sum(each.rows for each in town.parts.privacy.notices(request.id)) == 6


def test_the_identifiers_themselves_are_kept_until_everybody_was_told(town: Town) -> None:
    """And erased then; the list stays."""
    sync = town.add("one", Cadence.DAILY)
    run(town, sync)
    request = ask(town, 3)
    originals = town.parts.suppressions.originals("default", request.id, 0)
    assert originals is not None
    assert originals.to_pylist() == [guid(3).bytes]
    work(town, request)
    assert town.parts.suppressions.originals("default", request.id, 0) is None
    assert town.parts.suppressions.find("default", guid(3).bytes)


def test_one_bad_identifier_and_nothing_is_written_down(town: Town, tmp_path: Path) -> None:
    """The first bad line is named, never shown."""
    file = tmp_path / "names.txt"
    file.write_text(f"\ufeff{guid(3)}\n\nnot-an-id\nnull\n")
    with pytest.raises(DefinitionError, match=r"^2 of 3 are no identifiers, the first is line 3: ") as error:
        privacy.ask(town.parts, "default", RequestType.OPT_OUT, privacy.lines(file), nothing)
    assert "not-an-id" not in str(error.value)
    assert not town.parts.privacy.listed("default")
    assert not town.parts.suppressions.sieve("default")
    with pytest.raises(DefinitionError, match="nobody is named"):
        ask(town)
    with pytest.raises(DefinitionError, match="cannot be read"):
        privacy.ask(town.parts, "default", RequestType.OPT_OUT, privacy.lines(tmp_path), nothing)


class Crash(BaseException):
    """The process is gone."""


def crash() -> None:
    """At this request."""
    raise Crash


@pytest.mark.parametrize("at", range(1, 5))
def test_whatever_the_request_at_which_the_process_dies_the_rest_is_done_later(lasting: Town, at: int) -> None:
    """Two removals and two notices: nobody is forgotten, and nothing is on record as done that was not answered."""
    town = lasting
    one, two = town.add("one", Cadence.DAILY), town.add("two", Cadence.DAILY)
    run(town, one)
    run(town, two)
    request, calls = ask(town, 3), iter(range(1, 10))
    town.platform.on_send = lambda: crash() if next(calls) == at else None
    with pytest.raises(Crash):
        work(town, request)
    town.platform.on_send = lambda: None
    assert town.parts.privacy.find("default", request.id) != request
    town.clock.sleep(timedelta(minutes=5).total_seconds())
    (due,) = town.parts.privacy.due(town.clock.now())
    assert work(town, due).progress is Progress.DONE
    assert 3 not in town.held(one) | town.held(two)
    assert {each[2] for each in town.platform.told} == {IdType.TDID, IdType.DAID}
    for report in (runs.report(town.parts, "default", each.id) for each in town.parts.ledger.history("default")):
        assert report.account.balances()


def test_the_run_that_another_request_left_behind_is_not_taken_for_its_own(town: Town) -> None:
    """It is finished first, and who said no since is taken out in a run of its own."""
    sync = town.add("one", Cadence.DAILY)
    run(town, sync)
    town.platform.on_send = crash
    with pytest.raises(Crash):
        work(town, ask(town, 3))
    town.platform.on_send = lambda: None
    town.clock.sleep(timedelta(minutes=5).total_seconds())
    second = work(town, ask(town, 4))
    assert second.progress is Progress.DONE
    assert town.held(sync) == set(range(1, 101)) - {3, 4}
    opted = [each.outcome for each in town.parts.ledger.history("default") if each.kind is RunKind.OPT_OUT]
    assert opted == [RunOutcome.CLEAN, RunOutcome.CLEAN]


def test_an_address_that_is_gone_keeps_no_request_open(town: Town) -> None:
    """As that of a sandbox which was only a rehearsal: nothing there can be told, and nobody is addressed from there."""
    run(town, town.add("one", Cadence.DAILY))
    town.platform.regions = ()
    assert work(town, ask(town, 3)).progress is Progress.DONE
    assert not town.platform.told


def test_a_request_cut_short_while_it_was_written_down_is_worked_on_with_what_it_has(town: Town) -> None:
    """And says so."""
    sync = town.add("one", Cadence.DAILY)
    run(town, sync)
    seen = iter(range(10))

    def once() -> Iterator[tuple[str, str]]:
        yield "line 1", str(guid(3))
        if next(seen):
            raise Crash
        yield "line 2", str(guid(4))

    with pytest.raises(Crash):
        privacy.ask(town.parts, "default", RequestType.OPT_OUT, once, nothing)
    town.clock.sleep(timedelta(minutes=5).total_seconds())
    (due,) = town.parts.privacy.due(town.clock.now())
    done = work(town, due)
    assert (done.progress, done.whole, done.identifiers) == (Progress.DONE, False, 0)


def test_the_worker_does_what_is_owed_to_people_before_all_else(town: Town) -> None:
    """Also what another command left behind; and it says so when something still waits."""
    sync = town.add("one", Cadence.DAILY)
    run(town, sync)
    request = ask(town, 3)
    town.clock.sleep(86_400)
    town.platform.answers.extend([Receipt(Answer.UNREACHED, note="no connection")] * 10)
    first, *_ = run_once(town.parts, Stop())
    assert (first.sync, first.run, str(first.error)) == (
        f"privacy {request.id}",
        None,
        "not everybody was told yet; tradewind privacy show says why",
    )
    town.platform.answers.clear()
    town.clock.sleep(7_200)
    (done,) = run_once(town.parts, Stop())
    assert (done.sync, done.error) == (f"privacy {request.id}", None)
    assert not list(run_once(town.parts, Stop()))


def test_the_doctor_calls_a_request_that_is_late(town: Town) -> None:
    """After a day; before, it is only mentioned."""
    run(town, town.add("one", Cadence.DAILY))
    ask(town, 3)
    assert [each.ok for each in examined(town.parts) if "privacy" in each.what] == [True]
    town.clock.sleep(90_000)
    assert [each.ok for each in examined(town.parts) if "privacy" in each.what] == [False]


def test_a_live_test_sends_nobody_who_said_no(town: Town) -> None:
    """Whoever types the identifier."""
    ask(town, 3)
    with pytest.raises(DefinitionError, match="somebody who said no"):
        connections.try_live(town.parts, "default", "main", str(guid(3)))
    assert not town.platform.sent
