"""Cohorts: rules over people, as the API takes and shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from tradewind.model.cohort import Cohort
from tradewind.operations import cohorts
from tradewind.operations.changes import silent_part
from tradewind.web.bodies import API, Body, Id
from tradewind.web.gate import Asked, Member, Viewer
from tradewind.web.pages import Cursor, Limit, Page, page
from tradewind.web.views import CohortView, cohort_view

router = APIRouter(prefix=f"{API}/projects/{{project}}/cohorts", tags=["cohorts"])

SAMPLE = 20
"""People shown of a preview."""


class Definition(Body):
    """A cohort as YAML has it, without its id: name, kind, and what the kind asks for."""

    name: str = Field(max_length=200)
    kind: str = Field(max_length=20)
    definition: dict[str, Any]


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
def list_cohorts(ask: Viewer, project: Id, cursor: Cursor = None, limit: Limit = 50) -> Page[CohortView]:
    """The project's cohorts, by id."""
    found = ask.parts.catalog.cohorts(project)
    sentences = {each.id: each.sentence for each in cohorts.explained(ask.parts, project, ())}
    return page(found, lambda each: each.id, lambda each: cohort_view(each, sentences[each.id]), cursor, limit)


@router.get("/{cohort}")
def show_cohort(ask: Viewer, project: Id, cohort: Id) -> DefinedView:
    """One cohort, as it is defined now."""
    return _view(ask, ask.parts.catalog.cohort(project, cohort))


@router.put("/{cohort}")
def save_cohort(ask: Member, project: Id, cohort: Id, body: Definition) -> DefinedView:
    """Define a cohort, or define it anew: its version grows by one where the definition changed."""
    ask.note("cohort.save", cohort, project)
    document = body.definition | {"id": cohort, "name": body.name, "kind": body.kind}
    return _view(ask, cohorts.define(ask.parts, project, document))


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


def _view(ask: Asked, cohort: Cohort) -> DefinedView:
    (explained,) = cohorts.explained(ask.parts, cohort.project, [cohort.id])
    tells = silent_part(ask.parts.catalog.cohorts(cohort.project), cohort.id) is None
    return DefinedView(**vars(cohort_view(cohort, explained.sentence)), tells=tells)
