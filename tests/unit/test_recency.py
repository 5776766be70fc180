"""Members are stamped with what they did last; all lapse when they would have, and nobody is lost or left over for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from town import NOON, Platform, Town, number_of
from tradewind.ledger.memory import MemoryLedger
from tradewind.membership.files import believed
from tradewind.model.identifier import IdType
from tradewind.model.plan import Delta, Operation, Plan
from tradewind.model.run import Answer, Receipt, Run, RunKind, RunOutcome, RunState
from tradewind.model.sync import Cadence, Recency, Refresh, Sync
from tradewind.operations import syncs
from tradewind.operations.ledger import verify
from tradewind.planning.doubt import HOLD
from tradewind.worker import Stop, run_once

MINUTE, DAY, TTL = timedelta(minutes=1), timedelta(days=1), timedelta(days=30)
LOST = Receipt(Answer.UNKNOWN, note="no answer")


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A hundred people, the n-th of whom did something n hours and 17 seconds ago; it is 20 seconds past noon."""
    town = Town(tmp_path, MemoryLedger())
    town.clock.sleep(20)
    town.people.last = {number: NOON - timedelta(hours=number, seconds=-3) for number in range(1, 101)}
    yield town
    town.close()


def add(town: Town, refresh: Refresh = Refresh.EVERY_SYNC, ttl_days: int = 30) -> Sync:
    """A sync that goes by the last event."""
    return town.add("all", Cadence.DAILY, refresh=refresh, ttl_days=ttl_days, recency=Recency.LAST_EVENT)


def run(town: Town, sync: Sync) -> Run:
    """Run it by hand, now."""
    return syncs.run(town.parts, "default", sync.id, None, lambda *_: None)


def delta_of(town: Town, done: Run) -> Delta:
    """What the run set out to do."""
    planned = town.parts.ledger.recall(done.id, RunState.PLANNED, Plan)
    assert planned is not None
    return planned.delta


def belief(town: Town, done: Run) -> dict[int, datetime]:
    """Until when each is believed to be in the segment after a run; nothing is in doubt."""
    version = town.parts.versions.of_run(done.id)
    assert version is not None
    found: dict[int, datetime] = {}
    for rows in believed(version.held(town.parts.home), IdType.DAID):
        facts: Any = rows.facts[rows.codes]
        assert (facts["expires_from"] == facts["expires_until"]).all()
        for value, until in zip(rows.ids.to_pylist(), facts["expires_until"].tolist(), strict=True):
            found[number_of(bytes(value or b""))] = datetime.fromtimestamp(until / 1e6, NOON.tzinfo)
    return found


def minute(moment: datetime) -> datetime:
    """Without its seconds."""
    return moment.replace(second=0, microsecond=0)


def test_each_is_stamped_with_the_minute_of_what_they_did_last_and_all_lapse_at_once(town: Town) -> None:
    """As long as with the run's own stamp; and what is believed is what the platform has, to the second."""
    sync = add(town)
    done = run(town, sync)
    assert town.stamps(sync) == {number: minute(last) for number, last in town.people.last.items()}
    assert town.lapses(sync) == dict.fromkeys(town.people.numbers, NOON + TTL) == belief(town, done)


def test_no_stamp_is_so_old_that_the_ttl_would_be_longer_than_the_platform_takes(town: Town) -> None:
    """Of 180 days a TTL of 30 leaves 150; one of 180 leaves nothing, and the run's own time is what there is."""
    town.people.last |= {1: NOON - 150 * DAY, 2: NOON - 151 * DAY, 3: NOON - 900 * DAY}
    short, long = add(town), town.add("long", Cadence.DAILY, ttl_days=180, recency=Recency.LAST_EVENT)
    for sync, days, earliest in ((short, 30, NOON - 150 * DAY), (long, 180, NOON)):
        run(town, sync)
        assert {number: town.stamps(sync)[number] for number in (1, 2, 3)} == dict.fromkeys((1, 2, 3), earliest)
        assert set(town.lapses(sync).values()) == {NOON + days * DAY}


def test_with_every_sync_each_run_says_what_was_done_last_by_then(town: Town) -> None:
    sync = add(town)
    run(town, sync)
    town.clock.sleep(DAY.total_seconds())
    town.people.last[7] = NOON + timedelta(hours=9)
    done = run(town, sync)
    assert delta_of(town, done).count(Operation.REFRESH) == 100
    assert town.stamps(sync) == {number: minute(last) for number, last in town.people.last.items()}
    assert town.lapses(sync) == dict.fromkeys(town.people.numbers, NOON + DAY + TTL) == belief(town, done)


def test_before_expiry_sends_again_only_who_did_something_since_or_has_little_time_left(town: Town) -> None:
    sync = add(town, Refresh.BEFORE_EXPIRY)
    run(town, sync)
    town.clock.sleep(DAY.total_seconds())
    assert delta_of(town, run(town, sync)).parts == ()
    town.people.last[7] = NOON + timedelta(hours=9)
    done = run(town, sync)
    assert (delta_of(town, done).count(Operation.REFRESH), delta_of(town, done).unchanged) == (1, 99)
    assert town.stamps(sync)[7] == NOON + timedelta(hours=9)
    assert delta_of(town, run(town, sync)).parts == (), "it is known now"
    town.at(NOON + 21 * DAY - MINUTE)
    done = run(town, sync)
    assert delta_of(town, done).count(Operation.REFRESH) == 99, "all but the one who was renewed a day later"
    assert town.stamps(sync) == {number: minute(last) for number, last in town.people.last.items()}


def test_a_lost_answer_is_followed_by_the_same_bytes_though_time_and_events_went_on(town: Town) -> None:
    sync = add(town)
    town.platform.on_send = lambda: town.people.last.update({1: NOON})
    town.platform.answers.append(LOST)
    assert run(town, sync).outcome is RunOutcome.CLEAN
    first, second = town.platform.sent
    assert bytes(first.body) == bytes(second.body)
    assert town.stamps(sync)[1] == minute(NOON - timedelta(hours=1))


class ByStamp(Platform):
    """A platform where the later time stamp counts, whichever request comes last."""

    def __init__(self, town: Town) -> None:
        super().__init__(town.clock)
        self.latest: dict[bytes, datetime] = {}

    def _apply(self, fingerprint: str, refused: set[int]) -> None:
        _, _, values = self._prepared[fingerprint]
        for item, (value, stamp) in enumerate(zip(values, self._stamps[fingerprint], strict=True)):
            if stamp < self.latest.get(value, stamp):
                refused = {*refused, item}
            elif item not in refused:
                self.latest[value] = stamp
        super()._apply(fingerprint, refused)


@pytest.mark.parametrize("arrives", ["never", "at once", "late"])
@pytest.mark.parametrize("rule", ["the last arrival counts", "the later stamp counts"])
def test_who_comes_back_after_a_lost_removal_is_in_by_either_rule(town: Town, rule: str, arrives: str) -> None:
    """Their last event is long before the removal, so they are sent with the time of the run, both times."""
    if rule == "the later stamp counts":
        town.platform = ByStamp(town)
    sync = add(town, Refresh.BEFORE_EXPIRY)
    run(town, sync)
    town.clock.sleep(600)
    town.people.numbers.discard(50)
    town.platform.answers.extend([LOST] * 5)
    before = len(town.platform.sent)
    town.platform.applied_anyway = frozenset({Answer.UNKNOWN} if arrives == "at once" else ())
    assert run(town, sync).outcome is RunOutcome.INCOMPLETE
    town.platform.applied_anyway = frozenset()
    assert not town.platform.answers
    began = town.clock.now()

    town.clock.sleep(30)
    town.people.numbers.add(50)
    waiting = run(town, sync)
    assert waiting.state is RunState.SETTLING
    if arrives == "late":
        town.platform._apply(town.platform.sent[before].fingerprint, set())
    town.at(began + HOLD)
    list(run_once(town.parts, Stop()))
    assert town.held(sync) == town.people.numbers
    assert town.stamps(sync)[50] > began - MINUTE, "later than the removal"
    assert all(finding.ok for finding in verify(town.parts, lambda *_: None))

    town.clock.sleep(DAY.total_seconds())
    town.people.last[50] = town.clock.now() - MINUTE
    run(town, sync)
    assert town.stamps(sync)[50] == minute(town.people.last[50])
    assert town.lapses(sync)[50] == minute(town.clock.now()) + TTL


@pytest.mark.parametrize("rule", ["the last arrival counts", "the later stamp counts"])
def test_who_leaves_after_a_lost_add_is_out_by_either_rule(town: Town, rule: str) -> None:
    """A removal has the time of its run, which is later than whatever anybody did."""
    if rule == "the later stamp counts":
        town.platform = ByStamp(town)
    sync = add(town, Refresh.BEFORE_EXPIRY)
    run(town, sync)
    town.people.numbers.add(101)
    town.people.last[101] = town.clock.now() - timedelta(seconds=1)
    town.platform.answers.extend([LOST] * 5)
    before = len(town.platform.sent)
    assert run(town, sync).outcome is RunOutcome.INCOMPLETE
    began = town.clock.now()
    town.clock.sleep(2)
    town.people.numbers.discard(101)
    assert run(town, sync).state is RunState.SETTLING
    town.platform._apply(town.platform.sent[before].fingerprint, set())
    town.at(began + HOLD)
    list(run_once(town.parts, Stop()))
    assert town.held(sync) == town.people.numbers


def test_a_sync_that_changes_to_the_last_event_tells_it_as_its_members_come_up(town: Town) -> None:
    """And back: then the run's own time is sent again."""
    sync = town.add("all", Cadence.DAILY, refresh=Refresh.BEFORE_EXPIRY)
    run(town, sync)
    assert set(town.stamps(sync).values()) == {NOON + timedelta(seconds=20)}
    town.parts.catalog.change_sync(replace(sync, recency=Recency.LAST_EVENT))
    assert delta_of(town, run(town, sync)).parts == ()
    town.clock.sleep(21 * DAY.total_seconds())
    run(town, sync)
    assert town.stamps(sync) == {number: minute(last) for number, last in town.people.last.items()}
    town.parts.catalog.change_sync(replace(sync, refresh=Refresh.EVERY_SYNC))
    run(town, sync)
    assert set(town.stamps(sync).values()) == {town.clock.now()}
    assert set(town.lapses(sync).values()) == {town.clock.now() + TTL}


def test_who_is_kept_while_the_source_fails_is_renewed_with_the_time_of_the_run(town: Town) -> None:
    """Nobody can say then what they did."""
    sync = add(town, ttl_days=4)
    run(town, sync)
    town.clock.sleep(3 * DAY.total_seconds())
    town.people.broken = True
    list(run_once(town.parts, Stop()))
    kept = town.parts.ledger.history("default", sync.id)
    assert RunKind.KEEP in {each.kind for each in kept}
    assert town.held(sync) == town.people.numbers
    assert set(town.stamps(sync).values()) == {town.clock.now()}
