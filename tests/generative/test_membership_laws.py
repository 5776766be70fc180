"""Laws of the membership: what is diffed and acknowledged becomes what was desired, whatever the platform answers."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.membership.buckets import Buckets, bucket, bucket_name, key
from tradewind.membership.diff import diff
from tradewind.membership.facts import ACCEPTED, KEPT, UNKNOWN, to_arrow
from tradewind.membership.files import believed, storage
from tradewind.membership.merge import Fate, Sent, merge
from tradewind.membership.parts import read_batch
from tradewind.model.identifier import IdType
from tradewind.model.plan import Delta, Operation
from tradewind.model.sync import Cadence, Refresh, Sync
from tradewind.planning.doubt import HOLD
from tradewind.planning.planner import batches
from tradewind.planning.refresh import renewal

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
TTL = timedelta(days=30)
Ids = frozenset[tuple[IdType, bytes]]

people = st.integers(0, 30).map(lambda n: (IdType.DAID, hashlib.md5(b"d%d" % n, usedforsecurity=False).digest()))
alike = st.integers(0, 5).map(lambda n: (IdType.DAID, b"the same" + bytes([n]) * 8))
tokens = st.integers(0, 10).map(lambda n: (IdType.UID2, hashlib.sha256(b"u%d" % n).digest() + b"!" * (n % 2)))
alike_tokens = st.integers(0, 3).map(lambda n: (IdType.UID2, b"beginning of one" + bytes([n]) * 16))
sets = st.frozensets(people | alike | tokens | alike_tokens, max_size=25)
counts = st.sampled_from([1, 64])


def of(refresh: Refresh, days: int = 30) -> Sync:
    """A daily sync."""
    return Sync("default", "s", "c", "k", "Segment", days * 1440, Cadence.DAILY, refresh=refresh)


EVERYONE = of(Refresh.EVERY_SYNC)


def write(folder: Path, ids: Ids, count: int) -> Buckets:
    """Desired identifiers as resolve leaves them."""
    for id_type in (IdType.DAID, IdType.UID2):
        (folder / id_type.value).mkdir(parents=True)
        values = sorted((value for kind, value in ids if kind is id_type), key=lambda value: (key(value), value))
        for number in range(count):
            column = pa.array([value for value in values if bucket(value, count) == number], storage(id_type))
            pq.write_table(pa.table({"id": column}), folder / id_type.value / bucket_name(number))
    return Buckets(folder, count, (IdType.DAID, IdType.UID2))


def read(held: Buckets) -> dict[tuple[IdType, bytes], dict[str, object]]:
    """A membership version as a dictionary."""
    found: dict[tuple[IdType, bytes], dict[str, object]] = {}
    for id_type in held.types:
        for rows in believed(held, id_type):
            facts: Any = to_arrow(rows.facts)
            told = facts.take(rows.codes).to_pylist()
            found |= {(id_type, bytes(value or b"")): fact for value, fact in zip(rows.ids.to_pylist(), told, strict=True)}
    return found


def contents(folder: Path, delta: Delta) -> dict[tuple[IdType, bytes], Operation]:
    """Every identifier of a delta with its operation, read batch by batch."""
    found: dict[tuple[IdType, bytes], Operation] = {}
    for batch in batches(delta.parts):
        part = next(part for part in delta.parts if part.number == batch.part)
        for value in [bytes(each or b"") for each in read_batch(folder, part, batch).to_pylist()]:
            assert (batch.id_type, value) not in found, "an identifier is in two batches"
            found[batch.id_type, value] = batch.operation
    return found


def step(
    work: Path, name: str, held: Buckets | None, ids: Ids, now: datetime, fate: str, count: int, sync: Sync = EVERYONE
) -> tuple[Delta, Buckets]:
    """One whole run with one fate for all of it."""
    desired = write(work / f"{name}-ids", ids, count)
    delta = diff(desired, held, now=now, renewal=renewal(sync, now), hold=HOLD, out=work / f"{name}-delta", group_rows=4)
    fates = [Fate(replace(batch, stamp=now), fate) for batch in batches(delta.parts)]
    out, ttl = work / f"{name}-held", timedelta(minutes=sync.ttl_minutes)
    now_held, _ = merge(held, Sent(work / f"{name}-delta", delta.parts, fates, ttl), out=out, count=count, now=now, hold=HOLD)
    return delta, now_held


@settings(max_examples=20, deadline=None, derandomize=True)
@given(first=sets, second=sets, before=counts, after=counts)
def test_applying_the_difference_gives_the_desired(first: Ids, second: Ids, before: int, after: int) -> None:
    """apply(diff(a, b), a) = b, also when the number of buckets changes between."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        _, held = step(work, "a", None, first, NOW, ACCEPTED, before)
        assert set(read(held)) == first
        delta, now_held = step(work, "b", held, second, NOW + timedelta(days=1), ACCEPTED, after)
        assert contents(work / "b-delta", delta) == {
            **dict.fromkeys(second - first, Operation.ADD),
            **dict.fromkeys(first - second, Operation.REMOVE),
            **dict.fromkeys(first & second, Operation.REFRESH),
        }
        assert (delta.held, delta.desired) == (len(first), len(second))
        rows = read(now_held)
        assert set(rows) == second
        assert {row["expires_until"] for row in rows.values()} <= {(NOW + timedelta(days=31)).replace(tzinfo=None)}


@settings(max_examples=20, deadline=None, derandomize=True)
@given(first=sets, second=sets, day=st.integers(0, 29), days=st.sampled_from([7, 30, 60]))
def test_before_expiry_sends_only_who_must_be_sent_and_gives_the_same(first: Ids, second: Ids, day: int, days: int) -> None:
    """Who stays is sent again when less than the margin is left, or more than the TTL that is now; the rest is unchanged."""
    with tempfile.TemporaryDirectory() as folder:
        work, later, now_sync = Path(folder), NOW + timedelta(days=day), of(Refresh.BEFORE_EXPIRY, days)
        _, held = step(work, "a", None, first, NOW, ACCEPTED, 1)
        delta, now_held = step(work, "b", held, second, later, ACCEPTED, 64, now_sync)
        left, ttl = 30 - day, days
        sent_again = left < max(2, ttl / 3) or left > ttl
        stay = first & second
        assert contents(work / "b-delta", delta) == {
            **dict.fromkeys(second - first, Operation.ADD),
            **dict.fromkeys(first - second, Operation.REMOVE),
            **dict.fromkeys(stay if sent_again else (), Operation.REFRESH),
        }
        assert {part.urgent for part in delta.parts if part.operation is Operation.REFRESH} <= {left < 2}
        assert (delta.held, delta.desired, delta.unchanged) == (len(first), len(second), 0 if sent_again else len(stay))
        old, new = ((moment + timedelta(days=span)).replace(tzinfo=None) for moment, span in ((NOW, 30), (later, ttl)))
        assert {key: row["expires_until"] for key, row in read(now_held).items()} == {
            key: old if key in stay and not sent_again else new for key in second
        }


@settings(max_examples=12, deadline=None, derandomize=True)
@given(first=sets, second=sets, fate=st.sampled_from([UNKNOWN, KEPT]))
def test_doubt_forgets_nobody(first: Ids, second: Ids, fate: str) -> None:
    """What may be at the platform stays in the belief; what surely is not does not enter it; the next run settles both."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        _, held = step(work, "a", None, first, NOW, ACCEPTED, 1)
        _, doubtful = step(work, "b", held, second, NOW + timedelta(days=1), fate, 1)
        assert set(read(doubtful)) == (first | second if fate == UNKNOWN else first)
        delta, settled = step(work, "c", doubtful, second, NOW + timedelta(days=2), ACCEPTED, 1)
        operations = contents(work / "c-delta", delta)
        assert {key for key, op in operations.items() if op is Operation.REMOVE} == first - second
        assert set(read(settled)) == second
        assert all(row["unknown_since"] is None for row in read(settled).values())


@settings(max_examples=8, deadline=None, derandomize=True)
@given(first=sets, second=sets)
def test_what_has_lapsed_is_added_again_and_never_removed(first: Ids, second: Ids) -> None:
    """After its TTL an identifier is absent: desired again it is an ADD, and undesired there is nothing to remove."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        _, held = step(work, "a", None, first, NOW, ACCEPTED, 1)
        delta, now_held = step(work, "b", held, second, NOW + TTL, ACCEPTED, 1)
        assert set(contents(work / "b-delta", delta).values()) <= {Operation.ADD}
        assert set(read(now_held)) == second


def test_a_refused_row_stays_as_it_was(tmp_path: Path) -> None:
    """A refused add does not enter; a refused refresh keeps its old expiry; a refused removal is still believed present."""
    first = [(IdType.DAID, bytes([n]) * 16) for n in range(1, 4)]
    _, held = step(tmp_path, "a", None, frozenset(first), NOW, ACCEPTED, 1)
    ids = frozenset([*first[:2], (IdType.DAID, bytes([9]) * 16)])
    desired = write(tmp_path / "ids", ids, 1)
    later = NOW + timedelta(days=1)
    delta = diff(desired, held, now=later, renewal=renewal(EVERYONE, later), hold=HOLD, out=tmp_path / "delta", group_rows=4)
    fates = [Fate(replace(batch, stamp=later), ACCEPTED, (0,)) for batch in batches(delta.parts)]
    now_held, rows = merge(held, Sent(tmp_path / "delta", delta.parts, fates, TTL), out=tmp_path / "held", count=1, now=later, hold=HOLD)
    assert rows == 3
    expiries = {each[1][0]: row["expires_until"] for each, row in read(now_held).items()}
    old, new = ((moment + TTL).replace(tzinfo=None) for moment in (NOW, later))
    assert expiries == {1: old, 2: new, 3: old}


def test_a_half_sent_part_keeps_what_was_not_sent(tmp_path: Path) -> None:
    """Batches of one part end differently: the rows of each follow their own batch."""
    ids = frozenset((IdType.DAID, bytes([n]) * 16) for n in range(10))
    desired = write(tmp_path / "ids", ids, 1)
    delta = diff(desired, None, now=NOW, renewal=renewal(EVERYONE, NOW), hold=HOLD, out=tmp_path / "delta", group_rows=4)
    laid = [replace(batch, stamp=NOW) for batch in batches(delta.parts)]
    fates = [Fate(batch, fate) for batch, fate in zip(laid, (ACCEPTED, KEPT, UNKNOWN), strict=True)]
    held, _ = merge(None, Sent(tmp_path / "delta", delta.parts, fates, TTL), out=tmp_path / "held", count=1, now=NOW, hold=HOLD)
    assert {each[1][0] for each in read(held)} == {0, 1, 2, 3, 8, 9}
    assert {each[1][0] for each, row in read(held).items() if row["unknown_since"]} == {8, 9}
