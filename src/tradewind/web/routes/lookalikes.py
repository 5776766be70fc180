"""The model of a lookalike: how it was made and how good it is."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from tradewind.model.lookalike import Card
from tradewind.operations import lookalikes
from tradewind.web.bodies import API, Id
from tradewind.web.gate import Member, Viewer

router = APIRouter(prefix=f"{API}/projects/{{project}}/cohorts/{{cohort}}/model", tags=["cohorts"])


class WeightView(BaseModel):
    """A feature that matters, in words that say of whom it is true, and by how much: log-odds for one standard deviation."""

    words: str
    weight: float


class BinView(BaseModel):
    """People whom the model gives about the same chance: the share expected to be in the seed, and the share that is."""

    people: int
    expected: float
    observed: float


class ModelCardView(BaseModel):
    """How a model was made and how good it is on people whom it did not learn from.

    It learned from what was done from `since` to before `cut_off`, without the events and properties `without`, which define the seed;
    `known` is false where not all of that can be kept apart. `seed_known` of the `seed` members are known by what they did, as are
    `others`.
    `auc` is how often a member is ranked before somebody else, with its 95 percent interval; `baseline` the same by how much people did.
    `came` counts those who came into the seed after the cut-off; `auc_came` ranks them among all who were outside, null where too few.
    """

    trained_as_of: datetime
    since: datetime
    cut_off: datetime
    without: list[str]
    known: bool
    seed: int
    seed_known: int
    others: int
    auc: float
    auc_low: float
    auc_high: float
    baseline: float
    came: int
    auc_came: float | None
    bins: list[BinView]
    weights: list[WeightView]


class ModelView(BaseModel):
    """The card of the model that the cohort was answered by last; null before there is one."""

    card: ModelCardView | None


@router.get("")
def show_model(ask: Viewer, project: Id, cohort: Id) -> ModelView:
    """How good the newest model of a lookalike is."""
    card = lookalikes.card(ask.parts, project, cohort)
    return ModelView(card=_view(card) if card else None)


@router.post("")
def train_model(ask: Member, project: Id, cohort: Id) -> ModelView:
    """Make the model of a lookalike, unless that of its training day is there; computed while one waits."""
    ask.note("cohort.train", cohort, project)
    with ask.request.app.state.looks.turn(None, 0):
        return ModelView(card=_view(lookalikes.train(ask.request.app.state.small, project, cohort, None)))


def _view(card: Card) -> ModelCardView:
    same = {name: getattr(card, name) for name in ModelCardView.model_fields if hasattr(card, name) and name not in {"bins", "weights"}}
    apart = card.apart
    return ModelCardView(
        **same, cut_off=apart.cut_off, without=[*apart.events, *apart.properties], known=apart.known,
        bins=[BinView(**vars(each)) for each in card.bins], weights=[WeightView(**vars(each)) for each in card.weights],
    )  # fmt: skip
