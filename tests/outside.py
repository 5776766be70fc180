"""The guard of all tests: this process may talk to the machine it runs on, and to nobody else."""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any

FORBIDDEN_NAMES = ("adsrvr.org", "adsrvr.cn", "thetradedesk.com", "uidapi.com", "euid.eu", "amplitude.com")
LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyname_ex"})

contacts: list[str] = []
"""What was tried, whether or not the code under test swallowed the error. Emptied before each test."""


class OutsideContact(RuntimeError):
    """A test tried to reach a host outside. It never gets there."""


def install() -> None:
    """Watch every connection and name lookup of this process, once and until it ends."""
    if not getattr(sys, "_tradewind_guarded", False):
        sys._tradewind_guarded = True  # type: ignore[attr-defined]  # an audit hook cannot be taken out again
        sys.addaudithook(_watch)


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        connection, address = arguments[0], arguments[1]
        if connection.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(str(address[0])):
            _refuse(f"{event} {address[0]}")
    elif event in LOOKUPS and arguments[0] is not None and _is_forbidden(arguments[0]):
        _refuse(f"{event} {_text(arguments[0])}")


def _refuse(what: str) -> None:
    contacts.append(what)
    raise OutsideContact(what)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def _text(name: Any) -> str:
    return name.decode("ascii", "replace") if isinstance(name, bytes) else str(name)


def _is_forbidden(name: Any) -> bool:
    host = _text(name).lower().rstrip(".")
    return any(host == forbidden or host.endswith(f".{forbidden}") for forbidden in FORBIDDEN_NAMES)
