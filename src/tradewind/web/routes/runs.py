"""Runs: what happened in each, and a person's word on one that is held."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from tradewind.model.plan import Approval
from tradewind.operations import runs
from tradewind.web.bodies import API, Body, Id
from tradewind.web.gate import Manager, Viewer
from tradewind.web.pages import Cursor, Limit, Page, page
from tradewind.web.views import ReportView, RunView, report_view, run_view

router = APIRouter(prefix=f"{API}/projects/{{project}}/runs", tags=["runs"])


class Allowed(Body):
    """A guard and the count it was shown with."""

    guard: str = Field(max_length=60)
    count: int = Field(ge=0)


class Approvals(Body):
    """Every verdict that holds the run, by name and count."""

    approvals: list[Allowed] = Field(min_length=1, max_length=50)


class Reason(Body):
    """Why."""

    reason: str = Field(min_length=1, max_length=500)


class RefusedIdentifier(BaseModel):
    """An identifier that the platform refused, with its own code."""

    operation: str
    id_type: str
    identifier: str
    code: str


@router.get("")
def list_runs(
    ask: Viewer, project: Id, sync: Annotated[str | None, Query(max_length=63)] = None, cursor: Cursor = None, limit: Limit = 50
) -> Page[RunView]:
    """The runs of the project, or of one sync, the newest first."""
    return page(runs.listed(ask.parts, project, sync), lambda each: each.id, run_view, cursor, limit)


@router.get("/{run}")
def show_run(ask: Viewer, project: Id, run: Id) -> ReportView:
    """Its way from people to the platform, in counts."""
    return report_view(runs.report(ask.parts, project, run))


@router.get("/{run}/refused")
def refused(ask: Manager, project: Id, run: Id, limit: Limit = 50) -> list[RefusedIdentifier]:
    """The identifiers that the platform refused, with its codes."""
    ask.note("run.refused", run, project)
    found = runs.platform_refused(ask.parts, project, run, limit)
    return [_refused(each) for each in found]


@router.post("/{run}/approve", status_code=202)
def approve(ask: Manager, project: Id, run: Id, body: Approvals) -> RunView:
    """Let a held run go on: the worker takes it up at once."""
    given = tuple(Approval(each.guard, each.count) for each in body.approvals)
    ask.note("run.approve", run, project, **{each.guard: str(each.count) for each in given})
    allowed = run_view(runs.allow(ask.parts, project, run, given))
    ask.request.app.state.nudge()
    return allowed


@router.post("/{run}/discard")
def discard(ask: Manager, project: Id, run: Id, body: Reason) -> RunView:
    """End a run that is held, or of which nothing was sent."""
    ask.note("run.discard", run, project)
    return run_view(runs.discard(ask.parts, project, run, body.reason))


def _refused(each: runs.PlatformReject) -> RefusedIdentifier:
    return RefusedIdentifier(operation=each.operation.value, id_type=each.id_type, identifier=each.identifier, code=each.code)
