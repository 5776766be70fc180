"""Figures over all projects that are open to the caller, and an account's month."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel

from tradewind.operations import figures, statements
from tradewind.web.bodies import API, Id, text_of
from tradewind.web.gate import SignedIn, Viewer
from tradewind.web.words import Said

router = APIRouter(prefix=API, tags=["figures"])

Month = Annotated[str, Query(max_length=7, description="Such as 2026-11, in the days of the project's zone.")]


class FiguresView(BaseModel):
    """An account: how many syncs it has, and how many are active, late, held, failing, about to lose people (`expiring`) and healthy.

    `next_expiry` is when its first member lapses.
    """

    project: str
    account: str
    name: str
    destination: str
    advertiser: str
    paused: Said
    syncs: int
    active: int
    late: int
    held: int
    failing: int
    expiring: int
    healthy: int
    members: int
    next_expiry: datetime | None


class LineView(BaseModel):
    """What one operation came to in one segment: identifiers = accepted + rejected + unknown."""

    advertiser: str
    segment: str
    operation: str
    identifiers: int
    accepted: int
    rejected: int
    unknown: int
    requests: int
    reasons: dict[str, int]


class StatementView(BaseModel):
    """A month of an account, from `start` to before `end`."""

    project: str
    account: str
    month: str
    start: datetime
    end: datetime
    lines: list[LineView]


@router.get("/figures")
def show_figures(ask: SignedIn) -> list[FiguresView]:
    """Every account of the projects that are open to you, those with trouble first."""
    open_ = [project.id for project in ask.parts.catalog.projects() if ask.known.role(project.id)]
    found = figures.figures(ask.parts, open_, ask.request.app.state.watchman)
    return [FiguresView(**vars(each)) for each in found]


@router.get("/projects/{project}/connections/{connection}/statement")
def show_statement(ask: Viewer, project: Id, connection: Id, month: Month) -> StatementView:
    """What was sent to an account in a month, by segment and operation, and what was answered."""
    found = statements.statement(ask.parts, project, connection, month)
    return StatementView(**vars(found) | {"lines": [LineView(**vars(line)) for line in found.lines]})


@router.get("/projects/{project}/connections/{connection}/statement.csv", response_class=Response, responses=text_of("text/csv"))
def download_statement(ask: Viewer, project: Id, connection: Id, month: Month) -> Response:
    """The same as CSV."""
    text = statements.as_csv(statements.statement(ask.parts, project, connection, month))
    name = f"statement-{connection}-{month}.csv"
    return Response(text, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'})
