"""The form of each kind of identifier: its name on the wire, its width in bytes, its text."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass

from tradewind.model.identifier import IdType


@dataclass(frozen=True)
class Kind:
    """`field` is the platform's own field name, `widths` the possible bytes of a value, `characters` those of its text."""

    field: str
    widths: tuple[int, ...]
    characters: int


KINDS: dict[IdType, Kind] = {
    IdType.TDID: Kind("TDID", (16,), 36),
    IdType.DAID: Kind("DAID", (16,), 36),
    IdType.UID2: Kind("UID2", (32, 33), 44),
}


def is_guid(id_type: IdType) -> bool:
    """Whether values are written as a GUID (16 bytes, 36 characters, lower case); otherwise they are standard Base64."""
    return KINDS[id_type].characters == 36


def from_text(id_type: IdType, text: str) -> bytes:
    """The bytes of one value that passed the check of its type."""
    return uuid.UUID(text).bytes if is_guid(id_type) else base64.b64decode(text, validate=True)


def to_text(id_type: IdType, value: bytes) -> str:
    """One value as the platform reads it; the inverse of `from_text`."""
    return str(uuid.UUID(bytes=value)) if is_guid(id_type) else base64.b64encode(value).decode("ascii")
