"""Guards hold what a person should see, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tradewind.model.identifier import IdType
from tradewind.model.plan import Approval, Decision, Delta, Operation, Part
from tradewind.planning.guards import Evidence, judge
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
    verdicts = judge(a_delta(held=held, remove=remove, refresh=held - remove))
    assert [(v.guard, v.count, v.limit) for v in verdicts] == ([("shrink", remove, limit)] if limit is not None else [])


def test_an_empty_snapshot_holds_only_while_something_is_held() -> None:
    """A first run of nobody has nothing to do; a later one would empty the segment."""
    assert judge(a_delta(held=0)) == ()
    assert [v.guard for v in judge(a_delta(held=3, remove=3))] == ["empty"]


def test_a_mapped_column_that_is_gone_holds() -> None:
    """Its identifiers would all be removed, whatever the numbers say."""
    (verdict,) = judge(a_delta(held=10, refresh=10), Evidence(gone=("user.uid2",)))
    assert verdict.guard == "column_gone"
    assert "user.uid2" in verdict.sentence


@pytest.mark.parametrize(
    ("people", "begun", "held", "limit"),
    [
        (0, False, 0, None),
        (1, False, 0, 0),  # nobody was ever sent: the map may be wrong
        (20, True, 0, None),  # a few in a segment that has nobody now may just have none
        (21, True, 0, 20),
        (1, True, 5, 0),
    ],
)
def test_people_of_whom_none_has_an_identifier_hold(people: int, begun: bool, held: int, limit: int | None) -> None:
    """A map that finds nobody is no empty cohort: it is told with what it looks for."""
    found = Evidence(unmatched=people, sought="connection 'main' maps user.idfa to DAID (1 missing)", begun=begun)
    verdicts = [each for each in judge(a_delta(held=held, remove=held), found) if each.guard != "empty"]
    assert [(each.guard, each.count, each.limit) for each in verdicts] == ([("unmatched", people, limit)] if limit is not None else [])
    assert all("connection 'main' maps user.idfa to DAID" in each.sentence for each in verdicts)


@pytest.mark.parametrize(
    ("period_hours", "silent_hours", "verdict"),
    [
        (0, 48.0, None),  # a One-Time Sync: two days
        (0, 48.5, (49, 48)),
        (1, 50, (50, 48)),
        (24, 48, None),
        (24, 72, (72, 48)),
        (48, 96, None),  # two periods, where that is more
        (48, 97, (97, 96)),
    ],
)
def test_events_that_stopped_coming_hold(period_hours: int, silent_hours: float, verdict: tuple[int, int] | None) -> None:
    """Nothing for more than two periods and 48 hours; the count is in hours, and the sentence says what to do."""
    evidence = Evidence(silence=timedelta(hours=silent_hours), period=timedelta(hours=period_hours))
    found = judge(a_delta(held=10, refresh=10), evidence)
    assert [(v.guard, v.count, v.limit) for v in found] == ([("stale", *verdict)] if verdict else [])
    assert all("import newer events" in v.sentence and "as of an instant" in v.sentence for v in found)


def test_an_import_that_left_files_out_holds() -> None:
    """Whoever acted in them may seem to have done nothing."""
    (verdict,) = judge(a_delta(held=10, refresh=10), Evidence(unread=2))
    assert (verdict.guard, verdict.count, verdict.limit) == ("partial", 2, 0)


def test_an_instant_in_the_future_holds() -> None:
    """A clock may be five minutes behind, and no more."""
    ahead = [judge(a_delta(held=10, refresh=10), Evidence(ahead=timedelta(minutes=minutes))) for minutes in (-60, 5, 5.5)]
    assert [[(v.guard, v.count, v.limit) for v in found] for found in ahead] == [[], [], [("early", 6, 5)]]


def test_a_property_that_is_no_longer_sent_holds() -> None:
    """The rule or the map uses it, so its absence changes who is in, and nobody decided that."""
    (verdict,) = judge(a_delta(held=10, refresh=10), Evidence(drifted=("event.price", "user.adid")))
    assert (verdict.guard, verdict.count) == ("drift", 2)
    assert "event.price, user.adid" in verdict.sentence


def test_a_property_that_changed_its_type_holds() -> None:
    """A price that was a number and is a text compares letter by letter since then."""
    (verdict,) = judge(a_delta(held=10, refresh=10), Evidence(drifted=("user.adid",), changed=("event.price",)))
    assert (verdict.guard, verdict.count) == ("drift", 2)
    assert verdict.sentence.endswith("used, and of another type than before in the last imported: event.price")


@pytest.mark.parametrize(
    ("held", "desired", "limit"),
    [
        (0, 10_000_000, None),  # a first run
        (10, 1_000, None),  # a small segment may grow to a thousand
        (10, 1_001, 1_000),
        (500, 5_000, None),
        (500, 5_001, 5_000),
    ],
)
def test_growth_holds_beyond_ten_times(held: int, desired: int, limit: int | None) -> None:
    """A rule that lost a condition puts everybody in; a person looks first."""
    verdicts = judge(a_delta(held=held, add=desired - held, refresh=held))
    assert [(v.guard, v.count, v.limit) for v in verdicts] == ([("growth", desired, limit)] if limit is not None else [])


def test_an_approval_covers_its_count_and_no_more() -> None:
    """The person saw a number; a larger one is another question."""
    delta = a_delta(held=1_000, remove=600, refresh=400)
    assert plan(delta).decision is Decision.HOLD
    assert plan(delta, approvals=[Approval("shrink", 599)]).decision is Decision.HOLD
    assert plan(delta, approvals=[Approval("shrink", 600)]).decision is Decision.PROCEED
    assert plan(delta, approvals=[Approval("empty", 600)]).decision is Decision.HOLD


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
