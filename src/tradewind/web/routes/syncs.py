"""Syncs: add, change, run, pause and remove them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from tradewind.model.sync import Cadence, Recency, Refresh
from tradewind.operations import edits, endings, forecast, syncs
from tradewind.schedule import time_of_day
from tradewind.web.bodies import API, Body, How, Id
from tradewind.web.gate import Manager, Viewer
from tradewind.web.once import Key, once
from tradewind.web.pages import Cursor, Limit, Page, page
from tradewind.web.tags import Match, matching, show_tag
from tradewind.web.views import ORDERED, EndedView, RunView, StakeView, SyncView, ended_view, run_view, stake_view, sync_view

router = APIRouter(prefix=f"{API}/projects/{{project}}/syncs", tags=["syncs"])


Count = Annotated[int, Field(ge=0, lt=1 << 53)]


Days = Annotated[int, Field(ge=1, le=180, strict=True)]
"""How long somebody stays in a segment unless renewed; no number that is written as anything else is guessed at."""


class HoldoutBody(Body):
    """The percent of the people who stay out by lot, and whose lots; 0, in a change, ends the holdout."""

    percent: int = Field(ge=0, le=50, strict=True)
    salt: str | None = Field(default=None, min_length=1, max_length=100)


class NewSync(Body):
    """A cohort, a connection and how often. Id and segment take the usual name where none is given."""

    cohort: str = Field(max_length=63)
    connection: str = Field(max_length=63)
    id: str | None = Field(default=None, max_length=63)
    segment: str | None = Field(default=None, max_length=400)
    ttl_days: Days = 30
    cadence: Cadence = Cadence.ONE_TIME
    at: str = Field(default="06:00", max_length=5)
    cron: str = Field(default="", max_length=100)
    refresh: Refresh = Refresh.EVERY_SYNC
    recency: Recency = Recency.SYNC
    holdout: HoldoutBody | None = None


class SyncChange(Body):
    """What is not given stays as it is."""

    ttl_days: Days | None = None
    cadence: Cadence | None = None
    at: str | None = Field(default=None, max_length=5)
    cron: str | None = Field(default=None, max_length=100)
    refresh: Refresh | None = None
    recency: Recency | None = None
    holdout: HoldoutBody | None = None


class Draft(NewSync):
    """The same before it is added; with `identifiers`, how many of each type it would send, what that costs."""

    identifiers: list[Count] | None = Field(default=None, max_length=20)


class CostView(BaseModel):
    """Of so many identifiers: requests and bytes of the first run, and requests to renew them all for 30 days.

    `seconds` is how long the first run's requests take, by the last run through the connection where `measured`, else supposed.
    """

    identifiers: int
    requests: int
    octets: int
    requests_a_month: int
    seconds: float
    measured: bool


class ForecastView(BaseModel):
    """When it would run, when who is added now would expire if nothing renewed them, and a request with identifiers of nobody."""

    id: str
    segment: str
    advertiser: str
    expires_at: datetime
    fires: list[datetime]
    items_per_request: int
    holds: int
    sample: str
    cost: CostView | None


@router.post("/draft/forecast")
def show_forecast(ask: Viewer, project: Id, body: Draft) -> ForecastView:
    """What a sync would do and cost; nothing is added."""
    found = forecast.forecast(ask.parts, project, wish_of(body), body.identifiers)
    names = ("advertiser", "expires_at", "items_per_request", "holds", "sample")
    kept = {name: getattr(found, name) for name in names}
    cost = CostView(**vars(found.cost)) if found.cost else None
    return ForecastView(id=found.sync.id, segment=found.sync.segment, fires=list(found.fires), cost=cost, **kept)


@router.get("")
def list_syncs(ask: Viewer, project: Id, cursor: Cursor = None, limit: Limit = 50) -> Page[SyncView]:
    """The project's syncs, by id, the ended ones among them."""
    return page(ask.parts.catalog.syncs(project), lambda each: each.id, sync_view, cursor, limit)


@router.post("", status_code=201, response_model=SyncView)
def add_sync(ask: Manager, project: Id, body: NewSync, key: Key = None) -> JSONResponse:
    """Add a sync. Nothing is sent before its first slot, or before it is run."""

    def make() -> SyncView:
        wish = wish_of(body)
        ask.note("sync.add", syncs.id_of(wish), project, cohort=body.cohort, connection=body.connection)
        made = sync_view(syncs.add(ask.parts, project, wish))
        ask.request.app.state.nudge()
        return made

    return once(ask, key, body, make)


@router.get("/{sync}")
def show_sync(ask: Viewer, project: Id, sync: Id, response: Response) -> SyncView:
    """One sync."""
    found = ask.parts.catalog.sync(project, sync)
    show_tag(response, found)
    return sync_view(found)


@router.patch("/{sync}")
def change_sync(ask: Manager, project: Id, sync: Id, body: SyncChange, response: Response, match: Match = None) -> SyncView:
    """Change TTL, cadence (with its cron expression), time of day, refresh, recency or holdout; cohort and connection never change."""
    parts = matching(ask.parts, match)
    at = time_of_day(body.at) if body.at is not None else None
    percent, salt = (body.holdout.percent, body.holdout.salt) if body.holdout else (None, None)
    wish = syncs.Change(body.ttl_days, body.cadence, at, body.refresh, body.recency, body.cron, percent, salt)
    ask.note("sync.change", sync, project, **edits.of_sync(ask.parts, project, sync, wish))
    changed = syncs.change(parts, project, sync, wish)
    show_tag(response, changed)
    ask.request.app.state.nudge()
    return sync_view(changed)


@router.get("/{sync}/stakes")
def stakes(ask: Viewer, project: Id, sync: Id) -> list[StakeView]:
    """Who is in its segment, and until when."""
    return [stake_view(each) for each in endings.stakes(ask.parts, endings.of_sync(ask.parts, project, sync))]


@router.post("/{sync}/runs", status_code=202, response_model=RunView)
def run_now(ask: Manager, project: Id, sync: Id, key: Key = None) -> JSONResponse:
    """Ask for a run: it is opened, and the worker takes it up at once. The one that is open already, where there is one."""

    def make() -> RunView:
        ask.note("sync.run", sync, project)
        opened = run_view(syncs.ask(ask.parts, project, sync))
        ask.request.app.state.nudge()
        return opened

    return once(ask, key, None, make, 202)


@router.post("/{sync}/dry-runs", status_code=202, response_model=RunView)
def rehearse(ask: Manager, project: Id, sync: Id, key: Key = None) -> JSONResponse:
    """Ask for a dry run: what a run would do now is worked out and kept among the runs, and nothing is sent."""

    def make() -> RunView:
        ask.note("sync.dry_run", sync, project)
        opened = run_view(syncs.rehearse(ask.parts, project, sync))
        ask.request.app.state.nudge()
        return opened

    return once(ask, key, None, make, 202)


@router.post("/{sync}/pause", responses=ORDERED)
def pause(ask: Manager, project: Id, sync: Id, response: Response, leaving: How = None) -> EndedView:
    """Let it run no more until it is resumed; `leaving` says what becomes of its people."""
    ask.note("sync.pause", sync, project, **({"leaving": leaving.value} if leaving else {}))
    ended = ended_view(endings.pause(ask.parts, project, sync, leaving, None), response)
    ask.request.app.state.nudge()
    return ended


@router.post("/{sync}/resume")
def resume(ask: Manager, project: Id, sync: Id) -> SyncView:
    """Let it run again."""
    ask.note("sync.resume", sync, project)
    resumed = sync_view(endings.resume(ask.parts, project, sync))
    ask.request.app.state.nudge()
    return resumed


@router.delete("/{sync}", responses=ORDERED)
def remove_sync(ask: Manager, project: Id, sync: Id, response: Response, leaving: How = None) -> EndedView:
    """Remove it; its history stays. `leaving` says what becomes of its people."""
    ask.note("sync.remove", sync, project, **({"leaving": leaving.value} if leaving else {}))
    ended = ended_view(endings.remove_sync(ask.parts, project, sync, leaving, None), response)
    ask.request.app.state.nudge()
    return ended


def wish_of(body: NewSync) -> syncs.Wish:
    """What a body asks for."""
    named = (body.cohort, body.connection, body.id, body.segment, body.ttl_days, body.cadence)
    percent, salt = (body.holdout.percent, body.holdout.salt) if body.holdout else (None, None)
    return syncs.Wish(*named, time_of_day(body.at), body.refresh, body.recency, body.cron, percent, salt)
