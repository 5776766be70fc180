"""A destination that always fails, in the way its region names: to rehearse a bad day without any platform."""

from __future__ import annotations

import hashlib
from typing import Any

import pyarrow as pa

from tradewind.destinations.base import Probe, Request, Sheet, Verdict
from tradewind.destinations.platform import Platform
from tradewind.door import Door
from tradewind.errors import ConfigurationError, DefinitionError
from tradewind.model.destination import Auth, Connection, Limits, Region, Secret, Spec
from tradewind.model.identifier import IdType
from tradewind.model.plan import Batch
from tradewind.model.privacy import RequestType
from tradewind.model.run import Answer, Line, LineClass, Receipt
from tradewind.model.sync import Binding

REFUSED_ITEM = "refused-item"
"""The way in which the request is applied but for its first item."""

_WAYS = {
    REFUSED_ITEM: Receipt(Answer.APPLIED, (Line(0, "MissingUserId", LineClass.ROW),), 200),
    **{answer.value.replace("_", "-"): Receipt(answer, note="a rehearsal") for answer in Answer if answer is not Answer.APPLIED},
}


class Failing:
    """Nothing is ever sent. Every answer but `applied` is a region, and so is `refused-item`."""

    spec = Spec("failing", "Always failing", tuple(IdType), Limits(10_000, 2_000_000, 43_200, 1_440, 259_200, 128))
    regions: tuple[Region, ...] = tuple(Region(way, f"answers: {way}", f"https://{way}.failing.invalid") for way in _WAYS)

    def __init__(self, door: Door | None = None, sandbox_url: str | None = None) -> None:
        del door, sandbox_url  # nothing goes out

    def url(self, region: str) -> str:
        """The address that stands for a way to fail. Raises DefinitionError for a way there is not."""
        for each in self.regions:
            if each.key == region:
                return each.url
        raise DefinitionError(f"there is no region '{region[:40]}'; expected one of {', '.join(_WAYS)}")

    def check(self, connection: Connection) -> None:
        """Raise DefinitionError for a way there is not."""
        self.url(connection.region)

    def check_secret(self, secret: Secret) -> None:
        """Any secret will do."""

    def items_per_request(self, binding: Binding) -> int:
        """As many as the limits say."""
        del binding
        return self.spec.limits.items

    def prepare(
        self,
        binding: Binding,
        batch: Batch,
        ids: pa.Array[Any],
        secret: Secret,
        sheet: Sheet | None = None,
        events: pa.Array[Any] | None = None,
    ) -> Request:
        """A request that names the batch and holds nothing of it."""
        del secret, sheet, events
        body = f"{binding.id} {batch.number} {batch.stamp} {len(ids)}".encode()
        return Request(binding.target.url, {}, body, hashlib.sha256(body).hexdigest(), len(ids))

    def prepare_notice(
        self, url: str, advertiser: str, auth: Auth, kind: RequestType, id_type: IdType, ids: pa.Array[Any], secret: Secret
    ) -> Request:
        """A request that says what it is and names nobody."""
        del auth, secret
        body = f"{advertiser} {kind} {id_type} {len(ids)}".encode()
        return Request(url, {}, body, hashlib.sha256(body).hexdigest(), len(ids))

    def send(self, request: Request) -> Receipt:
        """Fail in the way of the request's address."""
        return _WAYS[self._way(request.url)]

    def at_hand(self, request: Request) -> None:
        """There is nothing to wait for."""
        del request

    def probe(self, url: str, advertiser: str, auth: Auth, secret: Secret) -> Probe:
        """Always unclear: there is nobody to ask."""
        del advertiser, auth, secret
        return Probe(Verdict.UNCLEAR, f"this destination always fails, with: {self._way(url)}", "anything: it is for rehearsals")

    def platform(self, region: str, advertiser: str, token: Secret) -> Platform:
        """There is nobody to ask."""
        del region, advertiser, token
        raise ConfigurationError("a destination that always fails has no platform to ask")

    def _way(self, url: str) -> str:
        return next(region.key for region in self.regions if region.url == url)
