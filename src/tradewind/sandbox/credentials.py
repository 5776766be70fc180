"""Who is asking: `TtdSignature` (HMAC-SHA1 of the exact body) or `TTD-Auth` (a token), one of them and never both."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from tradewind.sandbox.advertisers import Advertiser, State
from tradewind.sandbox.refusal import Refused

SIGNATURE, TOKEN = "ttdsignature", "ttd-auth"


def signature(secret: str, body: bytes) -> str:
    """What `TtdSignature` must say for this body: 28 characters of Base64."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha1).digest()).decode()


def kind_of(headers: Mapping[str, str]) -> str:
    """Which credential a request carries: signature, token, both or none. Header names are lower case."""
    signed, token = SIGNATURE in headers, TOKEN in headers
    return {(True, True): "both", (True, False): "signature", (False, True): "token", (False, False): "none"}[signed, token]


def check(advertisers: Mapping[str, Advertiser], advertiser_id: str, headers: Mapping[str, str], body: bytes) -> Advertiser:
    """The advertiser the request speaks for. Raises Refused: 401 for a wrong credential, 403 for a right one in the wrong place."""
    kind = kind_of(headers)
    if kind == "none":
        raise Refused(401, "AuthenticationFailed", "Invalid or missing authentication token")
    if kind == "token" and not any(_same(each.token, headers[TOKEN]) for each in advertisers.values()):
        raise Refused(401, "InvalidToken", "Invalid or missing authentication token")
    advertiser = advertisers.get(advertiser_id)
    if advertiser is None:
        raise Refused(403, "InvalidDataOwnerId", "The advertiser is unknown, or these credentials are not for it")
    if advertiser.state is State.WRONG_SECRET:
        raise Refused(401, "AuthenticationFailed", "Invalid signature or token for this advertiser")
    if kind == "token" and not _same(advertiser.token, headers[TOKEN]):
        raise Refused(403, "IncorrectPermissions", "This token has no permission for this advertiser")
    if kind == "signature" and not _same(signature(advertiser.secret, body), headers[SIGNATURE]):
        raise Refused(401, "AuthenticationFailed", "Invalid signature for this advertiser")
    return advertiser


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode())
