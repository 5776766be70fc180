"""The order of buckets: told alike by Python and numpy, and kept by a delta that is merged into more buckets than it had."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tradewind.errors import EngineError
from tradewind.membership.buckets import Buckets, bucket, bucket_name, key, keys_of
from tradewind.membership.diff import diff
from tradewind.membership.facts import ACCEPTED
from tradewind.membership.files import believed
from tradewind.membership.merge import Fate, Sent, merge
from tradewind.membership.parts import PartWriter, locate_in
from tradewind.model.identifier import IdType
from tradewind.model.plan import Batch, Operation, Part, Renewal
from tradewind.planning.doubt import HOLD

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
IDS = [hashlib.sha256(b"%d" % number).digest()[: (16, 32)[number % 2]] + b"\x00" * (number % 4 == 3) for number in range(300)]


@pytest.mark.parametrize("buckets", [1, 64, 256])
def test_two_ways_to_tell_a_bucket_agree(buckets: int) -> None:
    expected = [bucket(value, buckets) for value in IDS]
    array = pa.array([b"x" * 16, *IDS], pa.binary()).slice(1)
    assert [key * buckets >> 64 for key in keys_of(array).tolist()] == expected


def test_keys_are_read_from_the_middle_of_an_array() -> None:
    values = [value for value in IDS if len(value) == 16]
    guids = pa.array(values, pa.binary(16))
    assert keys_of(guids.slice(3, 5)).tolist() == [key(value) for value in values[3:8]]
    assert keys_of(guids.slice(3, 0)).tolist() == []


def settle(part: Part) -> Fate:
    return Fate(Batch(0, part.number, 0, part.rows, part.operation, part.id_type, NOON), ACCEPTED)


def test_a_delta_of_one_bucket_is_merged_into_many(tmp_path: Path) -> None:
    tokens = sorted((value for value in IDS if len(value) > 16), key=lambda value: (key(value), value))
    desired = Buckets(tmp_path / "desired", 1, (IdType.UID2,))
    desired.place(IdType.UID2).mkdir(parents=True)
    pq.write_table(pa.table({"id": pa.array(tokens, pa.binary())}), desired.place(IdType.UID2) / bucket_name(0))
    everyone, place = Renewal(NOON, NOON, NOON), tmp_path / "delta"
    delta = diff(desired, None, now=NOON, renewal=everyone, hold=HOLD, out=place, group_rows=7)
    fates = [settle(part) for part in delta.parts]
    sent = Sent(place, delta.parts, fates, timedelta(days=30))
    held, rows = merge(None, sent, out=tmp_path / "out", count=64, now=NOON, hold=HOLD)
    assert rows == len(tokens)
    for number, bucketed in enumerate(believed(held, IdType.UID2)):
        assert set(bucketed.ids.to_pylist()) == {value for value in tokens if bucket(value, 64) == number}


def test_a_delta_out_of_order_is_refused_and_not_misread(tmp_path: Path) -> None:
    writer = PartWriter(tmp_path / "part-0000.arrow", 0, Operation.ADD, IdType.DAID, 10)
    writer.write(pa.array([b"\xff" * 16, b"\x01" * 16], pa.binary(16)))
    part = writer.close()
    with pytest.raises(EngineError, match="not in their order"):
        merge(None, Sent(tmp_path, [part], [settle(part)], timedelta(days=1)), out=tmp_path / "o", count=64, now=NOON, hold=HOLD)


def test_an_identifier_is_located_in_a_part_by_few_reads_of_it(tmp_path: Path) -> None:
    guids = sorted({value for value in IDS if len(value) == 16} | {b"the same" + bytes([n]) * 8 for n in range(30)})
    writer = PartWriter(tmp_path / "part-0000.arrow", 0, Operation.ADD, IdType.DAID, 10)
    writer.write(pa.array(guids, pa.binary(16)))
    part = writer.close()
    assert [locate_in(tmp_path, part, value) for value in guids] == list(range(len(guids)))
    assert [locate_in(tmp_path, part, value) for value in (b"\x00" * 16, b"the same" + b"?" * 8, b"\xff" * 16)] == [None] * 3
