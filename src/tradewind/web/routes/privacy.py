"""People who said no: put on the list by an admin, and the proof of what was done for them. No identifier is ever shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from tradewind.model.privacy import PrivacyRequest, Progress, RequestType
from tradewind.operations import privacy
from tradewind.web.bodies import API, Body, Id
from tradewind.web.gate import Admin
from tradewind.web.once import Key, once
from tradewind.web.pages import Cursor, Limit, Page, page
from tradewind.web.words import Said

router = APIRouter(prefix=f"{API}/projects/{{project}}/privacy", tags=["privacy"])

Identifier = Annotated[str, Field(max_length=privacy.LONGEST_LINE)]


class Ask(Body):
    """An opt-out, or a deletion, which asks the platform for that as well; device ids or TDIDs (GUIDs), and raw UID2s."""

    type: RequestType
    identifiers: list[Identifier] = Field(min_length=1, max_length=10_000)


class RequestView(BaseModel):
    """What was asked, of how many identifiers, and how far it has come. `whole` is false when it was cut short while written down."""

    id: str
    type: RequestType
    asked_at: datetime
    identifiers: int
    progress: Progress
    whole: bool
    closed_at: datetime | None


class RemovedView(BaseModel):
    """A segment: how many were taken out, by which run; `done_at` is null while it waits, and `note` says why."""

    segment: str
    advertiser: str
    done_at: datetime | None
    removed: int
    run: str | None
    note: Said


class ToldView(BaseModel):
    """A recipient, in items: how many it was told, refused, and waits to be told; when and how it answered last."""

    advertiser: str
    url: str
    told: int
    refused: int
    waiting: int
    answered_at: datetime | None
    status: int | None
    request_id: str | None
    note: Said


class ProofView(BaseModel):
    """A request, and what became of it in each segment and at each recipient."""

    request: RequestView
    removals: list[RemovedView]
    told: list[ToldView]


@router.get("")
def list_requests(ask: Admin, project: Id, cursor: Cursor = None, limit: Limit = 50) -> Page[RequestView]:
    """The requests of the project, the newest first."""
    return page(ask.parts.privacy.listed(project), lambda each: each.id, _view, cursor, limit)


@router.post("", status_code=202, response_model=RequestView)
def ask_for(ask: Admin, project: Id, body: Ask, key: Key = None) -> JSONResponse:
    """Send somebody nowhere any more, from this answer on; the worker takes them out of every segment and tells every recipient."""

    def make() -> RequestView:
        ask.note("privacy.ask", body.type.value, project, identifiers=str(len(body.identifiers)))
        shown = _view(privacy.hand_over(ask.parts, project, body.type, privacy.words(body.identifiers)))
        ask.request.app.state.nudge()
        return shown

    return once(ask, key, body, make, 202)


@router.get("/{request}")
def show_request(ask: Admin, project: Id, request: Id) -> ProofView:
    """What became of a request: the proof, without an identifier."""
    found = privacy.report(ask.parts, project, request)
    removals = [
        RemovedView(
            segment=place.segment, advertiser=place.advertiser, done_at=each.done_at, removed=each.removed, run=each.run, note=each.note
        )
        for place, each in found.removals
    ]
    return ProofView(request=_view(found.request), removals=removals, told=[_told(each) for each in privacy.told(found)])


def _view(request: PrivacyRequest) -> RequestView:
    return RequestView(**{name: getattr(request, name) for name in RequestView.model_fields})


def _told(each: privacy.Told) -> ToldView:
    last = each.last
    return ToldView(
        advertiser=each.advertiser, url=each.url, told=each.told, refused=each.refused, waiting=each.waiting,
        answered_at=last.answered_at if last else None, status=last.status if last else None,
        request_id=last.request_id if last else None, note=last.note if last else "",
    )  # fmt: skip
