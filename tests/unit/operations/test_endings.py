"""Giving a segment up: who is in it is told first, then they are taken out with the old account, or lapse by a date on record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from town import NOON, Town, guid
from tradewind.destinations.base import Destination
from tradewind.errors import ConfigurationError, DefinitionError, LedgerError
from tradewind.model.cohort import Behaviour, Cohort, CohortKind, Did
from tradewind.model.destination import Secret
from tradewind.model.identifier import IdType, Mapping
from tradewind.model.plan import Operation
from tradewind.model.run import Answer, LineClass, Receipt, Run, RunKind, RunOutcome
from tradewind.model.run import Line as Refused
from tradewind.model.sync import Cadence, Leaving, Sync, SyncState
from tradewind.operations import connections, endings, runs, syncs, trace
from tradewind.operations.partings import AGAIN
from tradewind.targets import wanted
from tradewind.worker import Done, Stop, run_once

DAY = timedelta(days=1)
HOST = "https://memory.invalid"
EVERYBODY = set(range(1, 101))
EXPIRES = "2026-03-31 12:00"


def watch(_what: str, _done: int, _total: int) -> None:
    """Nobody looks."""


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A home with a daily sync whose hundred people are in its segment."""
    town = Town(tmp_path)
    town.add("s", Cadence.DAILY)
    syncs.run(town.parts, "default", "s", None, watch)
    town.clock.sleep(60)
    yield town
    town.close()


def sync_of(town: Town) -> Sync:
    return town.parts.catalog.sync("default", "s")


def move(town: Town, advertiser: str = "adv2", leaving: Leaving | None = Leaving.EMPTY) -> None:
    """The connection becomes another account, with another secret."""
    before = town.parts.catalog.connection("default", "main")
    connections.add(town.parts, replace(before, advertiser=advertiser), Secret(f"s3cret-of-{advertiser}"), leaving)


def held(town: Town, advertiser: str, segment: str = "segment s") -> int:
    return len(town.platform.held(HOST, advertiser, segment))


def once(town: Town) -> list[Done]:
    return list(run_once(town.parts, Stop()))


def drains(town: Town) -> list[Run]:
    """The runs that emptied something, oldest first."""
    return [run for run in reversed(town.parts.ledger.history("default")) if run.kind is RunKind.DRAIN]


# --- another account, another segment


def test_another_account_is_not_taken_before_it_is_said_what_becomes_of_the_people(town: Town) -> None:
    """How many, where, and until when; nothing has changed."""
    with pytest.raises(DefinitionError, match=f"'segment s' of advertiser adv1 holds 100 identifiers, the last of them until {EXPIRES}"):
        move(town, leaving=None)
    assert town.parts.catalog.connection("default", "main").advertiser == "adv1"
    assert town.parts.vault.latest("default", "main") == 1


def test_the_old_account_is_emptied_with_its_own_secret_before_the_new_one_is_filled(town: Town) -> None:
    """The removals carry the old binding, the run is told as what it is, and both accounts are right at the end."""
    move(town)
    done = syncs.run(town.parts, "default", "s", None, watch)
    assert (done.outcome, held(town, "adv1"), held(town, "adv2")) == (RunOutcome.CLEAN, 0, 100)
    (drain,) = drains(town)
    binding = town.parts.ledger.binding(drain.binding)
    assert (binding.target.advertiser, binding.secret_version) == ("adv1", 1)
    assert town.parts.ledger.binding(done.binding).secret_version == 2
    report = runs.report(town.parts, "default", drain.id)
    assert report.plan
    assert ({part.operation for part in report.plan.delta.parts}, report.account.accepted, report.holds) == ({Operation.REMOVE}, 100, 0)
    assert not once(town), "nothing is left to do"


def test_the_worker_empties_what_was_given_up_whatever_was_in_between(town: Town) -> None:
    """Killed in the middle of it, and killed again: the next pass goes on, because what is held says what is to do."""
    town.platform.items = 30
    move(town)
    for _ in range(2):
        town.platform.on_send = lambda: (_ for _ in ()).throw(Killed())
        with pytest.raises(Killed):
            once(town)
    town.platform.on_send = lambda: None
    assert [done.run and done.run.kind for done in once(town)] == [RunKind.DRAIN]
    assert held(town, "adv1") == 0
    assert len(drains(town)) == 1, "it went on with the same run"


def test_a_run_that_was_cut_short_is_wound_up_before_its_target_is_emptied(town: Town) -> None:
    """Who was added before the kill is known to the membership, and is taken out with the rest."""
    town.platform.items = 10
    town.people.numbers = EVERYBODY | set(range(200, 240))
    town.platform.on_send = lambda: held(town, "adv1") > 120 and (_ for _ in ()).throw(Killed())
    with pytest.raises(Killed):
        syncs.run(town.parts, "default", "s", None, watch)
    town.platform.on_send = lambda: None
    town.clock.sleep(60)
    move(town)
    once(town)
    assert held(town, "adv1") == 0
    cut = town.parts.ledger.history("default", "s")[1]
    assert (cut.kind, cut.outcome) == (RunKind.SYNC, RunOutcome.INCOMPLETE)


@pytest.mark.parametrize("trouble", ["forbidden", "secret gone"])
def test_an_account_that_no_longer_answers_lapses_by_a_date_that_is_written_down(town: Town, trouble: str) -> None:
    """It is tried once, says why, pauses nobody, and is left alone from then on."""
    move(town)
    if trouble == "forbidden":
        town.platform.answers.append(Receipt(Answer.FORBIDDEN, status=403, note="no"))
    else:
        town.parts.vault.forget("default", "main")
        town.parts.vault.seal("default", "main", Secret("another"))
    done = syncs.run(town.parts, "default", "s", None, watch)
    assert (done.outcome, held(town, "adv1"), held(town, "adv2")) == (RunOutcome.CLEAN, 100, 100)
    (parting,) = (each for each in town.parts.catalog.partings().values() if each.how is Leaving.LET_EXPIRE)
    assert parting.until == NOON + 30 * DAY
    assert {"forbidden": "refuses this account", "secret gone": "no secret of version 1"}[trouble] in parting.reason
    assert town.parts.catalog.connection("default", "main").paused is None
    town.clock.sleep(DAY.total_seconds())
    assert [each.run and each.run.kind for each in once(town)] == [RunKind.SYNC]


def test_who_was_left_to_expire_is_never_sent_again(town: Town) -> None:
    """No request goes to the old account."""
    move(town, leaving=Leaving.LET_EXPIRE)
    before = len(town.platform.sent)
    once(town)
    syncs.run(town.parts, "default", "s", None, watch)
    assert len(town.platform.sent) == before + 1
    assert (held(town, "adv1"), held(town, "adv2"), drains(town)) == (100, 100, [])
    beliefs = trace.trace(town.parts, "default", str(guid(1))).beliefs
    assert sorted((each.advertiser, bool(each.left_to_expire)) for each in beliefs) == [("adv1", True), ("adv2", False)]


def test_a_silent_platform_is_tried_again_later(town: Town) -> None:
    """Not in the same minute; and nobody is forgotten."""
    move(town)
    town.platform.answers.extend([Receipt(Answer.UNREACHED)] * 5)
    (done,) = once(town)
    assert done.run
    assert done.run.outcome is RunOutcome.INCOMPLETE
    assert not once(town)
    town.clock.sleep(AGAIN.total_seconds())
    once(town)
    assert held(town, "adv1") == 0


def test_an_account_that_is_taken_back_meanwhile_is_not_emptied(town: Town) -> None:
    """Moved there and back before anybody ran: the next run refreshes, and nobody left in between."""
    move(town)
    move(town, "adv1", Leaving.EMPTY)
    assert not once(town)
    done = syncs.run(town.parts, "default", "s", None, watch)
    assert {part.operation for part in runs.report(town.parts, "default", done.id).plan.delta.parts} == {Operation.REFRESH}  # type: ignore[union-attr]
    assert drains(town) == []


def test_a_segment_that_is_taken_again_meanwhile_is_emptied_no_further(town: Town) -> None:
    """A new sync takes it between two requests: the rest is not sent, and the new sync finds who is still there."""
    town.platform.items = 10

    def on_send() -> None:
        town.clock.sleep(2)
        if not town.parts.catalog.syncs("default"):
            town.add("s", Cadence.DAILY)

    town.platform.on_send = on_send
    ended = endings.remove_sync(town.parts, "default", "s", Leaving.EMPTY, watch)
    assert [run.outcome for run in ended.runs] == [RunOutcome.INCOMPLETE]
    left = held(town, "adv1")
    assert 0 < left < 100
    town.platform.on_send = lambda: None
    assert not once(town)
    done = syncs.run(town.parts, "default", "s", None, watch)
    delta = runs.report(town.parts, "default", done.id).plan.delta  # type: ignore[union-attr]
    assert (delta.count(Operation.ADD), delta.count(Operation.REFRESH)) == (100 - left, left)
    assert held(town, "adv1") == 100


def test_a_store_that_fails_makes_no_segment_look_given_up(town: Town) -> None:
    """What could not be looked at is not gone."""

    def unreadable(_kind: str) -> Destination:
        raise LedgerError("the database cannot be used")

    with pytest.raises(LedgerError):
        wanted(replace(town.parts, destination=unreadable))


def test_an_account_whose_segment_has_an_owner_cannot_be_moved_to(town: Town) -> None:
    """Also for a sync of another project; the sentence names what is in the way."""
    other = replace(town.parts.catalog.connection("default", "main"), id="second", advertiser="adv2")
    town.parts.catalog.save_connection(other)
    town.parts.catalog.add_sync(replace(sync_of(town), id="t", connection="second"))
    with pytest.raises(DefinitionError, match="segment 'segment s' is owned by sync 't'"):
        move(town)
    assert town.parts.vault.latest("default", "main") == 1


@pytest.mark.parametrize("change", ["secret", "ttl", "identity map"])
def test_another_secret_ttl_or_identity_map_keeps_the_membership(town: Town, change: str) -> None:
    """The next diff does the rest: everybody is refreshed, nobody leaves, nothing is emptied."""
    if change == "secret":
        connections.add(town.parts, town.parts.catalog.connection("default", "main"), Secret("rotated"))
    elif change == "identity map":
        main = town.parts.catalog.connection("default", "main")
        wider = replace(main.identity, mappings=(*main.identity.mappings, Mapping("user.other", IdType.TDID)))
        town.parts.catalog.save_connection(replace(main, identity=wider))
    else:
        town.parts.catalog.change_sync(replace(sync_of(town), ttl_minutes=20_160))
    done = syncs.run(town.parts, "default", "s", None, watch)
    assert {part.operation for part in runs.report(town.parts, "default", done.id).plan.delta.parts} == {Operation.REFRESH}  # type: ignore[union-attr]
    assert (held(town, "adv1"), drains(town)) == (100, [])


# --- removing


def test_a_sync_is_not_removed_before_it_is_said_how_its_people_leave(town: Town) -> None:
    with pytest.raises(DefinitionError, match="say --empty to take them out, or --let-expire"):
        endings.remove_sync(town.parts, "default", "s", None, watch)
    assert sync_of(town).state is SyncState.ACTIVE


def test_a_removed_sync_is_emptied_and_its_history_stays(town: Town) -> None:
    """Runs are told of, an identifier is traced, and the segment may have a new sync, also under the same id."""
    ended = endings.remove_sync(town.parts, "default", "s", Leaving.EMPTY, watch)
    assert [(stake.count, stake.until) for stake in ended.stakes] == [(100, NOON + 30 * DAY)]
    assert ([run.outcome for run in ended.runs], ended.later, held(town, "adv1")) == ([RunOutcome.CLEAN], (), 0)
    assert [runs.report(town.parts, "default", run.id).cohort for run in town.parts.ledger.history("default")] == ["all"] * 2
    found = trace.trace(town.parts, "default", str(guid(1)))
    assert (found.beliefs, [entry.operation for entry in found.history]) == ((), [Operation.REMOVE, Operation.ADD])
    town.add("s", Cadence.DAILY)
    assert syncs.run(town.parts, "default", "s", None, watch).outcome is RunOutcome.CLEAN
    assert held(town, "adv1") == 100


def test_a_segment_left_to_expire_is_taken_over_with_its_people(town: Town) -> None:
    """The new sync compares with what is there: those who stay are refreshed, the others leave."""
    endings.remove_sync(town.parts, "default", "s", Leaving.LET_EXPIRE, watch)
    assert not once(town)
    assert held(town, "adv1") == 100
    town.add("s", Cadence.DAILY)
    town.people.numbers = EVERYBODY - {1, 2} | {300}
    done = syncs.run(town.parts, "default", "s", None, watch)
    delta = runs.report(town.parts, "default", done.id).plan.delta  # type: ignore[union-attr]
    assert {operation: delta.count(operation) for operation in Operation} == {Operation.ADD: 1, Operation.REMOVE: 2, Operation.REFRESH: 98}


def test_a_removed_connection_is_emptied_and_then_its_secret_is_gone(town: Town) -> None:
    """The secret outlives the connection for as long as somebody is to be taken out with it."""
    town.platform.answers.extend([Receipt(Answer.UNREACHED)] * 5)
    ended = endings.remove_connection(town.parts, "default", "main", Leaving.EMPTY, watch)
    assert [run.outcome for run in ended.runs] == [RunOutcome.INCOMPLETE]
    assert not town.parts.catalog.connections("default")
    assert not town.parts.catalog.syncs("default")
    town.clock.sleep(AGAIN.total_seconds())
    once(town)
    assert held(town, "adv1") == 0
    endings.forget_unneeded(town.parts)
    with pytest.raises(ConfigurationError, match="no secret of version 1"):
        town.parts.vault.open("default", "main", 1)


def test_a_cohort_takes_its_syncs_with_it(town: Town) -> None:
    """Unless another cohort is made of it: then nothing has changed."""
    ended = endings.remove_cohort(town.parts, "default", "all", Leaving.EMPTY, watch)
    assert ([run.outcome for run in ended.runs], held(town, "adv1")) == ([RunOutcome.CLEAN], 0)
    assert town.parts.catalog.cohorts("default") == ()
    town.parts.catalog.save_cohort(Cohort("default", "one", "One", CohortKind.BEHAVIOURAL, Behaviour(Did("Open"))))
    assert endings.remove_cohort(town.parts, "default", "one", None, watch).stakes == ()


def test_a_removal_that_the_platform_refuses_lapses_by_a_date(town: Town) -> None:
    """The refused are not sent again and again; the row says when they leave."""
    town.platform.answers.append(Receipt(Answer.APPLIED, status=200, lines=(Refused(0, "MissingUserId", LineClass.ROW),)))
    endings.remove_sync(town.parts, "default", "s", Leaving.EMPTY, watch)
    (parting,) = town.parts.catalog.partings().values()
    assert (parting.how, parting.reason, parting.until) == (Leaving.LET_EXPIRE, "the platform refused the removal of 1", NOON + 30 * DAY)
    town.clock.sleep(DAY.total_seconds())
    assert not once(town)


# --- pausing


@pytest.mark.parametrize("how", list(Leaving))
def test_a_paused_sync_sends_nothing_and_resumed_it_is_as_if_it_had_run(town: Town, how: Leaving) -> None:
    """Its people lapse, or are taken out at once; the first run after it makes up for all."""
    ended = endings.pause(town.parts, "default", "s", how, watch)
    assert [stake.count for stake in ended.stakes] == [100]
    assert held(town, "adv1") == (0 if how is Leaving.EMPTY else 100)
    before = len(town.platform.sent)
    town.clock.sleep(3 * DAY.total_seconds())
    assert not once(town)
    with pytest.raises(ConfigurationError, match="sync 's' is paused"):
        syncs.run(town.parts, "default", "s", None, watch)
    assert len(town.platform.sent) == before
    town.people.numbers = EVERYBODY - {5}
    endings.resume(town.parts, "default", "s")
    (done,) = once(town)
    assert done.run
    assert (done.run.outcome, town.held(sync_of(town))) == (RunOutcome.CLEAN, EVERYBODY - {5})
    with pytest.raises(DefinitionError, match="is active, not paused"):
        endings.resume(town.parts, "default", "s")


def test_a_run_under_way_stops_when_its_sync_is_paused(town: Town) -> None:
    """The request under way ends; what came after it is not sent; who was sent is known."""
    town.platform.items = 10

    def on_send() -> None:
        town.platform.on_send = lambda: None
        town.parts.catalog.set_sync_state("default", "s", SyncState.PAUSED)
        town.clock.sleep(2)

    town.platform.on_send = on_send
    done = syncs.run(town.parts, "default", "s", None, watch)
    account = town.parts.ledger.account(done.id)
    assert (done.outcome, account.accepted, account.not_sent) == (RunOutcome.INCOMPLETE, 10, 90)
