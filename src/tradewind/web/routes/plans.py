"""Plans of syncs: what a run would do now, worked out without sending anything, watched while it is."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field

from tradewind.access.roles import Role
from tradewind.model.plan import Decision, Operation
from tradewind.web.bodies import API, Body, Id
from tradewind.web.gate import Manager, Viewer
from tradewind.web.proposals import UNDER_WAY, Planning, Proposals, State
from tradewind.web.streams import EVENTS, Watched, stream
from tradewind.web.views import VerdictView

router = APIRouter(prefix=f"{API}/projects/{{project}}/syncs/{{sync}}/plans", tags=["syncs"])


class At(Body):
    """The instant that is planned for; now, where none is given."""

    as_of: str | None = Field(default=None, max_length=40)


class CostsView(BaseModel):
    """Requests and bytes; `seconds` as the requests of the last run took, null where there was none; a request that names nobody."""

    requests: int
    octets: int
    seconds: float | None
    sample: str


class ProposedView(BaseModel):
    """The way from people to the platform, in counts: who would be added, removed and renewed, and whether a guard would hold it."""

    as_of: datetime
    members: int
    members_usable: int
    identifiers: dict[str, int]
    refused_values: dict[str, dict[str, int]]
    missing: list[str]
    held: int
    desired: int
    unchanged: int
    changes: dict[Operation, int]
    decision: Decision
    verdicts: list[VerdictView]
    costs: CostsView


class PlanningView(BaseModel):
    """A plan that was asked for: how far it is, and what came of it."""

    id: str
    sync: str
    state: State
    doing: str
    done: int
    total: int
    error: str
    proposed: ProposedView | None


@router.post("", status_code=202)
def ask_for_plan(ask: Manager, project: Id, sync: Id, body: At) -> PlanningView:
    """Work out what a run would do; nothing is sent. The one under way, where there is one for the same instant."""
    ask.note("sync.plan", sync, project)
    proposals: Proposals = ask.request.app.state.proposals
    return _view(proposals.ask(project, sync, body.as_of))


@router.get("/{plan}")
def show_plan(ask: Viewer, project: Id, sync: Id, plan: Id) -> PlanningView:
    """How far a plan is, and what came of it; kept until the server stops."""
    proposals: Proposals = ask.request.app.state.proposals
    return _view(proposals.find(project, sync, plan))


@router.get("/{plan}/progress", response_class=StreamingResponse, responses=EVENTS)
def watch_plan(ask: Viewer, project: Id, sync: Id, plan: Id) -> Response:
    """Server-sent events `plan` (each a PlanningView) whenever it comes further, until it is ready or has failed; as of runs."""
    state = ask.request.app.state
    proposals: Proposals = state.proposals

    def look() -> tuple[PlanningView, bool]:
        found = proposals.find(project, sync, plan)
        return _view(found), found.state not in UNDER_WAY

    return stream(ask.request, state.streams, ask.who, Watched("plan", look, lambda: ask.stands(Role.VIEWER, project)))


def _view(planning: Planning) -> PlanningView:
    names = ("id", "sync", "state", "doing", "done", "total", "error")
    return PlanningView(**{name: getattr(planning, name) for name in names}, proposed=_proposed(planning))


def _proposed(planning: Planning) -> ProposedView | None:
    if planning.proposal is None or planning.costs is None:
        return None
    made, found, delta = planning.proposal, planning.proposal.resolution, planning.proposal.plan.delta
    verdicts = [VerdictView(guard=each.guard, count=each.count, limit=each.limit, sentence=each.sentence) for each in made.plan.verdicts]
    return ProposedView(
        as_of=made.as_of, members=found.members, members_usable=found.members_usable,
        identifiers={each.value: count for each, count in found.identifiers.items()},
        refused_values={each.value: {why.value: count for why, count in kinds.items()} for each, kinds in found.refused.items()},
        missing=list(made.snapshot.missing), held=delta.held, desired=delta.desired, unchanged=delta.unchanged,
        changes={operation: delta.count(operation) for operation in Operation},
        decision=made.plan.decision, verdicts=verdicts, costs=CostsView(**vars(planning.costs)),
    )  # fmt: skip
