"""A year of small imports: what is asked of the last of them at every run costs no more than it did in the first week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from event_desk import Desk
from tradewind.events import sql
from tradewind.events.manifest import Columns, FileRow, ImportRow

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
EVENTS = 500
"""Of each import; twenty of them are enough."""


def bring(desk: Desk, first: int, last: int, name: str) -> None:
    """Imports of five minutes each, whose events have a property of this name."""
    for number in range(first, last):
        at = BEGIN + timedelta(minutes=5 * number)
        done = ImportRow(f"{at:%Y%m%dT%H%M}", at, at, EVENTS, EVENTS, 0, 0, 0, (name,), (), kinds={f"event.{name}": {"text": EVENTS}})
        when = at.replace(tzinfo=None)
        file = FileRow(f"{number}.parquet", f"{at:%Y-%m}", EVENTS, 1, when, when, Columns((name,), (), whole=True, key_check="k"))
        sql.insert_import(desk.database, "p", done, [file] if number % 50 == 0 else [], [])


def steps(desk: Desk, until: datetime) -> int:
    """How much SQLite's own machine does for both questions."""
    counted = [0]
    watch = lambda connection, _record, _proxy: connection.set_progress_handler(lambda: counted.__setitem__(0, counted[0] + 1), 10)  # noqa: E731
    sa.event.listen(desk.database.engine, "checkout", watch)
    desk.database.close()
    desk.store.vanished("p", until)
    desk.store.changed("p", until - timedelta(hours=1), until)
    sa.event.remove(desk.database.engine, "checkout", watch)
    return counted[0]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_what_vanished_is_told_and_costs_what_is_new(desk: Desk) -> None:
    bring(desk, 0, 100, "old")
    few, until = steps(desk, BEGIN + timedelta(days=1)), BEGIN + timedelta(days=30)
    assert desk.store.vanished("p", until) == set()
    bring(desk, 100, 600, "old")
    bring(desk, 600, 630, "new")
    assert steps(desk, until) < 1.5 * few
    assert desk.store.vanished("p", until) == {"event.old"}
    assert desk.store.vanished("p", BEGIN + timedelta(minutes=5 * 610)) == set(), "among the last twenty then were old ones"
    assert desk.store.vanished("p", BEGIN + timedelta(minutes=5 * 10)) == set(), "too few to tell"
    desk.close()


def test_names_are_known_whatever_they_are_like(desk: Desk) -> None:
    names = ("size", "kinds", ', "kinds": {', 'a "quoted" one', "grün", "}")
    for number, name in enumerate(names):
        bring(desk, number, number + 1, name)
    assert desk.store.properties("p").event == tuple(sorted(names))
    desk.close()
