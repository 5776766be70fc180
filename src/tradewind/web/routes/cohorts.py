"""Cohorts: rules over people, as the API takes and shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from tradewind.model.cohort import Cohort
from tradewind.model.sync import Cadence, SyncState
from tradewind.operations import cohorts
from tradewind.operations.changes import silent_part, with_parts
from tradewind.operations.known import Known, known
from tradewind.web.bodies import API, Body, Id
from tradewind.web.gate import Asked, Member, Viewer
from tradewind.web.pages import Cursor, Limit, Page, part
from tradewind.web.problems import Refusal
from tradewind.web.tags import Match, Unless, matching, show_tag
from tradewind.web.views import CohortView, cohort_view

router = APIRouter(prefix=f"{API}/projects/{{project}}/cohorts", tags=["cohorts"])

Find = Annotated[str, Query(max_length=200, description="Small and large letters are one.")]

SAMPLE = 20
"""People shown of a preview."""


class Definition(Body):
    """A cohort as YAML has it, without its id: name, kind, and what the kind asks for."""

    name: str = Field(max_length=200)
    kind: str = Field(max_length=20)
    definition: dict[str, Any]


class KeptView(BaseModel):
    """A segment that a sync keeps equal to the cohort, and how many identifiers it holds as far as is known."""

    sync: str
    segment: str
    connection: str
    cadence: Cadence
    state: SyncState
    holds: int


class ListedCohort(CohortView):
    """A cohort in a list: how many people its last run found, as of when, and how many more than the run before. Null where none ran."""

    people: int | None
    change: int | None
    as_of: datetime | None
    kept: list[KeptView]


class DefinedView(CohortView):
    """One cohort; `tells` whether it, and each that it is made of, says when it changed, as a sync on change asks."""

    tells: bool


class PreviewView(BaseModel):
    """How many people are in, of how many, and a few of them as the events know them."""

    as_of: datetime
    members: int
    universe: int
    sample: list[str]


@router.get("")
def list_cohorts(ask: Viewer, project: Id, find: Find = "", cursor: Cursor = None, limit: Limit = 50) -> Page[ListedCohort]:
    """The project's cohorts, by id, with what their last runs found; with `find`, those whose name or id has it in it."""
    names, word = ask.parts.catalog.cohort_names(project), find.strip().casefold()
    sought = [each for each, name in names.items() if word in name.casefold() or word in each]
    chosen, further = part(sought, lambda each: each, cursor, limit)
    found, about = ask.parts.catalog.cohorts_of(project, chosen), known(ask.parts, project, chosen)
    return Page(items=[_listed(each, cohorts.sentence(each, names), about[each.id]) for each in found], next=further)


@router.get("/{cohort}")
def show_cohort(ask: Viewer, project: Id, cohort: Id, response: Response) -> DefinedView:
    """One cohort, as it is defined now."""
    found = ask.parts.catalog.cohort(project, cohort)
    show_tag(response, found)
    return _view(ask, found)


@router.put("/{cohort}")
def save_cohort(
    ask: Member, project: Id, cohort: Id, body: Definition, response: Response, unless: Unless = None, match: Match = None
) -> DefinedView:
    """Define a cohort, or define it anew: its version grows by one where the definition changed."""
    document: dict[str, Any] = {"id": cohort, "name": body.name, "kind": body.kind}
    for name, value in document.items():
        if body.definition.get(name, value) != value:
            raise Refusal(400, f"the definition says another {name} than the {'address' if name == 'id' else 'body'}; leave it out there")
    parts = matching(ask.parts, match, unless)
    saved = cohorts.define(parts, project, body.definition | document, ask.who)
    show_tag(response, saved)
    return _view(ask, saved)


@router.delete("/{cohort}", status_code=204)
def remove_cohort(ask: Member, project: Id, cohort: Id) -> None:
    """Archive a cohort that no sync and no other cohort uses."""
    ask.note("cohort.remove", cohort, project)
    ask.parts.catalog.remove_cohort(project, cohort)


@router.post("/{cohort}/preview")
def preview(ask: Member, project: Id, cohort: Id) -> PreviewView:
    """Who is in now; computed while one waits."""
    ask.note("cohort.preview", cohort, project)
    with ask.request.app.state.looks.turn(None, 0):
        seen = cohorts.preview(ask.request.app.state.small, project, cohort, None, None, SAMPLE)
    return PreviewView(as_of=seen.as_of, members=seen.members, universe=seen.universe, sample=list(seen.sample))


def _listed(cohort: Cohort, sentence: str, about: Known) -> ListedCohort:
    names = ("segment", "connection", "cadence", "state")
    kept = [KeptView(sync=each.sync.id, holds=each.holds, **{name: getattr(each.sync, name) for name in names}) for each in about.kept]
    seen = vars(cohort_view(cohort, sentence))
    return ListedCohort(**seen, people=about.people, change=about.change, as_of=about.as_of, kept=kept)


def _view(ask: Asked, cohort: Cohort) -> DefinedView:
    (explained,) = cohorts.explained(ask.parts, cohort.project, [cohort.id])
    tables = ask.parts.catalog.project(cohort.project).source is not None
    tells = silent_part(with_parts(ask.parts, cohort.project, cohort.id), cohort.id, tables=tables) is None
    return DefinedView(**vars(cohort_view(cohort, explained.sentence)), tells=tells)
