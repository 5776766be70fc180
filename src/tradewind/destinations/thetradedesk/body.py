"""Request bodies, laid out by numpy into a template of fixed-width items: bytes in, bytes out, no object per item."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from tradewind.destinations.base import Sheet
from tradewind.destinations.lives import Lives
from tradewind.errors import Bug
from tradewind.model.destination import Limits
from tradewind.model.identifier import IdType

Bytes = npt.NDArray[np.uint8]

GUID_LENGTH, BASE64_LENGTH = 36, 44
"""Characters of an identifier's text: a GUID of 16 bytes, or standard Base64 of 32 or 33."""

GROUPS = ((0, 8, 0), (8, 4, 9), (12, 4, 14), (16, 4, 19), (20, 12, 24))
"""A GUID's 32 digits between its dashes: from which, how many, and where in the text they stand."""

_DIGITS, _DASHED = (
    np.dtype({"names": list("abcde"), "formats": [f"V{group[1]}" for group in GROUPS], "offsets": offsets, "itemsize": size})
    for offsets, size in (([first for first, _, _ in GROUPS], 32), ([place for _, _, place in GROUPS], GUID_LENGTH))
)
"""The groups of a GUID, with nothing between them and as they stand in its text: one assignment copies all of them."""

AT_A_TIME = 2_500
"""Identifiers whose digits are worked out before they are written: so many stay in the caches near the processor."""

MINUTES_A_DAY = 1440

_EPOCH_DAY = date(1970, 1, 1).toordinal()

WIDEST_TTL = 100_000
"""A TTL of as many digits as any has; one with fewer is written with blanks before it, as JSON allows."""

OWN_TTL, OWN_STAMP = -48, -25
"""Where the TTL and the time stamp of an item begin, counted from its end."""


@dataclass(frozen=True)
class Layout:
    """What every item of a request shares. `ttl_minutes` 0 takes the identifier out of the segment."""

    advertiser: str
    segment: str
    id_type: IdType
    ttl_minutes: int
    stamp: datetime
    trace: str | None = None

    def head(self) -> bytes:
        return _head(self.advertiser)

    def item(self) -> tuple[bytes, bytes]:
        """What stands before and after an identifier's text; the comma after the last item is written over."""
        return _item(self.segment, self.id_type, self.ttl_minutes, self.stamp)

    def own_item(self) -> tuple[bytes, bytes]:
        """The same with room for a TTL and a time stamp of the item's own; what stands there is written over."""
        return replace(self, ttl_minutes=WIDEST_TTL, stamp=datetime.fromtimestamp(0, UTC)).item()

    def tail(self) -> bytes:
        return b"]" + (b',"DataLoadTraceId":' + orjson.dumps(self.trace) if self.trace is not None else b"") + b"}"


def empty_body(advertiser: str) -> bytes:
    """A request without items: the platform reads who asks, and answers that items are missing."""
    return _head(advertiser) + b"]}"


def items_per_body(limits: Limits, layout: Layout) -> int:
    """How many items of this layout fit into one request, with a TTL and a time stamp of their own or without."""
    before, after = layout.own_item()
    each = len(before) + len(after) + (BASE64_LENGTH if layout.id_type is IdType.UID2 else GUID_LENGTH)
    return min(limits.items, (limits.bytes - len(layout.head()) - len(layout.tail())) // each)


def lay_out(layout: Layout, ids: pa.Array[Any], sheet: Sheet, own: Lives | None = None) -> memoryview:
    """The body of a request for `ids`: a binary array without nulls, of fixed width or not; 16 bytes each, a UID2 32 or 33.

    With `own` each item has a stamp and a TTL of its own in the place of those of the layout. The body lies on the sheet. What it
    shares with the body before it there is not written again: most of it, while the stamp is the same.
    """
    if not len(ids):
        raise Bug("a request holds at least one item")
    before, after = layout.own_item() if own else layout.item()
    blank = b"-" * (BASE64_LENGTH if layout.id_type is IdType.UID2 else GUID_LENGTH)
    head, tail, item = layout.head(), layout.tail(), before + blank + after
    length = len(head) + len(ids) * len(item) + len(tail) - 1
    sheet.widen(length)
    body = np.frombuffer(sheet.octets, np.uint8, length)
    if sheet.form != (head, item, len(ids)):
        body[: len(head)] = np.frombuffer(head, np.uint8)
        items = np.ndarray((len(ids),), f"V{len(item)}", body, len(head))
        items[:] = np.frombuffer(item, items.dtype)
        sheet.form = (head, item, len(ids))
    text = _Text(body, len(head) + len(before), len(item), len(ids))
    if layout.id_type is IdType.UID2:
        _write_base64(text, ids)
    else:
        _write_guids(text, _matrix(ids, 16))
    if own:
        _write_lives(replace(text, start=len(head) + len(item)), own)
    body[-len(tail) :] = np.frombuffer(tail, np.uint8)
    return memoryview(sheet.octets)[:length]


def fingerprint(url: str, layout: Layout, signature: str) -> str:
    """Of a body and where it goes: 16 hexadecimal digits for what all items share, a dash, and 64 for the whole, by its signature.

    The signature is a digest of the body already. It is not kept itself: with it, whoever reads the books could send the body.
    """
    shared = (url.encode(), layout.head(), *layout.item(), layout.tail())
    frame = hashlib.sha256(b"".join([b"%d:%b" % (len(part), part) for part in shared])).hexdigest()[:16]
    return f"{frame}-{hashlib.sha256(signature.encode()).hexdigest()}"


@lru_cache(8)
def _item(segment: str, id_type: IdType, ttl_minutes: int, stamp: datetime) -> tuple[bytes, bytes]:
    """Kept for the bodies that follow: those of one second share it."""
    moment = stamp.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    data = {"Name": segment, "TtlInMinutes": ttl_minutes, "TimestampUtc": moment}
    return b'{"' + id_type.value.encode() + b'":"', b'","Data":[' + orjson.dumps(data) + b"]},"


def _head(advertiser: str) -> bytes:
    return b'{"AdvertiserId":' + orjson.dumps(advertiser) + b',"Items":['


@dataclass(frozen=True)
class _Text:
    """Where the identifiers stand in a body: the first at `start`, each `width` bytes after the one before."""

    body: Bytes
    start: int
    width: int
    items: int

    def column(self, place: int, kind: str | np.dtype[Any]) -> npt.NDArray[Any]:
        """What stands in each identifier from `place` on, as one value of a numpy type each."""
        return np.ndarray((self.items,), kind, self.body, self.start + place, (self.width,))


def _write_guids(text: _Text, values: Bytes) -> None:
    """16 bytes -> 36 characters; the dashes stand already."""
    texts = text.column(0, _DASHED)
    for start in range(0, text.items, AT_A_TIME):
        some = values[start : start + AT_A_TIME]
        texts[start : start + AT_A_TIME] = np.ndarray((len(some),), _DIGITS, _digits(some))


def _digits(values: Bytes) -> npt.NDArray[np.uint16]:
    """Bytes -> two hexadecimal digits each, by arithmetic on all of them: a table would have to be fetched anew after each body."""
    pairs = values.astype(np.uint16)
    np.multiply(pairs, 0x1001, out=pairs)
    np.right_shift(pairs, 4, out=pairs)  # the first digit's value in the lower byte, the second's in the upper
    digits = pairs.view(np.uint8)
    letters = np.greater(digits, 9).view(np.uint8)
    np.multiply(letters, ord("a") - ord("0") - 10, out=letters)
    np.add(digits, letters, out=digits)
    np.add(digits, ord("0"), out=digits)
    return pairs


def _write_base64(text: _Text, ids: pa.Array[Any]) -> None:
    """32 or 33 bytes -> 44 characters: twelve bits at a time through a table of their two characters.

    A value of 32 bytes is written as one of 33 that ends in a zero byte, whose last character then becomes `=`.
    """
    lengths = np.diff(_offsets(ids))
    short = lengths == 32
    if not np.all(short | (lengths == 33)):
        raise Bug("a UID2 has 32 or 33 bytes")
    values = np.zeros((len(ids), 33), np.uint8)
    for rows, width in ((short, 32), (~short, 33)):
        if rows.any():
            values[rows, :width] = _matrix(ids if rows.all() else ids.filter(pa.array(rows)), width)
    threes = values.reshape(len(ids), 11, 3).astype(np.uint16)
    pairs = np.empty((len(ids), 11, 2), np.uint16)
    pairs[:, :, 0] = threes[:, :, 0] << 4 | threes[:, :, 1] >> 4
    pairs[:, :, 1] = (threes[:, :, 1] & 15) << 8 | threes[:, :, 2]
    letters = _base64_table()[pairs].reshape(len(ids), 22).view("<u4")
    for number in range(11):
        text.column(4 * number, "<u4")[:] = letters[:, number]
    text.column(BASE64_LENGTH - 1, "u1")[short] = ord("=")


def _write_lives(ends: _Text, own: Lives) -> None:
    """A TTL and a time stamp for each item, through tables of their texts; `ends` is where the items end."""
    ends.column(OWN_TTL, "V6")[:] = _ttl_table().take(own.ttl)
    days, minutes = np.divmod(own.since, MINUTES_A_DAY)
    first = int(days.min())
    ends.column(OWN_STAMP, "V10")[:] = _dates(first, int(days.max())).take(days - first)
    ends.column(OWN_STAMP + len("2026-07-01T"), "V5")[:] = _minute_table().take(minutes)


def _matrix(ids: pa.Array[Any], width: int) -> Bytes:
    """A binary array whose values all have `width` bytes, as rows of a matrix over its own memory."""
    return np.frombuffer(_octets(ids, width), np.uint8).reshape(len(ids), width)


def _octets(ids: pa.Array[Any], width: int) -> memoryview[int]:
    """The same as bytes, one value after another."""
    if ids.type == pa.binary(width) and not ids.null_count:
        return _buffer(ids, 1)[ids.offset * width : (ids.offset + len(ids)) * width]
    offsets = _offsets(ids)
    if not np.array_equal(offsets, np.arange(offsets[0], offsets[0] + (len(ids) + 1) * width, width)):
        raise Bug(f"an identifier of this type has {width} bytes")
    return _buffer(ids, 2)[offsets[0] : offsets[-1]]


def _offsets(ids: pa.Array[Any]) -> npt.NDArray[np.int32]:
    if ids.type != pa.binary() or ids.null_count:
        raise Bug(f"identifiers are a binary array without nulls, not {ids.type}")
    return np.frombuffer(_buffer(ids, 1), np.int32, len(ids) + 1, ids.offset * 4)


def _buffer(ids: pa.Array[Any], number: int) -> memoryview[int]:
    buffer = ids.buffers()[number]
    assert buffer is not None, "an array that is not empty has offsets and values"
    return memoryview(buffer)


@cache
def _base64_table() -> npt.NDArray[np.uint16]:
    """Twelve bits -> their two Base64 characters as they lie in memory."""
    letters = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8)
    twelve = np.arange(4096)
    return np.stack([letters[twelve >> 6], letters[twelve & 63]], axis=1).view(np.uint16).reshape(4096)


@cache
def _ttl_table() -> npt.NDArray[Any]:
    """A TTL in minutes, which is under 300,000 -> its six characters."""
    return _texts(f"{minutes:6}" for minutes in range(300_000))


@cache
def _minute_table() -> npt.NDArray[Any]:
    """A minute of the day -> its five characters."""
    return _texts(f"{minute // 60:02}:{minute % 60:02}" for minute in range(MINUTES_A_DAY))


@lru_cache(8)
def _dates(first: int, last: int) -> npt.NDArray[Any]:
    """The ten characters of each day, from so many days after 1970 to so many."""
    return _texts(date.fromordinal(_EPOCH_DAY + day).isoformat() for day in range(first, last + 1))


def _texts(texts: Iterable[str]) -> npt.NDArray[Any]:
    """Texts of one length, as one value of their bytes each."""
    found = [text.encode() for text in texts]
    return np.frombuffer(b"".join(found), f"V{len(found[0])}")
