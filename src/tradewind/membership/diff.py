"""Desired minus held, bucket by bucket: which identifiers to add, to remove and to refresh."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tradewind.membership.buckets import Buckets
from tradewind.membership.facts import NEVER, Facts, micros
from tradewind.membership.files import believed, no_belief, no_rows, readable, wanted
from tradewind.membership.parts import PartWriters
from tradewind.membership.rows import Rows, by_bucket, find
from tradewind.model.identifier import IdType
from tradewind.model.plan import Delta, Operation, Renewal

SAME, ADD, REFRESH, URGENT = range(4)
"""What is to be done with somebody desired: nothing yet, or one of the wishes below."""

WISHES = {ADD: (Operation.ADD, False), REFRESH: (Operation.REFRESH, False), URGENT: (Operation.REFRESH, True)}


def diff(desired: Buckets, held: Buckets | None, *, now: datetime, renewal: Renewal, out: Path, group_rows: int) -> Delta:
    """The delta between two sets of identifiers, written as parts into the folder `out`.

    A held identifier that has lapsed by `now` counts as absent; one whose last outcome is unknown is added again; one that
    stays is refreshed where `renewal` says so. `group_rows` is the rows of one batch. A part is in the order of its
    identifiers' keys. Memory is bounded by one bucket. Raises EngineError when a file is gone or damaged.
    """
    writers = PartWriters(out, group_rows)
    count = max(desired.count, held.count if held else 1)
    present = unchanged = 0
    with readable(held):
        for id_type in sorted({*desired.types, *(held.types if held else ())}):
            ours = by_bucket(wanted(desired, id_type), count, no_rows(id_type))
            theirs = by_bucket(believed(held, id_type), count, no_belief(id_type))
            for want, have in zip(ours, theirs, strict=True):
                live = have.where((have.facts["expires_until"] > micros(now))[have.codes])
                present += len(live)
                unchanged += _compare(want, live, id_type, renewal, writers)
        parts = writers.close()
    changed = sum(part.rows for part in parts if part.operation is not Operation.REMOVE)
    return Delta(parts, held=present, desired=changed + unchanged, unchanged=unchanged)


def _compare(want: Rows, have: Rows, id_type: IdType, renewal: Renewal, writers: PartWriters) -> int:
    """Write the wishes of one bucket; returns how many stay and need none."""
    places = find(want, have)
    here = places >= 0
    wishes = np.full(len(want), ADD, np.int8)
    wishes[here] = _verdicts(have.facts, renewal)[have.codes[places[here]]]
    leaves = np.ones(len(have), np.bool_)
    leaves[places[here]] = False
    if leaves.any():
        writers.write(Operation.REMOVE, id_type, have.ids.filter(pa.array(leaves)))
    for wish, (operation, urgent) in WISHES.items():
        chosen = wishes == wish
        if chosen.any():
            ids = want.ids if chosen.all() else want.ids.filter(pa.array(chosen))
            writers.write(operation, id_type, ids, urgent=urgent)
    return int(np.count_nonzero(wishes == SAME))


def _verdicts(facts: Facts, renewal: Renewal) -> npt.NDArray[np.int8]:
    """What each fact asks for, where those of whom it is believed are to stay."""
    before, urgent, late = (micros(moment) for moment in (renewal.before, renewal.urgent, renewal.after))
    expires = facts["expires_from"]
    refreshed = np.where(expires < urgent, URGENT, REFRESH)
    renewed = np.where((expires < before) | (expires > late), refreshed, SAME)
    return np.where(facts["unknown_since"] != NEVER, ADD, renewed).astype(np.int8)
