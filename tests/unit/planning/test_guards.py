"""Guards hold what a person should see, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tradewind.model.identifier import IdType
from tradewind.model.plan import Approval, Decision, Delta, Operation, Part
from tradewind.planning.guards import judge
from tradewind.planning.planner import batches, halves, plan


def a_delta(*, held: int, add: int = 0, remove: int = 0, refresh: int = 0) -> Delta:
    """A delta with so many identifiers an operation."""
    wishes = ((Operation.ADD, add), (Operation.REMOVE, remove), (Operation.REFRESH, refresh))
    parts = tuple(Part(n, op, IdType.DAID, f"part-{n}", rows, 10) for n, (op, rows) in enumerate(wishes) if rows)
    return Delta(parts, held=held, desired=add + refresh)


@pytest.mark.parametrize(
    ("held", "remove", "limit"),
    [
        (49, 40, None),  # a small segment may turn over
        (50, 25, None),  # half of 50
        (50, 26, 25),  # more than half of 50
        (900, 450, None),
        (900, 451, 450),  # under 500, yet more than half
        (1_000, 500, None),
        (1_000, 501, 500),
        (4_000, 1_000, None),
        (4_000, 1_001, 1_000),  # a quarter
    ],
)
def test_shrink_holds_beyond_its_limit(held: int, remove: int, limit: int | None) -> None:
    """Leavers above max(500, 25 %), or more than half of at least 50, wait for a person."""
    verdicts = judge(a_delta(held=held, remove=remove, refresh=held - remove), ())
    assert [(v.guard, v.count, v.limit) for v in verdicts] == ([("shrink", remove, limit)] if limit is not None else [])


def test_an_empty_snapshot_holds_only_while_something_is_held() -> None:
    """A first run of nobody has nothing to do; a later one would empty the segment."""
    assert judge(a_delta(held=0), ()) == ()
    assert [v.guard for v in judge(a_delta(held=3, remove=3), ())] == ["empty"]


def test_a_mapped_column_that_is_gone_holds() -> None:
    """Its identifiers would all be removed, whatever the numbers say."""
    (verdict,) = judge(a_delta(held=10, refresh=10), ["user.uid2"])
    assert verdict.guard == "column_gone"
    assert "user.uid2" in verdict.sentence


def test_an_approval_covers_its_count_and_no_more() -> None:
    """The person saw a number; a larger one is another question."""
    delta = a_delta(held=1_000, remove=600, refresh=400)
    assert plan(delta).decision is Decision.HOLD
    assert plan(delta, (), [Approval("shrink", 599)]).decision is Decision.HOLD
    assert plan(delta, (), [Approval("shrink", 600)]).decision is Decision.PROCEED
    assert plan(delta, (), [Approval("empty", 600)]).decision is Decision.HOLD


def test_urgent_refreshes_go_before_all_others() -> None:
    """Whoever would lapse within hours does not wait for what can."""
    parts = a_delta(held=30, add=5, remove=5, refresh=5).parts
    urgent = Part(9, Operation.REFRESH, IdType.DAID, "part-9", 5, 10, urgent=True)
    assert [batch.part for batch in batches((*parts, urgent))] == [9, 1, 0, 2]


def test_batches_go_removals_first_and_cover_every_row_once() -> None:
    """Batches partition the delta, in sending order."""
    laid = list(batches(a_delta(held=30, add=25, remove=5, refresh=10).parts))
    assert [(b.number, b.operation.value, b.offset, b.rows) for b in laid] == [
        (0, "remove", 0, 5),
        (1, "add", 0, 10),
        (2, "add", 10, 10),
        (3, "add", 20, 5),
        (4, "refresh", 0, 10),
    ]


def test_halves_are_the_whole() -> None:
    """A split loses no row, also of an odd number, and not the time at which the whole may have been applied."""
    (whole,) = batches(a_delta(held=0, add=7).parts)
    stamp = datetime(2026, 7, 1, tzinfo=UTC)
    first, second = halves(replace(whole, stamp=stamp, fingerprint="f", sends=1), 5)
    assert {(half.stamp, half.fingerprint, half.sends) for half in (first, second)} == {(stamp, None, 0)}
    assert (first.number, second.number) == (5, 6)
    assert (first.offset, first.rows, second.offset, second.rows) == (0, 3, 3, 4)
