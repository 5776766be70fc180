"""Who is renewed while nothing new can be said: the live, the certain and those with little time left, and nobody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from tradewind.membership.buckets import Buckets, bucket_name
from tradewind.membership.facts import FACT, NEVER, micros
from tradewind.membership.files import write_bucket
from tradewind.membership.keep import keep, lapsing
from tradewind.membership.parts import read_batch
from tradewind.membership.rows import rows_of
from tradewind.model.identifier import IdType
from tradewind.model.plan import Operation
from tradewind.planning.planner import batches

NOW = datetime(2026, 7, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def test_only_those_who_are_to_stay_and_have_little_time_left_are_renewed(tmp_path: Path) -> None:
    """Lapsed and long-lived members are left as they are, and those whose removal may have got lost; a lost add is said again."""
    now, day = micros(NOW), micros(NOW + DAY) - micros(NOW)
    told = [
        (now + day, NEVER, False),
        (now - day, NEVER, False),
        (now + day, now, True),
        (now + 9 * day, NEVER, False),
        (now + day, now, False),
    ]
    facts = np.array([(now - day, until, until, unknown, NEVER, NEVER, leaving, 0) for until, unknown, leaving in told], FACT)
    held = Buckets(tmp_path, 1, (IdType.DAID,))
    held.place(IdType.DAID).mkdir()
    ids = pa.array([bytes([number]) * 16 for number in range(1, 6)], pa.binary(16))
    write_bucket(held.place(IdType.DAID) / bucket_name(0, "arrow"), rows_of(ids, np.arange(5, dtype=np.int32), facts))
    out = tmp_path / "delta"
    delta = keep(held, now=NOW, before=NOW + 2 * DAY, out=out, group_rows=10)
    (part,) = delta.parts
    (batch,) = batches(delta.parts)
    assert (delta.held, delta.unchanged, part.operation) == (4, 2, Operation.REFRESH)
    assert read_batch(out, part, batch).to_pylist() == [bytes([1]) * 16, bytes([5]) * 16]
    assert lapsing(held, now=NOW, before=NOW + 2 * DAY) == 2
