"""The destination over the real door: the bytes that were signed arrive, and every answer becomes a receipt."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow as pa
import pytest

from tradewind.destinations.base import Destination, Probe, Verdict
from tradewind.destinations.thetradedesk.destination import TheTradeDesk
from tradewind.destinations.thetradedesk.signature import signature
from tradewind.door import Door
from tradewind.errors import Bug, ConfigurationError, DefinitionError
from tradewind.model.destination import Auth, Connection, Secret
from tradewind.model.identifier import IdentityMap, IdType, Mapping
from tradewind.model.plan import Batch, Operation
from tradewind.model.run import Answer, Line, LineClass
from tradewind.model.sync import Binding, Target

SECRET = Secret("canary-secret")
IDENTITY = IdentityMap((Mapping("user.ad", IdType.DAID),))
STAMP = datetime(2026, 7, 1, tzinfo=UTC)
IDS = pa.array([bytes(range(16)), bytes(range(1, 17))], pa.binary())
BATCH = Batch(3, 0, 0, 2, Operation.ADD, IdType.DAID, STAMP)


class Platform(ThreadingHTTPServer):
    """Answers every request as told and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: tuple[int, bytes] = (200, b"{}")
        self.requests: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Platform

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers.items()), body))
        status, answer = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def door() -> Iterator[Door]:
    with Door(deadline=10, loopback_only=True) as opened:
        yield opened


@pytest.fixture
def desk(platform: Platform, door: Door) -> Destination:
    return TheTradeDesk(door, platform.url)


def binding(url: str, auth: Auth = Auth.SIGNATURE) -> Binding:
    return Binding("b1", "default", "acme", Target("t", url, "abc1234", "[T] Buyers: buyers"), 1, auth.value, 43_200, IDENTITY)


def test_what_is_signed_is_what_arrives(platform: Platform, desk: Destination) -> None:
    request = desk.prepare(binding(platform.url), BATCH, IDS, SECRET)
    assert desk.send(request).answer is Answer.APPLIED
    ((path, headers, body),) = platform.requests
    assert path == "/data/advertiser"
    assert headers["TtdSignature"] == signature(body, SECRET)
    assert headers["Content-Type"] == "application/json"
    assert "TTD-Auth" not in headers
    document = json.loads(body)
    assert document["DataLoadTraceId"] == "b1-3"
    assert document["Items"][0] == {
        "DAID": "00010203-0405-0607-0809-0a0b0c0d0e0f",
        "Data": [{"Name": "[T] Buyers: buyers", "TtlInMinutes": 43200, "TimestampUtc": "2026-07-01T00:00:00Z"}],
    }


def test_a_token_goes_instead_of_a_signature(platform: Platform, desk: Destination) -> None:
    desk.send(desk.prepare(binding(platform.url, Auth.TOKEN), BATCH, IDS, SECRET))
    ((_, headers, _),) = platform.requests
    assert headers["TTD-Auth"] == "canary-secret"
    assert "TtdSignature" not in headers


def test_a_removal_is_a_ttl_of_zero_and_a_refresh_is_not(platform: Platform, desk: Destination) -> None:
    bodies = [
        desk.prepare(binding(platform.url), replace(BATCH, operation=operation), IDS, SECRET).body
        for operation in (Operation.REMOVE, Operation.ADD, Operation.REFRESH)
    ]
    assert [json.loads(bytes(body))["Items"][1]["Data"][0]["TtlInMinutes"] for body in bodies] == [0, 43200, 43200]


def test_a_resend_is_the_same_bytes(platform: Platform, desk: Destination) -> None:
    once, again = (desk.prepare(binding(platform.url), replace(BATCH, sends=sends), IDS, SECRET) for sends in (1, 2))
    assert (once.body, once.fingerprint) == (again.body, again.fingerprint)


def test_a_request_shows_no_secret(platform: Platform, desk: Destination) -> None:
    shown = repr(desk.prepare(binding(platform.url, Auth.TOKEN), BATCH, IDS, SECRET))
    assert "canary" not in shown
    assert "0001" not in shown


def test_failed_lines_are_told(platform: Platform, desk: Destination) -> None:
    platform.answer = (200, b'{"FailedLines":[{"ErrorCode":"MissingUserId","Message":"Invalid DAID, item #2","ItemNumber":"2"}]}')
    assert desk.send(desk.prepare(binding(platform.url), BATCH, IDS, SECRET)).lines == (Line(1, "MissingUserId", LineClass.ROW),)


def test_nobody_there(platform: Platform, desk: Destination) -> None:
    request = desk.prepare(binding(platform.url), BATCH, IDS, SECRET)
    platform.server_close()
    assert desk.send(replace(request, url="http://127.0.0.1:1/data/advertiser")).answer is Answer.UNREACHED


def test_a_binding_to_another_place_is_not_signed(desk: Destination) -> None:
    with pytest.raises(ConfigurationError, match="no region that is offered"):
        desk.prepare(binding("http://127.0.0.1:1"), BATCH, IDS, SECRET)


@pytest.mark.parametrize("batch", [replace(BATCH, stamp=None), replace(BATCH, rows=3)])
def test_a_batch_that_is_not_what_it_says_is_a_bug(platform: Platform, desk: Destination, batch: Batch) -> None:
    with pytest.raises(Bug):
        desk.prepare(binding(platform.url), batch, IDS, SECRET)


def test_every_request_within_the_promised_size_fits(platform: Platform, desk: Destination) -> None:
    long = replace(binding(platform.url), target=Target("t", platform.url, "A" * 32, "漢" * 128))
    rows = desk.items_per_request(long)
    ids = pa.array([bytes([1]) * 32] * rows, pa.binary())
    request = desk.prepare(long, replace(BATCH, rows=rows, id_type=IdType.UID2, number=10**9), ids, SECRET)
    assert 1_990_000 < len(request.body) <= 2_000_000
    assert desk.items_per_request(binding(platform.url)) == 10_000


def test_regions(door: Door) -> None:
    real = TheTradeDesk(door)
    assert {region.key: real.url(region.key) for region in real.regions} == {
        "us-east": "https://use-data.adsrvr.org",
        "us-west": "https://usw-data.adsrvr.org",
        "eu": "https://euw-data.adsrvr.org",
        "singapore": "https://sin-data.adsrvr.org",
        "tokyo": "https://tok-data.adsrvr.org",
        "china": "https://data-cn2.adsrvr.cn",
    }
    for wrong in ("mars", ""):
        with pytest.raises(DefinitionError, match=r"expected one of us-east, us-west, eu, singapore, tokyo, china$"):
            real.url(wrong)
    with pytest.raises(DefinitionError, match=r"did you mean 'us-east'\?$"):
        real.url("us-east ")
    with pytest.raises(ConfigurationError, match="needs TRADEWIND_SANDBOX_URL"):
        real.url("sandbox")
    assert TheTradeDesk(door, "http://127.0.0.1:8390/").url("sandbox") == "http://127.0.0.1:8390"


def test_a_connection_is_checked(desk: Destination) -> None:
    connection = Connection("default", "acme", "Acme", "thetradedesk", "abc1234", "us-east", Auth.TOKEN, IDENTITY)
    desk.check(connection)
    for wrong in (replace(connection, advertiser="a b"), replace(connection, region="mars")):
        with pytest.raises(DefinitionError):
            desk.check(wrong)


@pytest.mark.parametrize(
    ("status", "body", "verdict", "words"),
    [
        (400, b'{"ErrorCode":"MissingData","Message":"The request has missing items"}', Verdict.READY, "fit together"),
        (400, b"Missing Items", Verdict.READY, "fit together"),
        (200, b"{}", Verdict.READY, "fit together"),
        (200, b"<html>Sign in to use this network</html>", Verdict.MISDIRECTED, "check the region"),
        (400, b"This advertiser is not configured to send data", Verdict.NOT_CONFIGURED, "ask the advertiser's account manager"),
        (403, b'{"ErrorCode":"AdvertiserMisconfigured"}', Verdict.NOT_CONFIGURED, "paid plan or its data upload"),
        (401, b'"Invalid or missing authentication token"', Verdict.REFUSED, "the advertiser id, the secret or the region is wrong"),
        (403, b"", Verdict.REFUSED, "status 403"),
        (404, b"", Verdict.MISDIRECTED, "check the region"),
        (302, b"", Verdict.MISDIRECTED, "check the region"),
        (429, b"", Verdict.THROTTLED, "in a few minutes"),
        (503, b"", Verdict.UNREACHABLE, "in trouble itself"),
        (400, b"Missing AdvertiserId", Verdict.UNCLEAR, "Missing AdvertiserId"),
    ],
)
def test_a_probe_says_what_it_proved(platform: Platform, desk: Destination, status: int, body: bytes, verdict: Verdict, words: str) -> None:
    platform.answer = (status, body)
    probe = desk.probe(platform.url, "abc1234", Auth.SIGNATURE, SECRET)
    assert (probe.verdict, probe.status, probe.ready) == (verdict, status, verdict is Verdict.READY)
    assert words in probe.proved
    assert probe.unproved
    ((path, headers, sent),) = platform.requests
    assert (path, sent) == ("/data/advertiser", b'{"AdvertiserId":"abc1234","Items":[]}')
    assert headers["TtdSignature"] == signature(sent, SECRET)


def test_a_probe_of_nobody(desk: Destination) -> None:
    probe: Probe = desk.probe("http://127.0.0.1:1", "abc1234", Auth.SIGNATURE, SECRET)
    assert (probe.verdict, probe.status) == (Verdict.UNREACHABLE, None)
    assert "could not be reached" in probe.proved
