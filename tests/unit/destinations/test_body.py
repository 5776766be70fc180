"""Bodies are what plain JSON would be, byte for byte, and never larger than said."""

from __future__ import annotations

import base64
import json
import mmap
import os
import sys
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.destinations.base import Sheet
from tradewind.destinations.lives import Lives, lives
from tradewind.destinations.thetradedesk import body
from tradewind.destinations.thetradedesk.body import Layout, empty_body, fingerprint, items_per_body
from tradewind.destinations.thetradedesk.signature import signature
from tradewind.destinations.thetradedesk.spec import SPEC
from tradewind.errors import Bug
from tradewind.model.destination import Secret
from tradewind.model.identifier import IdType

STAMP = datetime(2026, 7, 1, 12, 30, 5, tzinfo=UTC)
URL = "https://use-data.adsrvr.org/data/advertiser"


def text_of(value: bytes) -> str:
    return str(uuid.UUID(bytes=value)) if len(value) == 16 else base64.b64encode(value).decode()


def document(layout: Layout, values: list[bytes], own: Lives | None = None) -> dict[str, Any]:
    """What a body says, one object an item."""
    since = [layout.stamp] * len(values) if own is None else [datetime.fromtimestamp(60 * each, UTC) for each in own.since.tolist()]
    ttls = [layout.ttl_minutes] * len(values) if own is None else own.ttl.tolist()
    stamps = [stamp.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for stamp in since]
    items = [
        {layout.id_type.value: text_of(value), "Data": [{"Name": layout.segment, "TtlInMinutes": ttl, "TimestampUtc": stamp}]}
        for value, ttl, stamp in zip(values, ttls, stamps, strict=True)
    ]
    trace = {} if layout.trace is None else {"DataLoadTraceId": layout.trace}
    return {"AdvertiserId": layout.advertiser, "Items": items, **trace}


def plain(layout: Layout, values: list[bytes]) -> bytes:
    """The same body by the standard library."""
    return json.dumps(document(layout, values), separators=(",", ":"), ensure_ascii=False).encode()


def lay_out(layout: Layout, ids: pa.Array[Any], sheet: Sheet | None = None, own: Lives | None = None) -> bytes:
    """A body, on a sheet of its own unless told."""
    return bytes(body.lay_out(layout, ids, sheet or Sheet(), own))


def layout(id_type: IdType = IdType.DAID, segment: str = "[T] Buyers: buyers", trace: str | None = "b-1") -> Layout:
    return Layout("abc1234", segment, id_type, 43200, STAMP, trace)


GUIDS = st.tuples(st.sampled_from([IdType.TDID, IdType.DAID]), st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=40))
UID2S = st.tuples(st.just(IdType.UID2), st.lists(st.binary(min_size=32, max_size=33), min_size=1, max_size=40))


@settings(deadline=None)
@given(
    given_ids=st.one_of(GUIDS, UID2S),
    segment=st.text(min_size=1, max_size=30),
    trace=st.one_of(st.none(), st.text(max_size=10)),
    skip=st.integers(0, 5),
)
def test_equal_to_plain_json(given_ids: tuple[IdType, list[bytes]], segment: str, trace: str | None, skip: int) -> None:
    id_type, values = given_ids
    array = pa.array([b"x" * 16] * skip + values, pa.binary()).slice(skip)
    assert lay_out(layout(id_type, segment, trace), array) == plain(layout(id_type, segment, trace), values)


@settings(deadline=None)
@given(
    batches=st.lists(st.tuples(st.one_of(GUIDS, UID2S), st.sampled_from([0, 43200]), st.sampled_from(["b-9", "b-10", None])), min_size=2)
)
def test_a_sheet_that_is_used_again_leaves_no_trace(batches: list[tuple[tuple[IdType, list[bytes]], int, str | None]]) -> None:
    sheet = Sheet()
    for (id_type, values), ttl, trace in batches:
        shape = replace(layout(id_type, trace=trace), ttl_minutes=ttl)
        assert lay_out(shape, pa.array(values, pa.binary()), sheet) == plain(shape, values)


def test_a_body_whose_sheet_was_too_small_stays_as_it_is() -> None:
    sheet = Sheet()
    small = body.lay_out(layout(), pa.array([bytes(16)], pa.binary()), sheet)
    before = bytes(small)
    lay_out(layout(), pa.array([bytes([1]) * 16] * 9, pa.binary()), sheet)
    assert small == before


def test_a_large_body_lies_in_large_pages_and_is_the_same() -> None:
    """Where the system has them; what grows out of usual memory leaves nothing behind."""
    values = [number.to_bytes(16) for number in range(10_000)]
    sheet = Sheet()
    for many in (9, 10_000, 9_999):
        assert lay_out(layout(), pa.array(values[:many], pa.binary()), sheet) == plain(layout(), values[:many])
    assert isinstance(sheet.octets, mmap.mmap if sys.platform == "linux" else bytearray)


@settings(deadline=None)
@given(
    one=st.one_of(GUIDS, UID2S),
    other=st.one_of(GUIDS, UID2S),
    alike=st.booleans(),
    ttl=st.sampled_from([0, 43200]),
    trace=st.sampled_from(["b-1", "b-2"]),
)
def test_fingerprints_are_equal_when_bodies_are(
    one: tuple[IdType, list[bytes]], other: tuple[IdType, list[bytes]], alike: bool, ttl: int, trace: str
) -> None:
    """And what stands before the dash is equal when all that the items share is."""
    other = one if alike else other
    shapes = layout(one[0]), replace(layout(other[0], trace=trace), ttl_minutes=ttl)
    arrays = [pa.array([b"x", *values], pa.binary()).slice(1) for _, values in (one, other)]
    bodies = [lay_out(shape, array) for shape, array in zip(shapes, arrays, strict=True)]
    marks = [fingerprint(URL, shape, signature(each, Secret("k"))) for shape, each in zip(shapes, bodies, strict=True)]
    assert (marks[0] == marks[1]) == (bodies[0] == bodies[1])
    assert (marks[0].split("-")[0] == marks[1].split("-")[0]) == (shapes[0] == shapes[1])


def test_a_fingerprint_tells_addresses_apart_and_holds_no_signature() -> None:
    signed = signature(lay_out(layout(), pa.array([bytes(16)], pa.binary())), Secret("k"))
    mark = fingerprint(URL, layout(), signed)
    assert mark != fingerprint(URL.replace("use", "usw"), layout(), signed)
    assert signed not in mark


def test_a_body_does_not_depend_on_how_identifiers_lie_in_memory() -> None:
    values = [bytes([number]) * 16 for number in range(1, 5)]
    assert lay_out(layout(), pa.array(values, pa.binary(16))) == lay_out(layout(), pa.array([b"x", *values], pa.binary()).slice(1))


def test_the_stamp_is_utc_to_the_second() -> None:
    elsewhere = Layout("a", "s", IdType.DAID, 0, datetime(2026, 7, 1, 2, 0, 0, 999999, timezone(timedelta(hours=5))))
    assert b'"TtlInMinutes":0,"TimestampUtc":"2026-06-30T21:00:00Z"' in lay_out(elsewhere, pa.array([bytes(16)], pa.binary()))


WHOLE_MINUTE = STAMP.replace(second=0)
MONTHS = [STAMP - timedelta(days=200) + timedelta(hours=7, seconds=11) * number for number in range(700)]


@settings(deadline=None)
@given(
    given_ids=st.one_of(GUIDS, UID2S),
    segment=st.text(min_size=1, max_size=30),
    ttl=st.sampled_from([1440, 43200, 259200]),
    seed=st.integers(0, 10**6),
)
def test_items_with_stamps_of_their_own_say_the_same_as_plain_json(
    given_ids: tuple[IdType, list[bytes]], segment: str, ttl: int, seed: int
) -> None:
    """Also on a sheet that was used before."""
    id_type, values = given_ids
    shape, sheet = replace(layout(id_type, segment), ttl_minutes=ttl, stamp=WHOLE_MINUTE), Sheet()
    array = pa.array(values, pa.binary())
    for number in (seed, seed + 1):
        events = pa.array([MONTHS[(number + place) % len(MONTHS)] for place in range(len(values))], pa.timestamp("us"))
        own = lives(events, WHOLE_MINUTE, ttl, SPEC.limits.ttl_maximum)
        assert json.loads(lay_out(shape, array, sheet, own)) == document(shape, values, own)
    assert lay_out(shape, array, sheet) == plain(shape, values)


@settings(deadline=None)
@given(ago=st.lists(st.timedeltas(timedelta(days=-3), timedelta(days=400)), min_size=1), ttl=st.integers(1, 259_200))
def test_whatever_was_done_last_all_lapse_at_the_same_instant(ago: list[timedelta], ttl: int) -> None:
    """The stamp is the minute of the event, never later than the batch's; no TTL is longer than the platform takes."""
    happened = [WHOLE_MINUTE - span for span in ago]
    own = lives(pa.array(happened, pa.timestamp("us")), WHOLE_MINUTE, ttl, 259_200)
    now = int(WHOLE_MINUTE.timestamp()) // 60
    for event, since, lasts in zip(happened, own.since.tolist(), own.ttl.tolist(), strict=True):
        assert since + lasts == now + ttl
        assert ttl <= lasts <= 259_200
        exact = int(event.timestamp()) // 60
        assert since == exact or (since == now and exact > now) or (lasts == 259_200 and exact < since)


@pytest.mark.parametrize("segment", ["short", "\u6f22" * 128])
@pytest.mark.parametrize(("id_type", "width"), [(IdType.DAID, 16), (IdType.UID2, 32), (IdType.UID2, 33)])
def test_as_many_as_fit_and_not_one_more(id_type: IdType, width: int, segment: str) -> None:
    shape = layout(id_type, segment)
    fit = items_per_body(SPEC.limits, shape)

    def length(items: int) -> int:
        own = Lives(np.full(items, 10**7), np.full(items, SPEC.limits.ttl_maximum))
        return len(lay_out(shape, pa.array([bytes(width)] * items, pa.binary()), own=own))

    full = lay_out(shape, pa.array([os.urandom(width) for _ in range(fit)], pa.binary()))
    assert len(full) <= length(fit) <= SPEC.limits.bytes
    each = length(2) - length(1)
    assert fit == SPEC.limits.items or length(fit) + each > SPEC.limits.bytes


@pytest.mark.parametrize(
    ("id_type", "ids"),
    [
        (IdType.DAID, pa.array([bytes(16), bytes(15)], pa.binary())),
        (IdType.DAID, pa.array([bytes(16), None], pa.binary())),
        (IdType.DAID, pa.array(["x" * 16])),
        (IdType.DAID, pa.array([], pa.binary())),
        (IdType.UID2, pa.array([bytes(32), bytes(16)], pa.binary())),
    ],
)
def test_what_is_no_identifier_is_never_laid_out(id_type: IdType, ids: pa.Array[Any]) -> None:
    with pytest.raises(Bug):
        lay_out(layout(id_type), ids)


def test_a_body_without_items() -> None:
    assert json.loads(empty_body("abc")) == {"AdvertiserId": "abc", "Items": []}
