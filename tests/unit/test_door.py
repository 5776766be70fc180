"""The door keeps its deadline, says what may have been sent, and goes nowhere it should not."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from raw_server import OK, Speak, answering, cut_after, drip, serving, signed_by_itself, vouched
from tradewind.door import LARGEST_ANSWER, Door, is_loopback
from tradewind.errors import ConfigurationError, RetryableError, UncertainError


def drip_headers(connection: socket.socket, ended: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while not ended.wait(0.05):
        connection.sendall(b"x")


@pytest.mark.parametrize("speak", [drip, drip_headers])
def test_the_deadline_is_for_the_whole_request(speak: Speak) -> None:
    with serving(speak) as server, Door(deadline=0.5) as door:
        begun = time.monotonic()
        with pytest.raises(UncertainError, match=r"may have received the request: no whole answer within 0\.5 s"):
            door.post(server.url, b"{}", {})
        assert 0.4 < time.monotonic() - begun < 10
        assert server.closed_by_peer.wait(10), "the connection that saw the timeout was left open"


def test_a_late_answer_meets_nobody() -> None:
    def late_once(connection: socket.socket, ended: threading.Event) -> None:
        if len(server.requests) == 1:
            ended.wait(3)
            connection.sendall(OK.replace(b"200 OK", b"418 Old"))
        else:
            connection.sendall(OK)

    with serving(late_once) as server, Door(deadline=1) as door:
        with pytest.raises(UncertainError):
            door.post(server.url, b"1", {})
        assert door.post(server.url, b"2", {}).status == 200
        assert server.connections == 2


@pytest.mark.parametrize("date", [b"", b"soon", b"Wed, 01 Jan 99999999999999999999 00:00:00 GMT", b"Mon, 31 Dec 9999 23:59:59 -2359"])
def test_an_answer_whose_date_is_none_is_an_answer(date: bytes) -> None:
    with serving(answering(b"HTTP/1.1 200 OK\r\nDate: %b\r\nContent-Length: 0\r\n\r\n" % date)) as server, Door() as door:
        assert door.post(server.url, b"1", {}).status == 200


def test_the_very_bytes_and_headers_are_sent_and_the_answer_is_whole() -> None:
    answer = b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nslow"
    with serving(answering(answer)) as server, Door() as door:
        response = door.post(server.url, b'{"a":"\xc3\xa9"}', {"TtdSignature": "x+y="})
        assert (response.status, response.headers["retry-after"], response.body) == (429, "7", b"slow")
        assert "slow" not in repr(response)
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        assert body == b'{"a":"\xc3\xa9"}'
        assert head.startswith(b"POST /data HTTP/1.1\r\n")
        assert b"\r\nTtdSignature: x+y=" in head
        assert b"ransfer-" not in head
        assert b"Accept-Encoding: identity" in head


def test_connections_are_reused_and_cookies_are_not() -> None:
    answer = OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=1\r\n\r\n", 1)
    with serving(answering(answer)) as server, Door() as door:
        for _ in range(3):
            door.post(server.url, b"{}", {})
        assert (server.connections, len(server.requests)) == (1, 3)
        assert not any(b"ookie" in request for request in server.requests)


def test_many_threads_may_send_at_once() -> None:
    def echo(connection: socket.socket, _: threading.Event) -> None:
        connection.sendall(OK)

    with serving(echo) as server, Door() as door, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: door.post(server.url, b"%d" % number, {}).status, range(40)))
        assert answers == [200] * 40
        assert {request.rpartition(b"\r\n\r\n")[2] for request in server.requests} == {b"%d" % number for number in range(40)}


def test_a_redirect_is_an_answer() -> None:
    with serving(answering(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")) as server, Door() as door:
        assert door.post(server.url, b"{}", {}).status == 302


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 40_000],
    ids=["nothing", "torn", "not HTTP", "endless headers"],
)
def test_an_answer_that_is_lost_leaves_the_outcome_unknown(answer: bytes) -> None:
    with serving(cut_after(answer)) as server, Door(deadline=10) as door, pytest.raises(UncertainError, match="may have received"):
        door.post(server.url, b"{}", {})


def test_a_long_answer_is_cut() -> None:
    def flood(connection: socket.socket, ended: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not ended.is_set():
            connection.sendall(b"10000\r\n" + bytes(65536) + b"\r\n")

    with serving(flood) as server, Door(deadline=30) as door:
        with pytest.raises(UncertainError, match=f"longer than {LARGEST_ANSWER} bytes"):
            door.post(server.url, b"{}", {})
        assert server.closed_by_peer.wait(10)


def test_nobody_there_means_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with Door() as door, pytest.raises(RetryableError, match="could not be reached"):
        door.post(f"http://127.0.0.1:{port}/", b"{}", {})


def hang_up_on_first(listener: socket.socket) -> None:
    listener.accept()[0].close()


def test_a_peer_without_tls_gets_no_byte_of_the_body() -> None:
    with serving(answering(OK)) as server, Door(deadline=10) as door:
        with socket.create_server(("127.0.0.1", 0)) as plain:
            thread = threading.Thread(target=hang_up_on_first, args=(plain,))
            thread.start()
            with pytest.raises(RetryableError):
                door.post(f"https://127.0.0.1:{plain.getsockname()[1]}/", b"secret", {})
            thread.join(10)
        assert server.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://usw-data.adsrvr.org/data",
        "http://127.0.0.1@evil.example/",
        "http://localhost.evil.example:80/",
        "http://127.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://[::ffff:127.0.0.1]/",
        "https://user:word@127.0.0.1/",
        "ftp://127.0.0.1/",
        "/data",
        "http://[::1",
    ],
)
def test_plain_http_and_odd_addresses_are_refused(url: str) -> None:
    with Door() as door, pytest.raises(ConfigurationError):
        door.post(url, b"{}", {})


def test_loopback_only_refuses_every_other_host() -> None:
    with Door(loopback_only=True) as door, pytest.raises(ConfigurationError, match="only this machine may be reached here"):
        door.post("https://usw-data.adsrvr.org/data", b"{}", {})


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(answering(OK)) as server, Door() as door:
        assert door.post(server.url, b"{}", {}).status == 200


def test_is_loopback() -> None:
    assert all(map(is_loopback, ("localhost", "127.8.9.1", "::1", "[::1]")))
    assert not any(map(is_loopback, ("10.0.0.1", "localhost.evil.example", "127.1", "")))


def test_a_closed_door_opens_again() -> None:
    with serving(answering(OK)) as server:
        door = Door()
        for _ in range(2):
            assert door.post(server.url, b"{}", {}).status == 200
            door.close()
            door.close()
        assert server.connections == 2


def test_closing_calls_off_what_is_under_way() -> None:
    begun = threading.Event()

    def hang(_: socket.socket, ended: threading.Event) -> None:
        begun.set()
        ended.wait()

    with serving(hang) as server, ThreadPoolExecutor(1) as pool:
        door = Door()
        sent = pool.submit(door.post, server.url, b"{}", {})
        assert begun.wait(10)
        door.close()
        with pytest.raises(UncertainError, match="called off"):
            sent.result(10)


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine, and its key."""
    return signed_by_itself(tmp_path_factory.mktemp("tls") / "certificate.pem")


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """What a server of this certificate needs."""
    return vouched(certificate)


def test_a_certificate_that_nobody_vouches_for_gets_no_byte(tls: ssl.SSLContext) -> None:
    with serving(answering(OK), tls) as server, Door(deadline=10) as door:
        with pytest.raises(RetryableError, match="its certificate is not accepted"):
            door.post(server.url, b"secret", {})
        assert server.requests == []


def test_a_trusted_host_gets_the_very_bytes_over_one_connection(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    body = bytes(range(256)) * 8000
    with serving(answering(OK), tls) as server, Door(deadline=30) as door:
        for _ in range(2):
            assert door.post(server.url, body, {}).body == b"{}"
        assert [request.partition(b"\r\n\r\n")[2] == body for request in server.requests] == [True, True]
        assert server.connections == 1


def test_a_certificate_of_another_host_is_refused(tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(answering(OK), tls) as server, Door(deadline=10) as door, pytest.raises(RetryableError, match="not accepted"):
        door.post(server.url.replace("127.0.0.1", "localhost"), b"secret", {})


def test_the_deadline_holds_under_tls_too(tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(drip, tls) as server, Door(deadline=0.5) as door:
        begun = time.monotonic()
        with pytest.raises(UncertainError, match="no whole answer"):
            door.post(server.url, b"{}", {})
        assert time.monotonic() - begun < 10


# --- connections and their ends


def test_a_peer_that_accepts_and_says_nothing_holds_no_handshake_longer_than_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, Door(deadline=0.3) as door, pytest.raises(RetryableError, match="within"):
        door.post(f"https://127.0.0.1:{silent.getsockname()[1]}/", b"{}", {})


def test_a_connection_that_the_server_closed_meanwhile_makes_no_doubt() -> None:
    """The server ends each connection after its answer without saying so; the next request takes a new one."""
    with serving(cut_after(OK)) as server, Door(deadline=10) as door:
        for _ in range(5):
            assert door.post(server.url, b"{}", {}).status == 200
            assert server.ended.wait(0.05) is False
        assert (server.connections, len(server.requests)) == (5, 5)


def test_what_a_server_says_unasked_is_not_the_next_answer() -> None:
    with serving(answering(OK + b"HTTP/1.1 500 Stray\r\nContent-Length: 0\r\n\r\n")) as server, Door(deadline=10) as door:
        assert [door.post(server.url, b"{}", {}).status for _ in range(3)] == [200] * 3


def test_a_slow_reader_cannot_hold_the_request() -> None:
    """A byte of the body read now and then keeps any single wait short, and the whole endless."""
    with socket.create_server(("127.0.0.1", 0)) as listener, Door(deadline=0.5) as door:
        ended = threading.Event()

        def sip() -> None:
            with listener.accept()[0] as connection, suppress(OSError):
                while not ended.wait(0.02):
                    connection.recv(4096)

        thread = threading.Thread(target=sip)
        thread.start()
        begun = time.monotonic()
        with pytest.raises(UncertainError, match=r"within 0\.5 s"):
            door.post(f"http://127.0.0.1:{listener.getsockname()[1]}/", bytes(50_000_000), {})
        assert time.monotonic() - begun < 10
        ended.set()
        thread.join(10)


def early(answer: bytes) -> Callable[[socket.socket], None]:
    """Answer after the head, and hang up on the body."""

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.recv(2048)
        connection.sendall(answer)
        connection.close()

    return serve


@pytest.mark.parametrize("length", [b"Content-Length: 3", b"Transfer-Encoding: chunked"])
def test_a_refusal_before_the_body_was_read_is_an_answer(length: bytes) -> None:
    said = b"3\r\nbig\r\n0\r\n\r\n" if b"chunked" in length else b"big"
    with socket.create_server(("127.0.0.1", 0)) as listener, Door(deadline=10) as door:
        thread = threading.Thread(target=early(b"HTTP/1.1 413 Big\r\n" + length + b"\r\n\r\n" + said), args=(listener,))
        thread.start()
        answer = door.post(f"http://127.0.0.1:{listener.getsockname()[1]}/", bytes(5_000_000), {})
        assert (answer.status, answer.body) == (413, b"big")
        thread.join(10)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\nA: b\r\n\r\n", b"{}"),
        (b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + OK, b"{}"),
        (b"HTTP/1.1 204 None\r\n\r\n", b""),
        (b"HTTP/1.0 200 OK\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", b"{}"),
    ],
    ids=["pieces", "hints first", "no content", "old", "to the end"],
)
def test_every_form_of_answer_is_read(answer: bytes, body: bytes) -> None:
    with serving(cut_after(answer)) as server, Door(deadline=10) as door:
        assert door.post(server.url, b"{}", {}).body == body


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n: nameless\r\n\r\n{}",
        b"HTTP/1.1 101 Other\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        (b"HTTP/1.1 100 Go\r\n\r\n" * 200) + OK,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,
    ],
    ids=["torn", "no end", "negative", "packed", "-2", "two lengths", "huge", "nameless", "another protocol", "2", "for ever", "bomb"],
)
def test_an_answer_in_a_wrong_form_is_lost(answer: bytes) -> None:
    with serving(cut_after(answer)) as server, Door(deadline=10) as door, pytest.raises(UncertainError, match="may have received"):
        door.post(server.url, b"{}", {})


def test_a_name_that_is_not_looked_up_in_time_holds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    known, free = socket.getaddrinfo, threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **named: free.wait(20) and known(*given, **named))
    with Door(deadline=0.3) as door, pytest.raises(RetryableError, match=r"could not be reached: no whole answer within 0\.3 s"):
        door.post("http://localhost:9/", b"{}", {})
    free.set()


def test_a_header_that_would_break_its_line_is_refused_without_its_value() -> None:
    with Door() as door, pytest.raises(ConfigurationError, match="the header TTD-Auth holds a character") as refused:
        door.post("http://127.0.0.1:9/", b"{}", {"TTD-Auth": "word\r\nHost: evil.example"})
    assert "evil" not in str(refused.value)


def test_a_get_brings_the_whole_answer_or_says_that_it_is_too_long() -> None:
    with serving(answering(OK)) as server, Door() as door:
        assert door.get(server.url, {"X": "1"}).body == b"{}"
        assert server.requests[0].startswith(b"GET /data HTTP/1.1\r\nHost: 127.0.0.1")
        assert b"Content-Length" not in server.requests[0]
        with pytest.raises(UncertainError, match="longer than 1 bytes"):
            door.get(server.url, {}, most=1)


@pytest.mark.parametrize("form", [b"Content-Length: %d" % (3 * LARGEST_ANSWER), b"Transfer-Encoding: chunked", b"Connection: close"])
def test_a_stream_may_be_longer_than_what_is_read_whole_and_leaves_the_line_clean(form: bytes) -> None:
    def speak(connection: socket.socket, _: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + form + b"\r\n\r\n")
        for _part in range(3):
            connection.sendall(b"%x\r\n" % LARGEST_ANSWER if b"chunked" in form else b"")
            connection.sendall(b"x" * LARGEST_ANSWER + (b"\r\n" if b"chunked" in form else b""))
        connection.sendall(b"0\r\n\r\n" if b"chunked" in form else b"")
        if b"close" in form:
            connection.shutdown(socket.SHUT_RDWR)

    with serving(speak) as server, Door() as door:
        for _ in range(2):
            with door.stream(server.url, {}, within=60) as answer:
                assert answer.bounded is (b"close" not in form)
                sizes = [len(piece) for piece in answer.slices]
                assert sum(sizes) == 3 * LARGEST_ANSWER
                assert max(sizes) <= 1 << 20
        assert server.connections == (2 if b"close" in form else 1)


def test_a_stream_is_bounded_in_silence_and_as_a_whole_and_a_cut_shows() -> None:
    def silent(connection: socket.socket, ended: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nx")
        ended.wait(10)

    for speak, deadline, within in (
        (silent, 0.3, 60.0),
        (drip, 60.0, 0.3),
        (cut_after(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), 9.0, 9.0),
    ):
        with serving(speak) as server, Door(deadline) as door, pytest.raises(UncertainError), door.stream(server.url, {}, within) as answer:
            list(answer.slices)


def test_what_goes_wrong_where_a_stream_is_used_is_no_fault_of_the_line() -> None:
    with serving(answering(OK)) as server, Door() as door:
        with pytest.raises(OSError, match="the disk is full"), door.stream(server.url, {}, within=60):
            raise OSError("the disk is full")
        assert door.get(server.url, {}).status == 200
        assert server.connections == 2, "an answer that was left before its end was taken for the next one"
