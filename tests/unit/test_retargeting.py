"""Did A, not B: who converts is out of the segment within a minute after the event has arrived, and the run says how soon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from town import Town, guid
from tradewind.cohorts.document import read_text
from tradewind.cohorts.parse import parse_cohort
from tradewind.engines.duckdb import DuckDBEngine
from tradewind.model.run import Run
from tradewind.model.sync import Cadence
from tradewind.operations import receiving, runs
from tradewind.operations.events import import_files
from tradewind.operations.promptness import within
from tradewind.sources.received.throttle import Throttle
from tradewind.worker import Done, Stop, work

COHORT = """
{id: carts, name: Carts, kind: behavioural, who: {all: [{did: Add to Cart}, {did_not: Purchase}]}}
"""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """The real engine over the real event store; the platform is in memory, and answers two seconds after it was asked."""
    town = Town(tmp_path)
    town.parts = replace(town.parts, engine=DuckDBEngine(town.parts.events, town.parts.bounds))
    town.parts.catalog.save_cohort(parse_cohort(read_text(COHORT, "carts"), "default"))
    town.platform.on_send = lambda: town.clock.sleep(2)
    yield town
    town.close()


def did(town: Town, what: str, numbers: range) -> None:
    """These people do something now, and it arrives at once."""
    now = int(town.clock.now().timestamp() * 1000)
    lines = [
        {"event_type": what, "user_id": f"u{number}", "device_id": f"d{number}", "insert_id": f"{what} {number}", "time": now - 1,
         "user_properties": {"ad": str(guid(number))}}
        for number in numbers
    ]  # fmt: skip
    path = town.parts.home / f"{what}-{numbers.start}.json"
    path.write_text("\n".join(map(json.dumps, lines)))
    import_files(town.parts, "default", [path], lambda *_: None)


def next_run(town: Town) -> Run:
    """What the worker runs next, however long it waits."""
    stop, found = Stop(), list[Run]()

    def tell(done: Done) -> None:
        assert done.error is None
        if done.run is None:  # a file was taken in
            return
        found.append(done.run)
        stop.requested = True

    work(town.parts, stop, tell)
    return found[0]


@pytest.mark.parametrize("second", [0.5, 20, 41, 59])
def test_who_converts_is_out_within_a_minute_of_the_events_arrival(town: Town, second: float) -> None:
    """Whichever second of a minute it comes in, also when a run has begun in that minute already."""
    sync = town.add("carts", Cadence.ON_CHANGE, cohort="carts")
    did(town, "Add to Cart", range(1, 21))
    next_run(town)
    assert town.held(sync) == set(range(1, 21))
    began = town.clock.now().replace(second=0, microsecond=0) + timedelta(minutes=3)
    town.at(began)
    did(town, "Add to Cart", range(21, 23))
    next_run(town)
    if town.clock.now() < began + timedelta(seconds=second):
        town.at(began + timedelta(seconds=second))
    arrived = town.clock.now()
    did(town, "Purchase", range(1, 6))
    done = next_run(town)
    assert town.held(sync) == set(range(6, 23))
    found = runs.report(town.parts, "default", done.id).removal
    assert found is not None
    assert (found.arrived_at, found.removed) == (arrived, 5)
    assert 2 <= found.median == found.p95 <= 60 + 2


@pytest.mark.parametrize("second", [0.5, 41])
def test_who_converts_in_a_request_of_a_program_is_out_as_soon(town: Town, second: float) -> None:
    """The time begins with the request, not when it is taken in with others."""
    sync = town.add("carts", Cadence.ON_CHANGE, cohort="carts")
    did(town, "Add to Cart", range(1, 21))
    next_run(town)
    town.at(town.clock.now().replace(second=0, microsecond=0) + timedelta(minutes=3, seconds=second))
    arrived = town.clock.now()
    at = int(arrived.timestamp() * 1000) - 1
    bought = [{"event_type": "Purchase", "user_id": f"u{number}", "insert_id": f"{number}", "time": at} for number in range(1, 6)]
    body = {"api_key": receiving.DOOR.new(town.parts, "default"), "events": bought, "options": {"min_id_length": 2}}
    receiving.receive(town.parts, "default", "events", json.dumps(body).encode(), Throttle())
    done = next_run(town)
    assert town.held(sync) == set(range(6, 21))
    found = runs.report(town.parts, "default", done.id).removal
    assert found is not None
    assert (found.arrived_at, found.removed) == (arrived, 5)
    assert found.p95 <= 60 + 2


def test_there_is_no_figure_where_nobody_left_or_no_event_came(town: Town) -> None:
    town.add("carts", Cadence.ON_CHANGE, cohort="carts")
    did(town, "Add to Cart", range(1, 21))
    first = next_run(town)
    assert runs.report(town.parts, "default", first.id).removal is None
    did(town, "Add to Cart", range(21, 41))
    assert runs.report(town.parts, "default", next_run(town).id).removal is None


def test_shares_are_of_identifiers_not_of_requests() -> None:
    taken = [(30.0, 5), (10.0, 94), (90.0, 1)]
    assert (within(taken, 0.5), within(taken, 0.95), within(taken, 1.0)) == (10.0, 30.0, 90.0)
    assert within([(7.0, 1)], 0.5) == 7.0
