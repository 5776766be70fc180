"""Amplitude's doors for events: what its own client sends comes in, and good and bad are answered as Amplitude answers."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from site_of import HERE, Site
from tradewind.access.roles import Role
from tradewind.errors import DefinitionError
from tradewind.events.values import newest
from tradewind.keeping.sql import named
from tradewind.operations import receiving
from tradewind.operations.receiving import DOOR
from tradewind.sources.received.request import Unfit
from tradewind.sources.received.throttle import Throttle
from tradewind.web.rates import Rates
from tradewind.worker import Done, Stop, run_once

P = "/api/v1/projects/default"
TIME = 1_767_225_600_000


@pytest.fixture
def key(site: Site) -> str:
    return DOOR.new(site.town.parts, "default")


@pytest.fixture
def client(site: Site) -> TestClient:
    """A program: no session, no token."""
    return TestClient(site.app, base_url=HERE)


def event(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"event_type": "Open", "user_id": f"user-{number}", "time": TIME + number, "insert_id": f"i{number}"} | more


def send(client: TestClient, key: str, *events: Any, door: str = "2/httpapi", **more: Any) -> Any:
    return client.post(f"{P}/events/{door}", json={"api_key": key, "events": list(events)} | more)


def bring_in(site: Site) -> list[Done]:
    """What the worker does once requests have waited long enough."""
    site.town.clock.sleep(receiving.EVERY.total_seconds())
    return list(run_once(site.town.parts, Stop()))


def files(site: Site) -> list[Path]:
    return sorted((site.town.parts.home / "events").rglob("*.ndjson"))


@pytest.mark.parametrize("door", ["2/httpapi", "batch"])
def test_events_are_on_the_disk_before_the_answer_and_brought_in_together(site: Site, client: TestClient, key: str, door: str) -> None:
    """One import for many requests; an event that comes again is the same event."""
    answer = send(client, key, event(1), event(2), door=door)
    assert answer.status_code == 200
    told = answer.json()
    assert {name: told[name] for name in ("code", "events_ingested")} == {"code": 200, "events_ingested": 2}
    assert told["payload_size_bytes"] == len(answer.request.content)
    assert told["server_upload_time"] == int(site.town.clock.now().timestamp() * 1000)
    (stored,) = files(site)
    assert stored.stat().st_mode & 0o777 == 0o600
    assert key not in stored.read_text()
    send(client, key, event(2), event(3), door=door)
    assert list(run_once(site.town.parts, Stop())) == [], "a file for each request would be too many"
    assert [each.error for each in bring_in(site)] == [None]
    assert site.town.parts.events.count("default") == 3
    assert site.town.parts.events.imports("default") == 1
    assert files(site) == []
    assert bring_in(site) == []


def test_what_came_of_requests_is_seen(site: Site, client: TestClient, key: str) -> None:
    site.user("admin", {"default": Role.ADMIN})
    admin = site.program("admin", "default", Role.ADMIN)
    send(client, key, event(1), event(2))
    shown = admin.get(f"{P}/events/receiving").json()
    assert (shown["requests"], shown["events"]) == (1, 2)
    assert shown["key_fingerprint"]
    assert key not in json.dumps(shown)
    bring_in(site)
    (upload,) = admin.get(f"{P}/uploads", params={"kind": "received"}).json()["items"]
    assert (upload["sent_by"], upload["state"], upload["counts"]["events_new"]) == ("programs", "done", 2)
    assert admin.get(f"{P}/events/receiving").json()["requests"] == 0


WRONG: list[tuple[Any, dict[str, Any]]] = [
    ({"event_type": None}, {"events_with_missing_fields": {"event_type": [1]}}),
    ({"event_type": ""}, {"events_with_missing_fields": {"event_type": [1]}}),
    ({"event_type": 5}, {"events_with_invalid_fields": {"event_type": [1]}}),
    ({"event_type": "[Amplitude] Revenue"}, {"events_with_invalid_fields": {"event_type": [1]}}),
    ({"user_id": None}, {"events_with_missing_fields": {"user_id": [1], "device_id": [1]}}),
    ({"user_id": ""}, {"events_with_missing_fields": {"user_id": [1], "device_id": [1]}}),
    ({"user_id": 123456}, {"events_with_invalid_fields": {"user_id": [1]}}),
    ({"user_id": "Undefined"}, {"events_with_invalid_fields": {"user_id": [1]}}),
    ({"device_id": "00000000-0000-0000-0000-000000000000"}, {"events_with_invalid_fields": {"device_id": [1]}}),
    ({"user_id": "abcd"}, {"events_with_invalid_id_lengths": {"user_id": [1]}}),
    ({"device_id": "d"}, {"events_with_invalid_id_lengths": {"device_id": [1]}}),
    ({"time": TIME // 1000}, {"events_with_invalid_fields": {"time": [1]}}),
    ({"time": str(TIME)}, {"events_with_invalid_fields": {"time": [1]}}),
    ({"time": float(TIME) + 0.5}, {"events_with_invalid_fields": {"time": [1]}}),
    ({"time": True}, {"events_with_invalid_fields": {"time": [1]}}),
    ({"insert_id": 7}, {"events_with_invalid_fields": {"insert_id": [1]}}),
    ({"event_properties": []}, {"events_with_invalid_fields": {"event_properties": [1]}}),
    ({"user_properties": "x"}, {"events_with_invalid_fields": {"user_properties": [1]}}),
    ({"event_properties": json.loads('{"a":' * 42 + "1" + "}" * 42)}, {"events_with_invalid_fields": {"event_properties": [1]}}),
    ({"event_type": "$identify", "user_properties": {"$set": {"a": 1}, "b": 2}}, {"events_with_invalid_fields": {"user_properties": [1]}}),
    ({"event_type": "$identify", "user_properties": {"$set": 1}}, {"events_with_invalid_fields": {"user_properties": [1]}}),
]


def test_one_event_that_is_wrong_refuses_all_and_is_named_by_its_place(site: Site, client: TestClient, key: str) -> None:
    for change, told in WRONG:
        answer = send(client, key, event(1), event(2) | change, event(3))
        found = answer.json()
        assert (answer.status_code, found.pop("code")) == (400, 400), change
        assert found.pop("error")
        assert found == told, change
    assert files(site) == []


def test_an_event_that_is_no_object_or_too_long_is_named_too(client: TestClient, key: str) -> None:
    assert send(client, key, event(1), 5).json()["events_with_missing_fields"] == {"event_type": [1]}
    long = event(1, event_properties={"text": "x" * (1 << 20)})
    assert send(client, key, long, door="batch").json()["events_with_invalid_fields"] == {"event_properties": [0]}


def test_a_request_may_say_how_short_an_id_may_be(client: TestClient, key: str) -> None:
    assert send(client, key, event(1, user_id="u"), options={"min_id_length": 1}).status_code == 200
    assert send(client, key, event(1, user_id="seven-7"), options={"min_id_length": 8}).status_code == 400


BODIES: list[tuple[bytes, dict[str, str]]] = [
    (b"", {"error": "Missing request body"}),
    (b"{", {"error": "Invalid JSON request body"}),
    (b"[]", {"error": "Invalid JSON request body"}),
    (b'{"api_key": "k", "events": [NaN]}', {"error": "Invalid JSON request body"}),
    (b"[" * 200_000, {"error": "Invalid JSON request body"}),
    (b'{"api_key": "k", "events": {"a": 1}}', {"error": "Invalid JSON request body"}),
    (b'{"api_key": 5, "events": [1]}', {"error": "Invalid JSON request body"}),
    (b'{"events": []}', {"error": "Request missing required field", "missing_field": "api_key"}),
    (b'{"api_key": "k"}', {"error": "Request missing required field", "missing_field": "events"}),
    (b'{"api_key": "k", "events": []}', {"error": "Request missing required field", "missing_field": "events"}),
]


def test_a_body_that_is_none_is_answered_as_amplitude_does(client: TestClient) -> None:
    for body, told in BODIES:
        answer = client.post(f"{P}/events/2/httpapi", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()) == (400, {"code": 400} | told)


def test_what_is_too_large_is_told_so(client: TestClient, key: str) -> None:
    """A megabyte and two thousand events for HTTP V2, twenty for a batch."""
    large = [event(number, event_properties={"text": "x" * 9_000}) for number in range(300)]
    refused = send(client, key, *large)
    assert (refused.status_code, refused.json()) == (413, {"code": 413, "error": "Payload too large"})
    assert send(client, key, *large, door="batch").status_code == 200
    assert send(client, key, *(event(number) for number in range(2_001)), door="batch").status_code == 413
    assert client.post(f"{P}/events/batch", content=b"x" * (20 * 2**20 + 1)).status_code == 413


def test_only_the_key_of_the_project_opens_and_guessing_is_slow(site: Site, client: TestClient, key: str) -> None:
    """The key before the newest is good too; nothing else opens, and the key opens nothing else."""
    assert send(client, "wrong", event(1)).json() == {"code": 400, "error": "Invalid API key: it is not the key of this project"}
    second = DOOR.new(site.town.parts, "default")
    assert send(client, key, event(1)).status_code == send(client, second, event(1)).status_code == 200
    DOOR.new(site.town.parts, "default")
    assert send(client, key, event(1)).status_code == 400
    elsewhere = client.post("/api/v1/projects/other/events/2/httpapi", json={"api_key": second, "events": [event(1)]})
    assert elsewhere.json()["error"].startswith("Invalid API key:")
    nowhere = client.post("/api/v1/projects/nowhere/events/2/httpapi", json={"api_key": second, "events": [event(1)]})
    assert nowhere.json() == elsewhere.json()
    site.app.state.rates = Rates(writes=3)
    assert [send(client, "wrong", event(1)).status_code for _ in range(4)] == [400, 400, 400, 429]
    assert [send(client, second, event(1)).status_code for _ in range(5)] == [200] * 5


def test_an_admin_makes_the_key_and_it_is_shown_once(site: Site, client: TestClient) -> None:
    site.user("admin", {"default": Role.ADMIN})
    admin = site.program("admin", "default", Role.ADMIN)
    made = admin.post(f"{P}/events/key")
    assert made.status_code == 201
    assert made.json()["paths"][0] == f"{P}/events/2/httpapi"
    assert send(client, made.json()["key"], event(1)).status_code == 200
    assert "events.key" in admin.get(f"{P}/audit").text
    assert made.json()["key"] not in admin.get(f"{P}/events/receiving").text


def test_more_than_the_disk_should_hold_is_to_be_sent_later(site: Site, key: str) -> None:
    """With the places of all events, which Amplitude's clients then keep for half a minute."""
    body = json.dumps({"api_key": key, "events": [event(1), event(2)]}).encode()
    assert receiving.receive(site.town.parts, "default", "events", body, Throttle(), most=250).events == 2
    with pytest.raises(Unfit) as refused:
        receiving.receive(site.town.parts, "default", "events", body, Throttle(), most=250)
    assert (refused.value.status, refused.value.answer["throttled_events"]) == (429, [0, 1])


def test_identify_says_something_of_a_user(site: Site, client: TestClient, key: str) -> None:
    """A form, as at Amplitude; the answers are plain text."""
    said = [{"user_id": "user-1", "user_properties": {"$set": {"plan": "pro"}}}, {"device_id": "d1", "user_properties": {"plan": "free"}}]
    for identification in (said, said[0] | {"country": "PL"}):
        answer = client.post(f"{P}/events/identify", data={"api_key": key, "identification": json.dumps(identification)})
        assert (answer.status_code, answer.text) == (200, "success")
    bring_in(site)
    assert site.town.parts.events.count("default") == 3
    for form, why in (
        ({"identification": "{}"}, "Request missing required field"),
        ({"api_key": key}, "missing_event"),
        ({"api_key": "wrong", "identification": "{}"}, "Invalid API key: it is not the key of this project"),
        ({"api_key": key, "identification": "{"}, "missing_event"),
        ({"api_key": key, "identification": "[]"}, "missing_event"),
        ({"api_key": key, "identification": "[5]"}, "missing_event"),
        ({"api_key": key, "identification": '{"user_properties": {"a": 1}}'}, "Request missing required field"),
        ({"api_key": key, "identification": '{"user_id": "u", "user_properties": 1}'}, "Invalid field values on some events"),
    ):
        answer = client.post(f"{P}/events/identify", data=form)
        assert (answer.status_code, answer.text) == (400, why)


def said(number: int, second: int, **stated: Any) -> dict[str, Any]:
    """What an identify says of a user at a second."""
    properties = {f"${name}": value for name, value in stated.items()}
    more = {"event_type": "$identify", "user_properties": properties, "insert_id": f"s{second}"}
    return event(number, **more) | {"time": TIME + 1000 * second}


def has(site: Site, *names: str) -> dict[str, dict[str, Any]]:
    """What each user has of these properties."""
    parts = site.town.parts
    users = [("user_id", f"user-{number}") for number in (1, 2)]
    return {id_: dict(found) for (_, id_), found in newest(parts.events.files("default"), users, names, parts.bounds).items()}


def test_what_identifies_do_depends_on_what_was_there_and_nothing_is_done_twice(site: Site, client: TestClient, key: str) -> None:
    """Also over days, among plain values, and when a request comes again."""
    names = ("visits", "first", "tags", "plan")
    send(client, key, said(1, 1, add={"visits": 1}, setOnce={"first": "ad"}, append={"tags": "a"}), said(2, 2, set={"visits": 10}))
    send(client, key, said(1, 3, add={"visits": 2}, setOnce={"first": "mail"}, append={"tags": ["b"]}))
    send(client, key, said(1, 3, add={"visits": 2}, setOnce={"first": "mail"}, append={"tags": ["b"]}))
    assert [each.error for each in bring_in(site)] == [None]
    assert has(site, *names) == {"user-1": {"visits": "3", "first": "ad", "tags": ["a", "b"]}, "user-2": {"visits": "10"}}
    send(
        client,
        key,
        said(2, 4, add={"visits": -0.5}, unset={"plan": "-"}),
        said(1, 5, remove={"tags": "a"}, postInsert={"tags": ["b", "c"]}),
    )
    send(client, key, event(1, user_properties={"visits": 7}, insert_id="plain") | {"time": TIME + 6000}, said(1, 7, add={"visits": 1}))
    assert [each.error for each in bring_in(site)] == [None]
    assert has(site, *names) == {"user-1": {"visits": "8", "first": "ad", "tags": ["b", "c"]}, "user-2": {"visits": "9.5"}}


def test_a_request_that_comes_again_days_later_does_nothing_twice(site: Site, client: TestClient, key: str) -> None:
    """Also what is reckoned beside it is reckoned without it; of a device and a user it is the device that makes it the same event."""
    first = said(1, 1, add={"visits": 1}) | {"device_id": "phone-1"}
    plain = event(1, user_properties={"visits": 5}, insert_id="plain") | {"time": TIME + 2000}
    send(client, key, first)
    send(client, key, plain)
    bring_in(site)
    send(client, key, first)
    send(client, key, said(1, 3, add={"visits": 1}))
    bring_in(site)
    assert has(site, "visits")["user-1"] == {"visits": "6"}
    send(client, key, plain, said(1, 4, add={"visits": 1}))
    bring_in(site)
    assert has(site, "visits")["user-1"] == {"visits": "7"}
    (upload, *_) = site.town.parts.uploads.listed("default")
    assert (upload.counts["events_new"], upload.counts["duplicates"]) == (1, 1)


def test_clear_all_takes_every_property_away(site: Site, client: TestClient, key: str) -> None:
    """Also those that nobody names any more; what is said after it is reckoned from nothing, in the same request or later."""
    send(client, key, said(1, 1, set={"plan": "pro", "visits": 4}), said(2, 1, set={"plan": "pro"}))
    bring_in(site)
    send(client, key, said(1, 2, clearAll="-"), said(1, 3, add={"visits": 1}), said(1, 4, setOnce={"first": "mail"}))
    bring_in(site)
    assert has(site, "plan", "visits", "first") == {"user-1": {"visits": "1", "first": "mail"}, "user-2": {"plan": "pro"}}
    send(client, key, said(1, 5, clearAll="-"))
    bring_in(site)
    send(client, key, said(1, 6, add={"visits": 2}))
    bring_in(site)
    assert has(site, "plan", "visits", "first") == {"user-1": {"visits": "2"}, "user-2": {"plan": "pro"}}
    assert [each.counts["events_new"] for each in site.town.parts.uploads.listed("default")] == [1, 1, 3, 2]


def test_who_sends_too_often_is_told_so_and_nobody_else(site: Site, client: TestClient, key: str) -> None:
    """More than 30 events a second over half a minute by one user or device, and a thousand through batch, in Amplitude's form."""
    many = [event(n, user_id="robot", device_id=f"device-{n}") for n in range(450)]
    assert [send(client, key, *many).status_code for _ in range(2)] == [200, 200]
    answer = send(client, key, event(1), event(2, user_id="robot"))
    told = {"code": 429, "error": "Too many requests for some devices and users", "eps_threshold": 30}
    assert (answer.status_code, answer.json()) == (
        429, told | {"throttled_users": {"robot": 30}, "throttled_devices": {}, "throttled_events": [1]},
    )  # fmt: skip
    assert send(client, key, event(1)).status_code == 200
    assert send(client, key, event(2, user_id="robot"), door="batch").status_code == 200, "batch counts for itself"
    form = {"api_key": key, "identification": json.dumps([{"user_id": "robot"}] * 900)}
    assert [client.post(f"{P}/events/identify", data=form).status_code for _ in range(2)] == [200, 429]
    site.town.clock.sleep(31)
    assert send(client, key, event(2, user_id="robot")).status_code == 200, "half a minute later it may send again"
    assert len(site.town.parts.received.waiting("default")) == 6, "nothing of what was refused is here"


def test_a_user_or_device_has_a_quota_a_day_at_batch_alone(site: Site, client: TestClient, key: str) -> None:
    """Who has spent it is named with the count, as Amplitude names them; others pass, and a day later all."""
    site.app.state.throttle = Throttle(a_day={"batch": 50})
    robot = [event(n, user_id="robot", device_id="metal") for n in range(50)]
    assert send(client, key, *robot, door="batch").status_code == 200
    answer = send(client, key, event(1), robot[0], door="batch")
    told = {"code": 429, "error": "Too many requests for some devices and users", "eps_threshold": 1_000, "throttled_events": [1]}
    told |= {"throttled_users": {}, "throttled_devices": {}}
    assert (answer.status_code, answer.json()) == (
        429, told | {"exceeded_daily_quota_users": {"robot": 50}, "exceeded_daily_quota_devices": {"metal": 50}},
    )  # fmt: skip
    assert send(client, key, event(1), door="batch").status_code == 200
    assert send(client, key, robot[0]).status_code == 200, "HTTP V2 has no limit a day"
    site.town.clock.sleep(2 * 86_400)
    assert send(client, key, robot[0], door="batch").status_code == 200


def test_who_spends_most_of_a_quota_is_remembered_among_very_many_others() -> None:
    throttle = Throttle(a_day={"batch": 1_000}, most=100)
    throttle.pass_("p", "batch", [{"user_id": "robot"}] * 1_000, 0)
    for number in range(500):
        throttle.pass_("p", "batch", [{"user_id": f"user-{number}"}], 40 + number)
    with pytest.raises(Unfit) as refused:
        throttle.pass_("p", "batch", [{"user_id": "robot"}], 600)
    assert refused.value.answer["exceeded_daily_quota_users"] == {"robot": 1_000}


def test_money_beside_the_properties_is_kept_among_them(site: Site, client: TestClient, key: str) -> None:
    send(client, key, event(1, price=2.5, quantity=2, revenue=5, productId="p", event_properties={"$price": 3, "a": 1}))
    (stored,) = files(site)
    kept = json.loads(stored.read_text())
    assert kept["event_properties"] == {"$price": 3, "$quantity": 2, "$revenue": 5, "$productId": "p", "a": 1}


def test_a_backup_has_what_waits_and_a_sweep_only_takes_what_nobody_knows(site: Site, client: TestClient, key: str) -> None:
    send(client, key, event(1))
    (stored,) = files(site)
    with site.town.database.transaction() as db:
        assert str(stored.relative_to(site.town.parts.home)) in named(db)[0]
    lost = stored.with_name("lost.ndjson")
    lost.write_text("{}")
    site.town.clock.sleep(timedelta(days=400).total_seconds() * 10)
    receiving.sweep(site.town.parts)
    assert files(site) == [stored]


def test_two_workers_bring_what_waits_in_once(site: Site, client: TestClient, key: str) -> None:
    """Who is slower finds the rows gone, and leaves nothing behind."""
    parts = site.town.parts
    send(client, key, event(1))
    rows = parts.received.waiting("default")
    site.town.clock.sleep(receiving.EVERY.total_seconds())
    kept = files(site)[0].read_bytes()
    receiving.gather(parts)
    send(client, key, event(2))
    (home := parts.home / rows[0].path).write_bytes(kept)
    receiving._gather(parts, "default", rows)
    home.unlink()
    assert len(parts.uploads.known()) == 1
    assert len(list((parts.home / "uploads").glob("*"))) == 1
    bring_in(site)
    bring_in(site)
    assert parts.events.count("default") == 2


def test_a_file_that_cannot_be_gathered_leaves_everything_as_it_was(site: Site, client: TestClient, key: str) -> None:
    send(client, key, event(1))
    (stored,) = files(site)
    stored.rename(stored.with_suffix(".away"))
    bring_in(site)
    assert list((site.town.parts.home / "uploads").glob("*")) == []
    stored.with_suffix(".away").rename(stored)
    bring_in(site)
    assert site.town.parts.events.count("default") == 1


def test_a_name_no_project_can_have_is_no_key(site: Site) -> None:
    with pytest.raises(DefinitionError):
        DOOR.new(site.town.parts, "nowhere")
