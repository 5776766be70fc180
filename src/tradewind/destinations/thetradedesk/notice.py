"""The request that tells of people who said no: its body, for the opt-out and the deletion alike."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import orjson
import pyarrow as pa

from tradewind.model.identifier import IdType
from tradewind.model.privacy import RequestType

NOTICE_PATH = "/data/deletion-optout/advertiser"


def notice_body(advertiser: str, kind: RequestType, id_type: IdType, ids: pa.Array[Any]) -> bytes:
    """`ids` is a binary array of one request at most; items hold an identifier and nothing else, for no segment is named."""
    name = id_type.value
    items = [{name: _text(id_type, value)} for value in ids.to_pylist() if value is not None]
    return orjson.dumps({"AdvertiserId": advertiser, "RequestType": kind.value, "Items": items})


def _text(id_type: IdType, value: bytes) -> str:
    return base64.b64encode(value).decode("ascii") if id_type is IdType.UID2 else str(uuid.UUID(bytes=value))
