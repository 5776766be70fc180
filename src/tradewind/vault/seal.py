"""Sealing a text to the one row it belongs in: AES-GCM, with the row's identity as associated data."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tradewind.errors import ConfigurationError
from tradewind.vault.key import Key

_NONCE = 12

NOUNS = {"key_pair": "source", "privacy": "request", "contact_url": "contact", "contact_secret": "contact", "second_factor": "user"}
"""What the owner of a secret is called, by the field it is sealed as; every other field is a connection's."""


@dataclass(frozen=True)
class Place:
    """The identity of a row; what is sealed for one place does not open at another. `connection` is whose it is, by the field."""

    project: str
    connection: str
    field: str
    version: int

    @property
    def owner(self) -> str:
        """Whose it is, for a sentence."""
        return f"{NOUNS.get(self.field, 'connection')} '{self.connection}'"

    def identity(self) -> bytes:
        """The four parts, each after its length, so that no two places share a spelling."""
        parts = (part.encode() for part in (self.project, self.connection, self.field, str(self.version)))
        return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def seal(key: Key, place: Place, text: str) -> bytes:
    """Key id (4 bytes), nonce (12), ciphertext and tag."""
    nonce = secrets.token_bytes(_NONCE)
    return key.id + nonce + AESGCM(key.sealing).encrypt(nonce, text.encode(), place.identity())


def unseal(key: Key, place: Place, sealed: bytes) -> str:
    """The text. Raises ConfigurationError when another key sealed it, or it was changed, or it belongs to another row."""
    head, nonce, body = sealed[: len(key.id)], sealed[len(key.id) : len(key.id) + _NONCE], sealed[len(key.id) + _NONCE :]
    if not hmac.compare_digest(head, key.id):
        raise ConfigurationError(f"the secret of {place.owner} was sealed with another key; put back the key it was sealed with")
    try:
        return AESGCM(key.sealing).decrypt(nonce, body, place.identity()).decode()
    except (InvalidTag, ValueError):
        raise ConfigurationError(
            f"the secret of {place.owner} does not open: its row was altered or moved; give the secret again"
        ) from None


def fingerprint(key: Key, project: str, connection: str, field: str, text: str) -> str:
    """Sixteen characters by which an operator sees whether a secret changed; unlike for the same text at another connection."""
    place = Place(project, connection, field, 0)
    return hmac.new(key.fingerprints, place.identity() + text.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()[:16]
