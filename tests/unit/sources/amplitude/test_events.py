"""Events are pulled hour by hour, each hour once, whatever happens between."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from event_desk import Desk, exported
from tradewind.clock import StandingClock
from tradewind.errors import DefinitionError, EngineError, RetryableError
from tradewind.sources.amplitude.base import Account, Exported
from tradewind.sources.amplitude.events import HOUR, LIKED, Place, Pulled, next_span, pull_events
from tradewind.sources.amplitude.memory import MemoryAmplitude

DAY = datetime(2026, 1, 1)  # noqa: DTZ001 - hours are naive and in UTC


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.close()


class Exports:
    """Amplitude's events by the hour that they reached it, three an hour; what it was asked for, and what is to go wrong."""

    def __init__(self, *, empty: tuple[int, ...] = (), most: int = 1000, too_large: int | None = None) -> None:
        self.empty, self.most, self.too_large = empty, most, too_large
        self.asked: list[tuple[int, int]] = []
        self.trouble: Callable[[Path], None] = lambda _: None

    def export(self, first: datetime, until: datetime, out: Path, moved: Callable[[int], None]) -> Exported:
        start, end = (int((each - DAY.replace(tzinfo=UTC)) / HOUR) for each in (first, until))
        self.asked.append((start, end))
        if end - start > self.most or (self.too_large is not None and start <= self.too_large < end):
            return Exported.TOO_MUCH
        hours = [hour for hour in range(start, end) if hour not in self.empty]
        if not hours:
            return Exported.NOTHING
        with zipfile.ZipFile(out, "w") as archive:
            for hour in hours:
                times = [f"{DAY + hour * HOUR + timedelta(minutes=minute):%Y-%m-%d %H:%M:%S.%f}" for minute in range(3)]
                lines = "\n".join(json.dumps(exported(0, "D", "ann", event_time=time) | {"$insert_id": time}) for time in times)
                archive.writestr(f"1/1_2026-01-01_{hour}#0.json.gz", gzip.compress(lines.encode()))
        moved(out.stat().st_size)
        self.trouble(out)
        return Exported.FILE


class NoPace:
    """Lets everybody through."""

    def turn(self) -> AbstractContextManager[None]:
        return nullcontext()

    def hold_off(self, seconds: float) -> None:
        raise AssertionError(f"nobody was to wait {seconds} s")


def pull(
    desk: Desk, exports: Exports, first: datetime | None = DAY, until: datetime | None = None, *, now: datetime = DAY + 48 * HOUR
) -> Pulled:
    clock = StandingClock(now.replace(tzinfo=UTC))
    return pull_events(exports, Place(desk.store, "p", "amp"), first, until, clock, lambda _: None)


def count(desk: Desk) -> int:
    return desk.store.count("p")


def test_every_hour_is_pulled_once_and_each_event_is_there_once(desk: Desk) -> None:
    exports = Exports(empty=(3, 4))
    done = pull(desk, exports, until=DAY + 30 * HOUR)
    assert (done.hours, done.done, done.before, done.waiting, done.events_new, done.duplicates) == (30, 30, 0, 0, 84, 0)
    assert exports.asked == [(0, 24), (24, 30)]
    assert count(desk) == 84
    again = pull(desk, exports, until=DAY + 31 * HOUR)
    assert (again.hours, again.before, again.events_new) == (1, 30, 3)
    assert exports.asked[2:] == [(30, 31)]


def test_a_pull_goes_on_where_the_last_one_ended_and_stops_where_amplitude_is(desk: Desk) -> None:
    exports = Exports()
    with pytest.raises(DefinitionError, match="say from which day on with --from"):
        pull(desk, exports, None)
    done = pull(desk, exports, until=DAY + 20 * HOUR, now=DAY + 12 * HOUR + timedelta(minutes=59))
    assert (done.done, done.waiting, exports.asked) == (10, 10, [(0, 10)])
    assert pull(desk, exports, None, now=DAY + 12.99 * HOUR).hours == 0
    assert pull(desk, exports, None, now=DAY + 13 * HOUR).events_new == 3
    assert exports.asked == [(0, 10), (10, 11)]


def test_gaps_are_filled(desk: Desk) -> None:
    exports = Exports()
    pull(desk, exports, DAY + 4 * HOUR, DAY + 6 * HOUR)
    pull(desk, exports, DAY, DAY + 8 * HOUR)
    assert exports.asked == [(4, 6), (0, 4), (6, 8)]
    assert count(desk) == 24


def test_hours_without_events_are_done_too(desk: Desk) -> None:
    exports = Exports(empty=tuple(range(48)))
    done = pull(desk, exports, until=DAY + 46 * HOUR)
    assert (done.done, done.empty, done.events_read) == (46, 46, 0)
    assert pull(desk, exports, until=DAY + 46 * HOUR).hours == 0


def test_what_is_too_much_at_once_is_asked_for_in_fewer_hours(desk: Desk) -> None:
    exports = Exports(most=5)
    assert pull(desk, exports, until=DAY + 8 * HOUR).events_new == 24
    assert exports.asked == [(0, 8), (0, 4), (4, 8)]


def test_an_hour_that_is_too_much_is_named_and_those_before_it_are_in(desk: Desk) -> None:
    exports = Exports(too_large=5)
    with pytest.raises(EngineError, match=r"the hour 2026-01-01 05:00 UTC is too much .* tradewind events import"):
        pull(desk, exports, until=DAY + 8 * HOUR)
    assert count(desk) == 15
    assert pull(desk, exports, DAY + 6 * HOUR, DAY + 8 * HOUR).events_new == 6


def test_a_damaged_zip_leaves_nothing_and_its_hours_are_asked_for_again(desk: Desk) -> None:
    exports = Exports()

    def damage(out: Path) -> None:
        octets = bytearray(out.read_bytes())
        octets[60] ^= 0xFF
        out.write_bytes(octets)

    exports.trouble = damage
    with pytest.raises(EngineError, match="from 2026-01-01 00:00 UTC on: the zip that Amplitude sent is damaged"):
        pull(desk, exports, until=DAY + 8 * HOUR)
    assert count(desk) == 0
    exports.trouble = lambda _: None
    assert pull(desk, exports, until=DAY + 8 * HOUR).events_new == 24


@pytest.mark.parametrize("error", [RetryableError("the line went dead"), KeyboardInterrupt()])
def test_what_breaks_off_a_pull_loses_and_doubles_nothing(desk: Desk, error: BaseException) -> None:
    exports = Exports(most=4)

    def break_off(_: Path) -> None:
        if count(desk) >= 12:
            raise error

    exports.trouble = break_off
    with pytest.raises(type(error)):
        pull(desk, exports, until=DAY + 16 * HOUR)
    assert list((desk.home / "pulls" / "p" / "amp").glob("*.zip")) == []
    exports.trouble = lambda _: None
    done = pull(desk, exports, until=DAY + 16 * HOUR)
    assert (done.before, done.events_new, done.duplicates, count(desk)) == (4, 36, 0, 48)


def test_events_that_came_as_files_are_not_doubled(desk: Desk) -> None:
    exports = Exports()
    exports.export(DAY.replace(tzinfo=UTC), (DAY + 2 * HOUR).replace(tzinfo=UTC), desk.folder / "e.zip", lambda _: None)
    desk.bring(desk.folder / "e.zip")
    done = pull(desk, exports, until=DAY + 3 * HOUR)
    assert (done.events_new, done.duplicates, count(desk)) == (3, 6, 9)


def test_progress_tells_hours_events_bytes_and_the_time_left(desk: Desk) -> None:
    clock, told = StandingClock((DAY + 48 * HOUR).replace(tzinfo=UTC)), list[Pulled]()
    exports = Exports(most=2)
    exports.trouble = lambda _: clock.sleep(10)
    pull_events(exports, Place(desk.store, "p", "amp"), DAY, DAY + 4 * HOUR, clock, told.append)
    assert told[-1].left == 0
    halfway = next(each for each in told if each.done == 2)
    assert (halfway.hours, halfway.events_read, halfway.seconds, halfway.left) == (4, 6, 10, 10)
    assert all(later.bytes >= earlier.bytes and later.done >= earlier.done for earlier, later in pairwise(told))


@pytest.mark.parametrize(
    ("first", "until", "sentence"),
    [
        (DAY, DAY, "there is no hour from 2026-01-01 00:00 to before 2026-01-01 00:00 UTC"),
        (DAY + HOUR, DAY, "there is no hour"),
        (DAY + 47 * HOUR, None, "Amplitude has no events from 2026-01-02 23:00 on yet; it is ready up to 2026-01-02 22:00 UTC"),
    ],
)
def test_hours_that_cannot_be_are_refused(desk: Desk, first: datetime, until: datetime | None, sentence: str) -> None:
    exports = Exports()
    with pytest.raises(DefinitionError, match=sentence):
        pull(desk, exports, first, until)
    assert exports.asked == []


def test_the_twin_in_memory_gives_its_events_the_same_way(desk: Desk) -> None:
    amplitude, account = MemoryAmplitude(), Account("key", "secret", "https://amplitude.com")
    amplitude.knows.add((account.api_key, account.secret_key, account.host))
    amplitude.events = {(DAY + hour * HOUR).replace(tzinfo=UTC): [json.dumps(exported(60 * hour, "D"))] for hour in (1, 2, 9)}
    clock = StandingClock((DAY + 48 * HOUR).replace(tzinfo=UTC))
    client = amplitude.connect(account, NoPace(), clock)
    done = pull_events(client, Place(desk.store, "p", "amp"), DAY, DAY + 8 * HOUR, clock, lambda _: None)
    assert (done.done, done.events_new) == (8, 2)
    later = pull_events(client, Place(desk.store, "p", "amp"), None, DAY + 9 * HOUR, clock, lambda _: None)
    assert (later.done, later.empty, later.events_new) == (1, 1, 0)


def test_how_many_hours_are_asked_for_follows_their_size() -> None:
    assert next_span(4, 0, most=744) == 16
    assert next_span(4, 1000, most=744) == 16
    assert next_span(700, 0, most=744) == 744
    assert next_span(4, 1000, most=6) == 6
    assert next_span(4, LIKED // 2, most=744) == 8
    assert next_span(4, 16 * LIKED, most=744) == 1
