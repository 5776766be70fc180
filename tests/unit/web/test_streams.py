"""The progress of a run as server-sent events: what is new, to whom may see it, on few connections, until it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from site_of import Site, detail
from tradewind.access.roles import Role
from tradewind.model.sync import Cadence
from tradewind.web.problems import Refusal
from tradewind.web.streams import EACH, MOST, Streams, Watched, stream

P = "/api/v1/projects/default"


class Count(BaseModel):
    """What is told in these tests."""

    number: int


def request(last: str | None = None) -> Request:
    headers = [] if last is None else [(b"last-event-id", last.encode())]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers})


def watched(numbers: Sequence[int], *, stands: int = 10**9) -> Watched:
    """Something that is each of the numbers in turn, and ends with the last; so many times its caller may still look."""
    left = list(numbers)

    def look() -> tuple[Count, bool]:
        number = left.pop(0) if len(left) > 1 else left[0]
        return Count(number=number), len(left) == 1 and number == numbers[-1]

    asked = iter(range(stands))
    return Watched("count", look, lambda: next(asked, None) is not None)


def read(response: Response) -> list[dict[str, str]]:
    """The events of a stream, read to its end by somebody who stays; comments are left out."""
    sent: list[Message] = []

    async def stay() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def keep(message: Message) -> None:
        sent.append(message)

    asyncio.run(response({"type": "http"}, stay, keep))
    return events(b"".join(message.get("body", b"") for message in sent).decode())


def events(text: str) -> list[dict[str, str]]:
    blocks = [block for block in text.split("\n\n") if block and not block.startswith(":")]
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]


def test_what_changes_is_told_once_until_it_ends() -> None:
    streams = Streams(beat=0)
    told = read(stream(request(), streams, "ann", watched([0, 1, 1, 1, 2, 3, 3])))
    assert [json.loads(each["data"])["number"] for each in told] == [1, 2, 3]
    assert {each["event"] for each in told} == {"count"}
    assert len(streams) == 0


def test_who_comes_again_is_told_what_is_new_and_nothing_after_the_end() -> None:
    streams = Streams(beat=0)
    first = read(stream(request(), streams, "ann", watched([0, 1, 2, 2])))
    again = read(stream(request(first[0]["id"]), streams, "ann", watched([1, 1, 2, 2])))
    assert [json.loads(each["data"])["number"] for each in again] == [2]
    assert stream(request(first[-1]["id"]), streams, "ann", watched([2])).status_code == 204


def test_a_caller_who_may_look_no_more_is_told_nothing_more_from_the_next_beat() -> None:
    """Also where there is always something new to tell."""
    streams = Streams(beat=0)
    told = read(stream(request(), streams, "ann", watched(range(50), stands=3)))
    assert [json.loads(each["data"])["number"] for each in told] == [1, 2, 3]
    assert Streams().beat <= 1
    assert len(streams) == 0


def test_a_stream_that_has_nothing_to_tell_goes_on() -> None:
    assert len(read(stream(request(), Streams(beat=0), "ann", watched([0] * 50 + [1, 1]), quiet=0.0))) == 2


def test_who_goes_away_leaves_room() -> None:
    streams = Streams(beat=0)

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def keep(_message: Message) -> None:
        pass

    asyncio.run(stream(request(), streams, "ann", watched([0] * 10_000_000 + [1]))({"type": "http"}, gone, keep))
    assert len(streams) == 0


def test_a_stream_ends_in_time_though_nothing_does() -> None:
    told = read(stream(request(), Streams(beat=0), "ann", watched([0] * 10_000_000 + [1]), longest=0.0))
    assert len(told) == 1


def test_streams_are_few_for_each_caller_and_in_all() -> None:
    streams = Streams()
    for _ in range(EACH):
        streams.enter("ann")
    with pytest.raises(Refusal, match="too many streams"):
        streams.enter("ann")
    streams.enter("bob")
    streams.leave("ann")
    streams.enter("ann")
    for number in range(MOST - len(streams)):
        streams.enter(f"user {number}")
    with pytest.raises(Refusal):
        streams.enter("somebody else")


@pytest.fixture
def site(site: Site) -> Site:
    site.user("ann", {"default": Role.VIEWER})
    site.town.add("daily", Cadence.DAILY)
    return site


def test_a_run_is_watched_over_the_api(site: Site) -> None:
    """By a viewer; nothing in it names anybody."""
    viewer = site.signed_in("ann")
    run = site.signed_in("root").post(f"{P}/syncs/daily/runs").json()["id"]
    site.work()
    answer = viewer.get(f"{P}/runs/{run}/progress")
    assert answer.headers["content-type"].startswith("text/event-stream")
    (told,) = events(answer.text)
    data = json.loads(told["data"])
    assert (data["run"]["state"], data["run"]["outcome"], data["account"]["accepted"]) == ("closed", "clean", 100)
    assert viewer.get(f"{P}/runs/{run}/progress", headers={"Last-Event-ID": told["id"]}).status_code == 204
    assert "there is no run" in detail(viewer.get(f"{P}/runs/nothing/progress"))
    assert site.browser().get(f"{P}/runs/{run}/progress").status_code == 401
