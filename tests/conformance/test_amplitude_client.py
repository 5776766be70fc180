"""Amplitude's published Python client, turned to the doors here: what it sends comes in, and it understands every answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from amplitude import Amplitude, BaseEvent, Config, EventOptions, Identify, Revenue
from amplitude.constants import EventLogLevel

from site_of import Site
from tradewind.compute import Bounds, connect
from tradewind.events.people import person_relation
from tradewind.operations import receiving
from tradewind.operations.receiving import DOOR
from tradewind.worker import Stop, run_once

TIME = 1_767_225_600_000


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.close()


@pytest.fixture
def server(site: Site) -> Iterator[str]:
    """Where the site answers, over a real connection: the client opens its own."""
    http = uvicorn.Server(uvicorn.Config(site.app, host="127.0.0.1", port=0, log_config=None, lifespan="off"))
    listening = http.config.bind_socket()
    thread = threading.Thread(target=http.run, args=([listening],))
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1/projects/default/events"
    http.should_exit = True
    thread.join()


class Program:
    """A program with the client in it; `told` is what the client said of each event at last, by its insert id."""

    def __init__(self, url: str, key: str, **more: Any) -> None:
        self.told: dict[str, int] = {}
        self._heard, self._news = 0, threading.Condition()
        config = Config(key, server_url=url, callback=self._hear, event_log_level=EventLogLevel.NONE, flush_interval_millis=20, **more)
        self.client = Amplitude(key, config)

    def _hear(self, event: BaseEvent, code: int, _message: str | None = None) -> None:
        with self._news:
            self.told[event["insert_id"]] = code
            self._heard += 1
            self._news.notify()

    def track(self, name: str, user: str | None, time: int = TIME, **more: Any) -> None:
        self.client.track(BaseEvent("Open", user_id=user, time=time, insert_id=name, **more))

    def wait(self, events: int) -> None:
        """Until the client has said what became of so many."""
        with self._news:
            assert self._news.wait_for(lambda: self._heard >= events, 30), self.told

    def close(self) -> None:
        self.client.shutdown()


@pytest.fixture
def program(site: Site, server: str, request: pytest.FixtureRequest) -> Iterator[Program]:
    door = getattr(request, "param", "2/httpapi")
    program = Program(f"{server}/{door}", DOOR.new(site.town.parts, "default"))
    yield program
    program.close()


def stored(site: Site, *properties: str) -> list[dict[str, Any]]:
    """The events that came in, by time."""
    site.town.clock.sleep(receiving.EVERY.total_seconds())
    assert [each.error for each in run_once(site.town.parts, Stop())] == [None]
    with connect(Bounds()) as connection:
        found = connection.execute(
            f"SELECT * FROM ({person_relation(site.town.parts.events.files('default'), properties, properties)}) ORDER BY time"
        )
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.mark.parametrize("program", ["2/httpapi", "batch"], indirect=True)
def test_what_the_client_tracks_comes_in(site: Site, program: Program) -> None:
    """Events with properties, of a device that is a user's, and what is said of the user alone; nothing twice."""
    program.track("a", "ann-1", device_id="device-1", event_properties={"plan": "pro"}, country="PL")
    program.track("b", None, TIME + 1000, device_id="device-1")
    program.track("b", None, TIME + 1000, device_id="device-1")
    program.client.identify(Identify().set("plan", "gold").unset("old"), EventOptions(user_id="ann-1", time=TIME + 2000, insert_id="c"))
    program.client.revenue(Revenue(price=2.5, quantity=2, product_id="p-1"), EventOptions(user_id="ann-1", time=TIME + 3000, insert_id="d"))
    program.wait(5)
    assert program.told == dict.fromkeys("abcd", 200)
    rows = stored(site, "plan", "country", "$price", "old")
    assert [(row["event_type"], row["person"]) for row in rows] == [
        ("Open", "user:ann-1"), ("Open", "user:ann-1"), ("$identify", "user:ann-1"), ("revenue_amount", "user:ann-1")
    ]  # fmt: skip
    assert (rows[0]["e:plan"], rows[0]["u:country"]) == ("pro", "PL")
    assert (rows[2]["u:plan"], rows[2]["u:old"], rows[2]["s:old"]) == ("gold", None, True)
    assert rows[3]["e:$price"] == "2.5"


def test_the_client_leaves_out_what_is_wrong_and_sends_the_rest_again(site: Site, program: Program) -> None:
    """It is told by their places which events are wrong."""
    program.track("good", "ann-1")
    program.track("short", "ann")
    program.track("seconds", "ann-1", TIME // 1000)
    program.track("also good", "ben-1", TIME + 1)
    program.wait(4)
    assert program.told == {"short": 400, "seconds": 400, "good": 200, "also good": 200}
    assert len(stored(site)) == 2


def test_the_client_halves_what_is_too_large(site: Site, program: Program) -> None:
    for number in range(150):
        program.track(f"e{number}", f"user-{number}", event_properties={"text": "x" * 1_000, **{f"t{i}": "y" * 1_000 for i in range(8)}})
    program.wait(150)
    assert set(program.told.values()) == {200}
    assert len(stored(site)) == 150


def test_the_client_says_that_its_key_is_wrong(site: Site, server: str, caplog: pytest.LogCaptureFixture) -> None:
    program = Program(f"{server}/2/httpapi", "no-such-key")
    program.track("a", "ann-1")
    program.close()
    assert "Invalid API Key" in caplog.text
    assert site.town.parts.received.projects() == ()


def test_the_client_s_ids_may_be_as_short_as_it_says(site: Site, server: str) -> None:
    program = Program(f"{server}/2/httpapi", DOOR.new(site.town.parts, "default"), min_id_length=1)
    program.track("a", "u")
    program.close()
    assert program.told == {"a": 200}
