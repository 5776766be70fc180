"""Identifiers in any order come out of the sorter as a plain loop would give them, whatever is laid aside on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.membership.buckets import bucket, key
from tradewind.membership.sorting import Sorter, different

FEW = st.integers(0, 3).map(lambda number: bytes([number * 85]))
GUIDS = st.builds(lambda first, fill, last: first + fill * 7 + last + b"-" * 7, FEW, FEW, FEW)
"""Of these many are the same, and many others share a key."""
TOKENS = st.builds(lambda start, first, last: start * 8 + first + b"=" * 7 + last * 17, FEW, FEW, FEW)


@pytest.mark.parametrize("buckets", [1, 4, 64, 256])
@settings(deadline=None, max_examples=50)
@given(sizes=st.lists(st.integers(0, 40), max_size=6), data=st.data())
def test_every_identifier_comes_once_in_its_bucket_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, buckets: int, sizes: list[int], data: st.DataObject
) -> None:
    guids = data.draw(st.booleans())
    kind, values = (pa.binary(16), GUIDS) if guids else (pa.binary(), TOKENS)
    schema = pa.schema([pa.field("id", kind), pa.field("row", pa.int64())])
    rows = [data.draw(st.lists(values, min_size=size, max_size=size)) for size in sizes]
    numbered = [(value, number) for number, value in enumerate(value for batch in rows for value in batch)]
    aside = tmp_path_factory.mktemp("sorter") / "aside.arrow"
    sorter, begun = Sorter(schema, buckets, aside, waiting=50), 0
    for batch in rows:
        sorter.add(pa.record_batch([pa.array(batch, kind), pa.array(range(begun, begun + len(batch)), pa.int64())], schema=schema))
        begun += len(batch)
    sorter.end()
    found = [(table, *different(table)) for table in sorter.buckets()]
    assert aside.exists() is (begun >= 50)
    assert len(found) == buckets
    for number, (table, ids, order, first) in enumerate(found):
        mine = [(value, row) for value, row in numbered if bucket(value, buckets) == number]
        assert ids.to_pylist() == sorted({value for value, _ in mine}, key=lambda value: (key(value), value))
        who = np.split(table.column("row").to_numpy()[order], first[1:]) if len(first) else []
        assert [set(rows) for rows in who] == [{row for other, row in mine if other == value} for value in ids.to_pylist()]


def test_what_cannot_be_laid_aside_is_said(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("id", pa.binary(16))])
    rows = pa.record_batch([pa.array([b"x" * 16] * 2, pa.binary(16))], schema=schema)
    with pytest.raises(OSError, match="nowhere"):
        Sorter(schema, 4, tmp_path / "nowhere" / "aside.arrow", waiting=2).add(rows)
