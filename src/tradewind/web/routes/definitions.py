"""A whole project as YAML: written out, and made equal to what is sent."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, Field

from tradewind.model.sync import Leaving
from tradewind.operations import definitions
from tradewind.operations.apply import Action
from tradewind.web.bodies import API, Body, Id, text_of
from tradewind.web.gate import Manager
from tradewind.web.views import StakeView, stake_view
from tradewind.web.words import Said

router = APIRouter(prefix=f"{API}/projects/{{project}}/definitions", tags=["definitions"])

MEDIA = "application/yaml"


class Definitions(Body):
    """Definitions as YAML, and by name the secrets that they refer to as `{env: NAME}`. With `prune` what they do not define is deleted."""

    text: str = Field(max_length=900_000)
    secrets: dict[str, str] = Field(default_factory=dict, max_length=200)
    prune: bool = False


class Wanted(Definitions):
    """The same, and how people leave segments that are given up by it: taken out, or left until their time ends."""

    leaving: Leaving | None = None


class DifferenceView(BaseModel):
    """One field, as text before and after; of a secret only its fingerprint and name."""

    field: str
    before: str | None
    after: str | None


class ChangeView(BaseModel):
    """What happens to one source, cohort, connection, sync or contact."""

    action: Action
    noun: str
    id: str
    differences: list[DifferenceView]
    note: Said


class AppliedView(BaseModel):
    """What changes, and who is in the segments that are given up by it; `how` is null where nobody has to be decided about, or was yet."""

    changes: list[ChangeView]
    given_up: list[StakeView]
    how: Leaving | None


@router.get("", response_class=Response, responses=text_of(MEDIA, "object"))
def export(ask: Manager, project: Id) -> Response:
    """The whole project as YAML, without secrets."""
    return Response(definitions.written(ask.parts, project), media_type=MEDIA)


@router.post("/plan")
def plan(ask: Manager, project: Id, body: Definitions) -> AppliedView:
    """What an apply would change, and who is in the segments that would be given up; changes nothing."""
    return _view(definitions.planned_sent(ask.parts, project, body.text, body.secrets, prune=body.prune))


@router.post("/apply")
def apply(ask: Manager, project: Id, body: Wanted) -> AppliedView:
    """Make the project equal to the definitions, all of it or nothing. The worker empties segments that are given up."""
    done = definitions.apply_sent(ask.parts, project, body.text, body.secrets, ask.who, prune=body.prune, leaving=body.leaving)
    ask.request.app.state.nudge()
    return _view(done)


def _view(done: definitions.Applied) -> AppliedView:
    changes = [
        ChangeView(
            action=each.action,
            noun=each.noun,
            id=each.id,
            differences=[DifferenceView(field=one.field, before=one.before, after=one.after) for one in each.differences],
            note=each.note,
        )
        for each in done.changes
    ]
    return AppliedView(changes=changes, given_up=[stake_view(each) for each in done.stakes], how=done.how)
