"""The platform's own view: kept once a day beside our own count, told when it lacks a segment, and forgotten with its token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox_process import wait_until
from town import NOON, Town
from tradewind.errors import ChangedError, ConfigurationError, DefinitionError
from tradewind.model.alert import AlertKind
from tradewind.model.destination import Secret, Size
from tradewind.model.platform import Reading, Use
from tradewind.model.sync import Cadence, Leaving, Refresh
from tradewind.operations import arranging, connections, endings, platform, segments
from tradewind.operations.alerting import Watchman
from tradewind.worker import Stop, run_once

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SEGMENT = "segment daily"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A daily sync that has run once, and a connection that may ask."""
    town = Town(tmp_path)
    town.platform.spec = town.platform.spec.__class__(
        **vars(town.platform.spec) | {"sizes": (Size("target", 80, "To target it."), Size("seed", 50, "To seed it.", active=True))}
    )
    town.add("daily", Cadence.DAILY)
    town.at(NOON + DAY)
    platform.give(town.parts, "default", "main", Secret("token"), "ann")
    work(town)
    yield town
    town.close()


def work(town: Town) -> None:
    """The worker runs what is due, and asks beside it."""
    assert [done.error for done in run_once(town.parts, Stop()) if done.error] == []
    platform.read_due(town.parts)


def reading(town: Town) -> Reading | None:
    return segments.portrait(town.parts, "default", "daily").reading


def alerts(town: Town) -> set[AlertKind]:
    Watchman(town.parts).look()
    return {each.alert.kind for each in town.parts.notify.book.incidents("default", only_open=True)}


def segment_of(town: Town) -> str:
    return town.parts.catalog.sync("default", "daily").segment


def test_it_is_read_after_the_first_run_and_then_once_a_day(town: Town) -> None:
    first = reading(town)
    assert first
    assert first.listing
    assert (first.listing.name, first.listing.activity.ids, first.held) == (segment_of(town), 100, 100)
    asked = town.platform.asked
    town.people.numbers = set(range(1, 97))
    town.at(town.clock.now() + 23 * HOUR)
    work(town)
    assert town.platform.asked == asked
    town.platform.active[segment_of(town)] = 40
    town.at(town.clock.now() + HOUR)
    work(town)
    second = reading(town)
    assert second
    assert second.listing
    assert (second.listing.activity.ids, second.held, second.sent_since) == (40, 96, first.sent_since)
    target = second.target
    assert town.parts.readings.history(target, 9) == (second, first)


def test_sizes_count_what_the_platform_saw_where_it_was_asked(town: Town) -> None:
    town.platform.active[segment_of(town)] = 40
    platform.read(town.parts, "default", "main")
    target, seed = segments.portrait(town.parts, "default", "daily").sizes
    assert (target.enough, target.count, target.asked) == (True, 100, False)
    assert (seed.enough, seed.count, seed.asked) == (False, 40, True)
    platform.take_away(town.parts, "default", "main", "ann")
    _, seed = segments.portrait(town.parts, "default", "daily").sizes
    assert (seed.enough, seed.count, seed.asked) == (True, 100, False), "without asking, what was sent is the most that it can be"


def test_a_segment_that_is_not_listed_after_two_days_is_told_until_it_is(town: Town) -> None:
    town.platform.unlisted.add(segment_of(town))
    since = town.parts.readings.sent_since(segments.portrait(town.parts, "default", "daily").reading.target)  # type: ignore[union-attr]
    assert since
    town.at(since + timedelta(hours=48))
    platform.read(town.parts, "default", "main")
    assert AlertKind.UNLISTED not in alerts(town)
    town.at(since + timedelta(hours=48, seconds=1))
    platform.read(town.parts, "default", "main")
    assert AlertKind.UNLISTED in alerts(town)
    town.platform.unlisted.clear()
    platform.read(town.parts, "default", "main")
    assert AlertKind.UNLISTED not in alerts(town)


def test_what_cannot_be_read_is_kept_tried_again_and_told_after_a_day_and_a_half(town: Town) -> None:
    with pytest.raises(ConfigurationError, match="refuses"):
        platform.give(town.parts, "default", "main", Secret("refused"), "ann")
    assert reading(town), "a token that is refused takes nobody's place"
    town.parts.vault.seal("default", "main", Secret("refused"), "platform_token")
    for hours in (24, 36, 37):
        town.at(NOON + DAY + timedelta(hours=hours))
        work(town)
        reader = town.parts.readings.reader("default", "main")
        assert reader
        assert reader.problem == "the platform refuses the platform token"
        assert (AlertKind.UNREAD in alerts(town)) is (hours == 37)
    platform.give(town.parts, "default", "main", Secret("token"), "ann")
    work(town)
    assert AlertKind.UNREAD not in alerts(town)


def test_a_connection_that_cannot_be_asked_keeps_no_other_from_it(town: Town) -> None:
    """Whichever of them comes first."""
    main = town.parts.catalog.connection("default", "main")
    for other in ("aaa", "zzz"):
        town.parts.catalog.save_connection(replace(main, id=other, advertiser=f"of-{other}"))
        platform.give(town.parts, "default", other, Secret("token"), "ann")
        town.parts.vault.seal("default", other, Secret("refused"), "platform_token")
    found = platform.read_all(town.parts, "default")
    assert [(sync, each.held) for sync, each in found.readings] == [("daily", 100)]
    assert [(each, str(error)) for each, error in found.problems] == [
        ("aaa", "the platform refuses the platform token"), ("zzz", "the platform refuses the platform token"),
    ]  # fmt: skip


def test_a_token_goes_with_its_connection(town: Town) -> None:
    endings.remove_connection(town.parts, "default", "main", Leaving.EMPTY, None)
    work(town)
    assert town.parts.readings.readers() == ()
    assert town.parts.vault.latest("default", "main", "platform_token") is None


def test_a_plan_that_is_no_longer_what_was_looked_at_is_not_carried_out(town: Town) -> None:
    parts = town.parts
    seen = arranging.plan_attach(parts, "default", "daily", "Group", "Everybody")
    assert [(each.after.use, each.changes) for each in seen.steps] == [(Use.DATA_GROUP, True), (Use.AUDIENCE, True)]
    done = arranging.carry_out(parts, "default", seen, seen.mark, "ann")
    assert done[1].holds == (done[0].id,)
    now = arranging.plan_attach(parts, "default", "daily", "Group", "Everybody")
    assert not now.changes
    with pytest.raises(ChangedError, match="has changed since"):
        arranging.carry_out(parts, "default", now, seen.mark, "ann")


@pytest.mark.parametrize(
    ("syncs", "says"),
    [
        ([], "name the sync of at least one"),
        (["daily", "other"], "one connection"),
        (["nothing"], "does not exist"),
    ],
)
def test_a_seed_that_cannot_be(town: Town, syncs: list[str], says: str) -> None:
    main = town.parts.catalog.connection("default", "main")
    connections.add(town.parts, main.__class__(**vars(main) | {"id": "second", "advertiser": "adv2"}), Secret("s3cret"))
    sync = town.parts.catalog.sync("default", "daily")
    town.parts.catalog.add_sync(sync.__class__(**vars(sync) | {"id": "other", "connection": "second", "segment": "other"}))
    with pytest.raises(DefinitionError, match=says):
        arranging.plan_seed(town.parts, "default", "Seed", syncs)


@pytest.mark.parametrize("name", ["  ", "x" * 257, "a\nb"])
def test_a_name_that_cannot_be(town: Town, name: str) -> None:
    with pytest.raises(DefinitionError, match="1 to 256 characters that print"):
        arranging.plan_seed(town.parts, "default", name, ["daily"])


def test_it_is_asked_beside_the_work(town: Town) -> None:
    first = reading(town)
    town.at(town.clock.now() + DAY)
    said: list[str] = []
    with platform.asking(town.parts, said.append, 0.01):
        wait_until(lambda: reading(town) != first, "it was asked")
    assert said == []


def test_only_who_was_sent_in_thirty_days_counts_as_received(town: Town) -> None:
    sync = town.add("long", Cadence.DAILY, ttl_days=90, refresh=Refresh.BEFORE_EXPIRY)
    town.at(town.clock.now() + DAY)
    work(town)
    town.at(town.clock.now() + 29 * DAY)
    assert segments.portrait(town.parts, "default", sync.id).sizes[0].count == 100
    town.at(town.clock.now() + 2 * DAY)
    found = segments.portrait(town.parts, "default", sync.id)
    assert (found.outlook.count, found.sizes[0].count) == (100, 0)


def test_of_several_workers_one_asks(town: Town) -> None:
    (reader,) = town.parts.readings.readers()
    turns = [town.parts.readings.take(reader, town.clock.now() + HOUR) for _ in range(3)]
    assert turns == [True, False, False]
