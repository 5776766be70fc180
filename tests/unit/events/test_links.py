"""The links beside a large file: they say of every device what its events say, and go where the file goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from event_desk import Desk, exported
from tradewind.clock import StandingClock
from tradewind.compute import Bounds, connect, literal
from tradewind.engines.shares import Shares
from tradewind.events import sql
from tradewind.events.compacting import compact, forget
from tradewind.events.importing import remove_unnamed
from tradewind.events.links import ENOUGH
from tradewind.events.manifest import EventFile, links_beside
from tradewind.events.people import EventView
from tradewind.events.relation import Part, Share

START = datetime(2026, 1, 1, tzinfo=UTC)


def visits(first: int, count: int) -> list[dict[str, Any]]:
    """Events a second apart of devices with no user, one, or several who take turns; some users have no device."""
    made = []
    for n in range(first, first + count):
        device = n * 7919 % 5_000
        user = [None, f"u{device}", f"u{n % 3}", None][(device + n // 5_000) % 4] if device % 3 else None
        at = START + timedelta(seconds=n)
        made.append(exported(0, None if n % 97 == 0 else f"d{device}", user or ("u1" if n % 97 == 0 else None))
                    | {"event_time": f"{at:%Y-%m-%d %H:%M:%S.%f}", "$insert_id": str(n)})  # fmt: skip
    return made


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """A large file, a small one later, and a large one in the midst of both."""
    desk.bring(desk.file("large.json", *visits(0, ENOUGH)))
    desk.bring(desk.file("small.json", *visits(ENOUGH + 5_000, 700)))
    desk.bring(desk.file("late.json", *visits(ENOUGH - 2_000, ENOUGH + 3_000)))
    return desk


def files(desk: Desk) -> tuple[EventFile, ...]:
    return desk.store.files("p")


def without_links(view: EventView) -> EventView:
    """The same events, asked as if no file had its links beside it."""
    return replace(view, files=tuple(replace(file, columns=replace(file.columns, links=False)) for file in view.files))


def answers(view: EventView, *, named: bool) -> list[list[tuple[Any, ...]]]:
    """Everybody's events, and those that are not where their person is."""
    with connect(Bounds()) as duck:
        whole = f"SELECT person, who, device_id, time FROM ({view.relation()}) ORDER BY ALL"
        lent = f"SELECT who, device_key, time{', person' if named else ''} FROM ({view.lent(named=named)}) ORDER BY ALL"
        return [duck.execute(query).fetchall() for query in (whole, lent)]


def test_everybody_is_who_the_events_say(filled: Desk) -> None:
    """At any instant, also one in the midst of a file, whose links say more than was known by then; and of parts of the events."""
    for seconds in (30, ENOUGH - 3_000, ENOUGH, ENOUGH + 5_100, 9 * ENOUGH):
        view = filled.store.view("p", (), (), START + timedelta(seconds=seconds))
        found = answers(view, named=True)
        assert found == answers(without_links(view), named=True)
        assert all(found) == (seconds > 30)
        part = view.of([Part(START + timedelta(seconds=seconds // 2), START + timedelta(seconds=seconds), "event_type = 'visit'", ())])
        assert answers(part, named=False) == answers(without_links(part), named=False)
    view = filled.store.view("p")
    found = answers(view, named=False)
    assert found == answers(without_links(view), named=False)
    assert len({person for person, *_ in found[0]}) > 1_000


def shown(view: EventView, rows: int, parts: list[Part] | None, *, named: bool) -> list[tuple[Any, ...]]:
    """Everybody's events as an evaluation sees them, from shares of about so many events each."""
    aside = view.files[0].path.with_name("aside.lent")
    found: list[tuple[Any, ...]] = []
    with connect(Bounds()) as duck:
        for _ in Shares(duck, view, aside).each(rows, named=named, matters=parts):
            found += duck.execute(f"SELECT who, device_key, time{', person' if named else ''} FROM events").fetchall()
        assert duck.execute("SELECT table_name FROM duckdb_tables()").fetchall() == []
    return sorted(found, key=repr)


def test_whose_a_device_is_comes_out_the_same_in_any_number_of_shares(filled: Desk) -> None:
    """Devices of one user and of several, in files with links and without, at the end and in the midst of a file; and of parts."""
    kinds = set()
    for seconds in (12_000, 9 * ENOUGH):
        view = filled.store.view("p", (), (), START + timedelta(seconds=seconds))
        parts = [Part(START + timedelta(seconds=6_000), START + timedelta(seconds=seconds), "event_type = 'visit'", ())]
        for named, some in product((True, False), (None, parts)):
            at_once = shown(view, 10**9, some, named=named)
            assert at_once
            assert shown(view, 2_000, some, named=named) == at_once
        with connect(Bounds()) as duck:
            whole = duck.execute(f"{view.devices(named=False)} ORDER BY ALL").fetchall()
            shares = [duck.execute(f"{view.devices(Share(number, 8), named=False)} ORDER BY ALL").fetchall() for number in range(8)]
        assert [row for share in shares for row in share] == whole
        assert all(shares)
        kinds |= {several for *_, several in whole}
    assert kinds == {False, True}


def test_links_stand_in_the_order_of_their_devices(filled: Desk) -> None:
    """Those with a user first: so that a share of the devices is found in few places of the file."""
    for file in files(filled):
        if file.columns.links:
            with connect(Bounds()) as duck:
                stored = (
                    f"SELECT user_id IS NULL, device_key FROM read_parquet({literal(links_beside(file.path))}) ORDER BY file_row_number"
                )
                found = duck.execute(stored).fetchall()
            assert found == sorted(found)
            assert {alone for alone, _ in found} == {False, True}


def test_large_files_have_their_links_beside_them(filled: Desk) -> None:
    """Nothing else lies there; a small file has none, and what no row names goes with its links."""
    assert sorted(file.columns.links for file in files(filled)) == [False, True, True]
    named = {file.path for file in files(filled)} | {links_beside(file.path) for file in files(filled) if file.columns.links}
    stray = files(filled)[0].path.with_name("stray.links.parquet")
    stray.write_bytes(b"half")
    remove_unnamed(filled.store, "p", filled.home / "events" / "p")
    assert set((filled.home / "events").rglob("*.parquet")) == named
    with filled.database.transaction() as db:
        assert {filled.home / path for path in sql.named(db, sql.event_file)} == named


def test_links_go_where_their_events_go(desk: Desk) -> None:
    """Put together, small files have links when they are large enough; the old ones go with their files."""
    for number in range(4):
        desk.bring(desk.file(f"{number}.json", *visits(number * 6_000, 6_000)))
    assert not any(file.columns.links for file in files(desk))
    before = answers(desk.store.view("p"), named=False)
    now = datetime(2026, 8, 1, tzinfo=UTC)
    compact(desk.store, "p", StandingClock(now), lambda: None, 1)
    (file,) = files(desk)
    assert answers(desk.store.view("p"), named=False) == before
    for number in (2, 3):
        desk.bring(desk.file(f"more{number}.json", *visits(number * 13_000, 13_000)))
    compact(desk.store, "p", StandingClock(now), lambda: None, 1)
    forget(desk.store, "p", now)
    assert not file.path.exists()
    assert not links_beside(file.path).exists()
    (file,) = files(desk)
    assert set((desk.home / "events").rglob("*.parquet")) == {file.path, links_beside(file.path)}
