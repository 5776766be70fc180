"""Who is renewed while nothing new can be said: the live, the certain and those with little time left, and nobody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.compute import Bounds
from tradewind.membership.buckets import bucket_name
from tradewind.membership.diff import Buckets
from tradewind.membership.keep import keep, lapsing
from tradewind.membership.parts import read_batch
from tradewind.model.plan import Operation
from tradewind.planning.planner import batches

NOW = datetime(2026, 7, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def test_only_the_certain_with_little_time_left_are_renewed(tmp_path: Path) -> None:
    """Lapsed, doubtful and long-lived members are left as they are."""
    plain = NOW.replace(tzinfo=None)
    rows = [(1, plain + DAY, None), (2, plain - DAY, None), (3, plain + DAY, plain), (4, plain + 9 * DAY, None)]
    table = pa.table(
        {
            "id_type": ["DAID"] * len(rows),
            "id": [bytes([number]) * 16 for number, *_ in rows],
            "expires_until": pa.array([until for _, until, _ in rows], pa.timestamp("us")),
            "unknown_since": pa.array([since for *_, since in rows], pa.timestamp("us")),
        }
    )
    pq.write_table(table, tmp_path / bucket_name(0))
    held, out = Buckets(tmp_path, 1), tmp_path / "delta"
    delta = keep(held, now=NOW, before=NOW + 2 * DAY, out=out, group_rows=10, bounds=Bounds(threads=1))
    (part,) = delta.parts
    (batch,) = batches(delta.parts)
    assert (delta.held, delta.unchanged, part.operation) == (3, 2, Operation.REFRESH)
    assert read_batch(out, part, batch).to_pylist() == [bytes([1]) * 16]
    assert lapsing(held, now=NOW, before=NOW + 2 * DAY, bounds=Bounds(threads=1)) == 1
