"""A platform in memory: the twin of The Trade Desk without network, whose segments can be looked into."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from tradewind.clock import Clock
from tradewind.destinations.base import Probe, Request, Sheet, Verdict
from tradewind.destinations.lives import lives
from tradewind.errors import ConfigurationError, DefinitionError
from tradewind.model.destination import Auth, Connection, Limits, Region, Secret, Spec
from tradewind.model.identifier import IdType
from tradewind.model.plan import Batch, Operation
from tradewind.model.platform import Activity, Arranged, Listing, Use
from tradewind.model.privacy import RequestType
from tradewind.model.run import Answer, Receipt
from tradewind.model.sync import Binding

Held = dict[tuple[IdType, bytes], datetime]
"""(id type, identifier) -> when the membership ends."""

APPLIED = Receipt(Answer.APPLIED, status=200)


@dataclass
class FakeDestination:
    """Holds segments with expiry. `answers` are given in turn before everything is simply applied.

    An answer is applied as it says: `APPLIED` but for its lines; any other changes nothing, unless it is in
    `applied_anyway` (a lost answer to a request that arrived). `told` lists (advertiser, type, id type, identifier) of notices.
    `stamps` are those of the last add or refresh of each identifier. Of its own view: segments that it does not list yet are
    `unlisted`, `active` says how many ids were seen where it is not all, `made` is what was made of segments.
    """

    clock: Clock
    items: int = 10_000
    at_once: int = 1
    answers: deque[Receipt] = field(default_factory=deque)
    applied_anyway: frozenset[Answer] = frozenset()
    segments: dict[tuple[str, str, str], Held] = field(default_factory=dict)
    sent: list[Request] = field(default_factory=list)
    told: list[tuple[str, RequestType, IdType, bytes]] = field(default_factory=list)
    stamps: dict[tuple[str, str, str], dict[tuple[IdType, bytes], datetime]] = field(default_factory=dict)
    unlisted: set[str] = field(default_factory=set)
    active: dict[str, int] = field(default_factory=dict)
    made: list[Arranged] = field(default_factory=list)
    asked: int = 0

    def __post_init__(self) -> None:
        self.regions: tuple[Region, ...] = (Region("here", "In memory", "https://memory.invalid"),)
        self.spec = Spec("fake", "In memory", tuple(IdType), Limits(self.items, 2_000_000, 43_200, 1_440, 259_200, 128, self.at_once))
        self._prepared: dict[str, tuple[Binding, Batch, list[bytes]]] = {}
        self._stamps: dict[str, list[datetime]] = {}
        self._ends: dict[str, list[datetime]] = {}
        self._told: dict[str, tuple[str, str, RequestType, IdType, list[bytes]]] = {}

    def url(self, region: str) -> str:
        """The one address. Raises DefinitionError for another region."""
        if region != "here":
            raise DefinitionError(f"there is no region '{region}'; expected here")
        return self.regions[0].url

    def check(self, connection: Connection) -> None:
        """Raise DefinitionError for another region."""
        self.url(connection.region)

    def check_secret(self, secret: Secret) -> None:
        """Raise DefinitionError for an empty secret."""
        if not secret.value:
            raise DefinitionError("the secret is empty")

    def items_per_request(self, binding: Binding) -> int:
        """As the fake was made."""
        del binding
        return self.items

    def prepare(
        self,
        binding: Binding,
        batch: Batch,
        ids: pa.Array[Any],
        secret: Secret,
        sheet: Sheet | None = None,
        events: pa.Array[Any] | None = None,
    ) -> Request:
        """Equal arguments give equal bytes."""
        del secret, sheet
        assert batch.stamp is not None, "a batch is stamped before it is sent"
        values = [value for value in ids.to_pylist() if value is not None]
        stamps, ttls = [batch.stamp] * len(values), [binding.ttl_minutes] * len(values)
        if events is not None:
            own = lives(events, batch.stamp, binding.ttl_minutes, self.spec.limits.ttl_maximum)
            stamps, ttls = [datetime.fromtimestamp(60 * minutes, UTC) for minutes in own.since.tolist()], own.ttl.tolist()
        head = f"{binding.target.id} {batch.operation} {batch.id_type} {batch.stamp} {binding.ttl_minutes} ".encode()
        body = head + b" ".join(f"{value.hex()} {stamp}".encode() for value, stamp in zip(values, stamps, strict=True))
        fingerprint = hashlib.sha256(body).hexdigest()
        self._prepared[fingerprint] = (binding, batch, values)
        self._stamps[fingerprint] = stamps
        self._ends[fingerprint] = [stamp + timedelta(minutes=ttl) for stamp, ttl in zip(stamps, ttls, strict=True)]
        return Request(binding.target.url, {}, body, fingerprint, len(values))

    def prepare_notice(
        self, url: str, advertiser: str, auth: Auth, kind: RequestType, id_type: IdType, ids: pa.Array[Any], secret: Secret
    ) -> Request:
        """Equal arguments give equal bytes."""
        del auth, secret
        values = [value for value in ids.to_pylist() if value is not None]
        body = f"{url} {advertiser} {kind} {id_type} ".encode() + b" ".join(value.hex().encode() for value in values)
        fingerprint = hashlib.sha256(body).hexdigest()
        self._told[fingerprint] = (url, advertiser, kind, id_type, values)
        return Request(url, {}, body, fingerprint, len(values))

    def send(self, request: Request) -> Receipt:
        """Apply the request as the next answer says."""
        self.sent.append(request)
        answer = self.answers.popleft() if self.answers else APPLIED
        if answer.answer is Answer.APPLIED or answer.answer in self.applied_anyway:
            self._apply(request.fingerprint, {line.item for line in answer.lines})
        return answer

    def at_hand(self, request: Request) -> None:
        """Only `send` can."""
        del request

    def probe(self, url: str, advertiser: str, auth: Auth, secret: Secret) -> Probe:
        """Always ready."""
        del url, advertiser, auth, secret
        return Probe(Verdict.READY, "it is in memory", "nothing")

    def platform(self, region: str, advertiser: str, token: Secret) -> FakePlatform:
        """Raise ConfigurationError for a token that is refused; what is made there is remembered."""
        return FakePlatform(self, self.url(region), advertiser, token)

    def held(self, url: str, advertiser: str, segment: str) -> set[tuple[IdType, bytes]]:
        """Who is in a segment now."""
        return {key for key, ends in self.segments.get((url, advertiser, segment), {}).items() if ends > self.clock.now()}

    def _apply(self, fingerprint: str, refused: set[int]) -> None:
        if fingerprint in self._told:
            self._forget(*self._told[fingerprint], refused)
            return
        binding, batch, values = self._prepared[fingerprint]
        target = binding.target
        place = target.url, target.advertiser, target.segment
        segment, stamps = self.segments.setdefault(place, {}), self.stamps.setdefault(place, {})
        assert batch.stamp is not None, "a batch is stamped before it is sent"
        for item, value in enumerate(values):
            if item in refused:
                continue
            if batch.operation is Operation.REMOVE:
                segment.pop((batch.id_type, value), None)
            else:
                segment[batch.id_type, value] = self._ends[fingerprint][item]
                stamps[batch.id_type, value] = self._stamps[fingerprint][item]

    def _forget(self, url: str, advertiser: str, kind: RequestType, id_type: IdType, values: list[bytes], refused: set[int]) -> None:
        """Take them out of every segment of the advertiser."""
        for value in (value for item, value in enumerate(values) if item not in refused):
            self.told.append((advertiser, kind, id_type, value))
            for place, segment in self.segments.items():
                if place[:2] == (url, advertiser):
                    segment.pop((id_type, value), None)


@dataclass
class FakePlatform:
    """What the fake says of its segments; the token `refused` is refused."""

    of: FakeDestination
    url: str
    advertiser: str
    token: Secret

    def check(self) -> None:
        """Raise ConfigurationError for a token that is refused."""
        self.of.asked += 1
        if self.token.value == "refused":
            raise ConfigurationError("the platform refuses the platform token")

    def listings(self, names: Collection[str]) -> dict[str, Listing]:
        """Segments that anybody was ever in, numbered as they were made."""
        self.check()
        return {
            segment: Listing(number, segment, Activity(self.of.active.get(segment, len(self.of.held(url, advertiser, segment)))))
            for number, (url, advertiser, segment) in enumerate(self.of.segments, 1)
            if (url, advertiser) == (self.url, self.advertiser) and segment in names and segment not in self.of.unlisted
        }

    def find(self, use: Use, name: str) -> tuple[Arranged, ...]:
        """What has exactly this name."""
        self.check()
        return tuple(each for each in self.of.made if (each.use, each.name) == (use, name))

    def save(self, wanted: Arranged) -> Arranged:
        """Remember it."""
        self.check()
        saved = wanted if wanted.id else replace(wanted, id=f"made{len(self.of.made) + 1}")
        self.of.made = [each for each in self.of.made if each.id != saved.id] + [saved]
        return saved
