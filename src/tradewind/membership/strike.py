"""Identifiers that may be in a segment no more: their removals, and a delta without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tradewind.durable import sync
from tradewind.membership.buckets import Buckets
from tradewind.membership.facts import NEVER, micros, moment
from tradewind.membership.files import believed, readable
from tradewind.membership.parts import PartWriter, PartWriters, read_part
from tradewind.membership.rows import Rows
from tradewind.model.identifier import IdType
from tradewind.model.plan import Delta, Operation, Part

Unwanted = Callable[[Any], npt.NDArray[np.bool_]]
"""For each identifier of a binary array whether it may be there no more."""


def strike(held: Buckets, unwanted: Unwanted, *, now: datetime, hold: timedelta, out: Path, group_rows: int) -> Delta:
    """A delta of removals alone, written as parts into the folder `out`: of what is held and unwanted and has not lapsed.

    Where a request that wished to add them began less than `hold` ago and may still be applied, the removal is written a second
    time, to be sent again once it cannot. `group_rows` is the rows of one batch. Memory is bounded by one bucket. Raises
    EngineError when a file is gone or damaged.
    """
    writers, live, latest = PartWriters(out, group_rows), 0, NEVER
    with readable(held):
        for id_type, alive, leaving in _buckets(held, unwanted, now):
            live += alive
            if len(leaving):
                writers.write(Operation.REMOVE, id_type, leaving.ids)
            added = leaving.facts["late_add"][leaving.codes]
            if (doubtful := added > micros(now - hold)).any():
                writers.write(Operation.REMOVE, id_type, leaving.where(doubtful).ids, again=True)
                latest = max(latest, int(added.max()))
        parts = writers.close()
    leavers = sum(part.rows for part in parts if not part.again)
    delta = Delta(parts, held=live, desired=live - leavers, unchanged=live - leavers, suppressed=leavers)
    return delta if latest == NEVER else replace(delta, settles_at=moment(latest) + hold)


def held_of(held: Buckets, unwanted: Unwanted, *, now: datetime) -> int:
    """How many `strike` would remove. Raises EngineError when a file is gone or damaged."""
    with readable(held):
        return sum(len(leaving) for *_, leaving in _buckets(held, unwanted, now))


def without(delta: Delta, folder: Path, unwanted: Unwanted) -> Delta:
    """The same delta, its parts written anew without the unwanted where they hold any; a part of none but those is gone."""
    with readable(None):
        parts = tuple(_without(folder, part, unwanted) for part in delta.parts)
    left_out = sum(part.rows for part in delta.parts) - sum(part.rows for part in parts)
    return replace(delta, parts=tuple(part for part in parts if part.rows), unchanged=delta.unchanged + left_out)


def _buckets(held: Buckets, unwanted: Unwanted, now: datetime) -> Iterator[tuple[IdType, int, Rows]]:
    """For each bucket its type, how many in it live, and those of them that are unwanted."""
    for id_type in held.types:
        for rows in believed(held, id_type):
            live = rows.where((rows.facts["expires_until"] > micros(now))[rows.codes])
            yield id_type, len(live), live.where(unwanted(live.ids))


def _without(folder: Path, part: Part, unwanted: Unwanted) -> Part:
    assert not part.dated, "only refreshes that know of no events are struck out of a delta"
    if not any(unwanted(ids).any() for ids in read_part(folder, part)):
        return part
    path = folder / part.path
    fresh = path.with_name(f".{path.name}")
    writer = PartWriter(fresh, part.number, part.operation, part.id_type, part.group_rows)
    for ids in read_part(folder, part):
        writer.write(ids.filter(pa.array(~unwanted(ids))))
    written = writer.close()
    fresh.replace(path)
    sync(folder)
    return replace(part, rows=written.rows)
