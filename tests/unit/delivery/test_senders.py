"""One thread carries on whatever is ready, and nothing holds up anything else."""

from __future__ import annotations

import ssl
import threading
import time
from contextvars import ContextVar
from pathlib import Path
from socket import socket

import pytest

from raw_server import OK, Speak, answering, drip, serving, signed_by_itself, vouched
from tradewind.delivery.senders import Senders, Work
from tradewind.door import Door, Response
from tradewind.errors import UncertainError

BODY = bytes(range(256)) * 8000
"""More than a socket takes at once."""

AT_ONCE = 4


class Requests:
    """Requests over connections at hand, and what came of each, in the order of their ends."""

    def __init__(self, door: Door, url: str) -> None:
        self.door, self.url, self.came = door, url, list[Response | BaseException]()
        self.threads = set[threading.Thread]()

    def work(self, url: str | None = None) -> Work:
        """One request, which needs a connection that is free."""
        steps = self.door.at_hand(url or self.url, BODY, {})
        assert steps is not None
        try:
            self.came.append((yield from steps))
        except UncertainError as error:
            self.came.append(error)
        self.threads.add(threading.current_thread())


def together(count: int) -> Speak:
    """Nobody is answered before so many have come."""
    barrier = threading.Barrier(count)

    def speak(connection: socket, _: threading.Event) -> None:
        barrier.wait(30)
        connection.sendall(OK)

    return speak


def connected(door: Door, url: str, count: int) -> None:
    """So many connections to a server of `together` are free."""
    threads = [threading.Thread(target=door.post, args=(url, b"{}", {})) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


@pytest.mark.parametrize("secured", [False, True])
def test_requests_are_under_way_at_once_in_one_thread(secured: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server answers nobody before all have come; large bodies leave piece by piece."""
    context: ssl.SSLContext | None = None
    if secured:
        certificate = signed_by_itself(tmp_path / "certificate.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        context = vouched(certificate)
    with serving(together(AT_ONCE), context) as server, Door(deadline=30) as door:
        connected(door, server.url, AT_ONCE)
        requests = Requests(door, server.url)
        with Senders() as senders:
            for done in (AT_ONCE, 2 * AT_ONCE):
                for _ in range(AT_ONCE):
                    senders.hand(requests.work())
                while len(requests.came) < done:
                    senders.wait(30)
        assert [came.body for came in requests.came if isinstance(came, Response)] == [b"{}"] * 2 * AT_ONCE
        assert requests.threads == {threading.current_thread()}
        assert [request.partition(b"\r\n\r\n")[2] == BODY for request in server.requests[AT_ONCE:]] == [True] * 2 * AT_ONCE
        assert server.connections == AT_ONCE


def after_the_first(speak: Speak) -> Speak:
    """The first request is answered well."""
    first = [True]

    def answer(connection: socket, ended: threading.Event) -> None:
        if first:
            first.pop()
            connection.sendall(OK)
        else:
            speak(connection, ended)

    return answer


def test_who_drips_holds_up_nobody_else_and_itself_no_longer_than_its_deadline() -> None:
    with serving(answering(OK)) as quick, serving(after_the_first(drip)) as slow, Door(deadline=1.5) as door:
        door.post(quick.url, b"{}", {})
        door.post(slow.url, b"{}", {})
        requests, begun = Requests(door, quick.url), time.monotonic()
        with Senders() as senders:
            senders.hand(requests.work(slow.url))
            senders.hand(requests.work())
            while not requests.came:
                senders.wait(30)
            assert isinstance(requests.came[0], Response)
            while len(requests.came) < 2:
                senders.wait(30)
        assert "no whole answer within 1.5 s" in str(requests.came[1])
        assert time.monotonic() - begun < 10


def test_closing_waits_for_what_is_under_way() -> None:
    with serving(answering(OK)) as server, Door(deadline=30) as door:
        door.post(server.url, b"{}", {})
        requests = Requests(door, server.url)
        with Senders() as senders:
            senders.hand(requests.work())
        assert len(requests.came) == 1


def test_what_may_wait_for_anything_has_a_thread_and_its_result_comes_back() -> None:
    """Several at once; an error comes back as one."""
    barrier, came, name = threading.Barrier(AT_ONCE), list[object](), ContextVar("name", default="")

    class Odd(Exception):
        """Raised in the thread."""

    def apart(number: int) -> str:
        barrier.wait(30)
        if number == 0:
            raise Odd
        return f"{name.get()} in {threading.current_thread() is threading.main_thread()}"

    def work(number: int) -> Work:
        name.set(f"number {number}")
        try:
            came.append((yield lambda: apart(number)))
        except Odd as error:
            came.append(error)
        came.append(f"{name.get()} again")

    with Senders() as senders:
        for number in range(AT_ONCE):
            senders.hand(work(number))
        assert came == []
        while len(came) < 2 * AT_ONCE:
            senders.wait(30)
    assert [type(each) for each in came].count(Odd) == 1
    told = sorted(str(each) for each in came if not isinstance(each, Odd))
    assert told == sorted(
        [*(f"number {each} in False" for each in range(1, AT_ONCE)), *(f"number {each} again" for each in range(AT_ONCE))]
    )
    assert name.get() == ""


def test_work_that_ends_at_once_is_not_waited_for() -> None:
    def work() -> Work:
        done.append(1)
        yield from ()

    done: list[int] = []
    with Senders() as senders:
        senders.hand(work())
        begun = time.monotonic()
        senders.wait(60)
        assert time.monotonic() - begun < 10
        senders.wait(0.01)
    assert done == [1]
