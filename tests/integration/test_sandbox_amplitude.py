"""The emulated Amplitude: each documented code, header, limit and file, asked for by plain HTTP."""

from __future__ import annotations

import base64
import csv
import gzip
import http.client
import io
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
import pytest

import plain
from sandbox_process import DEADLINE_SECONDS, SandboxProcess, running_sandbox, wait_until

NOW = "2026-07-01T00:00:00Z"
KEYS = ("sandbox-api-key-100001", "sandbox-secret-key-100001")
MEMBERS = [
    {"amplitude_id": 1, "user_id": "u-1", "properties": {"advertising_id": "a934b283-a381-4a0d-8a18-0368f9b19170", "plan": "free"}},
    {"amplitude_id": 2, "user_id": None, "properties": {"advertising_id": 'a "quoted", one\nof two lines', "plan": "größe"}},
    {"amplitude_id": 3, "user_id": "u-3"},
]


class Amplitude:
    """The emulated Amplitude, as a client of one project meets it."""

    def __init__(self, sandbox: SandboxProcess, region: str = "us", keys: tuple[str, str] | None = KEYS) -> None:
        self.sandbox, self.region, self.keys = sandbox, region, keys
        self.url = str(sandbox.get("/_sandbox/amplitude")["urls"][region])

    def send(self, path: str, *, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=DEADLINE_SECONDS)
        authorization = {} if self.keys is None else {"Authorization": "Basic " + base64.b64encode(":".join(self.keys).encode()).decode()}
        try:
            connection.request(method, path, headers=authorization | headers)
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, Any]:
        status, _, body = self.send(path)
        return status, orjson.loads(body)

    def request(self, cohort: str, *properties: str, props: str = "1") -> str:
        """A download asked for; its id."""
        query = urlencode([("props", props), *(("propKeys", name) for name in properties)])
        status, answer = self.get(f"/api/5/cohorts/request/{cohort}?{query}")
        assert status == 202, answer
        return str(answer["request_id"])

    def ready(self, key: str) -> str:
        """The id, once its download is completed."""
        wait_until(lambda: self.get(f"/api/5/cohorts/request-status/{key}")[0] == 200, "the download is completed")
        return key

    def file(self, key: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        return self.send(f"/api/5/cohorts/request/{key}/file", **headers)

    def link(self, key: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """What the link of a large file answers, asked without the keys."""
        status, found, _ = self.file(key)
        assert status == 302
        place = urlsplit(found["location"])
        assert f"http://{place.netloc}" == self.url
        return Amplitude(self.sandbox, self.region, None).send(f"{place.path}?{place.query}", **headers)


@pytest.fixture(scope="module")
def _process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox-process")) as url:
        yield SandboxProcess(url)


@pytest.fixture
def sandbox(_process: SandboxProcess) -> SandboxProcess:
    """One process for all tests of this file, emptied before each."""
    _process.post("/_sandbox/reset")
    return _process


@pytest.fixture
def amplitude(sandbox: SandboxProcess) -> Amplitude:
    sandbox.post("/_sandbox/clock", {"now": NOW, "running": False})
    sandbox.post("/_sandbox/amplitude/cohorts", {"id": "payers", "name": "Payers", "members": MEMBERS})
    return Amplitude(sandbox)


def faults(sandbox: SandboxProcess, *orders: Any) -> None:
    sandbox.post("/_sandbox/amplitude/faults", {"faults": list(orders)})


def details(answer: Any) -> str:
    return str(answer["error"]["metadata"]["details"])


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))


# --- who is asking


def test_keys_of_another_region_are_refused_as_wrong_ones_are(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    answers = [
        Amplitude(sandbox, "eu").get("/api/3/cohorts"),
        Amplitude(sandbox, "us", ("sandbox-api-key-200001", "sandbox-secret-key-200001")).get("/api/3/cohorts"),
        Amplitude(sandbox, "us", (KEYS[0], "another")).get("/api/3/cohorts"),
    ]
    assert [(status, details(answer)) for status, answer in answers] == [(403, "Invalid API/Secret Key combination")] * 3
    assert Amplitude(sandbox, "eu", ("sandbox-api-key-200001", "sandbox-secret-key-200001")).get("/api/3/cohorts") == (200, {"cohorts": []})


def test_no_keys_and_keys_of_another_scheme_are_answered_401(sandbox: SandboxProcess) -> None:
    status, headers, _ = Amplitude(sandbox, "us", None).send("/api/3/cohorts")
    assert (status, headers["www-authenticate"]) == (401, 'Basic realm="Amplitude"')
    assert Amplitude(sandbox, "us", None).send("/api/3/cohorts", Authorization="Bearer x")[0] == 401
    assert Amplitude(sandbox, "us", None).send("/api/3/cohorts", Authorization="Basic !!!")[0] == 403


def test_what_is_no_endpoint(amplitude: Amplitude) -> None:
    assert amplitude.send("/api/4/cohorts")[0] == 404
    status, headers, _ = amplitude.send("/api/3/cohorts", method="POST")
    assert (status, headers["allow"]) == (405, "GET")


# --- the list


def test_the_list_shows_every_documented_key_of_discoverable_cohorts(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    sandbox.post("/_sandbox/amplitude/cohorts", {"id": "unlisted", "members": [], "published": False})
    sandbox.post("/_sandbox/amplitude/cohorts", {"id": "elsewhere", "members": [], "app": 100002})
    status, answer = amplitude.get("/api/3/cohorts?includeSyncInfo=true")
    (cohort,) = answer["cohorts"]
    assert status == 200
    assert {name: cohort[name] for name in ("appId", "id", "name", "size", "archived", "type", "lastComputed")} == {
        "appId": 100001,
        "id": "payers",
        "name": "Payers",
        "size": 3,
        "archived": False,
        "type": "redshift",
        "lastComputed": 1782864000,
    }
    documented = (
        "appId archived definition description finished id name owners viewers published size type lastMod createdAt lastComputed "
        "last_viewed hidden metadata view_count popularity chart_id edit_id location_id is_predictive is_official_content "
        "shortcut_ids syncMetadata"
    )
    assert set(cohort) == set(documented.split())


# --- the download


def test_a_download_in_three_steps(amplitude: Amplitude) -> None:
    status, answer = amplitude.get("/api/5/cohorts/request/payers?props=1&propKeys=advertising_id&propKeys=plan")
    assert (status, set(answer), answer["cohort_id"]) == (202, {"request_id", "cohort_id"}, "payers")
    key = answer["request_id"]
    assert details(amplitude.get(f"/api/5/cohorts/request/{key}/file")[1]) == "The request is still in progress"
    states = [amplitude.get(f"/api/5/cohorts/request-status/{key}") for _ in range(2)]
    common = {"request_id": key, "cohort_id": "payers"}
    assert states == [(202, {**common, "async_status": "JOB INPROGRESS"}), (200, {**common, "async_status": "JOB COMPLETED"})]
    status, headers, body = amplitude.file(key)
    assert (status, headers["content-type"], headers["content-length"]) == (200, "text/csv", str(len(body)))
    assert body.decode() == (
        '"amplitude_id","user_id","advertising_id","plan"\n'
        '"1","u-1","a934b283-a381-4a0d-8a18-0368f9b19170","free"\n'
        '"2","","a ""quoted"", one\nof two lines","größe"\n'
        '"3","u-3","",""\n'
    )


@pytest.mark.parametrize(
    ("props", "properties", "columns"),
    [
        ("0", (), []),
        ("0", ("plan",), []),
        ("1", (), ["advertising_id", "plan"]),
        ("1", ("plan",), ["plan"]),
        ("1", ("plan", "nobody_has_it"), ["plan", "nobody_has_it"]),
    ],
)
def test_the_columns_that_were_asked_for(amplitude: Amplitude, props: str, properties: tuple[str, ...], columns: list[str]) -> None:
    content = amplitude.file(amplitude.ready(amplitude.request("payers", *properties, props=props)))[2]
    names, *people = rows(content)
    assert names == ["amplitude_id", "user_id", *columns]
    assert [person[0] for person in people] == ["1", "2", "3"]


def test_a_file_holds_the_members_of_the_moment_it_was_asked_for(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    key = amplitude.ready(amplitude.request("payers"))
    sandbox.post("/_sandbox/amplitude/cohorts", {"id": "payers", "members": MEMBERS[:1]})
    assert len(rows(amplitude.file(key)[2])) == 1 + 3


def test_a_large_file_is_a_link_that_lives_one_minute_and_can_be_had_again(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    sandbox.post("/_sandbox/amplitude/limits", {"direct_bytes": 0})
    key = amplitude.ready(amplitude.request("payers"))
    status, headers, body = amplitude.link(key)
    assert (status, headers["content-type"], headers["accept-ranges"]) == (200, "text/csv", "bytes")
    assert len(rows(body)) == 1 + 3
    place = urlsplit(amplitude.file(key)[1]["location"]).path
    stranger = Amplitude(sandbox, keys=None)
    sandbox.post("/_sandbox/clock", {"advance_seconds": 59, "running": False})
    assert stranger.send(place)[0] == 200
    sandbox.post("/_sandbox/clock", {"advance_seconds": 1, "running": False})
    status, headers, body = stranger.send(place)
    assert (status, headers["content-type"], b"Request has expired" in body) == (403, "application/xml", True)
    assert amplitude.link(key)[0] == 200


def test_a_link_takes_no_keys_and_offers_ranges(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    sandbox.post("/_sandbox/amplitude/limits", {"direct_bytes": 0})
    key = amplitude.ready(amplitude.request("payers"))
    whole = amplitude.link(key)[2]
    assert amplitude.send(urlsplit(amplitude.file(key)[1]["location"]).path)[0] == 400
    status, headers, body = amplitude.link(key, Range="bytes=10-")
    assert (status, headers["content-range"], body) == (206, f"bytes 10-{len(whole) - 1}/{len(whole)}", whole[10:])
    assert amplitude.link(key, Range="bytes=2-5")[2] == whole[2:6]
    assert amplitude.link(key, Range=f"bytes={len(whole)}-")[0] == 416
    assert amplitude.link(key, **{"Range": "bytes=2-", "If-Range": '"another"'})[0] == 200
    assert Amplitude(sandbox, keys=None).send("/cohort-downloads/0123.csv")[0] == 403


def test_a_request_lives_seven_days(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    key = amplitude.ready(amplitude.request("payers"))
    sandbox.post("/_sandbox/clock", {"advance_seconds": 7 * 86_400 - 1, "running": False})
    assert amplitude.file(key)[0] == 200
    sandbox.post("/_sandbox/clock", {"advance_seconds": 1, "running": False})
    assert [amplitude.file(key)[0], amplitude.get(f"/api/5/cohorts/request-status/{key}")[0]] == [404, 404]


def test_a_request_of_another_project_or_for_a_cohort_that_is_gone(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    key = amplitude.ready(amplitude.request("payers"))
    other = Amplitude(sandbox, keys=("sandbox-api-key-100002", "sandbox-secret-key-100002"))
    assert other.get(f"/api/5/cohorts/request-status/{key}")[0] == 404
    assert sandbox.send("DELETE", "/_sandbox/amplitude/cohorts?id=payers")[0] == 200
    status, answer = amplitude.get("/api/5/cohorts/request/payers?props=1")
    assert (status, details(answer)) == (404, "Cohort not found")
    assert amplitude.get("/api/3/cohorts") == (200, {"cohorts": []})


def test_an_archived_cohort_says_so_in_the_list_and_still_gives_who_was_in_it(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    sandbox.post("/_sandbox/amplitude/cohorts", {"id": "payers", "members": MEMBERS, "archived": True})
    assert amplitude.get("/api/3/cohorts")[1]["cohorts"][0]["archived"] is True
    assert amplitude.file(amplitude.ready(amplitude.request("payers")))[0] == 200


def test_many_members_are_made_by_number(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    order = {"id": "many", "generated": {"count": 150_000, "seed": 7, "properties": ["advertising_id"]}}
    assert sandbox.post("/_sandbox/amplitude/cohorts", order)["size"] == 150_000
    sandbox.post("/_sandbox/amplitude/limits", {"requests_per_10_minutes": 10_000})
    body = amplitude.link(amplitude.ready(amplitude.request("many", "advertising_id", "other")))[2]
    names, *people = rows(body)
    assert names == ["amplitude_id", "user_id", "advertising_id", "other"]
    assert len({person[2] for person in people}) == len({person[0] for person in people}) == 150_000
    assert people[0][:2] == ["1000000000000", "person-00000000"]
    assert {person[3] for person in people} == {""}


# --- events


def at(text: str, **more: Any) -> dict[str, Any]:
    """An event of the export's shape, uploaded when it happened."""
    names = ("event_time", "client_event_time", "client_upload_time", "server_received_time", "server_upload_time", "processed_time")
    return {"event_type": "Play", "user_id": "u-1", "amplitude_id": 7, **dict.fromkeys(names, text), **more}


def load(sandbox: SandboxProcess, *events: dict[str, Any], packed: bool = False) -> Any:
    lines = b"".join(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE) for event in events)
    status, _, body = sandbox.send("POST", "/_sandbox/amplitude/events", gzip.compress(lines) if packed else lines)
    assert status == 200, body
    return orjson.loads(body)


def exported(amplitude: Amplitude, start: str, end: str) -> dict[str, list[dict[str, Any]]]:
    """The members of the zip, by name, and their events."""
    status, headers, body = amplitude.send(f"/api/2/export?start={start}&end={end}")
    assert (status, headers["content-type"]) == (200, "application/zip"), body
    with zipfile.ZipFile(io.BytesIO(body)) as packed:
        return {name: [orjson.loads(line) for line in gzip.decompress(packed.read(name)).splitlines()] for name in packed.namelist()}


def test_an_export_has_a_part_for_each_hour_of_upload_both_hours_included(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    load(sandbox, at("2026-06-01 04:59:59.999999"), at("2026-06-01 05:00:00.000000"), at("2026-06-01 06:59:59.999999"), packed=True)
    counted = load(sandbox, at("2026-06-01 05:30:00.000000", event_time="2026-01-01 00:00:00.000000"), at("2026-06-01 07:00:00.000000"))
    assert counted == {"100001": {"events": 5, "hours": 4}}
    found = exported(amplitude, "20260601T05", "20260601T06")
    assert {name: [event["server_upload_time"] for event in events] for name, events in found.items()} == {
        "100001/100001_2026-06-01_5#0.json.gz": ["2026-06-01 05:00:00.000000"],
        "100001/100001_2026-06-01_5#1.json.gz": ["2026-06-01 05:30:00.000000"],
        "100001/100001_2026-06-01_6#0.json.gz": ["2026-06-01 06:59:59.999999"],
    }


def test_an_exported_event_has_exactly_the_documented_keys(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    load(sandbox, at("2026-06-01 05:00:00.000000", insert_id="i-1", app_version="2.1", carrier="c", ip="192.0.2.1", surprise=1))
    ((event,),) = exported(amplitude, "20260601T05", "20260601T05").values()
    documented = (
        "server_received_time app device_carrier city user_id uuid event_time platform os_version amplitude_id processed_time version_name "
        "ip_address paying dma group_properties user_properties client_upload_time $insert_id event_type library "
        "amplitude_attribution_ids device_type start_version location_lng server_upload_time event_id location_lat os_name groups "
        "event_properties data device_id language country region session_id device_family sample_rate client_event_time"
    )
    assert set(event) == set(documented.split())
    assert [event[name] for name in ("app", "$insert_id", "version_name", "device_carrier", "ip_address")] == [
        100001,
        "i-1",
        "2.1",
        "c",
        "192.0.2.1",
    ]


def test_events_of_the_http_v2_shape_are_uploaded_now_and_can_be_had_two_hours_later(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    events = [{"event_type": "Play", "user_id": "u-1", "time": 1_780_000_000_123}, {"event_type": "Play", "device_id": "d-1"}]
    sandbox.post("/_sandbox/amplitude/events", {"api_key": "any", "events": events})
    assert amplitude.get("/api/2/export?start=20260701T00&end=20260701T00")[0] == 404
    sandbox.post("/_sandbox/clock", {"advance_seconds": 7200, "running": False})
    assert amplitude.get("/api/2/export?start=20260701T00&end=20260701T00")[0] == 404
    sandbox.post("/_sandbox/clock", {"advance_seconds": 1, "running": False})
    ((first, second),) = exported(amplitude, "20260701T00", "20260701T00").values()
    assert [first["event_time"], second["event_time"]] == ["2026-05-28 20:26:40.123000", "2026-07-01 00:00:00.000000"]
    assert first["server_upload_time"] == "2026-07-01 00:00:00.000000"
    assert (second["user_id"], second["device_id"]) == (None, "d-1")


def test_an_hour_that_is_not_over_holds_what_is_two_hours_old(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    load(sandbox, at("2026-06-30 21:10:00.000000"), at("2026-06-30 21:50:00.000000"))
    sandbox.post("/_sandbox/clock", {"now": "2026-06-30T23:30:00Z", "running": False})
    assert [len(events) for events in exported(amplitude, "20260630T21", "20260630T21").values()] == [1]
    sandbox.post("/_sandbox/clock", {"now": "2026-07-01T00:00:00Z", "running": False})
    assert [len(events) for events in exported(amplitude, "20260630T21", "20260630T21").values()] == [2]


@pytest.mark.parametrize(
    ("start", "end", "status"),
    [
        ("20260601T05", "20260601T04", 400),
        ("2026-06-01", "20260601T05", 400),
        ("20260601T24", "20260601T25", 400),
        ("", "20260601T05", 400),
        ("20250601T06", "20260601T05", 200),
        ("20250601T05", "20260601T05", 400),
        ("20260601T06", "20260601T07", 404),
    ],
)
def test_ranges_of_an_export(amplitude: Amplitude, sandbox: SandboxProcess, start: str, end: str, status: int) -> None:
    load(sandbox, at("2026-06-01 05:00:00.000000"))
    assert amplitude.send(f"/api/2/export?start={start}&end={end}")[0] == status


def test_an_export_that_is_too_large_or_takes_too_long_or_is_damaged(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    load(sandbox, at("2026-06-01 05:00:00.000000"), at("2026-06-01 06:00:00.000000"))
    size = len(amplitude.send("/api/2/export?start=20260601T05&end=20260601T05")[2])
    sandbox.post("/_sandbox/amplitude/limits", {"export_bytes": size})
    assert [amplitude.send(f"/api/2/export?start=20260601T05&end=20260601T{end}")[0] for end in ("06", "05")] == [400, 200]
    faults(sandbox, {"kind": "error", "status": 504, "at": "export"}, {"kind": "torn", "at": "export"}, "damaged_zip")
    assert amplitude.send("/api/2/export?start=20260601T05&end=20260601T05")[0] == 504
    with pytest.raises(http.client.IncompleteRead):
        exported(amplitude, "20260601T05", "20260601T05")
    with pytest.raises(zipfile.BadZipFile):
        exported(amplitude, "20260601T05", "20260601T05")
    assert exported(amplitude, "20260601T05", "20260601T05")


def test_a_cohort_over_the_events_has_everybody_who_did_it_with_what_was_last_known_of_them(
    amplitude: Amplitude, sandbox: SandboxProcess
) -> None:
    load(
        sandbox,
        at("2026-06-01 05:00:00.000000", user_id=None, device_id="d", user_properties={"plan": "free", "tdid": "t"}),
        at("2026-06-01 06:00:00.000000", user_properties={"plan": "plus"}),
        at("2026-06-02 05:00:00.000000", event_type="Stop", user_properties={"plan": "growth"}),
        at("2026-06-01 05:00:00.000000", amplitude_id=8, user_id="u-2", event_type="Stop"),
        at("2026-06-03 05:00:00.000000", amplitude_id=8, user_id="u-2"),
    )
    rules = [
        {"event_type": "Play"},
        {"event_type": "Play", "at_least": 2},
        {"event_type": "Play", "to": "2026-06-02T00:00:00Z"},
        {"event_type": "Play", "from": "2026-06-02T00:00:00Z"},
    ]
    found = []
    for number, rule in enumerate(rules):
        sandbox.post("/_sandbox/amplitude/cohorts", {"id": f"c{number}", "rule": rule})
        found.append(rows(amplitude.file(amplitude.ready(amplitude.request(f"c{number}", "plan", "tdid")))[2])[1:])
    first, second = ["7", "u-1", "growth", "t"], ["8", "u-2", "", ""]
    assert found == [[first, second], [first], [["7", "u-1", "plus", "t"]], [second]]


def test_real_events_come_out_as_they_went_in(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    folder = plain.real_events()
    if folder is None:
        pytest.skip("the real events are not here; set TRADEWIND_REAL_EVENTS to their folder")
    packed = (folder / "20260101_2019-05.json.gz").read_bytes()
    given = [orjson.loads(line) for line in gzip.decompress(packed).splitlines()]
    assert sandbox.send("POST", "/_sandbox/amplitude/events", packed)[0] == 200
    hours = exported(amplitude, "20190501T00", "20190531T23")
    found = [event for events in hours.values() for event in events]
    assert sorted(event["uuid"] for event in found) == sorted(event["uuid"] for event in given)
    by_uuid = {event["uuid"]: event for event in found}
    assert all(by_uuid[event["uuid"]] | event | {"app": 100001} == by_uuid[event["uuid"]] for event in given)
    sandbox.post("/_sandbox/amplitude/cohorts", {"id": "mergers", "rule": {"event_type": "merge"}})
    listed = amplitude.get("/api/3/cohorts")[1]["cohorts"]
    mergers = {event["amplitude_id"] for event in given if event["event_type"] == "merge"}
    assert {cohort["id"]: cohort["size"] for cohort in listed}["mergers"] == len(mergers) > 1


# --- limits


def test_sixty_requests_in_ten_minutes(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    assert [amplitude.get("/api/3/cohorts")[0] for _ in range(61)] == [200] * 60 + [429]
    assert Amplitude(sandbox, keys=("sandbox-api-key-100002", "sandbox-secret-key-100002")).get("/api/3/cohorts")[0] == 200
    sandbox.post("/_sandbox/clock", {"advance_seconds": 600, "running": False})
    assert amplitude.get("/api/3/cohorts")[0] == 200


def test_five_hundred_downloads_a_month(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    sandbox.post("/_sandbox/amplitude/limits", {"downloads_per_month": 2})
    for _ in range(2):
        amplitude.request("payers")
    status, answer = amplitude.get("/api/5/cohorts/request/payers")
    assert (status, details(answer)) == (429, "More than 2 downloads in a month")
    assert sandbox.get("/_sandbox/amplitude/counts")["100001"]["downloads"] == {"2026-07": 2}
    sandbox.post("/_sandbox/clock", {"now": "2026-08-01T00:00:00Z", "running": False})
    amplitude.request("payers")


def test_a_cohort_over_two_million_members_is_refused_and_not_charged(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    sandbox.post("/_sandbox/amplitude/cohorts", {"id": "huge", "generated": {"count": 2_000_001}})
    assert amplitude.get("/api/5/cohorts/request/huge")[0] == 400
    assert sandbox.get("/_sandbox/amplitude/counts")["100001"]["downloads"] == {}


class Open:
    """Requests whose answers were not fetched yet."""

    def __init__(self, amplitude: Amplitude) -> None:
        self._amplitude, self._connections = amplitude, list[http.client.HTTPConnection]()

    def ask(self, path: str) -> None:
        connection = http.client.HTTPConnection(urlsplit(self._amplitude.url).netloc, timeout=DEADLINE_SECONDS)
        keys = base64.b64encode(":".join(KEYS).encode()).decode()
        connection.request("GET", path, headers={"Authorization": f"Basic {keys}"})
        self._connections.append(connection)

    def statuses(self) -> list[int]:
        found = [connection.getresponse().status for connection in self._connections]
        for connection in self._connections:
            connection.close()
        return found


def test_four_requests_at_once(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    faults(sandbox, {"kind": "late", "seconds": 1, "at": "list", "times": 5})
    asked = Open(amplitude)
    for _ in range(5):
        asked.ask("/api/3/cohorts")
    assert sorted(asked.statuses()) == [200, 200, 200, 200, 429]
    assert sandbox.get("/_sandbox/amplitude/counts")["100001"]["most_at_once"] == 5


def test_one_cohort_is_not_accessed_by_two_at_once(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    sandbox.post("/_sandbox/amplitude/cohorts", {"id": "others", "members": MEMBERS})
    faults(sandbox, {"kind": "late", "seconds": 1, "at": "request", "times": 3})
    asked = Open(amplitude)
    for cohort in ("payers", "payers", "others"):
        asked.ask(f"/api/5/cohorts/request/{cohort}")
    assert sorted(asked.statuses()) == [202, 202, 429]


# --- misbehaviour


def test_a_slow_download_and_one_that_fails(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    faults(sandbox, {"kind": "slow", "polls": 3}, "failed")
    slow, failed = amplitude.request("payers"), amplitude.request("payers")
    assert [amplitude.get(f"/api/5/cohorts/request-status/{slow}")[0] for _ in range(4)] == [202, 202, 202, 200]
    answers = [amplitude.get(f"/api/5/cohorts/request-status/{failed}") for _ in range(2)]
    assert [(status, answer["async_status"]) for status, answer in answers] == [(202, "JOB INPROGRESS"), (200, "JOB FAILED")]
    assert amplitude.file(failed)[0] == 404


@pytest.mark.parametrize("direct_bytes", [0, 65_536])
@pytest.mark.parametrize(
    ("kind", "ends"),
    [
        ("fewer_rows", '"plan"\n"1","u-1","a934b283-a381-4a0d-8a18-0368f9b19170","free"\n'),
        ("mid_row", '"plan"\n"1",'),
        ("mid_quote", '"plan"\n"1","u-1'),
        ("renamed_column", '"advertising_id","something_else"\n'),
        ("missing_column", '"user_id","advertising_id"\n'),
        ("extra_column", '"plan","something_else"\n'),
        ("reordered_columns", '"plan","advertising_id","user_id","amplitude_id"\n"free"'),
        ("short_row", '"2","","a ""quoted"", one\nof two lines"\n'),
        ("bad_utf8", '"3","u-3","","\udcff"\n'),
        ("no_bytes", ""),
    ],
)
def test_files_that_are_spoilt(amplitude: Amplitude, sandbox: SandboxProcess, kind: str, ends: str, direct_bytes: int) -> None:
    sandbox.post("/_sandbox/amplitude/limits", {"direct_bytes": direct_bytes})
    key = amplitude.ready(amplitude.request("payers"))
    fetch = amplitude.link if direct_bytes == 0 else amplitude.file
    whole = fetch(key)[2]
    faults(sandbox, kind)
    status, headers, body = fetch(key)
    assert (status, headers["content-length"]) == (200, str(len(body)))
    assert body != whole
    assert ends in body.decode(errors="surrogateescape")
    assert fetch(key)[2] == whole
    assert sandbox.get("/_sandbox/amplitude/faults") == {"faults": []}


def test_a_file_may_come_packed(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    key = amplitude.ready(amplitude.request("payers"))
    whole = amplitude.file(key)[2]
    faults(sandbox, "gzip")
    _, headers, body = amplitude.file(key)
    assert (headers["content-encoding"], gzip.decompress(body)) == ("gzip", whole)


def test_a_link_that_has_expired_before_it_is_followed(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    sandbox.post("/_sandbox/amplitude/limits", {"direct_bytes": 0})
    key = amplitude.ready(amplitude.request("payers"))
    faults(sandbox, "expired_link")
    assert [amplitude.link(key)[0] for _ in range(2)] == [403, 200]


def test_faults_of_the_transport_at_the_place_they_name(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    key = amplitude.ready(amplitude.request("payers"))
    faults(
        sandbox,
        {"kind": "throttle", "retry_after": 7, "at": "list"},
        {"kind": "throttle", "at": "list"},
        {"kind": "error", "status": 502, "at": "status"},
        {"kind": "wrong_keys", "at": "list"},
        {"kind": "torn", "at": "file"},
        {"kind": "lost", "at": "file"},
    )
    statuses = [amplitude.send("/api/3/cohorts") for _ in range(4)]
    assert [(status, headers.get("retry-after")) for status, headers, _ in statuses] == [(429, "7"), (429, None), (403, None), (200, None)]
    assert [amplitude.send(f"/api/5/cohorts/request-status/{key}")[0] for _ in range(2)] == [502, 200]
    with pytest.raises(http.client.IncompleteRead):
        amplitude.file(key)
    with pytest.raises(ConnectionError):
        amplitude.file(key)
    assert amplitude.file(key)[0] == 200
    assert [each["fault"] for each in sandbox.get("/_sandbox/amplitude/requests") if each["fault"]] == [
        "throttle",
        "throttle",
        "wrong_keys",
        "error",
        "torn",
        "lost",
    ]


@pytest.mark.parametrize(
    ("page", "order", "says"),
    [
        ("faults", {"faults": ["frobnicate"]}, "the kind is none of"),
        ("faults", {"faults": [{"kind": "fewer_rows", "at": "list"}]}, "can be met at file, link"),
        ("faults", {"faults": [{"kind": "failed", "polls": 2}]}, "has the fields at and times"),
        ("faults", {"faults": [{"kind": "slow", "polls": "2"}]}, "polls is a whole number"),
        ("faults", {"faults": [{"kind": "throttle", "times": 0}]}, "times is a whole number"),
        ("faults", [], "not a JSON object"),
        ("limits", {"requests": 1}, "Unknown limit 'requests'"),
        ("limits", {"polls": -1}, "polls is a whole number"),
        ("events", {"events": [{"user_id": "u"}]}, "event 1: expected an object with an event_type"),
        ("events", {"events": [{"event_type": "e"}]}, "event 1: expected a user_id or a device_id"),
        ("events", {"events": [{"event_type": "e", "user_id": "u", "time": "now"}]}, "time is in milliseconds"),
        ("events", {"event_type": "e", "user_id": "u", "event_time": "now"}, "event_time is a date and time"),
        ("cohorts", {"id": "x", "rule": {"event_type": "e", "at_least": 0}}, "at_least is a whole number"),
        ("cohorts", {"id": "x", "rule": {"event": "e"}}, "rule is an object of event_type"),
        ("cohorts", {"id": "x"}, "one of them"),
        ("cohorts", {"id": "x/y", "members": []}, "letters and digits"),
        ("cohorts", {"id": "x", "members": [], "colour": 1}, "Unknown field 'colour'"),
        ("cohorts", {"id": "x", "members": [{"user_id": "u"}]}, "entry 1: expected amplitude_id"),
        ("cohorts", {"id": "x", "members": [], "app": 5}, "app is one of 100001"),
        ("cohorts", {"id": "x", "generated": {"count": "many"}}, "whole numbers"),
        ("cohorts", {"id": "x", "members": [], "computed_at": "yesterday"}, "computed_at is a date and time"),
    ],
)
def test_orders_that_cannot_be_used(sandbox: SandboxProcess, page: str, order: Any, says: str) -> None:
    status, _, body = sandbox.send("POST", f"/_sandbox/amplitude/{page}", orjson.dumps(order))
    assert status == 400
    assert says in orjson.loads(body)["error"]


def test_pages_and_a_reset_of_both_sides(amplitude: Amplitude, sandbox: SandboxProcess) -> None:
    index = sandbox.get("/_sandbox/amplitude")
    assert {project["app"]: project["region"] for project in index["projects"]} == {100001: "us", 100002: "us", 200001: "eu"}
    assert "GET /_sandbox/amplitude" in sandbox.get("/_sandbox")["pages"]
    assert amplitude.send("/_sandbox/amplitude/cohorts")[0] == 200
    assert sandbox.send("GET", "/_sandbox/amplitude/nothing")[0] == 404
    assert sandbox.send("GET", "/_sandbox/amplitude/reset")[0] == 405
    amplitude.request("payers")
    assert len(sandbox.get("/_sandbox/amplitude/downloads")) == 1
    sandbox.post("/_sandbox/reset")
    assert [sandbox.get(f"/_sandbox/amplitude/{page}") for page in ("cohorts", "downloads", "requests")] == [[], [], []]
