"""Projects, their plan, and the kinds of platform they use."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from tradewind.model.project import ProjectPlan, ReleaseStage
from tradewind.operations import endings, entitlement, samples, tables
from tradewind.web.bodies import API, Body, How, Id
from tradewind.web.gate import Admin, Administrator, Asked, Manager, SignedIn, Viewer
from tradewind.web.once import Key, once
from tradewind.web.pages import Cursor, Limit, Page, following, number, page
from tradewind.web.views import (
    ORDERED,
    EndedView,
    EntryView,
    ProjectView,
    StakeView,
    TileView,
    ended_view,
    entry_view,
    project_view,
    stake_view,
    tile_view,
)

router = APIRouter(prefix=API, tags=["projects"])


class NamedView(BaseModel):
    """What something is called."""

    id: str
    name: str


class NamedSyncView(BaseModel):
    """What a sync keeps equal to what; its ids are those of the other lists."""

    id: str
    segment: str
    cohort: str
    connection: str


class NamesView(BaseModel):
    """The names of a project's cohorts, connections and syncs, all of them, by id."""

    cohorts: list[NamedView]
    connections: list[NamedView]
    syncs: list[NamedSyncView]


class NewProject(Body):
    """A tenant, on the free plan, in a time zone such as Europe/Berlin."""

    id: str = Field(max_length=63)
    name: str = Field(max_length=200)
    zone: str = Field(default="UTC", max_length=60)


class Plan(Body):
    """free or paid."""

    plan: ProjectPlan


class AnswersFrom(Body):
    """A source of tables, or null for the project's own events."""

    source: str | None = Field(default=None, max_length=63)


class Confirmation(Body):
    """That the platform's own paid plan is there."""

    paid_plan: bool


class OfferChange(Body):
    """What is not given stays as it is."""

    stage: ReleaseStage | None = None
    contact: str | None = Field(default=None, max_length=200)


@router.get("/projects")
def list_projects(ask: SignedIn, cursor: Cursor = None, limit: Limit = 50) -> Page[ProjectView]:
    """The projects that are open to the caller, by id."""
    mine = [each for each in ask.parts.catalog.projects() if ask.known.role(each.id)]
    return page(mine, lambda each: each.id, lambda each: project_view(each, ask.known.role(each.id)), cursor, limit)


@router.get("/projects/{project}/names")
def list_names(ask: Viewer, project: Id) -> NamesView:
    """What the project's cohorts, connections and syncs are called, for whoever shows or chooses one; nothing else of them is read."""
    catalog = ask.parts.catalog
    return NamesView(
        cohorts=[NamedView(id=each, name=name) for each, name in catalog.cohort_names(project).items()],
        connections=[NamedView(id=each.id, name=each.name) for each in catalog.connections(project)],
        syncs=[NamedSyncView(**{name: getattr(each, name) for name in NamedSyncView.model_fields}) for each in catalog.syncs(project)],
    )


@router.post("/projects", status_code=201, response_model=ProjectView)
def add_project(ask: Administrator, body: NewProject, key: Key = None) -> JSONResponse:
    """Add a project: on the free plan, with nothing enabled."""

    def make() -> ProjectView:
        return project_view(entitlement.add_project(ask.parts, ask.who, body.id, body.name, body.zone), ask.known.role(body.id))

    return once(ask, key, body, make)


class SampleProjectView(BaseModel):
    """What was made. `connection` is the account at the sandbox; null without a sandbox, and where a wall stands."""

    events: int
    cohorts: list[str]
    connection: str | None


@router.post("/projects/{project}/samples", status_code=201)
def add_samples(ask: Manager, project: Id) -> SampleProjectView:
    """Fill a project that has nothing yet with a made-up shop up to now: people, cohorts, and an account at the sandbox if there is one."""
    ask.note("samples.add", project, project)
    return SampleProjectView.model_validate(samples.begin(ask.parts, project), from_attributes=True)


@router.get("/projects/{project}")
def show_project(ask: Viewer, project: Id) -> ProjectView:
    """One project."""
    return project_view(ask.parts.catalog.project(project), ask.known.role(project))


@router.put("/projects/{project}/plan", responses=ORDERED)
def set_plan(ask: Administrator, project: Id, body: Plan, response: Response, leaving: How = None) -> EndedView:
    """Give it another plan. With the free one its syncs are paused; `leaving` says what becomes of their people."""
    return ended_view(entitlement.set_plan(ask.parts, ask.who, project, body.plan, leaving, None), response)


@router.put("/projects/{project}/source")
def answer_from(ask: Manager, project: Id, body: AnswersFrom) -> ProjectView:
    """Say from where the project's behavioural cohorts are answered: from a source of tables, or from its own events."""
    return project_view(tables.answer_from(ask.parts, ask.who, project, body.source), ask.known.role(project))


@router.get("/projects/{project}/stakes")
def stakes(ask: Viewer, project: Id, destination: Annotated[str | None, Query(max_length=60)] = None) -> list[StakeView]:
    """Who is in the segments of running syncs, and until when: what is to be decided before a destination or the plan is left."""
    ask.parts.catalog.project(project)
    return [stake_view(each) for each in endings.stakes(ask.parts, entitlement.running(ask.parts, project, destination))]


@router.get("/projects/{project}/destinations")
def list_destinations(ask: Viewer, project: Id) -> list[TileView]:
    """The catalog: kinds of platform, with stage, considerations and set-up, and what stands in this project's way."""
    return [tile_view(each) for each in entitlement.tiles(ask.parts, project)]


@router.put("/projects/{project}/destinations/{destination}/enablement")
def enable(ask: Admin, project: Id, destination: Id, body: Confirmation) -> TileView:
    """Let the project use it, after confirming that the platform's own paid plan is there."""
    return tile_view(entitlement.enable(ask.parts, ask.who, project, destination, confirmed=body.paid_plan))


@router.delete("/projects/{project}/destinations/{destination}/enablement", responses=ORDERED)
def disable(ask: Admin, project: Id, destination: Id, response: Response, leaving: How = None) -> EndedView:
    """Let the project use it no more: its syncs there are paused; `leaving` says what becomes of their people."""
    return ended_view(entitlement.disable(ask.parts, ask.who, project, destination, leaving, None), response)


@router.patch("/destinations/{destination}")
def change_offer(ask: Administrator, destination: Id, body: OfferChange) -> list[str]:
    """Set stage or support contact, for all projects; gives the projects admitted."""
    offer = ask.parts.catalog.offers.offer(destination)
    if body.stage is not None:
        offer = entitlement.set_stage(ask.parts, ask.who, destination, body.stage)
    if body.contact is not None:
        offer = entitlement.set_contact(ask.parts, ask.who, destination, body.contact)
    return list(offer.admitted)


@router.put("/destinations/{destination}/admissions/{admitted}")
def admit(ask: Administrator, destination: Id, admitted: Id) -> list[str]:
    """Admit a project while the beta is closed; gives all that are admitted."""
    return list(entitlement.admit(ask.parts, ask.who, destination, admitted).admitted)


@router.delete("/destinations/{destination}/admissions/{admitted}", responses=ORDERED)
def withdraw(ask: Administrator, destination: Id, admitted: Id, response: Response, leaving: How = None) -> EndedView:
    """Take an admission back."""
    return ended_view(entitlement.withdraw(ask.parts, ask.who, destination, admitted, leaving, None), response)


@router.get("/projects/{project}/audit")
def project_audit(ask: Admin, project: Id, cursor: Cursor = None, limit: Limit = 50) -> Page[EntryView]:
    """Who did what in the project, the newest first."""
    return _trail(ask, project, cursor, limit)


@router.get("/audit")
def whole_audit(ask: Administrator, cursor: Cursor = None, limit: Limit = 50) -> Page[EntryView]:
    """Who did what anywhere, the newest first."""
    return _trail(ask, None, cursor, limit)


def _trail(ask: Asked, project: str | None, cursor: str | None, limit: int) -> Page[EntryView]:
    found = ask.parts.trail.entries(project, number(cursor), limit + 1)
    return following(found, lambda each: str(each.number), entry_view, limit)
