"""Sixty addresses that somebody may type in to have the server ask what only it can reach: none is ever connected to."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

import pytest

from tradewind.clock import SystemClock
from tradewind.door import Door, tls
from tradewind.errors import DefinitionError, TradewindError
from tradewind.model.alert import Alert, AlertKind, Contact, ContactKind, Message, News
from tradewind.model.destination import Secret
from tradewind.notify.messenger import PostMessenger

PUBLIC = "93.184.216.34"
LITERAL = (
    "127.0.0.1", "127.1", "127.0.1", "0", "0.0.0.0", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1",
    "017700000001", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254",
    "169.254.170.2", "2852039166", "0xa9fea9fe", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.88.99.1", "[fec0::1]",
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:169.254.169.254]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
    "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[2001:0:1::1]", "[fe80::1]",
    "[fe80::1%25eth0]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[2001:db8::1]",
)  # fmt: skip
ODD = (
    "https://user@127.0.0.1/x",
    "https://hooks.shop.example@127.0.0.1/x",
    "https://127.0.0.1#@hooks.shop.example/x",
    "https://hooks.shop.example\\@127.0.0.1/x",
    "https://hooks.shop.example:22/x",
    "https://hooks.shop.example:6379/x",
    "http://hooks.shop.example/x",
    "gopher://hooks.shop.example/x",
    "file:///etc/passwd",
    "//hooks.shop.example/x",
    "https://hooks.shop.example/x\r\nHost: inside",
)
LEADS_TO: dict[str, Sequence[str]] = {
    "inside.shop.example": ("10.0.0.7",),
    "metadata.shop.example": ("169.254.169.254",),
    "both.shop.example": (PUBLIC, "127.0.0.1"),
    "sixth.shop.example": (PUBLIC, "::1"),
    "translated.shop.example": ("64:ff9b::7f00:1",),
    "localtest.shop.example": ("127.0.0.1",),
}
"""Names that are of the public Internet, and where they lead."""

CONTACT = Contact("default", "c", ContactKind.SLACK, "hooks.shop.example")
MESSAGE = Message("m1", "default", "c", News.OPEN, Alert(AlertKind.HELD, "s", "held"), SystemClock().now())


class Net:
    """Where names lead, and whom anybody tried to connect to; nobody is there."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.connected: list[Any] = []
        self.answers: dict[str, list[Sequence[str]]] = {name: [found] for name, found in LEADS_TO.items()}

    def look_up(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host)
        answers = self.answers.get(host, [(host,)])
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        families = [(socket.AF_INET6 if ":" in each else socket.AF_INET, each) for each in found]
        return [(family, socket.SOCK_STREAM, 6, "", (each, port)) for family, each in families]

    def connect(self, place: Any) -> None:
        self.connected.append(place)
        raise ConnectionRefusedError


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> Net:
    net = Net()
    monkeypatch.setattr(socket, "getaddrinfo", net.look_up)
    monkeypatch.setattr(socket.socket, "connect", net.connect)
    return net


def test_no_address_that_leads_inside_is_ever_connected_to(net: Net) -> None:
    """Whether it is refused when it is typed in, or when it is sent to, which is when names are looked up."""
    urls = [*(f"https://{host}/x" for host in (*LITERAL, *LEADS_TO)), *ODD]
    assert len(urls) >= 60
    with Door(5.0, public_only=True) as door:
        messenger = PostMessenger(door, None, tls, SystemClock())
        for url in urls:
            with pytest.raises(TradewindError) as refused:
                messenger.send(CONTACT, Secret(url), None, MESSAGE)
            assert "/x" not in str(refused.value), url
            assert net.connected == [], url
        for url in (*(f"https://{host}/x" for host in LITERAL), *ODD):
            with pytest.raises(DefinitionError):
                messenger.check(CONTACT, Secret(url), None)


def test_a_name_is_looked_up_once_and_what_was_looked_at_is_connected_to(net: Net) -> None:
    """A name that leads outside when it is looked at, and inside a moment later."""
    net.answers["turning.shop.example"] = [(PUBLIC,), ("127.0.0.1",)]
    with Door(5.0, public_only=True) as door, pytest.raises(TradewindError):
        PostMessenger(door, None, tls, SystemClock()).send(CONTACT, Secret("https://turning.shop.example/x"), None, MESSAGE)
    assert (net.asked, net.connected) == (["turning.shop.example"], [(PUBLIC, 443)])
