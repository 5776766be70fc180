"""Messages as they leave: signed, without markup of their own, to public addresses alone; and by mail."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socketserver
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tradewind.clock import StandingClock
from tradewind.door import Door, is_public, tls
from tradewind.errors import ConfigurationError, PermanentError, RetryableError
from tradewind.model.alert import Alert, AlertKind, Contact, ContactKind, Message, News
from tradewind.model.destination import Secret
from tradewind.notify.mail import Mailbox
from tradewind.notify.messenger import PostMessenger

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALERT = Alert(AlertKind.HELD, "s", "run r1 of sync 's' waits for a person: <!channel> & growth")
MESSAGE = Message("m1", "default", "c", News.OPEN, ALERT, NOW)
SLACK = Contact("default", "c", ContactKind.SLACK, "127.0.0.1")
HOOK = Contact("default", "c", ContactKind.WEBHOOK, "127.0.0.1")
MAIL = Contact("default", "c", ContactKind.EMAIL, "ann@shop.example")


class Receiver(ThreadingHTTPServer):
    """Takes requests and answers as it is told to."""

    def __init__(self) -> None:
        self.status, self.taken = 204, list[tuple[dict[str, str], bytes]]()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.status)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def door() -> Iterator[Door]:
    with Door(5.0, loopback_only=True, public_only=True) as door:
        yield door


def messenger(door: Door, box: Mailbox | None = None) -> PostMessenger:
    return PostMessenger(door, box, tls, StandingClock(NOW))


def url(server: Receiver) -> Secret:
    return Secret(f"http://127.0.0.1:{server.server_address[1]}/hook/path-that-is-secret")


def test_a_signed_request_can_be_checked_by_who_knows_the_secret(receiver: Receiver, door: Door) -> None:
    messenger(door).send(HOOK, url(receiver), Secret("shared-secret"), MESSAGE)
    ((headers, body),) = receiver.taken
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = hmac.new(b"shared-secret", signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("m1", str(int(NOW.timestamp())))
    told = json.loads(body)
    assert (told["id"], told["state"], told["alert"], told["project"], told["object"]) == ("m1", "open", "held", "default", "s")


def test_what_means_something_to_slack_means_nothing_in_a_sentence(receiver: Receiver, door: Door) -> None:
    messenger(door).send(SLACK, url(receiver), None, MESSAGE)
    text = json.loads(receiver.taken[0][1])["text"]
    assert "&lt;!channel&gt; &amp; growth" in text
    assert "<!" not in text


@pytest.mark.parametrize("status", [302, 400, 404, 500])
def test_another_answer_is_a_failure_that_does_not_name_the_url(receiver: Receiver, door: Door, status: int) -> None:
    receiver.status = status
    with pytest.raises(RetryableError, match=f"^127.0.0.1 answered {status}$"):
        messenger(door).send(SLACK, url(receiver), None, MESSAGE)
    assert len(receiver.taken) == 1, "no redirect is followed"


@pytest.mark.parametrize(
    "address",
    [
        "http://hooks.shop.example/x",
        "https://hooks.shop.example:8443/x",
        "https://127.0.0.1/x",
        "https://10.1.2.3/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://[64:ff9b::7f00:1]/x",
        "https://[2002:7f00:1::]/x",
        "https://localhost/x",
        "https://2130706433/x",
        "https://user:secret@hooks.shop.example/x",
        "ftp://hooks.shop.example/x",
    ],
)
def test_an_address_inside_is_never_sent_to(address: str) -> None:
    """Refused when it is given; a name that only leads inside when it is looked up."""
    with Door(5.0, public_only=True) as door, pytest.raises(ConfigurationError) as refused:
        messenger(door).send(SLACK, Secret(address), None, MESSAGE)
    assert "/x" not in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700:4700::1111", True), ("100.64.0.1", False), ("192.168.1.1", False), ("0.0.0.0", False),
        ("224.0.0.1", False), ("fe80::1%eth0", False), ("fc00::1", False), ("2001:0:1::1", False), ("64:ff9b:1::1", False), ("x", False),
    ],
)  # fmt: skip
def test_what_is_public(address: str, public: bool) -> None:
    assert is_public(address) is public


# --- mail


class Post(socketserver.ThreadingTCPServer):
    """A mail server of a few words."""

    allow_reuse_address = True

    def __init__(self, refuses: str = "") -> None:
        self.mails, self.said = list[str](), list[str]()
        post = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"220 here\r\n")
                while line := self.rfile.readline():
                    word = line.decode().strip()
                    post.said.append(word)
                    verb = word[:4].upper()
                    if verb == "QUIT":
                        self.wfile.write(b"221 bye\r\n")
                    elif verb == refuses:
                        self.wfile.write(b"550 no\r\n")
                    elif verb == "DATA":
                        self.wfile.write(b"354 go on\r\n")
                        post.mails.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
                        self.wfile.write(b"250 taken\r\n")
                    else:
                        self.wfile.write(b"250-here\r\n250 AUTH PLAIN\r\n" if verb == "EHLO" else b"250 yes\r\n")

        super().__init__(("127.0.0.1", 0), Handler)


def by_mail(door: Door, refuses: str = "", user: str = "") -> Post:
    server = Post(refuses)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        box = Mailbox("127.0.0.1", server.server_address[1], False, user, "canary-password" if user else "", "tradewind@shop.example")
        assert "canary" not in repr(box)
        messenger(door, box).send(MAIL, None, None, MESSAGE)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    return server


def test_a_mail_says_what_is_wrong_and_carries_the_messages_id(door: Door) -> None:
    (mail,) = by_mail(door).mails
    head, _, body = mail.partition("\r\n\r\n")
    assert "Subject: [Tradewind] Alert: held (default/s)" in head
    assert "Message-ID: <m1@tradewind.invalid>" in head
    assert "To: ann@shop.example" in head
    assert body.startswith("run r1 of sync 's' waits for a person")


def test_a_mail_that_is_not_taken_is_told_without_the_password(door: Door) -> None:
    with pytest.raises(PermanentError, match="does not take mail for this address"):
        by_mail(door, refuses="RCPT")
    with pytest.raises(RetryableError, match="did not take the mail"):
        by_mail(door, refuses="MAIL")
    with pytest.raises(ConfigurationError, match="refuses user and password") as refused:
        by_mail(door, refuses="AUTH", user="ann")
    assert "canary" not in str(refused.value)
    with pytest.raises(ConfigurationError, match="no mail server is set"):
        messenger(door).send(MAIL, None, None, MESSAGE)
