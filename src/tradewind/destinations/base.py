"""What the product asks of a kind of platform, whichever it is."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import pyarrow as pa

from tradewind.destinations.platform import Viewable
from tradewind.model.destination import Auth, Connection, Region, Secret, Spec
from tradewind.model.identifier import IdType
from tradewind.model.plan import Batch
from tradewind.model.privacy import RequestType
from tradewind.model.run import Receipt
from tradewind.model.sync import Binding
from tradewind.steps import Steps

LARGE_PAGE = 2 * 1024 * 1024
"""Bytes of a page that the processor finds with one look, where Linux is asked for such: 512 of the usual ones."""


@dataclass(repr=False)
class Sheet:
    """Memory for one body after another; a request is good until the next is laid out on its sheet.

    `form` is a note of who lays out: what stands there already and need not be written again.
    """

    octets: bytearray | mmap.mmap = field(default_factory=bytearray)
    form: object = None

    def widen(self, length: int) -> None:
        """Make room for so many bytes; if there was less, nothing of what stood there is left."""
        if len(self.octets) < length:
            self.octets, self.form = _memory(length), None


def _memory(length: int) -> bytearray | mmap.mmap:
    """Large bodies lie in large pages: laying out, which goes through one item by item, would else wait at every usual page."""
    if length < LARGE_PAGE // 2 or sys.platform != "linux":
        return bytearray(length)
    pages = mmap.mmap(-1, -(-length // LARGE_PAGE) * LARGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):  # a kernel may have none
        pages.madvise(mmap.MADV_HUGEPAGE)
    return pages


@dataclass(frozen=True, repr=False)
class Request:
    """One signed request: what is signed is what is sent. Headers and body hold secrets and identifiers: no repr.

    `fingerprint` tells whether two bodies are the same: what stands after its last dash is of the whole, what stands before of
    all that the items share.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes | memoryview
    fingerprint: str
    items: int

    def __repr__(self) -> str:
        return f"Request({self.url}, {self.items} items, {self.fingerprint[:12]})"


class Verdict(StrEnum):
    """What a probe found."""

    READY = "ready"
    REFUSED = "refused"
    NOT_CONFIGURED = "not_configured"
    UNREACHABLE = "unreachable"
    MISDIRECTED = "misdirected"
    THROTTLED = "throttled"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Probe:
    """What a signed request without items proved (and whom to ask, if it failed), and what it could not prove."""

    verdict: Verdict
    proved: str
    unproved: str
    status: int | None = None

    @property
    def ready(self) -> bool:
        return self.verdict is Verdict.READY


class Tellable(Protocol):
    """A platform that can be told of people who said no."""

    def prepare_notice(
        self, url: str, advertiser: str, auth: Auth, kind: RequestType, id_type: IdType, ids: pa.Array[Any], secret: Secret
    ) -> Request:
        """Lay out and sign a request about up to as many identifiers as the limits say. Raises as `prepare` does."""
        ...


class Reachable(Protocol):
    """A platform that requests are sent to."""

    def send(self, request: Request) -> Receipt:
        """Send once and say what was answered; whatever goes wrong on the way is a receipt too."""
        ...

    def at_hand(self, request: Request) -> Steps[Receipt] | None:
        """The same for who has other things to do meanwhile; None where only `send` can, which may wait for anything.

        The steps begin at once, and are carried out to their end.
        """
        ...


class Destination(Reachable, Tellable, Viewable, Protocol):
    """A kind of platform. `regions` are those a connection may name here; nothing but `send`, `at_hand`, `probe`, `platform` goes out."""

    spec: Spec
    regions: tuple[Region, ...]

    def url(self, region: str) -> str:
        """The one address of a region. Raises DefinitionError for a region there is not."""
        ...

    def check(self, connection: Connection) -> None:
        """Raise DefinitionError where the account's id, region, auth or identity map is not possible here."""
        ...

    def check_secret(self, secret: Secret) -> None:
        """Raise DefinitionError where the text cannot be a secret; never repeats it."""
        ...

    def items_per_request(self, binding: Binding) -> int:
        """How many identifiers of any of its types fit into one request of this binding."""
        ...

    def prepare(
        self,
        binding: Binding,
        batch: Batch,
        ids: pa.Array[Any],
        secret: Secret,
        sheet: Sheet | None = None,
        events: pa.Array[Any] | None = None,
    ) -> Request:
        """Lay out and sign a batch, on a sheet or in memory of its own; equal arguments give equal bytes.

        `ids` are its identifiers as binary, of fixed width or not. With `events` (timestamps in microseconds, without nulls) each
        is stamped with its own event and lives as long as all of the batch: see `lives`.
        """
        ...

    def probe(self, url: str, advertiser: str, auth: Auth, secret: Secret) -> Probe:
        """Send a signed request without items, which changes nothing."""
        ...
