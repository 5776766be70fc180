"""Whose event it is: the worked cases of identity, ties, late events, and the instant that bounds what is known."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from event_desk import Desk, exported

PERSONS = "SELECT person FROM events ORDER BY time, user_id"


def persons(desk: Desk, before: datetime | None = None) -> list[str]:
    return [row["person"] for row in desk.ask(PERSONS, before=before)]


def told(text: str, start: int = 0) -> list[dict[str, object]]:
    """`A,- G,John` as events a minute apart: device and user, `-` for none."""
    pairs = ([None if part == "-" else part for part in pair.split(",")] for pair in text.split())
    return [exported(start + minute, *pair) for minute, pair in enumerate(pairs)]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ("A,- B,- B,- A,-", "device:A device:B device:B device:A"),
        ("G,- G,- G,John", "user:John user:John user:John"),
        ("K,Zack L,Zack", "user:Zack user:Zack"),
        ("R,Jane R,- R,Mary R,-", "user:Jane user:Jane user:Mary user:Mary"),
        ("Y,David Z,- Z,David Z,-", "user:David user:David user:David user:David"),
        ("D,- D,Ann D,- D,Bob D,-", "user:Ann user:Ann user:Ann user:Bob user:Bob"),
        ("D,Ann D,Bob E,Ann E,-", "user:Ann user:Bob user:Ann user:Ann"),
        ("-,Ann -,Bob", "user:Ann user:Bob"),
        ("D,ann D,- D,Ann", "user:ann user:ann user:Ann"),
    ],
    ids=["a device each", "inherits", "any device", "last known", "merged", "first, then last", "two of a device", "no device", "capitals"],
)
def test_worked_cases(desk: Desk, events: str, expected: str) -> None:
    desk.bring(desk.file("e.json", *told(events)))
    assert persons(desk) == expected.split()


@pytest.mark.parametrize("order", [(3, 2, 1, 0), (2, 0, 3, 1), (1, 3, 0, 2)])
def test_the_order_of_arrival_changes_nothing(desk: Desk, order: tuple[int, ...]) -> None:
    events = told("R,Jane R,- R,Mary R,-")
    for place in order:
        desk.bring(desk.file(f"{place}.json", events[place]))
    assert persons(desk) == ["user:Jane", "user:Jane", "user:Mary", "user:Mary"]


def test_at_one_instant_a_user_counts_as_before_and_the_greatest_id_wins(desk: Desk) -> None:
    told_at_once = [exported(5, "D", "Ann"), exported(5, "D", "Bob"), exported(5, "D")]
    desk.bring(desk.file("e.json", *told_at_once, exported(1, "D"), exported(9, "D", "Abe")))
    found = {
        (row["minute"], row["user_id"]): row["person"] for row in desk.ask("SELECT minute(time) AS minute, user_id, person FROM events")
    }
    assert found[5, None] == "user:Bob"
    assert found[1, None] == "user:Bob"


def test_what_comes_later_says_nothing_about_the_past(desk: Desk) -> None:
    desk.bring(desk.file("e.json", *told("G,- G,- G,John")))
    assert persons(desk, datetime(2026, 1, 1, 0, 2, tzinfo=UTC)) == ["device:G", "device:G"]


def test_a_project_without_events_has_no_people(desk: Desk) -> None:
    assert desk.ask('SELECT person, "e:a", "u:b", "s:b" FROM events', event=("a",), user=("b",)) == []


def test_projects_do_not_see_one_another(desk: Desk) -> None:
    desk.bring(desk.file("e.json", *told("A,-")))
    assert desk.store.files("other") == ()
    assert "read_parquet" not in desk.store.view("other").relation()


def test_what_is_imported_later_is_not_in_a_view(desk: Desk) -> None:
    """The shares of an evaluation are asked for one after the other; they must be of the same events."""
    desk.bring(desk.file("e.json", *told("A,Ann")))
    view = desk.store.view("p")
    desk.bring(desk.file("f.json", *told("B,Bob", start=9)))
    assert (view.rows, desk.store.view("p").rows) == (1, 2)
    assert view.relation() == desk.store.view("p").relation().replace(f", '{desk.store.files('p')[1].path}'", "")
