"""Lift: what sending to the segment of a sync does, by those who are held out of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from tradewind.operations import lift as operation
from tradewind.trials.compare import Arm, Difference
from tradewind.web.bodies import API, Id
from tradewind.web.gate import Viewer

router = APIRouter(prefix=f"{API}/projects/{{project}}/syncs/{{sync}}/lift", tags=["syncs"])

Name = Annotated[str, Query(min_length=1, max_length=1024)]


class ArmView(BaseModel):
    """The people of an arm: how many, how many converted, what share that is, and the value of one of them."""

    people: int
    converted: int
    rate: float
    mean: float


class ArmDifferenceView(BaseModel):
    """Sent minus held out, with its 95 percent interval and the p of there being none; `relative` to what the held out did.

    `detectable` is the smallest difference that so many people show four times in five.
    """

    difference: float
    relative: float | None
    low: float
    high: float
    p: float
    detectable: float


class LiftView(BaseModel):
    """The two arms compared since each person's first day. `neither` counts people who changed arms with the holdout's percent.

    `late` says that the sync had sent before it had a holdout, `ended` that it has sent without one since. `people_needed` and
    `days_needed` say what it takes until a difference in conversion as large is found four times in five; null where there is none.
    """

    sync: str
    event: str
    property: str | None
    days: int | None
    began_at: datetime
    as_of: datetime
    percent: int
    sent: ArmView
    held_out: ArmView
    neither: int
    late: bool
    ended: bool
    conversion: ArmDifferenceView
    value: ArmDifferenceView | None
    people_needed: int | None
    days_needed: int | None


@router.get("")
def show_lift(
    ask: Viewer, project: Id, sync: Id, event: Name, value: Name | None = None, days: Annotated[int | None, Query(ge=1, le=365)] = None
) -> LiftView:
    """Compare who was sent with who was held out, by an event and the sum of one of its properties; of a split, in all its parts."""
    found = operation.lift(ask.parts, project, sync, event, value, days, None)
    names = (
        "sync", "event", "property", "days", "began_at", "as_of", "percent", "neither", "late", "ended", "people_needed", "days_needed",
    )  # fmt: skip
    kept = {name: getattr(found, name) for name in names}
    worth = _difference(found.value) if found.value else None
    return LiftView(**kept, sent=_arm(found.sent), held_out=_arm(found.held_out), conversion=_difference(found.conversion), value=worth)


def _arm(arm: Arm) -> ArmView:
    return ArmView(people=arm.people, converted=arm.converted, rate=arm.rate, mean=arm.mean)


def _difference(found: Difference) -> ArmDifferenceView:
    return ArmDifferenceView(**{name: getattr(found, name) for name in ArmDifferenceView.model_fields})
