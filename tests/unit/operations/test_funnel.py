"""The way from people to the platform: nobody falls out of it without a reason."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tradewind.model.identifier import IdType, Refusal, Resolution
from tradewind.model.plan import Decision, Delta, Operation, Part, Plan
from tradewind.model.run import Account
from tradewind.operations.funnel import Loss, funnel

RESOLUTION = Resolution(
    members=100,
    members_usable=80,
    values=100,
    identifiers={IdType.DAID: 70},
    refused={IdType.DAID: {Refusal.MISSING: 10, Refusal.ZEROED: 5, Refusal.HASHED: 6, Refusal.SUPPRESSED: 2}},
    duplicates=7,
    warnings={},
)


def a_plan(add: int, refresh: int, unchanged: int = 0) -> Plan:
    wishes = {Operation.ADD: add, Operation.REFRESH: refresh, Operation.REMOVE: 3}
    parts = tuple(Part(n, operation, IdType.DAID, "", rows, 10_000) for n, (operation, rows) in enumerate(wishes.items()))
    return Plan(Delta(parts, held=0, desired=add + refresh + unchanged, unchanged=unchanged), (), Decision.PROCEED)


def test_each_step_says_whom_it_lost_and_why_the_most_first() -> None:
    tallies = {Operation.ADD: Account(40, accepted=35, rejected=2, unknown=3), Operation.REFRESH: Account(10, accepted=6, not_sent=4)}
    steps = funnel(RESOLUTION, a_plan(40, 10, unchanged=20), tallies | {Operation.REMOVE: Account(3, accepted=3)})
    assert [(step.name, step.unit, step.count) for step in steps] == [
        ("in_cohort", "people", 100),
        ("has_id", "values", 90),
        ("valid", "values", 79),
        ("unique", "identifiers", 70),
        ("sent", "identifiers", 46),
        ("accepted", "identifiers", 41),
    ]
    assert [loss.count for step in steps for loss in step.lost] == [10, 6, 5, 7, 2, 20, 4, 3, 2]
    assert steps[4].lost == (Loss("in the segment already, with time left", 20), Loss("not sent", 4))
    assert steps[5].lost == (Loss("sent, and the answer was lost", 3), Loss("refused by the platform", 2))


def test_a_run_shows_only_the_steps_it_has_come_to() -> None:
    assert funnel(None, None, {}) == ()
    assert [step.name for step in funnel(RESOLUTION, None, {})] == ["in_cohort", "has_id", "valid", "unique"]


def test_a_held_run_has_sent_nothing() -> None:
    sent = funnel(RESOLUTION, a_plan(60, 10), {})[4]
    assert (sent.count, sent.lost) == (0, (Loss("not sent", 70),))


@given(st.dictionaries(st.sampled_from(Refusal), st.integers(0, 50)), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_nobody_is_lost_without_a_reason(refused: dict[Refusal, int], duplicates: int, daids: int, uid2s: int) -> None:
    values = sum(refused.values()) + duplicates + daids + uid2s
    kinds = {IdType.DAID: daids, IdType.UID2: uid2s}
    found = funnel(Resolution(values, values, values, kinds, {IdType.DAID: refused}, duplicates, {}), a_plan(daids, uid2s), {})
    before = values
    for step in found[1:]:
        assert step.count + sum(loss.count for loss in step.lost) == before
        before = step.count
