"""The way of a run from people to the platform, step by step, with what was lost at each and why; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tradewind.model.identifier import REFUSAL_SENTENCES, Refusal, Resolution
from tradewind.model.plan import Operation, Plan
from tradewind.model.run import Account

KEEPING = (Operation.ADD, Operation.REFRESH)
"""What puts people into a segment, or keeps them there."""


@dataclass(frozen=True)
class Loss:
    """How many did not come further, and the sentence that says why."""

    why: str
    count: int


@dataclass(frozen=True)
class Step:
    """How many came so far: people, values of theirs, or identifiers. `lost` is from the step before, where the unit is the same."""

    name: str
    unit: str
    count: int
    lost: tuple[Loss, ...] = ()


def funnel(resolution: Resolution | None, plan: Plan | None, tallies: Mapping[Operation, Account]) -> tuple[Step, ...]:
    """In the cohort > has an id > valid > unique > sent > accepted; the steps that the run has come to.

    Every value and every identifier of one step is in the next or in one of its losses.
    """
    steps = list(_people(resolution)) if resolution else []
    if resolution and plan:
        steps += _sent(plan, sum((tallies.get(each, Account()) for each in KEEPING), Account()))
    return tuple(steps)


def _people(resolution: Resolution) -> Iterator[Step]:
    refused = {why: sum(kinds.get(why, 0) for kinds in resolution.refused.values()) for why in Refusal}
    missing = refused.pop(Refusal.MISSING)
    kept_back = [(REFUSAL_SENTENCES[why], refused.pop(why)) for why in (Refusal.SUPPRESSED, Refusal.HELD_OUT, Refusal.SHARED)]
    has = resolution.values - missing
    yield Step("in_cohort", "people", resolution.members)
    yield Step("has_id", "values", has, _losses([(REFUSAL_SENTENCES[Refusal.MISSING], missing)]))
    valid = has - sum(refused.values())
    yield Step("valid", "values", valid, _losses((REFUSAL_SENTENCES[why], count) for why, count in refused.items()))
    again = "a value that names an identifier counted already"
    lost = _losses([(again, resolution.duplicates), *kept_back])
    yield Step("unique", "identifiers", sum(resolution.identifiers.values()), lost)


def _sent(plan: Plan, account: Account) -> Iterator[Step]:
    wished = sum(plan.delta.count(each) for each in KEEPING)
    sent = account.planned - account.not_sent
    waiting = ("may still be in another segment of the split", plan.delta.waiting)
    lost = [("in the segment already, with time left", plan.delta.unchanged), waiting, ("not sent", wished - sent)]
    yield Step("sent", "identifiers", sent, _losses(lost))
    refused = [("refused by the platform", account.rejected), ("sent, and the answer was lost", account.unknown)]
    yield Step("accepted", "identifiers", account.accepted, _losses(refused))


def _losses(counted: Iterable[tuple[str, int]]) -> tuple[Loss, ...]:
    """The largest first, and none that is nothing."""
    return tuple(Loss(why, count) for why, count in sorted(counted, key=lambda each: -each[1]) if count)
