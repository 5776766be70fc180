"""The Trade Desk as a destination: what stands in the other files of this folder, put together over the door."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

import pyarrow as pa

from tradewind.destinations.base import Probe, Request, Sheet
from tradewind.destinations.lives import lives
from tradewind.destinations.thetradedesk import names
from tradewind.destinations.thetradedesk.answer import receipt
from tradewind.destinations.thetradedesk.body import Layout, empty_body, fingerprint, items_per_body, lay_out
from tradewind.destinations.thetradedesk.notice import NOTICE_PATH, notice_body
from tradewind.destinations.thetradedesk.platform import HOST, TradeDeskPlatform
from tradewind.destinations.thetradedesk.probe import read_probe
from tradewind.destinations.thetradedesk.signature import headers, signature
from tradewind.destinations.thetradedesk.spec import PATH, REGIONS, SANDBOX, SPEC, sandbox_region
from tradewind.door import Door, Response
from tradewind.errors import Bug, ConfigurationError, DefinitionError, RetryableError, UncertainError
from tradewind.model.destination import Auth, Connection, Region, Secret
from tradewind.model.identifier import IdType
from tradewind.model.plan import Batch, Operation
from tradewind.model.privacy import RequestType
from tradewind.model.run import Answer, Receipt
from tradewind.model.sync import Binding
from tradewind.steps import Steps


class TheTradeDesk:
    """First-party data of one advertiser, by `POST /data/advertiser`. With `sandbox_url` there is a seventh region.

    Raises ConfigurationError where `sandbox_url` is not a loopback address.
    """

    spec = SPEC

    def __init__(self, door: Door, sandbox_url: str | None = None) -> None:
        self._door = door
        self.regions: tuple[Region, ...] = REGIONS if sandbox_url is None else (*REGIONS, sandbox_region(sandbox_url))
        self._urls = frozenset(region.url for region in self.regions)

    def url(self, region: str) -> str:
        """The host of a data center. Raises DefinitionError for a region there is not, ConfigurationError for a sandbox without address."""
        for each in self.regions:
            if each.key == region:
                return each.url
        if region == SANDBOX:
            raise ConfigurationError(
                "region 'sandbox' needs TRADEWIND_SANDBOX_URL, the address of a sandbox on this machine; start one with: tradewind sandbox"
            )
        keys = [each.key for each in self.regions]
        near = get_close_matches(region, keys, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"expected one of {', '.join(keys)}"
        raise DefinitionError(f"there is no region '{region[:40]}'; {hint}")

    def check(self, connection: Connection) -> None:
        """Raise DefinitionError where the advertiser id, region or a type of identifier is not possible here."""
        names.check_advertiser(connection.advertiser)
        self.url(connection.region)
        for mapping in connection.identity.mappings:
            if mapping.id_type not in SPEC.id_types:
                raise DefinitionError(f"{SPEC.name} does not take {mapping.id_type.value}; expected one of {', '.join(SPEC.id_types)}")

    def check_secret(self, secret: Secret) -> None:
        """Raise DefinitionError where the text cannot be a secret key or token."""
        names.check_secret(secret)

    def items_per_request(self, binding: Binding) -> int:
        """How many identifiers of any type fit into one request."""
        widest = _layout(binding, SPEC.id_types[0], binding.ttl_minutes, datetime.fromtimestamp(0, UTC), 10**9)
        return min(items_per_body(SPEC.limits, replace(widest, id_type=id_type)) for id_type in SPEC.id_types)

    def prepare(
        self,
        binding: Binding,
        batch: Batch,
        ids: pa.Array[Any],
        secret: Secret,
        sheet: Sheet | None = None,
        events: pa.Array[Any] | None = None,
    ) -> Request:
        """Lay out and sign a batch. Raises ConfigurationError for an address that is not of a region offered here."""
        self._refuse_strange(binding.target.url)
        if len(ids) != batch.rows or batch.stamp is None:
            raise Bug(f"batch {batch.number} has {batch.rows} rows and a stamp, not {len(ids)} rows and {batch.stamp}")
        if events is not None and batch.operation is Operation.REMOVE:
            raise Bug(f"batch {batch.number} removes, and a removal has the stamp of its run")
        ttl = 0 if batch.operation is Operation.REMOVE else binding.ttl_minutes
        layout = _layout(binding, batch.id_type, ttl, batch.stamp, batch.number)
        own = None if events is None else lives(events, batch.stamp, ttl, SPEC.limits.ttl_maximum)
        url = binding.target.url + PATH
        body = lay_out(layout, ids, sheet or Sheet(), own)
        if len(body) > SPEC.limits.bytes or len(ids) > SPEC.limits.items:
            raise Bug(f"batch {batch.number} is larger than a request may be")
        signed = signature(body, secret)
        return Request(url, headers(Auth(binding.auth), secret, signed), body, fingerprint(url, layout, signed), len(ids))

    def prepare_notice(
        self, url: str, advertiser: str, auth: Auth, kind: RequestType, id_type: IdType, ids: pa.Array[Any], secret: Secret
    ) -> Request:
        """Lay out and sign an opt-out or deletion. Raises ConfigurationError for an address that is not of a region offered here."""
        self._refuse_strange(url)
        body = notice_body(advertiser, kind, id_type, ids)
        if len(body) > SPEC.limits.bytes or not 0 < len(ids) <= SPEC.limits.items:
            raise Bug("a notice is empty, or larger than a request may be")
        return Request(url + NOTICE_PATH, headers(auth, secret, signature(body, secret)), body, hashlib.sha256(body).hexdigest(), len(ids))

    def send(self, request: Request) -> Receipt:
        """Send once and say what was answered."""
        try:
            answer = self._door.post(request.url, request.body, request.headers)
        except (RetryableError, UncertainError) as error:
            return _lost(error)
        return receipt(answer.status, answer.headers, answer.body, request.items)

    def at_hand(self, request: Request) -> Steps[Receipt] | None:
        """Send over a connection that is free."""
        steps = self._door.at_hand(request.url, request.body, request.headers)
        return None if steps is None else _judged(steps, request.items)

    def probe(self, url: str, advertiser: str, auth: Auth, secret: Secret) -> Probe:
        """Send a signed request without items, and say what its answer proves."""
        try:
            body = empty_body(advertiser)
            answer = self._door.post(url + PATH, body, headers(auth, secret, signature(body, secret)))
        except (RetryableError, UncertainError) as error:
            return read_probe(None, str(error))
        return read_probe(answer.status, secret.struck_from(answer.body.decode("utf-8", "replace")))

    def platform(self, region: str, advertiser: str, token: Secret) -> TradeDeskPlatform:
        """The platform's own API: one host for all data centers, and the sandbox for itself."""
        return TradeDeskPlatform(self._door, self.url(region) if region == SANDBOX else HOST, advertiser, token)

    def _refuse_strange(self, url: str) -> None:
        if url not in self._urls:
            raise ConfigurationError("the address to send to is of no region that is offered here (is the sandbox's address set?)")


def _judged(steps: Steps[Response], items: int) -> Steps[Receipt]:
    try:
        answer = yield from steps
    except (RetryableError, UncertainError) as error:
        return _lost(error)
    return receipt(answer.status, answer.headers, answer.body, items)


def _lost(error: RetryableError | UncertainError) -> Receipt:
    return Receipt(Answer.UNKNOWN if isinstance(error, UncertainError) else Answer.UNREACHED, note=str(error))


def _layout(binding: Binding, id_type: IdType, ttl: int, stamp: datetime, number: int) -> Layout:
    """The trace is the binding's and the batch's own, so that a re-send is the same bytes."""
    return Layout(binding.target.advertiser, binding.target.segment, id_type, ttl, stamp, f"{binding.id}-{number}")
