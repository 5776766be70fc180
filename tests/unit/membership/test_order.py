"""The order of buckets: told alike by Python, numpy and DuckDB, and kept by a delta that is merged into more buckets than it had."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tradewind.compute import Bounds, connect
from tradewind.errors import Bug
from tradewind.membership.buckets import bucket, bucket_array, bucket_name, bucket_sql, order_sql
from tradewind.membership.diff import Buckets, diff
from tradewind.membership.merge import ACCEPTED, Fate, merge
from tradewind.membership.parts import PartWriter
from tradewind.model.identifier import IdType
from tradewind.model.plan import Batch, Operation, Part, Renewal

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
IDS = [hashlib.sha256(b"%d" % number).digest()[: (16, 32)[number % 2]] + b"\x00" * (number % 4 == 3) for number in range(300)]


@pytest.mark.parametrize("buckets", [1, 64, 256])
def test_three_ways_to_tell_a_bucket_agree(buckets: int) -> None:
    expected = [bucket(value, buckets) for value in IDS]
    array = pa.array([b"x" * 5, *IDS], pa.binary()).slice(1)
    assert bucket_array(array, buckets).tolist() == expected
    given = pa.table({"id": pa.array(IDS, pa.binary())})
    with connect(Bounds()) as duck:
        duck.register("given", given)
        assert [row[0] for row in duck.execute(f"SELECT {bucket_sql('id', buckets)} FROM given").fetchall()] == expected
        ordered = [row[0] for row in duck.execute(f"SELECT id FROM given ORDER BY {order_sql('id')}").fetchall()]
    found = [bucket(value, buckets) for value in ordered]
    assert found == sorted(found)


def settle(part: Part) -> Fate:
    return Fate(Batch(0, part.number, 0, part.rows, part.operation, part.id_type, NOON), ACCEPTED)


def test_a_delta_of_one_bucket_is_merged_into_many(tmp_path: Path) -> None:
    tokens = [value for value in IDS if len(value) > 16]
    (tmp_path / "desired").mkdir()
    pq.write_table(
        pa.table({"id_type": ["UID2"] * len(tokens), "id": pa.array(sorted(tokens), pa.binary())}), tmp_path / "desired" / bucket_name(0)
    )
    everyone, place = Renewal(NOON, NOON, NOON), tmp_path / "delta"
    delta = diff(Buckets(tmp_path / "desired", 1), None, now=NOON, renewal=everyone, out=place, group_rows=7, bounds=Bounds())
    out = Buckets(tmp_path / "out", 64)
    fates = [settle(part) for part in delta.parts]
    rows = merge(None, tmp_path / "delta", delta.parts, fates, out=out, ttl=timedelta(days=30), now=NOON, bounds=Bounds())
    assert rows == len(tokens)
    for number in range(64):
        held = pq.read_table(out.folder / bucket_name(number)).column("id").to_pylist()
        assert set(held) == {value for value in tokens if bucket(value, 64) == number}


def test_a_delta_out_of_order_is_refused_and_not_misread(tmp_path: Path) -> None:
    writer = PartWriter(tmp_path / "part-0000.parquet", 0, Operation.ADD, IdType.DAID, 10)
    writer.write(pa.chunked_array([pa.array([b"\xff" * 16, b"\x01" * 16], pa.binary())]))
    part = writer.close()
    with pytest.raises(Bug, match="order"):
        merge(None, tmp_path, [part], [settle(part)], out=Buckets(tmp_path / "o", 64), ttl=timedelta(days=1), now=NOON, bounds=Bounds())
