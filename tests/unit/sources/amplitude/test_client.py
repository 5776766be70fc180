"""The client asks as documented, obeys what it is told to wait, pays for a download once, and tells keys from regions from cohorts."""

from __future__ import annotations

import base64
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tradewind.clock import StandingClock
from tradewind.door import Door
from tradewind.errors import EngineError, GoneError, RefusedKeyError, RetryableError, TradewindError, UncertainError
from tradewind.sources.amplitude.base import Account, Client, Exported, Listed
from tradewind.sources.amplitude.client import WireClient, next_place
from tradewind.sources.amplitude.retry import TRIES, wait_after

CSV = b'"amplitude_id","user_id","idfa"\n"1","u","x"\n"2","","y"\n'

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body; a `Content-Length` among the headers is sent as it is, so that a transfer can break off."""


def said(status: int, value: object = None, **headers: str) -> Answer:
    return status, headers, json.dumps(value).encode()


class Pace:
    """Lets everybody through, and keeps for how long nobody was to ask."""

    def __init__(self) -> None:
        self.held_off = list[float]()

    def turn(self) -> AbstractContextManager[None]:
        return nullcontext()

    def hold_off(self, seconds: float) -> None:
        self.held_off.append(seconds)


class Desk:
    """A server that gives the answers it was handed, one after the other, and keeps what it was asked."""

    def __init__(self, *answers: Answer | Callable[[], Answer]) -> None:
        self.answers, self.asked, self.authorizations = list(answers), list[str](), list[str | None]()
        self.url, self.pace = "", Pace()

    def answer(self, path: str, authorization: str | None) -> Answer:
        self.asked.append(path)
        self.authorizations.append(authorization)
        given = self.answers.pop(0)
        return given() if callable(given) else given


@contextmanager
def asking(*answers: Answer | Callable[[], Answer]) -> Iterator[tuple[Client, Desk, StandingClock]]:
    desk, clock = Desk(*answers), StandingClock(datetime(2026, 11, 1, tzinfo=UTC))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = desk.answer(self.path, self.headers["Authorization"])
            if status == 0:  # hang up without an answer
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in (
                {"Content-Length": str(len(body))} | {each.replace("_", "-"): text for each, text in headers.items()}
            ).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = int(headers.get("Content-Length", "0")) > len(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    desk.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        with Door(deadline=10) as door:
            yield WireClient(door, Account("key", "secret", desk.url), desk.pace, clock), desk, clock
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_cohorts_are_listed_with_size_and_last_computed() -> None:
    cohorts = [
        {
            "id": "a1",
            "name": "Buyers",
            "size": 3,
            "lastComputed": 1_700_000_000,
            "archived": False,
            "type": "redshift",
            "definition": {"x": 1},
        },
        {"id": "b2", "name": "Gone", "archived": True},
    ]
    with asking(said(200, {"cohorts": cohorts})) as (client, desk, _):
        assert client.cohorts() == (
            Listed("a1", "Buyers", 3, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), False, "redshift"),
            Listed("b2", "Gone", None, None, True, ""),
        )
        assert desk.asked == ["/api/3/cohorts?includeSyncInfo=true"]
        assert desk.authorizations == ["Basic " + base64.b64encode(b"key:secret").decode()]


def test_a_download_is_asked_for_with_just_the_properties_that_are_wanted() -> None:
    with asking(said(202, {"request_id": "r/1", "cohort_id": "a1"}), said(202, {"request_id": "r2", "cohort_id": "a1"})) as (
        client,
        desk,
        _,
    ):
        assert client.request("a1", ("idfa", "home & city")) == "r/1"
        assert client.request("a/1", ()) == "r2"
        assert desk.asked == [
            "/api/5/cohorts/request/a1?props=1&propKeys=idfa&propKeys=home%20%26%20city",
            "/api/5/cohorts/request/a%2F1?props=0",
        ]


def test_a_download_is_ready_when_it_says_so() -> None:
    answers = [
        (said(202, {"async_status": "JOB INPROGRESS"}), False),
        (said(200, {"async_status": "JOB INPROGRESS"}), False),
        (said(200, {"async_status": "JOB COMPLETED"}), True),
        (said(200, {"request_id": "r1"}), True),
    ]
    with asking(*[answer for answer, _ in answers]) as (client, desk, _):
        assert [client.poll("r1") for _ in answers] == [ready for _, ready in answers]
        assert set(desk.asked) == {"/api/5/cohorts/request-status/r1"}


@pytest.mark.parametrize("answer", [said(404, {"error": "no"}), said(410), said(200, {"async_status": "JOB FAILED"})])
def test_a_download_that_can_never_be_ready_is_gone(answer: Answer) -> None:
    with asking(answer) as (client, _, _), pytest.raises(GoneError):
        client.poll("r1")


def test_a_429_is_obeyed_and_an_error_of_the_server_is_waited_out() -> None:
    with asking(said(429, None, Retry_After="17"), said(503), said(429), said(200, {"cohorts": []})) as (client, desk, clock):
        assert client.cohorts() == ()
        assert clock.monotonic() == 17 + 2 + 40
        assert desk.pace.held_off == [17, 40]
    with (
        asking(*[said(500)] * TRIES) as (client, desk, _),
        pytest.raises(RetryableError, match="6 times in vain; the last time: it answered 500"),
    ):
        client.cohorts()
    assert len(desk.asked) == TRIES


def test_what_the_server_asks_us_to_wait_is_bounded() -> None:
    dated = {"date": "Wed, 25 Nov 2026 12:00:00 GMT", "retry-after": "Wed, 25 Nov 2026 12:00:30 GMT"}
    assert wait_after(429, dated, 1) == 30
    assert wait_after(429, {"retry-after": "99999999999"}, 1) == 600
    assert wait_after(429, {"retry-after": "0"}, 1) == 1
    assert wait_after(429, {"retry-after": "soon"}, 1) == 10
    assert wait_after(503, {}, 3) == 4
    assert wait_after(404, {}, 1) is None


def test_a_request_that_may_have_been_counted_is_not_made_again() -> None:
    with asking(said(429), said(429), said(202, {"request_id": "r1"})) as (client, desk, _):
        assert client.request("a1", ()) == "r1"
        assert len(desk.asked) == 3
    for lost in (said(500), (0, {}, b"")):
        with asking(said(429), lost, said(202, {"request_id": "r1"})) as (client, desk, _):
            with pytest.raises(UncertainError, match="may have"):
                client.request("a1", ())
            assert len(desk.asked) == 2


def test_nobody_there_is_waited_for_and_then_told() -> None:
    with asking() as (client, desk, clock):
        pass
    with pytest.raises(RetryableError, match=r"6 times in vain; the last time: 127\.0\.0\.1 could not be reached"):
        client.request("a1", ())
    assert clock.monotonic() == 1 + 2 + 4 + 8 + 16
    assert desk.asked == []


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        (401, RefusedKeyError, "or they belong to the other region"),
        (403, RefusedKeyError, "or they belong to the other region"),
        (404, GoneError, r"does not have cohort a1 \(404\): it was deleted"),
        (400, EngineError, r"takes the question for cohort a1 as wrong \(400\)"),
        (418, EngineError, "answered 418 when asked for cohort a1"),
    ],
)
def test_what_will_not_pass_is_said_at_once(status: int, error: type[TradewindError], sentence: str) -> None:
    with asking(said(status, {"error": "key:secret"})) as (client, desk, clock):
        with pytest.raises(error, match=sentence) as refusal:
            client.request("a1", ())
        assert len(desk.asked) == 1
        assert clock.monotonic() == 0
        assert "secret key is" in str(refusal.value) or "secret" not in str(refusal.value)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"cohorts": [1]}', b'{"cohorts": {}}', b"\xff", b"[" * 100_000])
def test_an_answer_in_another_form_is_an_error_and_no_accident(body: bytes) -> None:
    with asking((200, {}, body)) as (client, _, _), pytest.raises(EngineError, match="not what Amplitude documents"):
        client.cohorts()


def fetched(client: Client, out: Path) -> list[str | None]:
    assert client.fetch("r1", ("amplitude_id", "idfa"), out).rows == 2
    return pq.read_table(out).column("idfa").to_pylist()


def test_a_small_file_comes_in_the_answer(tmp_path: Path) -> None:
    with asking((200, {}, CSV)) as (client, desk, _):
        assert fetched(client, tmp_path / "out.parquet") == ["x", "y"]
        assert desk.asked == ["/api/5/cohorts/request/r1/file"]


def test_a_large_file_is_fetched_where_the_redirect_leads_without_the_keys(tmp_path: Path) -> None:
    with asking((302, {"Location": "/bucket/file?signature=1"}, b""), (200, {}, CSV)) as (client, desk, _):
        assert fetched(client, tmp_path / "out.parquet") == ["x", "y"]
        assert desk.asked[1] == "/bucket/file?signature=1"
        assert desk.authorizations[0] is not None
        assert desk.authorizations[1] is None


def test_a_transfer_that_breaks_off_or_a_link_that_expired_is_asked_for_again(tmp_path: Path) -> None:
    torn: Answer = 200, {"Content-Length": "1000"}, CSV
    link: Answer = 302, {"Location": "/bucket/file"}, b""
    out = tmp_path / "out.parquet"
    with asking(torn, link, said(403), link, torn, (0, {}, b""), said(503, None, Retry_After="5"), (200, {}, CSV)) as (client, desk, clock):
        assert fetched(client, out) == ["x", "y"]
        assert clock.monotonic() == 1 + 2 + 4 + 8 + 5
        assert desk.asked == [desk.asked[0]] * 2 + ["/bucket/file", desk.asked[0], "/bucket/file"] + [desk.asked[0]] * 3
    out.unlink()
    with asking(*[torn] * TRIES) as (client, _, _), pytest.raises(RetryableError, match="6 times in vain"):
        client.fetch("r1", ("amplitude_id", "idfa"), out)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_what_was_asked_for_is_not_asked_for_again(tmp_path: Path) -> None:
    with asking((200, {}, b'"amplitude_id","user_id"\n"1","u"\n')) as (client, desk, _):
        with pytest.raises(EngineError, match="has no column 'idfa'"):
            client.fetch("r1", ("amplitude_id", "idfa"), tmp_path / "out.parquet")
        assert len(desk.asked) == 1
    with asking(said(404)) as (client, desk, _), pytest.raises(GoneError, match="does not have the file of the download"):
        client.fetch("r1", ("amplitude_id", "idfa"), tmp_path / "out.parquet")


def test_a_redirect_is_followed_to_https_alone_and_to_this_machine_from_this_machine_alone() -> None:
    real, here = "https://amplitude.com/file", "http://127.0.0.1:8000/file"
    assert next_place(real, "https://bucket.s3.amazonaws.com/x?a=b#c") == "https://bucket.s3.amazonaws.com/x?a=b"
    assert next_place(here, "/other") == "http://127.0.0.1:8000/other"
    assert next_place(here, "http://localhost:9000/other") == "http://localhost:9000/other"
    for url, location in (
        (real, "http://bucket.s3.amazonaws.com/x"),
        (real, "https://127.0.0.1/x"),
        (real, "https://localhost/x"),
        (real, "ftp://bucket.example/x"),
        (real, ""),
        (here, "https://bucket.s3.amazonaws.com/x"),
    ):
        with pytest.raises(EngineError, match="not followed"):
            next_place(url, location)


def test_keys_are_shown_nowhere() -> None:
    assert "secret" not in repr(Account("key-1", "secret-1", "https://amplitude.com"))
    assert "key-1" not in repr(Account("key-1", "secret-1", "https://amplitude.com"))


FIRST = datetime(2026, 1, 1, 22, tzinfo=UTC)


def zipped(text: bytes = b"{}") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("1/1_2026-01-01_22#0.json", text)
    return packed.getvalue()


def exported(client: Client, out: Path, hours: int = 3) -> Exported:
    return client.export(FIRST, FIRST + timedelta(hours=hours), out, lambda _: None)


def test_an_export_names_its_first_and_last_hour_and_comes_as_it_is(tmp_path: Path) -> None:
    moved = list[int]()
    with asking((200, {}, zipped())) as (client, desk, _):
        assert client.export(FIRST, FIRST + timedelta(hours=3), tmp_path / "e.zip", moved.append) is Exported.FILE
        assert desk.asked == ["/api/2/export?start=20260101T22&end=20260102T00"]
        assert (tmp_path / "e.zip").read_bytes() == zipped()
        assert moved == [0, len(zipped())]


def test_nothing_and_too_much_are_answers(tmp_path: Path) -> None:
    with asking(said(404), said(400), said(504), said(400)) as (client, _, clock):
        assert [exported(client, tmp_path / "e.zip") for _ in range(3)] == [Exported.NOTHING, Exported.TOO_MUCH, Exported.TOO_MUCH]
        assert exported(client, tmp_path / "e.zip", hours=1) is Exported.TOO_MUCH
        assert clock.monotonic() == 0


def test_an_export_that_breaks_off_or_lacks_its_end_is_asked_for_again(tmp_path: Path) -> None:
    cut, torn = zipped()[:-10], zipped(b"x" * 1000)[:500]
    with asking((200, {}, cut), (200, {"Content-Length": "9999"}, torn), said(504), said(429), (200, {}, zipped())) as (client, _, clock):
        assert exported(client, tmp_path / "e.zip", hours=1) is Exported.FILE
        assert (tmp_path / "e.zip").read_bytes() == zipped()
        assert clock.monotonic() == 1 + 2 + 4 + 80
    with asking(said(403)) as (client, _, _), pytest.raises(RefusedKeyError):
        exported(client, tmp_path / "e.zip")
