"""One request to the platform, read: its fields in the reference spelling, its credential, and who it speaks for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from tradewind.sandbox import credentials
from tradewind.sandbox.advertisers import Advertiser, State
from tradewind.sandbox.refusal import Refused
from tradewind.sandbox.rules import respelled
from tradewind.sandbox.wire import Request

UPLOAD, DELETION = "/data/advertiser", "/data/deletion-optout/advertiser"
MAX_REQUEST_BYTES = 2_500_000

_SHARED = frozenset({"AdvertiserId", "DataProviderId", "Items", "DataLoadTraceId"})
_FIELDS = {UPLOAD: _SHARED | {"DataOrigins"}, DELETION: _SHARED | {"RequestType"}}
_SPELLINGS = {name.lower(): name for fields in _FIELDS.values() for name in fields}
_ORIGINS = frozenset({"Advertiser", "DataProvider", "Integration", "Onboarder"})


class Call:
    """A request as the platform reads it. Reading never fails; what is wrong with it is said by `admitted`."""

    def __init__(self, request: Request) -> None:
        self.path = request.path
        self.bytes = len(request.body)
        self.sha256 = hashlib.sha256(request.body).hexdigest()
        self.auth = credentials.kind_of(request.headers)
        self._request = request
        self._fields: dict[str, Any] = {}
        self._wrong: Refused | None = None
        try:
            self._fields = self._read()
        except Refused as refused:
            self._wrong = refused

    def _read(self) -> dict[str, Any]:
        try:
            document = orjson.loads(self._request.body)
        except orjson.JSONDecodeError:
            raise Refused(400, "SerializationFailed", "The body is not valid JSON") from None
        if not isinstance(document, dict):
            raise Refused(400, "SerializationFailed", "The body is not a JSON object")
        try:
            return respelled(document, _FIELDS[self.path], _SPELLINGS)
        except KeyError as unknown:
            raise Refused(400, "SerializationFailed", f"Unknown field {unknown.args[0][:64]!r}") from None

    def _text(self, name: str) -> str | None:
        value = self._fields.get(name)
        return value if isinstance(value, str) else None

    @property
    def advertiser(self) -> str | None:
        """The advertiser id as it was sent."""
        return self._text("AdvertiserId")

    @property
    def trace(self) -> str | None:
        return self._text("DataLoadTraceId")

    @property
    def items(self) -> list[Any]:
        items = self._fields.get("Items")
        return items if isinstance(items, list) else []

    @property
    def request_type(self) -> str:
        return self._text("RequestType") or ""

    def admitted(self, advertisers: Mapping[str, Advertiser]) -> Advertiser:
        """The advertiser this speaks for, once size, form, credential, state and items are right. Raises Refused."""
        if self.bytes > MAX_REQUEST_BYTES:
            raise Refused(413, "MaxRequestSizeExceeded", f"MaxRequestSizeExceeded: the request is over {MAX_REQUEST_BYTES} bytes")
        if self.auth == "both":
            raise Refused(400, "AuthenticationFailed", "Send either TtdSignature or TTD-Auth, not both")
        if self._wrong:
            raise self._wrong
        if not self.advertiser:
            raise Refused(400, "MissingData", "Missing AdvertiserId")
        advertiser = credentials.check(advertisers, self.advertiser, self._request.headers, self._request.body)
        if advertiser.state is State.FORBIDDEN:
            raise Refused(403, "IncorrectPermissions", "This advertiser has no permission to send data")
        if advertiser.state is State.NOT_CONFIGURED:
            raise Refused(400, "AdvertiserMisconfigured", "This advertiser is not configured to send data")
        self._check_fields()
        return advertiser

    def _check_fields(self) -> None:
        if self._fields.get("DataProviderId") is not None:
            raise Refused(403, "DataProviderMisconfigured", "This data provider is not configured; leave DataProviderId out")
        if self._fields.get("DataLoadTraceId") is not None and self.trace is None:
            raise Refused(400, "SerializationFailed", "DataLoadTraceId is not text")
        if not _origins_fit(self._fields.get("DataOrigins")):
            raise Refused(400, "SerializationFailed", "DataOrigins is not a list of {Id, Type}")
        items = self._fields.get("Items")
        if items is not None and not isinstance(items, list):
            raise Refused(400, "SerializationFailed", "Items is not a list")
        if not items:
            raise Refused(400, "MissingData", "The request has missing items")
        if self.path == DELETION and self.request_type not in ("OptOut", "Deletion"):
            raise Refused(400, "IncorrectContent", "RequestType is OptOut or Deletion")


def _origins_fit(origins: Any) -> bool:
    if origins is None:
        return True
    return isinstance(origins, list) and all(
        isinstance(each, dict) and isinstance(each.get("Id"), str) and each.get("Type") in _ORIGINS for each in origins
    )
