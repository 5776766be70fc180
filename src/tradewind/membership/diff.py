"""Desired minus held, bucket by bucket: which identifiers to add, to remove and to refresh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tradewind.membership.buckets import Buckets
from tradewind.membership.facts import NEVER, Facts, micros, moment
from tradewind.membership.files import believed, last_events, no_belief, no_rows, readable, wanted
from tradewind.membership.parts import PartWriters
from tradewind.membership.rows import Flags, Places, Rows, by_bucket, find
from tradewind.model.identifier import IdType
from tradewind.model.plan import Delta, Operation, Renewal

SAME, ADD, REFRESH, URGENT = range(4)
"""What is to be done with somebody desired: nothing yet, or one of the wishes below."""

WISHES = {ADD: (Operation.ADD, False), REFRESH: (Operation.REFRESH, False), URGENT: (Operation.REFRESH, True)}

SLICES = 4
"""A bucket is compared in so many, one after the other: what is looked at more than once stays in a core's cache."""


def diff(
    desired: Buckets,
    held: Buckets | None,
    *,
    now: datetime,
    renewal: Renewal,
    hold: timedelta,
    out: Path,
    group_rows: int,
    elsewhere: Sequence[Buckets] = (),
) -> Delta:
    """The delta between two sets of identifiers, written as parts into the folder `out`.

    A held identifier that has lapsed by `now` counts as absent; one whose last outcome is unknown is added again; one that
    stays is refreshed where `renewal` says so. Where a request that wished the contrary began less than `hold` ago and may still
    be applied, the wish is written a second time, to be sent again once it cannot. `group_rows` is the rows of one batch. A
    part is in the order of its identifiers' keys.

    Where `desired` knows of last events, they stand in dated parts beside those who are added or refreshed; but not where
    something is in doubt or was a removal, which takes a later stamp to overcome. Who did something since they were last sent
    is refreshed too.

    Who may still be in a target `elsewhere`, and is not in this one, waits: they are counted and not added.

    Memory is bounded by one bucket. Raises EngineError when a file is gone or damaged.
    """
    writers = PartWriters(out, group_rows)
    count = SLICES * max(desired.count, held.count if held else 1, *(each.count for each in elsewhere))
    present, unchanged, latest, waiting = 0, 0, NEVER, 0
    with readable(held):
        for id_type in sorted({*desired.types, *(held.types if held else ())}):
            ours = by_bucket(wanted(desired, id_type), count, no_rows(id_type))
            theirs = by_bucket(believed(held, id_type), count, no_belief(id_type))
            others = [by_bucket(believed(each, id_type), count, no_belief(id_type)) for each in elsewhere]
            for whole, have, *there in zip(ours, theirs, *others, strict=True):
                live = _live(have, now)
                want = whole.where(_free(whole, have, live, there, now)) if there else whole
                waiting += len(whole) - len(want)
                present += int(np.count_nonzero(live))
                places = find(want, have)
                unchanged += _compare(want, have, live, places, id_type, _judged(have.facts, renewal, now, now - hold), writers)
                latest = max(latest, _twice(want, have, live, places, id_type, micros(now - hold), writers))
        parts = writers.close()
    settles_at = None if latest == NEVER else moment(latest) + hold
    delta = Delta(parts, held=present, desired=0, unchanged=unchanged, settles_at=settles_at, waiting=waiting)
    return replace(delta, desired=delta.count(Operation.ADD) + delta.count(Operation.REFRESH) + unchanged)


def _live(rows: Rows, now: datetime) -> Flags:
    """Who may be there and has not lapsed."""
    return np.asarray((rows.facts["expires_until"] > micros(now)).take(rows.codes), np.bool_)


def _free(want: Rows, have: Rows, live: Flags, there: Sequence[Rows], now: datetime) -> Flags:
    """Who is here already, or in none of the other places."""
    free = np.ones(len(want), np.bool_)
    for other in there:
        if len(other):
            places = find(want, other)
            free &= (places < 0) | ~_live(other, now)[places]
    if len(have):
        here = find(want, have)
        free |= (here >= 0) & live[here]
    return free


@dataclass(frozen=True)
class _Judged:
    """What each fact asks for where those of whom it is believed are to stay, when they were last sent, and whether that is sure.

    `sent` is a moment by which the latest stamp was, whatever it said of their events.
    """

    wishes: npt.NDArray[np.int8]
    sent: npt.NDArray[np.int64]
    sure: Flags


def _compare(want: Rows, have: Rows, live: Flags, places: Places, id_type: IdType, judged: _Judged, writers: PartWriters) -> int:
    """Write the wishes of one bucket; returns how many stay and need none."""
    here, wishes, events = places >= 0, np.full(len(want), ADD, np.int8), last_events(want)
    if len(have):
        facts = have.codes.take(places)  # whatever is taken for those who are not here counts for nothing
        wishes = np.where(here, judged.wishes.take(facts), wishes)
        if events is not None:
            wishes[here & (wishes == SAME) & (events > judged.sent.take(facts))] = REFRESH
            events[here & ~judged.sure.take(facts)] = NEVER
    leaves = _leaves(live, places)
    if leaves.any():
        writers.write(Operation.REMOVE, id_type, have.ids.filter(pa.array(leaves)))
    for wish, (operation, urgent) in WISHES.items():
        chosen = wishes == wish
        if events is not None and (dated := chosen & (events != NEVER)).any():
            writers.write(operation, id_type, want.ids.filter(pa.array(dated)), urgent=urgent, events=events[dated])
            chosen &= ~dated
        if chosen.any():
            ids = want.ids if chosen.all() else want.ids.filter(pa.array(chosen))
            writers.write(operation, id_type, ids, urgent=urgent)
    return int(np.count_nonzero(wishes == SAME))


def _leaves(live: Flags, places: Places) -> Flags:
    """Who is there and not wanted."""
    leaves = np.append(live, False)
    leaves[places] = False  # a place of -1 is the last of these, which is nobody's
    return leaves[:-1]


def _twice(want: Rows, have: Rows, live: Flags, places: Places, id_type: IdType, doubted_after: int, writers: PartWriters) -> int:
    """Write what must be said again later; returns when the last request to the contrary began, or NEVER."""
    latest = NEVER
    undone = {Operation.ADD: have.facts["late_remove"], Operation.REMOVE: have.facts["late_add"]}
    if not any((moments > doubted_after).any() for moments in undone.values()):
        return latest
    here = np.flatnonzero(places >= 0)
    whose = {Operation.ADD: (want.ids, here, places[here])}
    leavers = np.flatnonzero(_leaves(live, places))
    whose[Operation.REMOVE] = have.ids, leavers, leavers
    for operation, (ids, rows, of) in whose.items():
        moments = undone[operation][have.codes[of]]
        doubtful = moments > doubted_after
        if doubtful.any():
            writers.write(operation, id_type, ids.take(rows[doubtful]), again=True)
            latest = max(latest, int(moments.max()))
    return latest


def _judged(facts: Facts, renewal: Renewal, now: datetime, doubted_after: datetime) -> _Judged:
    before, urgent, late = (micros(each) for each in (renewal.before, renewal.urgent, renewal.after))
    expires = facts["expires_from"]
    refreshed = np.where(expires < urgent, URGENT, REFRESH)
    due = (expires < before) | (expires > late) | (facts["late_remove"] > micros(doubted_after))
    absent = (facts["unknown_since"] != NEVER) | (facts["expires_until"] <= micros(now))
    wishes = np.where(absent, ADD, np.where(due, refreshed, SAME)).astype(np.int8)
    sure = (facts["unknown_since"] == NEVER) & (facts["late_remove"] <= micros(doubted_after)) & ~facts["leaving"]
    return _Judged(wishes, expires - (late - micros(now)), sure)
