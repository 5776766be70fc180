"""Removals of those who may be held no more, and a delta without them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tradewind.membership.buckets import Buckets, bucket, bucket_name, key
from tradewind.membership.facts import NOTHING, micros
from tradewind.membership.files import storage, write_bucket
from tradewind.membership.parts import PartWriter, read_batch
from tradewind.membership.rows import rows_of
from tradewind.membership.strike import held_of, strike, without
from tradewind.model.identifier import IdType
from tradewind.model.plan import Delta, Operation
from tradewind.planning.doubt import HOLD
from tradewind.planning.planner import batches

NOW = datetime(2026, 7, 1, tzinfo=UTC)


def guid(number: int) -> bytes:
    """Spread over the buckets by its first byte."""
    return bytes([number % 256]) + bytes([number]) * 15


def odd(ids: pa.Array[Any]) -> npt.NDArray[np.bool_]:
    """Every identifier whose last byte is odd is unwanted."""
    return np.array([bool(value and value[-1] % 2) for value in ids.to_pylist()], np.bool_)


def held_in(folder: Path, rows: list[tuple[IdType, bytes, timedelta]], buckets: int) -> Buckets:
    """A membership version of (type, identifier, time left)."""
    held = Buckets(folder, buckets, (IdType.DAID, IdType.UID2))
    for id_type in held.types:
        held.place(id_type).mkdir(parents=True)
        for number in range(buckets):
            mine = [row for row in sorted(rows, key=lambda row: key(row[1])) if row[0] is id_type and bucket(row[1], buckets) == number]
            facts = np.repeat(NOTHING, len(mine))
            facts["expires_until"] = [micros(NOW + left) for *_, left in mine]
            ids = pa.array([value for _, value, _ in mine], storage(id_type))
            write_bucket(held.place(id_type) / bucket_name(number, "arrow"), rows_of(ids, np.arange(len(mine), dtype=np.int32), facts))
    return held


def test_all_that_is_unwanted_and_live_is_removed_in_the_order_of_buckets(tmp_path: Path) -> None:
    """Raw UID2s among them, whose bucket is that of their ninth byte; the lapsed are gone already."""
    day = timedelta(days=1)
    uid2s = [bytes([9] * 8 + [ninth] + [1] * 23) for ninth in (200, 3, 90)]
    rows = [(IdType.DAID, guid(number), day) for number in range(1, 9)] + [(IdType.UID2, value, day) for value in uid2s]
    rows += [(IdType.DAID, guid(11), -day)]
    held = held_in(tmp_path / "held", rows, 1)
    out = tmp_path / "delta"
    delta = strike(held, odd, now=NOW, hold=HOLD, out=out, group_rows=10)
    assert (delta.held, delta.desired, delta.suppressed, held_of(held, odd, now=NOW)) == (11, 4, 7, 7)
    assert {part.operation for part in delta.parts} == {Operation.REMOVE}
    found = [read_batch(out, delta.parts[batch.part], batch).to_pylist() for batch in batches(delta.parts)]
    assert found == [[guid(number) for number in (1, 3, 5, 7)], [uid2s[1], uid2s[2], uid2s[0]]]


def test_a_delta_loses_the_unwanted_and_keeps_its_groups(tmp_path: Path) -> None:
    """A part without any stays, one of nothing else goes."""
    parts = []
    for number, numbers in enumerate([range(1, 8), [2, 4], [1, 3]]):
        writer = PartWriter(tmp_path / f"part-{number}.arrow", number, Operation.REFRESH, IdType.DAID, 2)
        writer.write(pa.table({"id": pa.array([guid(each) for each in numbers], pa.binary())}).column("id"))
        parts.append(writer.close())
    delta = without(Delta(tuple(parts), held=20, desired=20, unchanged=9), tmp_path, odd)
    assert [(part.number, part.rows) for part in delta.parts] == [(0, 3), (1, 2)]
    assert delta.unchanged == 15
    found = [read_batch(tmp_path, delta.parts[batch.part], batch).to_pylist() for batch in batches(delta.parts)]
    assert found == [[guid(2), guid(4)], [guid(6)], [guid(2), guid(4)]]
