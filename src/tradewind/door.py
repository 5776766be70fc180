"""The one way out: a POST or GET with one deadline, verified TLS, an address rule, and no redirect, cookie or proxy."""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import median
from typing import Any

import truststore

from tradewind.clock import SystemClock
from tradewind.errors import ConfigurationError, RetryableError, UncertainError
from tradewind.exchange import LARGEST_ANSWER, BrokenExchangeError, Deadline, Incoming, Line, Octets, Response, instant_of
from tradewind.steps import Steps, carried_out

__all__ = ["LARGEST_ANSWER", "Door", "Incoming", "Response", "is_loopback"]

HEADERS = {"User-Agent": "tradewind", "Accept": "application/json", "Accept-Encoding": "identity"}

PORTS = {"https": 443, "http": 80}

IDLE = 15.0
"""Seconds for which a connection waits for its next request; servers hang up after a minute or so, and then the answer is lost."""

_NAME = r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*"
_URL = re.compile(rf"(?P<scheme>https?)://(?P<host>{_NAME}|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{{1,5}}))?(?P<path>/[!-\"$-~]*)?")
_INSIDE = [
    ipaddress.ip_network(each)
    for each in (
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "::/96",
        "fec0::/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
    )
]
"""Addresses of IPv6 that lead to one of IPv4, whichever that is; and what not every Python knows to be none of the public Internet."""

_FIELD_VALUE = re.compile("[ -~]*")


DEADLINE = 60.0
"""Seconds that a request may take, if nothing else is said."""


@dataclass(frozen=True)
class Address:
    """Where a request goes. `authority` is host and port as the URL had them."""

    scheme: str
    host: str
    port: int
    authority: str
    path: str


class Door:
    """Sends from any number of threads over connections that are kept alive; `close()` when done.

    `deadline` bounds each request as a whole, in seconds, from the look-up of the name to the last byte of the answer
    (a client's own timeouts bound only the silence between two bytes). With `loopback_only` every host but this
    machine is refused, whatever asks: for demos, rehearsals and tests. With `public_only`, for addresses that people type in, only
    https at port 443 is, to a name all of whose addresses belong to the public Internet; it yields to `loopback_only`. Who may
    answer for a name is what this machine trusts.
    """

    def __init__(self, deadline: float = DEADLINE, *, loopback_only: bool = False, public_only: bool = False) -> None:
        self.deadline, self.loopback_only, self.public_only = deadline, loopback_only, public_only and not loopback_only
        self._now, self._clock = SystemClock().monotonic, SystemClock()
        self._ahead = deque[float](maxlen=20)
        self._lock = threading.Lock()
        self._times_closed = 0
        self._busy = set[Line]()
        self._idle = list[tuple[Address, float, Line]]()

    def post(self, url: str, body: Octets, headers: Mapping[str, str], method: str = "POST") -> Response:
        """Send these very bytes once (with PUT, where `method` says so) and give back the whole answer, whatever its status.

        Raises ConfigurationError for an address that may not be reached, RetryableError when not a byte of the body
        was sent, and UncertainError when the answer was lost after that: then the request may have been applied.
        """
        address, head = self._headed(method, url, headers, body)
        deadline = self._deadline()
        return carried_out(self._posted(address, self._line(address, deadline), head, body, deadline))

    def at_hand(self, url: str, body: Octets, headers: Mapping[str, str]) -> Steps[Response] | None:
        """The same for who has other things to do while it waits, over a connection that is free; None where there is none.

        The steps begin at once, are carried out to their end, and raise as `post` does.
        """
        address, head = self._headed("POST", url, headers, body)
        line = self._free(address)
        return self._posted(address, line, head, body, self._deadline()) if line else None

    def get(self, url: str, headers: Mapping[str, str], most: int = LARGEST_ANSWER) -> Response:
        """Ask for what is at an address, `most` bytes of it; a redirect is an answer like any other. Raises as `post` does."""
        address = self._checked(url)
        head, deadline = _head("GET", address, {**HEADERS, **headers}), self._deadline()
        with self._taken(address, deadline) as line, self._told(address, line):
            return line.begin(head, b"", deadline).whole(most)

    @contextmanager
    def stream(self, url: str, headers: Mapping[str, str], within: float, silent: float | None = None) -> Iterator[Incoming]:
        """As `get`, but the answer's body comes slice by slice and may be of any size, for as long as the block lasts.

        The whole may take `within` seconds, and the host may be silent for `silent` of them (else the door's deadline).
        Each slice raises as `post` does. An answer that is left before its end costs the connection.
        """
        address = self._checked(url)
        head = _head("GET", address, {**HEADERS, **headers})
        deadline = Deadline(self._now() + within, self._now, silent or self.deadline)
        with self._taken(address, deadline) as line:
            with self._told(address, line):
                answer = line.begin(head, b"", deadline)
            yield replace(answer, slices=self._slices(address, line, answer.slices))

    def check(self, url: str) -> None:
        """Raise ConfigurationError, without the URL, when it is one that is never sent to."""
        self._checked(url)

    def ahead(self) -> float | None:
        """By how many seconds this machine's clock is ahead of those that answered: the median of the last twenty, or None."""
        return median(self._ahead) if self._ahead else None

    def close(self) -> None:
        """Call off what is under way and close every connection; a later `post` starts anew."""
        with self._lock:
            self._times_closed += 1
            for line in self._busy:
                line.call_off()
            for _, _, line in self._idle:
                line.close()
            self._idle.clear()

    def __enter__(self) -> Door:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _checked(self, url: str) -> Address:
        return _checked(url, self.loopback_only, self.public_only)

    def _dated(self, answer: Response) -> Response:
        """The answer, after its host's clock was compared with this machine's."""
        if "date" in answer.headers and (told := instant_of(answer.headers["date"])):
            self._ahead.append((self._clock.now() - told).total_seconds())
        return answer

    def _posted(self, address: Address, line: Line, head: bytes, body: Octets, deadline: Deadline) -> Steps[Response]:
        """One exchange over a line that was taken for it."""
        try:
            with self._told(address, line):
                return self._dated((yield from line.exchange(head, body, deadline)))
        finally:
            self._put_back(address, line)

    def _headed(self, method: str, url: str, headers: Mapping[str, str], body: Octets) -> tuple[Address, bytes]:
        address = self._checked(url)
        return address, _head(method, address, {**HEADERS, **headers, "Content-Length": str(len(body))})

    def _deadline(self) -> Deadline:
        return Deadline(self._now() + self.deadline, self._now)

    def _line(self, address: Address, deadline: Deadline) -> Line:
        """A connection for one exchange: one that is free, or a new one."""
        with self._told(address, None):
            return self._free(address) or self._new(address, deadline)

    @contextmanager
    def _taken(self, address: Address, deadline: Deadline) -> Iterator[Line]:
        line = self._line(address, deadline)
        try:
            yield line
        finally:
            self._put_back(address, line)

    @contextmanager
    def _told(self, address: Address, line: Line | None) -> Iterator[None]:
        """What goes wrong on the way is raised as one of our errors."""
        try:
            yield
        except TimeoutError:
            reason = f"no whole answer within {self.deadline:g} s"
        except (OSError, BrokenExchangeError) as error:
            reason = _reason(error, line)
        else:
            return
        if line and line.begun:
            raise UncertainError(f"{address.host} may have received the request: {'it was called off' if line.called_off else reason}")
        raise RetryableError(f"{address.host} could not be reached: {reason}")

    def _slices(self, address: Address, line: Line, slices: Iterator[bytes]) -> Iterator[bytes]:
        with self._told(address, line):
            yield from slices

    def _free(self, address: Address) -> Line | None:
        """A connection that is kept for its next request, if there is one."""
        with self._lock:
            for place in reversed(range(len(self._idle))):
                where, until, line = self._idle[place]
                if (where.scheme, where.authority) == (address.scheme, address.authority):
                    del self._idle[place]
                    if self._now() < until and line.quiet():
                        self._busy.add(line)
                        return line
                    line.close()
        return None

    def _new(self, address: Address, deadline: Deadline) -> Line:
        closed = self._times_closed
        line = Line(self._connected(address, deadline))
        with self._lock:
            self._busy.add(line)
            if self._times_closed != closed:
                line.call_off()
        return line

    def _put_back(self, address: Address, line: Line) -> None:
        """A connection that saw anything but a clean end is closed, so that a late answer meets nobody."""
        with self._lock:
            self._busy.discard(line)
            if line.clean and not line.called_off:
                self._idle.append((address, self._now() + IDLE, line))
            else:
                line.close()

    def _connected(self, address: Address, deadline: Deadline) -> socket.socket:
        """The first of the host's addresses that takes the connection; each has its share of the time that is left."""
        places = _look_up(address, deadline)
        if self.public_only and not all(is_public(each[4][0]) for each in places):
            raise ConfigurationError(f"'{address.host}' is refused: it leads to an address that is not of the public Internet")
        refused: OSError = ConnectionRefusedError()
        for number, (family, kind, protocol, _, place) in enumerate(places):
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(deadline.left() / (len(places) - number))
                connection.connect(place)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return _secured(connection, address, deadline) if address.scheme == "https" else connection
            except BaseException as error:
                connection.close()
                if not isinstance(error, OSError):
                    raise
                refused = error
        raise refused


@lru_cache(16)
def _checked(url: str, loopback_only: bool, public_only: bool) -> Address:
    """Where a URL leads, when it may be sent to. Kept for the requests that follow."""
    found = _URL.fullmatch(url)
    port = int(found["port"] or PORTS[found["scheme"]]) if found else 0
    if found is None or not 0 < port < 65536:
        raise ConfigurationError("the address is not a URL that may be sent to: expected https://host/path")
    host = found["host"].lower()
    if found["scheme"] != "https" and not is_loopback(host):
        raise ConfigurationError(f"'{host}' is refused: only https is sent, and plain http to this machine alone")
    if loopback_only and not is_loopback(host):
        raise ConfigurationError(f"'{host}' is refused: only this machine may be reached here")
    if public_only and (found["scheme"], port) != ("https", 443):
        raise ConfigurationError("the address is refused: only https at port 443 is sent to")
    bare = host.strip("[]")
    if public_only and (not is_public(bare) if _literal(bare) else _NUMBERS.fullmatch(bare)):
        raise ConfigurationError(f"'{host}' is refused: it is no address of the public Internet")
    authority = host + (f":{found['port']}" if found["port"] else "")
    return Address(found["scheme"], host.strip("[]"), port, authority, found["path"] or "/")


def _secured(connection: socket.socket, address: Address, deadline: Deadline) -> socket.socket:
    """TLS with this machine's trust; the handshake as a whole has what is left of the deadline.

    The context is the connection's own: it is locked during a handshake, and another connection must not wait for this one.
    """
    context = tls()
    context.set_alpn_protocols(["http/1.1"])
    connection.settimeout(deadline.left())
    return context.wrap_socket(connection, server_hostname=address.host)


def _look_up(address: Address, deadline: Deadline) -> list[Any]:
    """The host's addresses, as `socket.getaddrinfo` gives them; for plain http those of this machine alone.

    The system's look-up of a name cannot be interrupted: it runs in a thread that is left to itself when time is up.
    """
    if _literal(address.host):
        return socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    answer = Future[list[Any]]()

    def ask() -> None:
        try:
            answer.set_result(socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM))
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=ask, name="look-up", daemon=True).start()
    found = answer.result(deadline.left())
    return found if address.scheme == "https" else [each for each in found if ipaddress.ip_address(each[4][0]).is_loopback]


_NUMBERS = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}")
"""Other spellings of an address, which a look-up takes for one."""


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host as it stands in a URL is this machine: `localhost`, 127.0.0.0/8 in four decimal parts, or ::1."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return address in ipaddress.ip_network("127.0.0.0/8") if address.version == 4 else address == ipaddress.IPv6Address("::1")


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public Internet, also when it holds another one inside, as those that translate do."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return found.is_global and not found.is_multicast and not any(found in network for network in _INSIDE)


def tls() -> ssl.SSLContext:
    """TLS with this machine's trust."""
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _head(method: str, address: Address, headers: Mapping[str, str]) -> bytes:
    for name, value in headers.items():
        if not _FIELD_VALUE.fullmatch(value):
            raise ConfigurationError(f"the header {name} holds a character that cannot be sent; expected plain ASCII without line breaks")
    fields = "".join(f"{name}: {value}\r\n" for name, value in {"Host": address.authority, **headers}.items())
    return f"{method} {address.path} HTTP/1.1\r\n{fields}\r\n".encode("ascii")


def _reason(error: Exception, line: Line | None) -> str:
    """What went wrong, without anything we sent."""
    if isinstance(error, BrokenExchangeError):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted ({error.verify_message})"
    if isinstance(error, socket.gaierror):
        return "its name cannot be looked up"
    return "the connection broke before the answer was whole" if line else "no connection (address, port or TLS)"
