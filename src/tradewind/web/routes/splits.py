"""Splits: one cohort as one segment for each value of a property; each part is a sync of its own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from tradewind.operations import splits, syncs
from tradewind.web.bodies import API, Id
from tradewind.web.gate import Manager
from tradewind.web.once import Key, once
from tradewind.web.routes.syncs import NewSync, wish_of
from tradewind.web.views import RunView, SyncView, run_view, sync_view

router = APIRouter(prefix=f"{API}/projects/{{project}}/splits", tags=["syncs"])

Value = Annotated[str, Field(min_length=1, max_length=255)]


class NewSplit(NewSync):
    """A sync for each value of a user property; `segment` has `{value}` in it, where one is given. Any other value goes nowhere."""

    split_by: str = Field(min_length=1, max_length=255)
    values: list[Value] = Field(min_length=1, max_length=50)


class SplitView(BaseModel):
    """The parts of a split."""

    syncs: list[SyncView]


class SplitRunsView(BaseModel):
    """A run of each part, as of one instant."""

    runs: list[RunView]


@router.post("", status_code=201, response_model=SplitView)
def add_split(ask: Manager, project: Id, body: NewSplit, key: Key = None) -> JSONResponse:
    """Add a sync for each value, all or none. Nothing is sent before their first slot, or before they are run."""

    def make() -> SplitView:
        wish = wish_of(body)
        ask.note("split.add", syncs.id_of(wish), project, cohort=body.cohort, connection=body.connection, split_by=body.split_by)
        made = SplitView(syncs=[sync_view(each) for each in splits.add(ask.parts, project, wish, body.split_by, body.values)])
        ask.request.app.state.nudge()
        return made

    return once(ask, key, body, make)


@router.post("/{split}/runs", status_code=202, response_model=SplitRunsView)
def run_split(ask: Manager, project: Id, split: Id, key: Key = None) -> JSONResponse:
    """Ask for a run of every part, all as of one instant; the worker takes them up at once."""

    def make() -> SplitRunsView:
        ask.note("split.run", split, project)
        opened = SplitRunsView(runs=[run_view(each) for each in splits.ask(ask.parts, project, split)])
        ask.request.app.state.nudge()
        return opened

    return once(ask, key, None, make, 202)
