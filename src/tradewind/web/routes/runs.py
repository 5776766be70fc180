"""Runs: what happened in each, and a person's word on one that is held."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field

from tradewind.access.roles import Role
from tradewind.model.plan import Approval, Operation
from tradewind.model.run import Answer, BatchState, RunState
from tradewind.operations import batches, runs
from tradewind.web.bodies import API, Body, Id
from tradewind.web.gate import Manager, Viewer
from tradewind.web.pages import Cursor, Limit, Page, following, number, opened, page, sealed
from tradewind.web.streams import EVENTS, Watched, stream
from tradewind.web.views import AccountView, ReportView, RunView, account_views, report_view, run_view

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


class AttemptView(BaseModel):
    """A request: when it was sent, and what was answered. `note` is the platform's words, without identifiers."""

    number: int
    sent_at: datetime
    answered_at: datetime
    answer: Answer
    status: int | None
    note: str
    request_id: str | None


class BatchView(BaseModel):
    """A slice of the delta, and its requests. `state` says of one without outcome whether it may have been applied."""

    number: int
    operation: Operation
    id_type: str
    rows: int
    again: bool
    state: BatchState
    accepted: int | None
    rejected: int | None
    unknown: int | None
    refused: dict[str, int]
    attempts: list[AttemptView]


class RefusalView(BaseModel):
    """How many identifiers the platform refused for one reason, and what to do."""

    code: str
    count: int
    advice: str


class ListedRun(RunView):
    """A run in a list, with its account by operation."""

    tallies: dict[Operation, AccountView]


class ProgressView(BaseModel):
    """How far a run has come, in counts."""

    run: RunView
    account: AccountView


@router.get("")
def list_runs(
    ask: Viewer, project: Id, sync: Annotated[str | None, Query(max_length=63)] = None, cursor: Cursor = None, limit: Limit = 50
) -> Page[ListedRun]:
    """The runs of the project, or of one sync, the newest first."""
    last = opened(cursor) if cursor else None
    found = following(runs.listed(ask.parts, project, sync, limit + 1, last), lambda each: each.id, run_view, limit)
    tallies = ask.parts.ledger.tallies(each.id for each in found.items)
    shown = [ListedRun(**vars(each), tallies=account_views(tallies.get(each.id, {}))) for each in found.items]
    return Page(items=shown, next=found.next)


@router.get("/{run}")
def show_run(ask: Viewer, project: Id, run: Id) -> ReportView:
    """Its way from people to the platform, in counts."""
    return report_view(runs.report(ask.parts, project, run))


@router.get("/{run}/progress", response_class=StreamingResponse, responses=EVENTS)
def watch_run(ask: Viewer, project: Id, run: Id) -> Response:
    """Server-sent events `run` (each a ProgressView) whenever the run comes further, until it is closed.

    A stream ends after five minutes; a browser comes again by itself, with `Last-Event-ID`, and is told only what is new. After the
    end of the run it is answered 204.
    """

    def look() -> tuple[ProgressView, bool]:
        found, account = runs.progress(ask.parts, project, run)
        return ProgressView(run=run_view(found), account=AccountView(**vars(account))), found.state is RunState.CLOSED

    watched = Watched("run", look, lambda: ask.stands(Role.VIEWER, project))
    return stream(ask.request, ask.request.app.state.streams, ask.who, watched)


@router.get("/{run}/batches")
def list_batches(ask: Viewer, project: Id, run: Id, cursor: Cursor = None, limit: Limit = 50) -> Page[BatchView]:
    """What was sent, request by request."""
    return page(batches.listed(ask.parts, project, run), lambda each: str(each.batch.number), _batch, cursor, limit)


@router.get("/{run}/refusals")
def refusals(ask: Viewer, project: Id, run: Id) -> list[RefusalView]:
    """Why the platform refused identifiers, and what to do about it; in counts."""
    found = batches.refusals(ask.parts, project, run)
    return [RefusalView(code=each.code, count=each.count, advice=each.advice) for each in found]


@router.get("/{run}/refused")
def refused(ask: Manager, project: Id, run: Id, cursor: Cursor = None, limit: Limit = 50) -> Page[RefusedIdentifier]:
    """The identifiers that the platform refused, with its codes."""
    ask.note("run.refused", run, project)
    start = number(cursor) or 0
    found = runs.platform_refused(ask.parts, project, run, start + limit + 1)
    further = sealed(f"{start + limit}") if found[start + limit :] else None
    return Page(items=[_refused(each) for each in found[start : start + limit]], next=further)


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


def _batch(each: batches.Sent) -> BatchView:
    counts = vars(each.outcome) if each.outcome else dict.fromkeys(("accepted", "rejected", "unknown"))
    attempts = [AttemptView(**{name: getattr(one, name) for name in AttemptView.model_fields}) for one in each.attempts]
    names = ("number", "operation", "rows", "again")
    kept = {name: getattr(each.batch, name) for name in names}
    return BatchView(**kept, **counts, id_type=each.batch.id_type.value, state=each.state, refused=each.refused, attempts=attempts)


@router.post("/{run}/cancel", status_code=202)
def cancel(ask: Manager, project: Id, run: Id, body: Reason) -> RunView:
    """Tell a run to stop: one that the worker is at closes as `cancelled` as soon as the answers under way are there."""
    ask.note("run.cancel", run, project)
    told = run_view(runs.cancel(ask.parts, project, run, body.reason, lambda _what, _done, _total: None))
    ask.request.app.state.nudge()
    return told


def _refused(each: runs.PlatformReject) -> RefusedIdentifier:
    return RefusedIdentifier(operation=each.operation.value, id_type=each.id_type, identifier=each.identifier, code=each.code)
