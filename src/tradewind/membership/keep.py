"""Who would lapse while nothing new can be said: the members last accepted that have little time left."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from tradewind.membership.buckets import Buckets
from tradewind.membership.facts import micros
from tradewind.membership.files import believed, readable
from tradewind.membership.parts import PartWriters
from tradewind.membership.rows import Flags, Rows
from tradewind.model.plan import Delta, Operation


def lapsing(held: Buckets, *, now: datetime, before: datetime) -> int:
    """How many identifiers `keep` would renew. Raises EngineError when a file is gone or damaged."""
    with readable(held):
        return sum(int(np.count_nonzero(_lapsing(rows, now, before))) for id_type in held.types for rows in believed(held, id_type))


def keep(held: Buckets, *, now: datetime, before: datetime, out: Path, group_rows: int) -> Delta:
    """A delta of refreshes alone, written as parts into the folder `out`: for identifiers that are live and lapse before an instant.

    One whose last wish was a removal with an unknown outcome is left out. `group_rows` is the rows of one batch. Memory is
    bounded by one bucket. Raises EngineError when a file is gone or damaged.
    """
    writers, live = PartWriters(out, group_rows), 0
    with readable(held):
        for id_type in held.types:
            for rows in believed(held, id_type):
                live += int(np.count_nonzero(_live(rows, now)))
                chosen = _lapsing(rows, now, before)
                if chosen.any():
                    writers.write(Operation.REFRESH, id_type, rows.ids.filter(pa.array(chosen)))
        parts = writers.close()
    return Delta(parts, held=live, desired=live, unchanged=live - sum(part.rows for part in parts))


def _live(rows: Rows, now: datetime) -> Flags:
    alive: Flags = (rows.facts["expires_until"] > micros(now))[rows.codes]
    return alive


def _lapsing(rows: Rows, now: datetime, before: datetime) -> Flags:
    facts = rows.facts
    soon = (facts["expires_until"] > micros(now)) & (facts["expires_from"] < micros(before)) & ~facts["leaving"]
    lapsing: Flags = soon[rows.codes]
    return lapsing
