"""A property whose values are of another kind than before is noticed: by rule, and over the imports of a project."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from event_desk import Desk, sent
from tradewind.clock import StandingClock
from tradewind.events.importing import import_events
from tradewind.events.kinds import changed


@pytest.mark.parametrize(
    ("before", "since", "kind"),
    [
        ({"number": 500}, {"text": 20}, "text"),
        ({"number": 500}, {"number": 150, "text": 20}, "text"),  # a tenth is enough
        ({"number": 500}, {"number": 500, "text": 20}, None),
        ({"number": 500}, {"text": 9}, None),  # too few to say
        ({"number": 500, "text": 4}, {"text": 20}, "text"),  # a stray one before
        ({"number": 500, "text": 50}, {"text": 20}, None),
        ({"text": 500}, {"number": 20, "list": 30}, "list"),
        ({}, {"text": 20}, None),  # new, not changed
        ({"number": 500}, {}, None),
    ],
)
def test_a_kind_that_hardly_any_value_was_of_and_many_are(before: dict[str, int], since: dict[str, int], kind: str | None) -> None:
    assert changed(before, since) == kind


def test_imports_remember_of_which_kinds_values_were(desk: Desk) -> None:
    def bring(day: int, name: str, **properties: object) -> datetime:
        events = [
            sent(day * 1440 + number, "d", event_properties=properties, user_properties={"ages": [number], "zip": f"{number:05}"})
            for number in range(20)
        ]
        clock = StandingClock(datetime(2026, 7, day, tzinfo=UTC))
        import_events(desk.store, "p", [desk.file(name, *events)], on_progress=desk.on_progress, clock=clock)
        return clock.now()

    first = bring(1, "one.json", price=9.5, size="L", paid=True)
    same = bring(2, "two.json", price="10", size="M", paid="true")  # a text that is a number compares as one
    last = bring(3, "three.json", price="12,50", size=["M"], paid=False)
    assert desk.store.changed("p", first, same) == set()
    assert desk.store.changed("p", same, last) == {"event.price", "event.size"}
    assert desk.store.changed("p", first, last) == {"event.price", "event.size"}
    assert desk.store.changed("p", last, last) == set(), "once it is known it says nothing"
