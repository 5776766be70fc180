"""The platform's own client, written by others, speaks to the sandbox and gets the answers its models expect."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ttd_data import DataClient, errors, models
from ttd_data.types.basemodel import Unset

import outside
from sandbox_process import SandboxProcess

DAID = "a934b283-a381-4a0d-8a18-0368f9b19170"
UID2 = "48MjlfIUZpOKNAm9nod7/jCLAXUYsnE1tpVHQSDS0uo="


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client takes a proxy from the environment; requests of these tests go through none."""
    monkeypatch.setenv("NO_PROXY", "*")


def client(advertiser: str = "ready1") -> DataClient:
    return DataClient(ttd_auth=f"sandbox-token-{advertiser}")


def item(segment: str = "vip", ttl: int = 43_200, **identifier: str) -> dict[str, Any]:
    stamp = datetime.now(UTC)
    return {**identifier, "data": [{"name": segment, "ttl_in_minutes": ttl, "timestamp_utc": stamp}]}


def ingest(sandbox: SandboxProcess, items: list[dict[str, Any]], advertiser: str = "ready1", token_of: str | None = None) -> Any:
    """Upload through the client. The server is named in the call: named in the constructor, the client ignores it."""
    with client(token_of or advertiser).data_client as opened:
        return DataClient(data_client=opened).advertiser.ingest_advertiser_data(
            advertiser_id=advertiser, items=items, data_load_trace_id="trace-1", server_url=sandbox.url
        )


def test_all_accepted(sandbox: SandboxProcess) -> None:
    response = ingest(sandbox, [item(daid=DAID), item(uid2=UID2), item(tdid=DAID, segment="other")])
    assert isinstance(response.advertiser_data_server_response.failed_lines, Unset)  # not there at all, rather than empty
    assert sandbox.members("ready1", "vip") == {("DAID", DAID), ("UID2", UID2)}
    (request,) = sandbox.requests()
    assert (request["auth"], request["trace"], request["accepted"], request["removals"]) == ("token", "trace-1", 3, 0)
    ingest(sandbox, [item(daid=DAID, ttl=0)])
    assert sandbox.members("ready1", "vip") == {("UID2", UID2)}
    assert outside.contacts == []


def test_some_lines_failed(sandbox: SandboxProcess) -> None:
    response = ingest(sandbox, [item(daid=DAID), item(uid2="*"), item(tdid=DAID, ttl=259_201)])
    first, second = response.advertiser_data_server_response.failed_lines
    assert first.error_code is models.AdvertiserDataResponseErrorCode.MISSING_USER_ID
    assert (first.item_number, first.message, first.tdid) == ("2", "Invalid UID2, item #2", None)
    assert second.error_code is models.AdvertiserDataResponseErrorCode.INVALID_TTL_IN_MINUTES
    assert (second.item_number, second.data_number, second.data_name) == ("3", "1", "vip")
    assert sandbox.members("ready1", "vip") == {("DAID", DAID)}
    assert outside.contacts == []


@pytest.mark.parametrize(
    ("advertiser", "token_of", "status"),
    [
        ("wrongsecret1", None, 401),
        ("ready1", "nobody", 401),
        ("ready1", "ready2", 403),
        ("forbidden1", None, 403),
        ("nocreation1", None, 403),
    ],
)
def test_credentials_and_permissions(sandbox: SandboxProcess, advertiser: str, token_of: str | None, status: int) -> None:
    with pytest.raises(errors.APIError) as raised:
        ingest(sandbox, [item(daid=DAID)], advertiser, token_of)
    assert raised.value.status_code == status
    assert outside.contacts == []


@pytest.mark.parametrize(
    ("advertiser", "items", "says"), [("ready1", [], "missing items"), ("notconfigured1", [item(daid=DAID)], "not configured")]
)
def test_requests_refused_as_a_whole(sandbox: SandboxProcess, advertiser: str, items: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(errors.AdvertiserDataServerResponseError) as raised:
        ingest(sandbox, items, advertiser)
    assert raised.value.status_code == 400
    assert says in raised.value.message
    assert outside.contacts == []


def test_a_request_that_is_too_large(sandbox: SandboxProcess) -> None:
    with pytest.raises(errors.APIError) as raised:
        ingest(sandbox, [item(daid=DAID, segment="n" * 250)] * 8_000)
    assert raised.value.status_code == 413
    assert outside.contacts == []


@pytest.mark.parametrize("fault", [{"kind": "throttle", "retry_after": 1}, {"kind": "bad_request"}])
def test_answers_its_error_model_must_take(sandbox: SandboxProcess, fault: dict[str, Any]) -> None:
    sandbox.faults(fault)
    with pytest.raises(errors.AdvertiserDataServerResponseError) as raised:
        ingest(sandbox, [item(daid=DAID)])
    assert raised.value.status_code == sandbox.requests()[0]["status"]
    assert outside.contacts == []


@pytest.mark.parametrize("request_type", list(models.PartnerDsrRequestType))
def test_deletion_and_opt_out(sandbox: SandboxProcess, request_type: models.PartnerDsrRequestType) -> None:
    ingest(sandbox, [item(daid=DAID), item(uid2=UID2)])
    with client().data_client as opened:
        response: Any = DataClient(data_client=opened).deletion_opt_out.data_subject_request_advertiser_data(
            advertiser_id="ready1", items=[{"daid": DAID}, {"uid2": "*"}], request_type=request_type, server_url=sandbox.url
        )
    (line,) = response.advertiser_dsr_response.failed_lines
    assert line.error_code is models.DsrErrorCode.INVALID_USER_ID
    assert (line.advertiser_id, line.item_number) == ("ready1", "2")
    assert sandbox.members("ready1", "vip") == {("UID2", UID2)}
    assert [deletion["request_type"] for deletion in sandbox.get("/_sandbox/deletions")] == [request_type.value]
    assert outside.contacts == []


def test_without_a_server_in_the_call_it_would_go_outside_and_the_guard_stops_it() -> None:
    with client().data_client as opened, pytest.raises(outside.OutsideContact):
        DataClient(data_client=opened).advertiser.ingest_advertiser_data(advertiser_id="ready1", items=[item(daid=DAID)])
    assert outside.contacts == ["socket.getaddrinfo usw-data.adsrvr.org"]
    outside.contacts.clear()
