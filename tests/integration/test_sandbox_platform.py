"""The emulated platform's own API, asked without the client: credentials, GraphQL and its errors, REST and its refusals."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import orjson
import pytest

from sandbox_process import SandboxProcess, running_sandbox

TOKEN = {"TTD-Auth": "sandbox-platform-token-ready1"}
SEGMENTS = """query($a: ID!, $n: Int, $c: String) {
  advertiser(id: $a) { firstPartyData(first: $n, after: $c) { nodes { id name } pageInfo { hasNextPage endCursor } } }
}"""
CREATE = "mutation($i: SeedCreateInput!) { seedCreate(input: $i) { data { id status isDefault activeIds } userErrors { field message } } }"
UPDATE = "mutation($i: SeedUpdateInput!) { seedUpdate(input: $i) { data { name } userErrors { message } } }"


def graph(sandbox: SandboxProcess, query: str, headers: dict[str, str] | None = None, **variables: Any) -> dict[str, Any]:
    status, _, body = sandbox.send(
        "POST", "/graphql", orjson.dumps({"query": query, "variables": variables}), TOKEN if headers is None else headers
    )
    assert status == 200, body
    found: dict[str, Any] = orjson.loads(body)
    return found


def rest(sandbox: SandboxProcess, method: str, path: str, **fields: Any) -> tuple[int, dict[str, Any]]:
    status, _, body = sandbox.send(method, f"/v3/{path}", b"" if method == "GET" else orjson.dumps(fields), TOKEN)
    return status, orjson.loads(body)


def upload(sandbox: SandboxProcess, name: str, count: int = 1) -> int:
    """Fill a segment; its number."""
    items = [{"DAID": str(uuid.uuid4()), "Data": [{"Name": name, "TtlInMinutes": 1440}]} for _ in range(count)]
    body = orjson.dumps({"AdvertiserId": "ready1", "Items": items})
    assert sandbox.send("POST", "/data/advertiser", body, {"TTD-Auth": "sandbox-token-ready1"})[0] == 200
    there = sandbox.get("/_sandbox/platform?advertiser=ready1")["segments"]
    return int(next(each["id"] for each in there if each["name"] == name))


def test_credentials(sandbox: SandboxProcess) -> None:
    query = '{ advertiser(id: "ready1") { id } }'
    assert graph(sandbox, query) == {"data": {"advertiser": {"id": "ready1"}}}
    refusals = {
        "AUTH_NOT_AUTHENTICATED": [{}, {"TTD-Auth": "wrong"}, {"TTD-Auth": ""}, {"Authorization": "Bearer x"}],
        "AUTH_NOT_AUTHORIZED": [{"TTD-Auth": "sandbox-token-ready1"}, {"TTD-Auth": "sandbox-platform-token-forbidden1"}],
    }
    for code, headers in refusals.items():
        for each in headers:
            assert graph(sandbox, query, each)["errors"][0]["extensions"]["code"] == code, each
    status, _, _ = sandbox.send("POST", "/graphql", b"{}", TOKEN | {"Authorization": "Bearer x"})
    assert status == 400
    for given, status in ((TOKEN, 200), ({"TTD-Auth": "wrong"}, 401), ({"TTD-Auth": "sandbox-token-ready1"}, 403)):
        asked = orjson.dumps({"AdvertiserId": "ready1", "PageStartIndex": 0, "PageSize": 1})
        assert sandbox.send("POST", "/v3/datagroup/query/advertiser", asked, given)[0] == status
    body = orjson.dumps({"AdvertiserId": "ready1", "Items": [{"DAID": str(uuid.uuid4()), "Data": [{"Name": "s"}]}]})
    assert sandbox.send("POST", "/data/advertiser", body, TOKEN)[0] == 401, "the token for the platform uploads nothing"


def test_segments_are_numbered_once_and_come_page_by_page(sandbox: SandboxProcess) -> None:
    numbers = [upload(sandbox, f"segment {number}") for number in range(5)]
    assert len(set(numbers)) == 5
    assert upload(sandbox, "segment 0") == numbers[0]
    cursor, seen = None, []
    for _ in range(3):
        page = graph(sandbox, SEGMENTS, a="ready1", n=2, c=cursor)["data"]["advertiser"]["firstPartyData"]
        seen += [each["id"] for each in page["nodes"]]
        cursor = page["pageInfo"]["endCursor"]
    assert (seen, page["pageInfo"]["hasNextPage"]) == (numbers, False)
    status, found = rest(
        sandbox, "POST", "dmp/firstparty/advertiser", AdvertiserId="ready1", SearchTerms=["MENT 3"], PageStartIndex=0, PageSize=9
    )
    assert (status, [each["FirstPartyDataId"] for each in found["Result"]], found["TotalUnfilteredCount"]) == (200, [numbers[3]], 5)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("{ nonsense }", "Cannot query field 'nonsense'"),
        ("{ advertiser { id } }", "is required, but it was not provided"),
        ('{ advertiser(id: "ready2") { id } }', "You do not have access"),
        ('{ seed(id: "none") { id } }', "You do not have access"),
        ('{ advertiser(id: "ready1") { firstPartyData(first: 0) { nodes { id } } } }', "from 1 to 1000"),
        ("{ advertiser(", "Syntax Error"),
    ],
)
def test_a_document_that_does_not_fit_is_an_error_with_status_200(sandbox: SandboxProcess, query: str, says: str) -> None:
    assert says in graph(sandbox, query)["errors"][0]["message"]


def test_a_seed_gathers_for_a_day_and_is_ready_with_5000(sandbox: SandboxProcess) -> None:
    small, large = upload(sandbox, "small", 10), upload(sandbox, "large", 5_000)

    def create(name: str, *ids: int) -> dict[str, Any]:
        given = {"advertiserId": "ready1", "name": name, "targetingData": {"firstPartyDataInclusionIds": list(ids)}}
        found: dict[str, Any] = graph(sandbox, CREATE, i=given)["data"]["seedCreate"]
        return found

    first, second = create("first", small), create("second", large)
    assert (first["data"]["status"], first["data"]["isDefault"], second["data"]["isDefault"]) == ("Pending", True, False)
    assert [each["message"] for each in create("first", small)["userErrors"]] == ["A seed of this name exists."]
    assert "is not known" in create("third", 1)["userErrors"][0]["message"]
    assert create("third")["userErrors"][0]["message"] == "A seed needs data."
    wrong = graph(sandbox, UPDATE, i={"id": second["data"]["id"], "name": "first"})["data"]["seedUpdate"]
    assert (wrong["data"], len(wrong["userErrors"])) == (None, 1)
    sandbox.post("/_sandbox/clock", {"advance_seconds": 86_000})
    sandbox.post("/_sandbox/clock", {"advance_seconds": 401})
    status = {each["name"]: each["status"] for each in sandbox.get("/_sandbox/platform?advertiser=ready1")["seeds"]}
    assert status == {"first": "Error", "second": "Error"}, "a day later those who were in for a day have lapsed"
    upload(sandbox, "large", 5_000)
    status = {each["name"]: each["status"] for each in sandbox.get("/_sandbox/platform?advertiser=ready1")["seeds"]}
    assert status == {"first": "Error", "second": "Ready"}


def test_what_is_put_replaces_and_what_is_left_out_stays(sandbox: SandboxProcess) -> None:
    a, b = upload(sandbox, "a"), upload(sandbox, "b")
    status, group = rest(sandbox, "POST", "datagroup", AdvertiserId="ready1", DataGroupName="g", IsSharable=True, FirstPartyDataIds=[a])
    assert (status, group["FirstPartyDataIds"], group["IsSharable"]) == (200, [a], True)
    id_ = group["DataGroupId"]
    assert rest(sandbox, "PUT", "datagroup", DataGroupId=id_, FirstPartyDataIds=[b])[1]["FirstPartyDataIds"] == [b]
    assert rest(sandbox, "PUT", "datagroup", DataGroupId=id_, DataGroupName="h")[1]["FirstPartyDataIds"] == [b]
    status, audience = rest(
        sandbox, "POST", "audience", AdvertiserId="ready1", AudienceName="x", IncludedDataGroupIds=[id_], ExcludedDataGroupIds=[]
    )
    assert rest(sandbox, "GET", f"audience/{audience['AudienceId']}") == (200, audience)


@pytest.mark.parametrize(
    ("method", "path", "fields", "status", "says"),
    [
        ("POST", "datagroup", {"DataGroupName": "g"}, 400, "AdvertiserId is required."),
        ("POST", "datagroup", {"AdvertiserId": "ready2", "DataGroupName": "g"}, 403, "You do not have access to this advertiser."),
        ("POST", "datagroup", {"AdvertiserId": "ready1", "DataGroupName": " "}, 400, "DataGroupName has 1 to 256 characters."),
        ("POST", "datagroup", {"AdvertiserId": "ready1", "DataGroupName": "g", "FirstPartyDataIds": [7]}, 400, "7 is not known"),
        ("POST", "datagroup", {"AdvertiserId": "ready1", "DataGroupName": "g", "FirstPartyDataIds": 7}, 400, "is a list"),
        ("POST", "datagroup", {"AdvertiserId": "ready1", "DataGroupName": "g", "ThirdPartyDataIds": ["x"]}, 400, "No third-party data"),
        ("PUT", "audience", {"AudienceId": "none"}, 404, "There is no audience of this id."),
        ("GET", "audience/none", {}, 404, "There is no audience of this id."),
        ("POST", "audience/query/advertiser", {"AdvertiserId": "ready1"}, 400, "PageStartIndex"),
    ],
)
def test_what_does_not_fit_is_refused(
    sandbox: SandboxProcess, method: str, path: str, fields: dict[str, Any], status: int, says: str
) -> None:
    found, answer = rest(sandbox, method, path, **fields)
    reasons = [reason for each in answer["ErrorDetails"] for reason in each["Reasons"]]
    assert found == status
    assert says in " ".join([answer["Message"], *reasons])


def test_addresses_and_methods_that_are_none(sandbox: SandboxProcess) -> None:
    for method, path, status in (("GET", "/graphql", 405), ("DELETE", "/v3/datagroup", 405), ("POST", "/v3/campaign", 404)):
        assert sandbox.send(method, path, b"", TOKEN)[0] == status
    assert sandbox.send("POST", "/graphql", b"[", TOKEN)[0] == 400


@pytest.mark.parametrize("order", [{"active_share": 2}, {"active_share": "1"}, {"listed_after_seconds": -1}, {"nonsense": 1}])
def test_orders_that_cannot_be(sandbox: SandboxProcess, order: dict[str, Any]) -> None:
    assert sandbox.send("POST", "/_sandbox/platform", orjson.dumps(order))[0] == 400
    assert sandbox.send("GET", "/_sandbox/platform?advertiser=nobody")[0] == 400


def test_it_is_kept_over_a_restart(tmp_path: Path) -> None:
    state = str(tmp_path / "state.json")
    with running_sandbox(tmp_path, "--state", state) as url:
        before = SandboxProcess(url)
        number = upload(before, "a")
        rest(before, "POST", "datagroup", AdvertiserId="ready1", DataGroupName="g", FirstPartyDataIds=[number])
        graph(before, CREATE, i={"advertiserId": "ready1", "name": "s", "targetingData": {"firstPartyDataInclusionIds": [number]}})
        there = before.get("/_sandbox/platform?advertiser=ready1")
    with running_sandbox(tmp_path, "--state", state) as url:
        assert SandboxProcess(url).get("/_sandbox/platform?advertiser=ready1") == there


def test_the_screen_shows_all_of_it_and_is_escaped(sandbox: SandboxProcess) -> None:
    number = upload(sandbox, "<b>")
    rest(sandbox, "POST", "datagroup", AdvertiserId="ready1", DataGroupName="my group", FirstPartyDataIds=[number])
    status, headers, body = sandbox.send("GET", "/advertisers/ready1/platform")
    page = body.decode()
    assert (status, "default-src 'none'" in headers["content-security-policy"]) == (200, True)
    assert all(each in page for each in ("&lt;b&gt;", str(number), "my group", "No audience yet.", "No seed yet."))
    assert "<b>" not in page
