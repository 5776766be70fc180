"""The emulated platform's rules: credentials, items, lifetimes, its clock, its books and its state file."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from sandbox_process import SandboxProcess, running_sandbox, wait_until
from tradewind.sandbox.__main__ import main
from tradewind.sandbox.credentials import signature

DAID = "a934b283-a381-4a0d-8a18-0368f9b19170"
UID2 = "48MjlfIUZpOKNAm9nod7/jCLAXUYsnE1tpVHQSDS0uo="
NOW = "2026-07-01T00:00:00Z"


def signed(body: bytes, advertiser: str = "ready1") -> dict[str, str]:
    digest = hmac.new(f"sandbox-secret-{advertiser}".encode(), body, hashlib.sha1).digest()
    return {"TtdSignature": base64.b64encode(digest).decode(), "Content-Type": "application/json"}


def post(
    sandbox: SandboxProcess, document: Any, *, path: str = "/data/advertiser", headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """Send a document, signed for the advertiser it names unless other headers are given; status and answer."""
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    advertiser = document.get("AdvertiserId", "ready1") if isinstance(document, dict) else "ready1"
    status, _, answer = sandbox.send("POST", path, body, signed(body, advertiser) if headers is None else headers)
    return status, orjson.loads(answer)


def upload(*items: Any, advertiser: str = "ready1") -> dict[str, Any]:
    return {"AdvertiserId": advertiser, "Items": list(items)}


def item(value: str = DAID, *, id_type: str = "DAID", name: str = "s", **data: Any) -> dict[str, Any]:
    return {id_type: value, "Data": [{"Name": name, **data}]}


def only_code(answer: Any) -> str:
    (line,) = answer["FailedLines"]
    return str(line["ErrorCode"])


def expiry(sandbox: SandboxProcess) -> str | None:
    found = [segment["first_expiry"] for segment in sandbox.get("/_sandbox/segments") if segment["name"] == "s"]
    return found[0] if found else None


# --- credentials

BODY_A = (
    b'{"AdvertiserId":"test-advertiser-id","DataProviderId":"rudderstack","Items":[{"DAID":"test-daid-1","Data":[{"Name":"test-segment",'
    b'"TTLInMinutes":43200}]},{"Data":[{"Name":"test-segment","TTLInMinutes":43200}],"UID2":"test-uid2-1"},{"DAID":"test-daid-2","Data":'
    b'[{"Name":"test-segment","TTLInMinutes":0}]},{"Data":[{"Name":"test-segment","TTLInMinutes":0}],"UID2":"test-uid2-2"}]}'
)
BODY_B = (
    b'{"AdvertiserId":"test-advertiser-id","DataProviderId":"rudderstack","Items":[{"DAID":"test-daid","Data":[{"Name":"test-segment",'
    b'"TTLInMinutes":43200}]},{"Data":[{"Name":"test-segment","TTLInMinutes":43200}],"UID2":"test-invalid-uid2"}]}'
)


@pytest.mark.parametrize(
    ("body", "secret", "expected"),
    [
        (BODY_A, "test-advertiser-secret-key", "8LqGha6I7e3duvhngEvhXoTden0="),
        (BODY_A, "mockedDataProviderSecretKey", "tLpf4t5xebsr9Xcqp9PjhOJX7p0="),
        (BODY_B, "test-advertiser-secret-key", "9EIeoIGkRkV5oJHfGtoq1lwQl+M="),
        (BODY_B, "mockedDataProviderSecretKey", "ZpHWNd1uGvQAv/QW685SQT8tl1I="),
        (b'{"data":"example"}', "secret", "rvxETQ7kIU5Cko3GddD2AeFpz8E="),
    ],
)
def test_signature_of_known_bodies(body: bytes, secret: str, expected: str) -> None:
    assert signature(secret, body) == expected


def test_a_signature_covers_the_exact_bytes(sandbox: SandboxProcess) -> None:
    body = orjson.dumps(upload(item()))
    assert post(sandbox, body, headers=signed(body)) == (200, {})
    assert post(sandbox, body + b" ", headers=signed(body))[0] == 401
    assert post(sandbox, body, headers=signed(body, "ready2"))[0] == 401


def test_tokens(sandbox: SandboxProcess) -> None:
    body = orjson.dumps(upload(item()))
    assert post(sandbox, body, headers={"TTD-Auth": "sandbox-token-ready1"}) == (200, {})
    assert post(sandbox, body, headers={"TTD-Auth": "sandbox-token-nobody"})[0] == 401
    assert post(sandbox, body, headers={"TTD-Auth": "sandbox-token-ready2"})[0] == 403
    assert post(sandbox, body, headers={})[0] == 401
    status, answer = post(sandbox, body, headers={"TTD-Auth": "sandbox-token-ready1", **signed(body)})
    assert (status, answer["Message"]) == (400, "Send either TtdSignature or TTD-Auth, not both")
    assert [request["auth"] for request in sandbox.requests()] == ["token", "token", "token", "none", "both"]


@pytest.mark.parametrize(
    ("advertiser", "status", "says"),
    [
        ("wrongsecret1", 401, "Invalid signature"),
        ("notconfigured1", 400, "not configured"),
        ("forbidden1", 403, "no permission"),
        ("nocreation1", 403, "Cannot create new targeting data for this advertiser"),
        ("nobody1", 403, "unknown"),
    ],
)
def test_an_advertiser_in_each_state(sandbox: SandboxProcess, advertiser: str, status: int, says: str) -> None:
    answered, answer = post(sandbox, upload(item(), advertiser=advertiser))
    assert answered == status
    assert says in answer["Message"]
    assert sandbox.get("/_sandbox/counts")["members_live"] == 0


def test_segments_that_exist_may_be_filled_without_the_right_to_create(sandbox: SandboxProcess) -> None:
    assert post(sandbox, upload(item(name="existing_segment"), advertiser="nocreation1")) == (200, {})
    assert post(sandbox, upload(item(name="new", TtlInMinutes=0), advertiser="nocreation1")) == (200, {})
    assert post(sandbox, upload(item(UID2, id_type="UID2", name="existing_segment"), item(name="new"), advertiser="nocreation1"))[0] == 403
    assert sandbox.members("nocreation1", "existing_segment") == {("DAID", DAID)}


# --- requests as a whole


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"{", "not valid JSON"),
        (b"", "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b'{"AdvertiserId":"\xff"}', "not valid JSON"),
        ({"Items": []}, "AdvertiserId"),
        ({"AdvertiserId": "ready1"}, "missing items"),
        ({"AdvertiserId": "ready1", "Items": []}, "missing items"),
        ({"AdvertiserId": "ready1", "Items": {}}, "Items is not a list"),
        ({"AdvertiserId": "ready1", "Surprise": 1, "Items": [item()]}, "Unknown field 'Surprise'"),
        ({"AdvertiserId": "ready1", "Items": [item()], "DataOrigins": [{"Id": "x", "Type": "Friend"}]}, "DataOrigins"),
    ],
)
def test_requests_refused_as_a_whole(sandbox: SandboxProcess, document: Any, says: str) -> None:
    status, answer = post(sandbox, document)
    assert status == 400
    assert says in answer["Message"]
    assert sandbox.requests()[-1]["error"] == answer["Message"]


def test_a_data_provider_is_not_set_up(sandbox: SandboxProcess) -> None:
    assert post(sandbox, {**upload(item()), "DataProviderId": "rudderstack"})[0] == 403


def test_size_is_limited_to_the_byte(sandbox: SandboxProcess) -> None:
    document = upload(item(), advertiser="ready1")
    padding = 2_500_000 - len(orjson.dumps({**document, "DataLoadTraceId": ""}))
    assert post(sandbox, {**document, "DataLoadTraceId": "x" * padding}) == (200, {})
    status, answer = post(sandbox, {**document, "DataLoadTraceId": "x" * (padding + 1)})
    assert (status, answer["ErrorCode"]) == (413, "MaxRequestSizeExceeded")


def test_unknown_paths_and_methods(sandbox: SandboxProcess) -> None:
    assert post(sandbox, upload(item()), path="/data/thirdparty")[0] == 404
    assert sandbox.send("GET", "/data/advertiser")[0] == 405
    assert sandbox.requests() == []


def test_field_names_are_matched_without_regard_to_case(sandbox: SandboxProcess) -> None:
    document = {"advertiserid": "ready1", "ITEMS": [{"daid": DAID, "data": [{"name": "s", "TTLInMinutes": 60, "timestamputc": NOW}]}]}
    sandbox.post("/_sandbox/clock", {"now": NOW, "running": False})
    body = orjson.dumps(document)
    assert post(sandbox, body, headers=signed(body)) == (200, {})
    assert expiry(sandbox) == "2026-07-01T01:00:00Z"


# --- items


@pytest.mark.parametrize(
    ("id_type", "value"),
    [
        ("TDID", "df2df528-e032-4851-b7c6-99287c7d6bce"),
        ("DAID", "00000000-0000-0000-0000-000000000001"),
        ("UID2", UID2),
        ("UID2", "o" + "A" * 43),
        ("EUID", "Eufv1uGRovNiJNbJqiE/xzM+aKE7jP69MgspOZoEQ3xc"),
        ("UID2Token", "A4AAAA" + "b" * 200),
        ("RampID", "XY3001RNflf2z1F1N-gqJ_9JGLAalv56-4qkXKwgB1PGeH4ZM"),
        ("ID5", "ID5-c62drGF0EC6wsCZVFDbTbZwi33eB0uZTIC8FxJpzsQ"),
        ("FirstID", "8934d279bba4c7d652a02f624dc334e3"),
    ],
)
def test_identifiers_that_are_accepted(sandbox: SandboxProcess, id_type: str, value: str) -> None:
    assert post(sandbox, upload(item(value, id_type=id_type))) == (200, {})
    assert sandbox.members("ready1", "s") == {(id_type, value)}


@pytest.mark.parametrize(
    ("id_type", "value"),
    [
        ("DAID", "00000000-0000-0000-0000-000000000000"),
        ("TDID", "00000000-0000-0000-0000-000000000000"),
        ("DAID", "{a934b283-a381-4a0d-8a18-0368f9b19170}"),
        ("DAID", "a934b283a3814a0d8a180368f9b19170"),
        ("DAID", "0x34b283-a381-4a0d-8a18-0368f9b19170"),
        ("DAID", "a934b283-a381-4a0d-8a18-0368f9b1917８"),
        ("DAID", DAID + "\n"),
        ("DAID", ""),
        ("TDID", hashlib.sha256(b"x").hexdigest()),
        ("UID2", "*"),
        ("UID2", UID2[:-1]),
        ("UID2", UID2[:-2] + "p="),  # other spare bits: a second spelling of the same bytes
        ("UID2", UID2.replace("/", "_")),
        ("UID2", "jane@example.com"),
        ("UID2Token", UID2),
        ("RampID", DAID),
        ("ID5", "two words"),
    ],
)
def test_identifiers_that_are_refused(sandbox: SandboxProcess, id_type: str, value: str) -> None:
    status, answer = post(sandbox, upload(item(), item(value, id_type=id_type)))
    assert status == 200
    assert answer["FailedLines"] == [
        {
            "TDID": None,
            "DataName": None,
            "ErrorCode": "MissingUserId",
            "Message": f"Invalid {id_type}, item #2",
            "ItemNumber": "2",
            "DataNumber": None,
        }
    ]
    assert sandbox.members("ready1", "s") == {("DAID", DAID)}


def test_a_guid_in_capitals_is_the_same_device(sandbox: SandboxProcess) -> None:
    assert post(sandbox, upload(item(DAID.upper()), item())) == (200, {})
    assert sandbox.members("ready1", "s") == {("DAID", DAID)}


def test_of_several_identifiers_the_first_valid_one_is_used(sandbox: SandboxProcess) -> None:
    several = {"UID2": "*", "TDID": DAID, "DAID": "0" * 36, "Data": [{"Name": "s"}]}
    assert post(sandbox, upload(several)) == (200, {})
    assert sandbox.members("ready1", "s") == {("TDID", DAID)}


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ("text", "ItemDeserializationError"),
        ({"DAID": DAID}, "ItemDeserializationError"),
        ({"DAID": DAID, "Data": []}, "ItemDeserializationError"),
        ({"DAID": 5, "Data": [{"Name": "s"}]}, "ItemDeserializationError"),
        ({"DAID": DAID, "Email": "x", "Data": [{"Name": "s"}]}, "ItemDeserializationError"),
        ({"Data": [{"Name": "s"}]}, "MissingUserId"),
        ({"DAID": DAID, "CookieMappingPartnerId": "p", "Data": [{"Name": "s"}]}, "UserNotMapped"),
        ({"DAID": DAID, "Data": ["s"]}, "ItemDeserializationError"),
        (item(name=""), "ItemDeserializationError"),
        (item(name="n" * 257), "DataNameTooLong"),
        (item(TtlInMinutes=-1), "InvalidTtlInMinutes"),
        (item(TtlInMinutes=259_201), "InvalidTtlInMinutes"),
        (item(TtlInMinutes="60"), "ItemDeserializationError"),
        (item(TtlInMinutes=True), "ItemDeserializationError"),
        (item(TtlInMinutes=1.0), "ItemDeserializationError"),
        (item(TimestampUtc="2026-07-01"), "InvalidTimestampUtc"),
        (item(TimestampUtc="2026-13-01T00:00:00Z"), "InvalidTimestampUtc"),
        (item(TimestampUtc="2026-07-01T00:05:01Z"), "InvalidTimestampUtc"),
        (item(TimestampUtc=1), "ItemDeserializationError"),
        (item(BidFactor=0.4), "InvalidBidFactor"),
        (item(BaseBidCPM=-1), "InvalidBaseBidCPM"),
        (item(BaseBidCPMMetadata="m" * 257), "BaseBidCPMMetadataTooLong"),
    ],
)
def test_lines_that_fail_leave_the_others_standing(sandbox: SandboxProcess, broken: Any, code: str) -> None:
    sandbox.post("/_sandbox/clock", {"now": NOW, "running": False})
    status, answer = post(sandbox, upload(item(TtlInMinutes=1), broken))
    assert (status, only_code(answer)) == (200, code)
    assert answer["FailedLines"][0]["ItemNumber"] == "2"
    assert sandbox.members("ready1", "s") == {("DAID", DAID)}
    counts = sandbox.get("/_sandbox/counts")
    assert (counts["items"], counts["accepted"], counts["refused"], counts["refused_by_code"]) == (2, 1, 1, {code: 1})
    assert [refusal["code"] for refusal in sandbox.get("/_sandbox/refusals")] == [code]


def test_one_entry_of_an_item_can_fail_alone(sandbox: SandboxProcess) -> None:
    both = {"DAID": DAID, "Data": [{"Name": "s"}, {"Name": "t", "TtlInMinutes": -5}]}
    _, answer = post(sandbox, upload(both))
    (line,) = answer["FailedLines"]
    assert (line["ItemNumber"], line["DataNumber"], line["DataName"]) == ("1", "2", "t")
    assert line["Message"] == "Invalid TtlInMinutes, item #1"
    assert sandbox.members("ready1", "s") == {("DAID", DAID)}
    assert sandbox.members("ready1", "t") == set()


# --- lifetimes and the clock


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, "2026-09-29T00:00:00Z"),
        ({"TtlInMinutes": None}, "2026-09-29T00:00:00Z"),
        ({"TtlInMinutes": 259_200}, "2026-12-28T00:00:00Z"),
        ({"TtlInMinutes": 60, "TimestampUtc": "2026-06-30T23:30:00Z"}, "2026-07-01T00:30:00Z"),
        ({"TtlInMinutes": 60, "TimestampUtc": "2026-07-01T00:05:00Z"}, "2026-07-01T01:05:00Z"),
        ({"TtlInMinutes": 60, "TimestampUtc": "2026-07-01T02:00:00.123456+02:00"}, "2026-07-01T01:00:00.123456Z"),
        ({"TtlInMinutes": 60, "TimestampUtc": "2026-06-30T23:00:00Z"}, None),
    ],
)
def test_expiry_is_counted_from_the_timestamp(sandbox: SandboxProcess, data: dict[str, Any], expected: str | None) -> None:
    sandbox.post("/_sandbox/clock", {"now": NOW, "running": False})
    assert post(sandbox, upload(item(**data))) == (200, {})
    assert expiry(sandbox) == expected


def test_ttl_zero_removes_and_a_later_upload_refreshes(sandbox: SandboxProcess) -> None:
    sandbox.post("/_sandbox/clock", {"now": NOW, "running": False})
    post(sandbox, upload(item(TtlInMinutes=60), item(UID2, id_type="UID2", TtlInMinutes=60)))
    post(sandbox, upload(item(TtlInMinutes=0), item(UID2, id_type="UID2", TtlInMinutes=120)))
    assert sandbox.members("ready1", "s") == {("UID2", UID2)}
    assert expiry(sandbox) == "2026-07-01T02:00:00Z"
    assert sandbox.get("/_sandbox/counts")["removals"] == 1


def test_members_lapse_by_the_sandbox_s_own_clock(sandbox: SandboxProcess) -> None:
    sandbox.post("/_sandbox/clock", {"now": NOW, "running": False})
    post(sandbox, upload(item(TtlInMinutes=60)))
    sandbox.post("/_sandbox/clock", {"advance_seconds": 3599})
    assert sandbox.members("ready1", "s") == {("DAID", DAID)}
    assert sandbox.post("/_sandbox/clock", {"advance_seconds": 1}) == {"now": "2026-07-01T01:00:00Z", "running": False}
    assert sandbox.members("ready1", "s") == set()
    _, _, everyone = sandbox.send("GET", "/_sandbox/segments/ready1/members?name=s&all=1")
    assert orjson.loads(everyone) == {"id_type": "DAID", "id": DAID, "expires_at": "2026-07-01T01:00:00Z", "stamp": "2026-07-01T00:00:00Z"}
    (row,) = [segment for segment in sandbox.get("/_sandbox/segments") if segment["name"] == "s"]
    assert (row["members"], row["lapsed"]) == (0, 1)


def test_date_and_request_id_of_an_answer(sandbox: SandboxProcess) -> None:
    sandbox.post("/_sandbox/clock", {"now": NOW, "running": False})
    body = orjson.dumps(upload(item()))
    answers = [sandbox.send("POST", "/data/advertiser", body, signed(body))[1] for _ in range(2)]
    assert answers[0]["date"] == "Wed, 01 Jul 2026 00:00:00 GMT"
    assert answers[0]["x-ttd-request-id"] != answers[1]["x-ttd-request-id"]


@pytest.mark.parametrize("order", [{"now": "tomorrow"}, {"advance_seconds": "1"}, {"running": 1}, {"then": NOW}, []])
def test_orders_to_the_clock_that_make_no_sense(sandbox: SandboxProcess, order: Any) -> None:
    status, _, answer = sandbox.send("POST", "/_sandbox/clock", orjson.dumps(order))
    assert status == 400
    assert orjson.loads(answer)["error"]
    assert sandbox.get("/_sandbox/clock")["running"] is True


# --- deletion and opt-out


def test_an_opt_out_takes_somebody_out_of_every_segment(sandbox: SandboxProcess) -> None:
    post(sandbox, upload(item(), item(name="t"), item(UID2, id_type="UID2")))
    request = {
        "AdvertiserId": "ready1",
        "RequestType": "OptOut",
        "Items": [{"DAID": DAID.upper()}, {"DAID": "x"}, {"UID2": UID2, "Data": []}],
    }
    status, answer = post(sandbox, request, path="/data/deletion-optout/advertiser")
    assert status == 200
    assert [(line["ErrorCode"], line["ItemNumber"], line["AdvertiserId"]) for line in answer["FailedLines"]] == [
        ("InvalidUserId", "2", "ready1"),
        ("ItemDeserializationError", "3", "ready1"),
    ]
    assert sandbox.members("ready1", "s") == {("UID2", UID2)}
    assert sandbox.members("ready1", "t") == set()
    (deletion,) = sandbox.get("/_sandbox/deletions")
    assert (deletion["request_type"], deletion["id_type"], deletion["id"], deletion["segments"]) == ("OptOut", "DAID", DAID, ["s", "t"])


def test_a_deletion_can_be_repeated(sandbox: SandboxProcess) -> None:
    request = {"AdvertiserId": "ready1", "RequestType": "Deletion", "Items": [{"DAID": DAID}]}
    post(sandbox, upload(item()))
    assert [post(sandbox, request, path="/data/deletion-optout/advertiser") for _ in range(2)] == [(200, {})] * 2
    assert [deletion["segments"] for deletion in sandbox.get("/_sandbox/deletions")] == [["s"], []]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"RequestType": "Forget"}, "RequestType"),
        ({"RequestType": None}, "RequestType"),
        ({"Items": []}, "missing items"),
        ({"DataOrigins": []}, "field"),
    ],
)
def test_deletions_refused_as_a_whole(sandbox: SandboxProcess, changed: dict[str, Any], says: str) -> None:
    request = {"AdvertiserId": "ready1", "RequestType": "OptOut", "Items": [{"DAID": DAID}], **changed}
    status, answer = post(sandbox, request, path="/data/deletion-optout/advertiser")
    assert status == 400
    assert says in answer["Message"]


# --- looking in


def test_the_books_say_what_was_sent(sandbox: SandboxProcess) -> None:
    body = orjson.dumps({**upload(item(), item("x")), "DataLoadTraceId": "batch-7"})
    post(sandbox, body, headers=signed(body))
    (request,) = sandbox.requests()
    assert request | {"time": ""} == {
        "number": 1,
        "time": "",
        "path": "/data/advertiser",
        "bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "auth": "signature",
        "advertiser": "ready1",
        "trace": "batch-7",
        "items": 2,
        "accepted": 1,
        "removals": 0,
        "refused": 1,
        "status": 200,
        "error": None,
        "fault": None,
    }


def test_requests_can_be_limited_and_everything_forgotten(sandbox: SandboxProcess) -> None:
    for name in ("s", "t", "u"):
        post(sandbox, upload(item(name=name)))
    assert [request["number"] for request in sandbox.get("/_sandbox/requests?limit=2")] == [2, 3]
    assert sandbox.get("/_sandbox/requests?limit=0") == []
    sandbox.post("/_sandbox/clock", {"advance_seconds": 86_400})
    sandbox.post("/_sandbox/reset")
    assert sandbox.requests() == []
    assert sandbox.members("ready1", "s") == set()
    assert [segment["name"] for segment in sandbox.get("/_sandbox/segments")] == ["existing_segment"]


def test_advertisers_are_listed_with_their_secrets(sandbox: SandboxProcess) -> None:
    listed = {advertiser["id"]: advertiser for advertiser in sandbox.get("/_sandbox/advertisers")}
    assert (listed["ready1"]["secret"], listed["ready1"]["token"]) == ("sandbox-secret-ready1", "sandbox-token-ready1")
    assert {advertiser["state"] for advertiser in listed.values()} == {
        "ready",
        "wrong_secret",
        "not_configured",
        "forbidden",
        "no_creation",
    }


def test_segment_names_of_any_kind(sandbox: SandboxProcess) -> None:
    for name in ("a b&c", "Ünï/code?", "S", "s"):
        post(sandbox, upload(item(name=name)))
        assert sandbox.members("ready1", name) == {("DAID", DAID)}
    assert sandbox.members("ready1", "absent") == set()
    assert sandbox.send("GET", "/_sandbox/nothing")[0] == 404


def test_only_a_loopback_name_is_answered(sandbox: SandboxProcess) -> None:
    assert sandbox.send("GET", "/_sandbox/advertisers", headers={"Host": "evil.example"})[0] == 403
    assert sandbox.send("GET", "/_sandbox/advertisers", headers={"Host": "localhost:1"})[0] == 200


def test_a_connection_stays_open_between_requests(sandbox: SandboxProcess) -> None:
    host, _, port = sandbox.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection, connection.makefile("rb") as answers:
        for _ in range(2):
            connection.sendall(b"GET /_sandbox/clock HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            length = 0
            while line := answers.readline().strip():
                length = int(line.split()[1]) if line.lower().startswith(b"content-length") else length
            assert b"now" in answers.read(length)
        connection.sendall(b"nonsense\r\n\r\n")
        assert answers.readline() == b"HTTP/1.1 400 Bad Request\r\n"


# --- the process


def test_it_shares_no_code_with_the_sender() -> None:
    ask = "import sys, tradewind.sandbox.__main__; print(*sorted(name for name in sys.modules if name.startswith('tradewind')))"
    loaded = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout.split()
    assert "tradewind.sandbox.desk" in loaded
    assert [name for name in loaded if name != "tradewind" and not name.startswith("tradewind.sandbox")] == []


def test_a_sandbox_with_a_state_file_remembers(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with running_sandbox(tmp_path, "--state", str(state)) as url:
        sandbox = SandboxProcess(url)
        sandbox.post("/_sandbox/clock", {"now": NOW, "running": False})
        post(sandbox, upload(item(TtlInMinutes=60), item("x")))
    assert state.stat().st_mode & 0o777 == 0o600
    with running_sandbox(tmp_path, "--state", str(state)) as url:
        sandbox = SandboxProcess(url)
        assert sandbox.get("/_sandbox/clock") == {"now": NOW, "running": False}
        assert sandbox.members("ready1", "s") == {("DAID", DAID)}
        assert len(sandbox.get("/_sandbox/refusals")) == 1
        post(sandbox, upload(item(TtlInMinutes=0)))
        assert [request["number"] for request in sandbox.requests()] == [1, 2]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_sandbox_that_is_killed_has_saved_what_is_older_than_a_moment(tmp_path: Path) -> None:
    state, ready = tmp_path / "state.json", tmp_path / "sandbox-ready.json"
    with pytest.raises(AssertionError), running_sandbox(tmp_path, "--state", str(state)) as url:  # noqa: PT012 - it does not end cleanly
        post(SandboxProcess(url), upload(item()))
        wait_until(lambda: state.exists() and DAID in state.read_text(), "the state is saved")
        os.kill(orjson.loads(ready.read_bytes())["pid"], signal.SIGKILL)
    ready.unlink()
    with running_sandbox(tmp_path, "--state", str(state)) as url:
        assert SandboxProcess(url).members("ready1", "s") == {("DAID", DAID)}


def test_more_advertisers_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "advertisers.json"
    file.write_bytes(
        orjson.dumps([{"id": "mine", "secret": "sandbox-secret-mine", "token": "t", "segments": ["old"], "state": "no_creation"}])
    )
    with running_sandbox(tmp_path, "--advertisers", str(file)) as url:
        sandbox = SandboxProcess(url)
        assert post(sandbox, upload(item(name="old"), advertiser="mine")) == (200, {})
        assert post(sandbox, upload(item(name="new"), advertiser="mine"))[0] == 403
        assert post(sandbox, upload(item())) == (200, {})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{}", "expected a list"),
        ("[1]", "advertiser 1 is not an object"),
        ('[{"id": "a", "token": "t"}]', "advertiser 1 has no secret"),
        ('[{"id": "a b", "secret": "s", "token": "t"}]', "letters and digits"),
        ('[{"id": "a", "secret": "s", "token": "t", "state": "happy"}]', "unknown state"),
        ('[{"id": "a", "secret": "s", "token": "t", "colour": 1}]', "unknown field"),
        ("[", "not valid JSON"),
        (None, "cannot be read"),
    ],
)
def test_a_file_of_advertisers_that_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, says: str
) -> None:
    file = tmp_path / "advertisers.json"
    if content is not None:
        file.write_text(content)
    assert main(["--advertisers", str(file)]) == 11
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com", ""])
def test_it_refuses_to_serve_others(capsys: pytest.CaptureFixture[str], host: str) -> None:
    assert main(["--host", host]) == 11
    assert "loopback" in capsys.readouterr().err


def test_settings_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = tmp_path / "state.json"
    damaged.write_text('{"format": 3, "clock": {}}')
    with socket.create_server(("127.0.0.1", 0)) as taken:
        attempts = [
            ["--port", str(taken.getsockname()[1])],
            ["--port", "70000"],
            ["--amplitude-port", str(taken.getsockname()[1])],
            ["--state", str(damaged)],
            ["--ready-file", "/nowhere/ready"],
        ]
        assert [main(arguments) for arguments in attempts] == [11] * 5
    errors = capsys.readouterr().err
    assert all(says in errors for says in ("cannot listen on", "from 0 to 65535", "damaged state file", "cannot be written"))
