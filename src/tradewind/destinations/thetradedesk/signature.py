"""How a request shows who sends it: the digest of its body under the advertiser's secret key, or a token."""

from __future__ import annotations

import base64
import hmac

from tradewind.model.destination import Auth, Secret


def signature(body: bytes | memoryview, secret: Secret) -> str:
    """Base64 of the HMAC-SHA1 of these very bytes, 28 characters."""
    return base64.b64encode(hmac.digest(secret.value.encode(), body, "sha1")).decode("ascii")


def headers(auth: Auth, secret: Secret, signed: str) -> dict[str, str]:
    """The headers of a request whose body has this signature; exactly one of them says who sends."""
    shown = {"TTD-Auth": secret.value} if auth is Auth.TOKEN else {"TtdSignature": signed}
    return {"Content-Type": "application/json", **shown}
