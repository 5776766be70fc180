"""A segment looked at: size run by run, until when its people stay, the next renewal, and what it is large enough for."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from town import NOON, Town
from tradewind.errors import DefinitionError
from tradewind.model.destination import Size
from tradewind.model.identifier import IdType, Mapping
from tradewind.model.plan import Operation
from tradewind.model.run import Answer, Receipt
from tradewind.model.sync import Cadence, Refresh
from tradewind.operations import segments, syncs
from tradewind.worker import Stop, run_once


def day_after_day(town: Town, until: int) -> None:
    """The worker runs what is due, every day at noon, up to so many days after the first."""
    while (today := town.clock.now()) < NOON + timedelta(days=until):
        town.at(today + timedelta(days=1))
        assert [done.error for done in run_once(town.parts, Stop()) if done.error] == []


def test_before_its_first_run_a_segment_is_empty(town: Town) -> None:
    town.add("daily", Cadence.DAILY)
    found = segments.portrait(town.parts, "default", "daily")
    assert (found.points, found.outlook.count, found.outlook.by_day, found.segment.last) == ((), 0, (), None)
    with pytest.raises(DefinitionError, match="does not exist"):
        segments.portrait(town.parts, "default", "nothing")


def test_size_and_who_came_and_went_are_told_run_by_run(town: Town) -> None:
    town.add("daily", Cadence.DAILY)
    day_after_day(town, 1)
    town.people.numbers = set(range(6, 111))
    day_after_day(town, 2)
    found = segments.portrait(town.parts, "default", "daily")
    young, old = found.points
    came_and_went = {Operation.ADD: 10, Operation.REMOVE: 5, Operation.REFRESH: 95}
    assert [point.holds for point in found.points] == [105, 100]
    assert {each: tally.accepted for each, tally in young.tallies.items()} == came_and_went
    assert {each: tally.accepted for each, tally in old.tallies.items()} == {Operation.ADD: 100}


def test_people_lapse_when_they_were_sent_last_and_the_next_run_renews_all(town: Town) -> None:
    town.add("daily", Cadence.DAILY, ttl_days=30)
    day_after_day(town, 1)
    found = segments.portrait(town.parts, "default", "daily")
    assert found.outlook.by_day == ((date(2026, 4, 1), 100),)
    assert found.next is not None
    assert (found.next.due, found.next.requests, found.saved) == (100, -(-100 // town.platform.items), segments.Saved(0, 0))


def test_requests_of_the_next_renewal_are_counted_type_by_type(town: Town) -> None:
    """A request names identifiers of one type: a hundred of each of two types, sixty a request, are two and two."""
    town.platform.items = 60
    main = town.parts.catalog.connection("default", "main")
    both = replace(main.identity, mappings=(*main.identity.mappings, Mapping("user.ad", IdType.TDID)))
    town.parts.catalog.save_connection(replace(main, identity=both))
    town.add("daily", Cadence.DAILY)
    day_after_day(town, 1)
    found = segments.portrait(town.parts, "default", "daily")
    assert found.outlook.by_type == ((IdType.DAID, 100), (IdType.TDID, 100))
    assert found.next is not None
    assert (found.next.due, found.next.requests) == (200, 4)
    before = len(town.platform.sent)
    day_after_day(town, 2)
    assert len(town.platform.sent) - before == 4, "as many are sent"


def test_renewing_late_says_whom_the_next_run_renews_and_what_was_saved(town: Town) -> None:
    town.add("late", Cadence.DAILY, ttl_days=30, refresh=Refresh.BEFORE_EXPIRY)
    day_after_day(town, 1)
    found = segments.portrait(town.parts, "default", "late")
    assert found.next is not None
    assert (found.next.due, found.saved.identifiers) == (0, 0)
    day_after_day(town, 21)
    found = segments.portrait(town.parts, "default", "late")
    assert found.next is not None
    assert (found.next.due, found.saved.identifiers) == (100, 20 * 100)
    renewed = [tally.accepted for point in found.points for each, tally in point.tallies.items() if each is Operation.REFRESH]
    assert sum(renewed) == 0
    day_after_day(town, 22)
    assert segments.portrait(town.parts, "default", "late").outlook.by_day[-1][0] > date(2026, 4, 15)


def test_a_one_time_sync_has_no_next_run_and_is_empty_when_all_have_lapsed(town: Town) -> None:
    town.add("once", Cadence.ONE_TIME, ttl_days=30)
    syncs.run(town.parts, "default", "once", None, lambda _what, _done, _total: None)
    assert segments.portrait(town.parts, "default", "once").next is None
    assert [each.holds for each in segments.listed(town.parts, "default")] == [100]
    town.at(NOON + timedelta(days=31))
    assert [each.holds for each in segments.listed(town.parts, "default")] == [0]
    assert segments.portrait(town.parts, "default", "once").outlook.count == 0


def test_who_is_in_doubt_is_counted_apart(town: Town) -> None:
    town.add("daily", Cadence.DAILY)
    day_after_day(town, 1)
    town.people.numbers = set(range(1, 91))
    town.platform.answers.extend([Receipt(Answer.UNKNOWN)] * 100)
    town.at(NOON + timedelta(days=2))
    list(run_once(town.parts, Stop()))
    found = segments.portrait(town.parts, "default", "daily")
    assert (found.outlook.count, found.outlook.uncertain) == (100, 10)


def test_the_platform_says_what_a_segment_is_large_enough_for(town: Town) -> None:
    town.platform.spec = replace(town.platform.spec, sizes=(Size("target", 100, "a hundred"), Size("seed", 101, "more")))
    town.add("daily", Cadence.DAILY)
    day_after_day(town, 1)
    assert [each.enough for each in segments.portrait(town.parts, "default", "daily").sizes] == [True, False]
