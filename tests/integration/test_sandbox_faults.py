"""The sandbox's misbehaviour: each fault as the client meets it, and what the sandbox holds afterwards."""

from __future__ import annotations

import http.client
import threading
from typing import Any

import orjson
import pytest

from sandbox_process import SandboxProcess, wait_until

DAID = "a934b283-a381-4a0d-8a18-0368f9b19170"
TOKEN = {"TTD-Auth": "sandbox-token-ready1", "Content-Type": "application/json"}
HELD, NOBODY = {("DAID", DAID)}, set[tuple[str, str]]()


def upload(sandbox: SandboxProcess, items: int = 1) -> tuple[int, dict[str, str], bytes]:
    people = [f"{DAID[:-4]}{9170 + number:04d}" for number in range(items)]
    body = orjson.dumps({"AdvertiserId": "ready1", "Items": [{"DAID": person, "Data": [{"Name": "s"}]} for person in people]})
    return sandbox.send("POST", "/data/advertiser", body, TOKEN)


def lost(sandbox: SandboxProcess) -> None:
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        upload(sandbox)


def test_throttled_three_times_and_then_served(sandbox: SandboxProcess) -> None:
    sandbox.faults({"kind": "throttle", "retry_after": 2, "times": 3})
    answers = [upload(sandbox) for _ in range(4)]
    assert [status for status, _, _ in answers] == [429, 429, 429, 200]
    assert [headers.get("retry-after") for _, headers, _ in answers] == ["2", "2", "2", None]
    assert [(request["status"], request["accepted"], request["fault"]) for request in sandbox.requests()][2:] == [
        (429, 0, "throttle"),
        (200, 1, None),
    ]


@pytest.mark.parametrize("retry_after", [None, -1, 10**9, "Wed, 21 Oct 2099 07:28:00 GMT", "junk"])
def test_retry_after_says_anything(sandbox: SandboxProcess, retry_after: Any) -> None:
    sandbox.faults({"kind": "throttle", "retry_after": retry_after})
    assert upload(sandbox)[1].get("retry-after") == (None if retry_after is None else str(retry_after))


@pytest.mark.parametrize(
    ("fault", "status", "content_type", "says", "held"),
    [
        ({"kind": "error"}, 503, "text/plain", "unavailable", NOBODY),
        ({"kind": "error", "status": 502, "applied": True}, 502, "text/plain", "unavailable", HELD),
        ({"kind": "html"}, 200, "text/html", "<html>", NOBODY),
        ({"kind": "bad_request", "message": "No"}, 400, "text/plain", "No", NOBODY),
        ({"kind": "too_large", "over_items": 0}, 413, "application/json", "MaxRequestSizeExceeded", NOBODY),
        ({"kind": "too_large", "over_items": 1}, 200, "application/json", "{}", HELD),
        ({"kind": "answer", "status": 401, "body": '"denied"'}, 401, "application/json", "denied", NOBODY),
        ({"kind": "answer", "body": "ok", "content_type": "text/plain", "applied": True}, 200, "text/plain", "ok", HELD),
        ({"kind": "late", "seconds": 0.01}, 200, "application/json", "{}", HELD),
        ({"kind": "drip", "seconds": 0}, 200, "application/json", "{}", HELD),
        ({"kind": "flood", "bytes": 200_000}, 200, "application/json", " " * 200_000, HELD),
    ],
)
def test_answers(sandbox: SandboxProcess, fault: dict[str, Any], status: int, content_type: str, says: str, held: set[Any]) -> None:
    sandbox.faults(fault)
    answered, headers, body = upload(sandbox)
    assert answered == status
    assert headers["content-type"].startswith(content_type)
    assert says in body.decode()
    assert sandbox.members("ready1", "s") == held
    assert sandbox.requests()[0]["status"] == status
    assert upload(sandbox)[0] == 200


def test_a_redirect_elsewhere(sandbox: SandboxProcess) -> None:
    sandbox.faults({"kind": "answer", "status": 302, "headers": {"Location": "http://127.0.0.1:9/data/advertiser", "Date": "never"}})
    status, headers, _ = upload(sandbox)
    assert (status, headers["location"], headers["date"]) == (302, "http://127.0.0.1:9/data/advertiser", "never")


@pytest.mark.parametrize(("kind", "held"), [("lost", HELD), ("unread", NOBODY)])
def test_no_answer(sandbox: SandboxProcess, kind: str, held: set[Any]) -> None:
    sandbox.faults(kind)
    lost(sandbox)
    assert sandbox.members("ready1", "s") == held
    (request,) = sandbox.requests()
    assert (request["status"], request["accepted"]) == (None, len(held))


def test_applied_after_the_connection_is_gone(sandbox: SandboxProcess) -> None:
    sandbox.faults({"kind": "deferred", "seconds": 0.3})
    lost(sandbox)
    assert sandbox.members("ready1", "s") == NOBODY
    wait_until(lambda: bool(sandbox.requests()), "the request is applied")
    assert sandbox.members("ready1", "s") == HELD


def test_half_an_answer(sandbox: SandboxProcess) -> None:
    sandbox.faults("torn")
    with pytest.raises(http.client.IncompleteRead) as torn:
        upload(sandbox)
    assert (torn.value.partial, torn.value.expected) == (b"{", 1)
    assert sandbox.members("ready1", "s") == HELD


def test_every_third_item_refused(sandbox: SandboxProcess) -> None:
    sandbox.faults({"kind": "refuse_items", "every": 3, "code": "FooBar"})
    status, _, body = upload(sandbox, items=7)
    assert status == 200
    failed = orjson.loads(body)["FailedLines"]
    assert [(line["ErrorCode"], line["ItemNumber"], line["Message"]) for line in failed] == [
        ("FooBar", "3", "Invalid item, item #3"),
        ("FooBar", "6", "Invalid item, item #6"),
    ]
    assert len(sandbox.members("ready1", "s")) == 5


@pytest.mark.parametrize(
    ("fault", "number", "message", "status"),
    [
        ({"without_number": True}, None, "Invalid item", 200),
        ({"number": "0"}, "0", "Invalid item, item #2", 200),
        ({"number": "abc", "message": "jane@example.com"}, "abc", "jane@example.com", 200),
        ({"status": 400}, "2", "Invalid item, item #2", 400),
    ],
)
def test_lines_that_are_hard_to_attribute(
    sandbox: SandboxProcess, fault: dict[str, Any], number: str | None, message: str, status: int
) -> None:
    sandbox.faults({"kind": "refuse_items", "every": 2, **fault})
    answered, _, body = upload(sandbox, items=2)
    (line,) = orjson.loads(body)["FailedLines"]
    assert (answered, line["ItemNumber"], line["Message"]) == (status, number, message)


def test_faults_come_in_order_and_one_without_end_stays(sandbox: SandboxProcess) -> None:
    sandbox.faults("bad_request", {"kind": "error", "status": 500, "times": None})
    assert [upload(sandbox)[0] for _ in range(4)] == [400, 500, 500, 500]
    assert sandbox.get("/_sandbox/faults")["faults"] == [{"kind": "error", "times": None}]
    assert sandbox.send("DELETE", "/_sandbox/faults")[0] == 200
    assert upload(sandbox)[0] == 200
    assert sandbox.get("/_sandbox/counts")["faults"] == 4


def test_random_faults_repeat_from_their_seed(sandbox: SandboxProcess) -> None:
    order = {"mode": "random", "rate": 0.3, "seed": 7, "kinds": ["bad_request", {"kind": "error", "status": 500}]}
    runs = []
    for _ in range(2):
        sandbox.post("/_sandbox/faults", order)
        runs.append([upload(sandbox)[0] for _ in range(60)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 400, 500}
    assert 30 <= runs[0].count(200) <= 55


def test_looking_in_meets_no_fault(sandbox: SandboxProcess) -> None:
    sandbox.faults({"kind": "error", "times": None})
    assert sandbox.get("/_sandbox/counts")["faults"] == 0


def test_the_most_requests_at_once_are_counted(sandbox: SandboxProcess) -> None:
    sandbox.faults({"kind": "late", "seconds": 1.5, "times": 3})
    threads = [threading.Thread(target=upload, args=(sandbox,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sandbox.get("/_sandbox/counts")["most_at_once"] == {"ready1": 3}


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ([], "object"),
        ({}, "expected an object"),
        ({"faults": {}}, "is a list"),
        ({"faults": ["lost", "happy"]}, "entry 2: the kind is none of"),
        ({"faults": [{"kind": "lost", "seconds": 1}]}, "lost has no field 'seconds'"),
        ({"faults": [{"kind": "late", "seconds": "1"}]}, "seconds"),
        ({"faults": [{"kind": "error", "status": 99}]}, "status"),
        ({"faults": [{"kind": "lost", "times": 0}]}, "times"),
        ({"faults": [{"kind": "answer", "headers": {"A": "b\r\nC: d"}}]}, "headers"),
        ({"mode": "sometimes", "kinds": ["lost"]}, "random"),
        ({"mode": "random", "rate": 2, "kinds": ["lost"]}, "rate"),
        ({"mode": "random", "rate": 0.5}, "kinds"),
    ],
)
def test_orders_that_make_no_sense_change_nothing(sandbox: SandboxProcess, order: Any, says: str) -> None:
    sandbox.faults("bad_request")
    status, _, answer = sandbox.send("POST", "/_sandbox/faults", orjson.dumps(order))
    assert status == 400
    assert says in orjson.loads(answer)["error"]
    assert sandbox.get("/_sandbox/faults")["faults"] == [{"kind": "bad_request", "times": 1}]
