"""Small files become few: the same events, the same answers, nothing twice and nothing lost, whatever is cut short in between."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from event_desk import Desk, exported, sent
from tradewind import moment
from tradewind.clock import StandingClock
from tradewind.compute import Bounds, connect
from tradewind.errors import BusyError, EngineError
from tradewind.events import sql
from tradewind.events.compacting import LARGEST, SMALL, Compacted, choose, compact, forget
from tradewind.events.importing import LOCK, alone
from tradewind.events.manifest import Columns, FileRow

NOW = datetime(2026, 7, 1, tzinfo=UTC)
GUID = "a0000000-0000-4000-8000-0000000000%02d"
EVENT, USER = ("kind", "Size", "rare"), ("plan", "tdid", "idfa", "platform")


class KilledError(BaseException):
    """The process ends here."""


_deadly = {"at": ""}


def _die(name: str) -> None:
    if name == _deadly["at"]:
        _deadly["at"] = ""
        raise KilledError


moment.watch(_die)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """An empty store."""
    made = Desk(tmp_path)
    yield made
    made.close()


def together(desk: Desk, most: int = 1) -> Compacted:
    """Compact now."""
    return compact(desk.store, "p", StandingClock(NOW), lambda: None, most)


def whole(desk: Desk) -> list[str]:
    """Every event as questions see it, and as it is stored."""
    columns = [f'"e:{name}"' for name in EVENT] + [f'"{side}:{name}"' for name in USER for side in "us"]
    query = f"SELECT person, user_id, device_id, event_type, time, {', '.join(columns)} FROM events"
    found = sorted(repr(tuple(row.values())) for row in desk.ask(query, event=EVENT, user=USER))
    paths = [str(file.path) for file in desk.store.files("p")]
    with connect(Bounds()) as duck:
        stored = "SELECT who, device_key, insert_id, key_high, key_low, whole, event_properties, user_properties FROM read_parquet($1)"
        return [*found, *sorted(repr(row) for row in (duck.execute(stored, [paths]).fetchall() if paths else ()))]


def on_disk(desk: Desk) -> set[Path]:
    return set((desk.home / "events").rglob("*.parquet"))


def some(number: int, count: int = 3) -> list[dict[str, Any]]:
    """Events of two months; each kind of property, as a fact or in the JSON, GUIDs in either letters."""
    made = []
    for n in range(number * count, number * count + count):
        guid = (GUID % (n % 7)).upper() if number % 2 else GUID % (n % 7)
        said = {"plan": "pro", "tdid": guid} | ({"platform": "mine"} if n % 3 == 0 else {})
        deed = {"kind": n, "Size": [n]} | ({"rare": 1} if n == 4 else {})
        more: dict[str, Any] = {"idfa": guid.upper(), "platform": "web", "event_properties": deed, "user_properties": said}
        who = f"d{n % 4}", f"u{n % 5}" if n % 3 else None
        made.append(exported(n, *who, **more) if n % 2 else sent(n * 7919 % 60_000, *who, **more))
    return made


def test_many_files_become_one_a_month_and_every_answer_stays(desk: Desk) -> None:
    """Sorted by person as the files of an import are; what was replaced stays on the disk until it is forgotten."""
    for number in range(8):
        desk.bring(desk.file(f"{number}.json", *some(number, 6)))
    before, old = whole(desk), on_disk(desk)
    done = together(desk, 3)
    after = desk.store.files("p")
    assert (done.files, len(old) - done.files, done.into) == (len(old), 0, len({file.path.parent for file in after}))
    assert len(after) == done.into
    assert whole(desk) == before
    assert on_disk(desk) == old | {file.path for file in after}
    for file in after:
        with connect(Bounds(), {"preserve_insertion_order": "true"}) as duck:
            keys = duck.execute("SELECT user_id IS NULL, who, time FROM read_parquet(?)", [str(file.path)]).fetchall()
        assert keys == sorted(keys)
    assert together(desk, 3) == Compacted()
    assert forget(desk.store, "p", NOW - timedelta(seconds=1)) == 0
    assert forget(desk.store, "p", NOW) == len(old)
    assert on_disk(desk) == {file.path for file in after}
    assert whole(desk) == before
    again = desk.bring(desk.file("again.json", *some(3, 6), *some(20, 6)))
    assert (again.events_new, again.duplicates) == (6, 6)


def test_what_an_import_says_of_vanished_properties_stays(desk: Desk) -> None:
    """The oldest import of those put together has their properties."""
    for number in range(3):
        desk.bring(desk.file(f"{number}.json", *some(number)))
    before = desk.store.vanished("p", NOW)
    together(desk)
    assert desk.store.vanished("p", NOW) == before


def test_whoever_reads_goes_on(desk: Desk) -> None:
    """A question that was asked before reads the files that it was asked of."""
    for number in range(3):
        desk.bring(desk.file(f"{number}.json", *some(number)))
    view = desk.store.view("p", EVENT, USER)
    together(desk)
    with connect(Bounds()) as duck:
        assert duck.execute(f"SELECT count(*) FROM ({view.relation()})").fetchall() == [(9,)]


def test_beside_an_import_it_waits_and_an_import_beside_it(desk: Desk) -> None:
    """Only one changes the files of a project at a time, on however many hosts."""
    for number in range(3):
        desk.bring(desk.file(f"{number}.json", *some(number)))
    with alone(desk.home / "events" / "p", LOCK, "an import goes on"), pytest.raises(BusyError, match="going on"):
        together(desk)
    assert together(desk).files == 3


def test_a_damaged_file_changes_nothing(desk: Desk) -> None:
    """It is told in a sentence, and what was written by then is gone."""
    for number in range(3):
        desk.bring(desk.file(f"{number}.json", *some(number)))
    files = desk.store.files("p")
    files[0].path.write_bytes(b"PAR1 not any more")
    there = on_disk(desk)
    with pytest.raises(EngineError, match="are as they were"):
        together(desk)
    assert (desk.store.files("p"), on_disk(desk)) == (files, there)


def rows(*sizes: int, month: str = "2026-01") -> list[FileRow]:
    at = NOW.replace(tzinfo=None)
    return [
        FileRow(f"{month}/{n:05}", month, 1, size, at + timedelta(hours=n), at, Columns((), (), True, "")) for n, size in enumerate(sizes)
    ]


def test_what_is_put_together_is_bounded_and_rarely_written_again() -> None:
    """Three months of 288 files a day: few files at any time, each event written again a few times, no lot too large."""
    files: list[FileRow] = []
    written = came = 0
    for day in range(90):
        files += [replace(each, path=f"{day}-{each.path}") for each in rows(*[100_000] * 288)]
        came += 288 * 100_000
        while lot := next(choose(files), None):
            size = sum(each.bytes for each in lot)
            assert size <= LARGEST
            written += size
            gone = {each.path for each in lot}
            files = [each for each in files if each.path not in gone]
            files.append(replace(lot[0], path=f"{day}-{len(files)}+", bytes=size))
    assert len([each for each in files if each.bytes < SMALL]) <= 16
    assert len(files) < 2 * came / SMALL + 16
    assert written / came < 4


def test_few_files_and_large_ones_stay() -> None:
    """Up to sixteen of a month, each month by itself; a huge one is not written again for the sake of small ones."""
    assert list(choose([*rows(*[1] * 16), *rows(*[1] * 16, month="2026-02")])) == []
    (lot,) = choose([*rows(*[10] * 17, SMALL - 1, SMALL, LARGEST)])
    assert [each.bytes for each in lot] == [10] * 17
    (lot,) = choose(rows(1, 1, 1, *[100] * 20))
    assert len(lot) == 23


events = st.lists(st.integers(0, 40), min_size=1, max_size=4)
moments = st.sampled_from(["import.written", "import.named", "compaction.written", "compaction.named", "compaction.removed", ""])
steps = st.lists(st.tuples(st.one_of(events, st.sampled_from(["compact", "forget"])), moments), min_size=2, max_size=6)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(steps)
def test_any_order_of_imports_compactions_and_kills_comes_to_the_same(tmp_path: Path, story: list[tuple[Any, str]]) -> None:
    """A twin that is never compacted and never killed answers the same; on the disk lies only what rows name, and what a kill left."""
    desks = []
    for name in ("ours", "twin"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
        (tmp_path / name).mkdir()
        desks.append(Desk(tmp_path / name))
    ours, twin = desks
    for number, (what, at) in enumerate(story):
        _deadly["at"] = at
        if isinstance(what, list):
            said = [event for n in what for event in some(n, 1)]
            twin_of = twin.file(f"{number}.json", *said)
            _deadly["at"] = ""
            twin.bring(twin_of)
            _deadly["at"] = at
            with suppress(KilledError):
                ours.bring(ours.file(f"{number}.json", *said))
            _deadly["at"] = ""
            ours.bring(ours.folder / f"{number}.json")
        else:
            with suppress(KilledError):
                together(ours) if what == "compact" else forget(ours.store, "p", NOW)
        _deadly["at"] = ""
        assert whole(ours) == whole(twin), json.dumps(story)
    together(ours)
    forget(ours.store, "p", NOW)
    assert whole(ours) == whole(twin)
    ours.bring(ours.file("last.json", sent(1, "x")))
    assert on_disk(ours) == {ours.home / path for path in sql.select_paths(ours.database, "p")}
    for desk in desks:
        desk.close()
