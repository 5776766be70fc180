"""Segments: what each holds, until when, and everything that is known of one identifier."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from tradewind.model.plan import Operation
from tradewind.operations import segments
from tradewind.operations.plain import plain
from tradewind.operations.trace import trace
from tradewind.web.bodies import API, Body, Id
from tradewind.web.gate import Manager, Viewer
from tradewind.web.pages import Cursor, Limit, Page, part
from tradewind.web.views import AccountView, RunView, SyncView, account_views, run_view, sync_view

router = APIRouter(prefix=f"{API}/projects/{{project}}", tags=["segments"])


class SegmentView(BaseModel):
    """The segment of a sync: how many identifiers it holds as far as is known, since `changed_at`."""

    sync: SyncView
    advertiser: str
    holds: int
    changed_at: datetime | None
    last: RunView | None


class PointView(BaseModel):
    """A run, how many it left in the segment (null where it left it alone), and its account by operation."""

    run: RunView
    holds: int | None
    tallies: dict[Operation, AccountView]


class DayView(BaseModel):
    """How many lapse on a day of UTC unless they are renewed."""

    day: date
    count: int


class NextView(BaseModel):
    """The next run by the cadence: who would be renewed, in how many requests."""

    at: datetime
    due: int
    requests: int


class SizeView(BaseModel):
    """What the segment can be used for from how many identifiers on."""

    use: str
    least: int
    sentence: str
    enough: bool


class PortraitView(BaseModel):
    """All of a segment. `points` are its youngest runs, newest first; `saved` is what renewing late saved in them."""

    segment: SegmentView
    points: list[PointView]
    count: int
    uncertain: int
    by_day: list[DayView]
    next: NextView | None
    saved_identifiers: int
    saved_requests: int
    sizes: list[SizeView]
    afterwards: list[str]


class Sought(Body):
    """A device id or TDID (a GUID), or a raw UID2."""

    identifier: str = Field(max_length=200)


@router.get("/segments")
def list_segments(ask: Viewer, project: Id, cursor: Cursor = None, limit: Limit = 50) -> Page[SegmentView]:
    """The segments of the project, by sync."""
    chosen, further = part(ask.parts.catalog.syncs(project), lambda each: each.id, cursor, limit)
    return Page(items=[_segment(each) for each in segments.listed(ask.parts, project, chosen)], next=further)


@router.get("/segments/{sync}")
def show_segment(ask: Viewer, project: Id, sync: Id) -> PortraitView:
    """The segment of a sync: size run by run, when its people lapse, the next renewal, and what it is large enough for."""
    found = segments.portrait(ask.parts, project, sync)
    points = [PointView(run=run_view(each.run), holds=each.holds, tallies=account_views(each.tallies)) for each in found.points]
    return PortraitView(
        segment=_segment(found.segment), points=points, count=found.outlook.count, uncertain=found.outlook.uncertain,
        by_day=[DayView(day=day, count=count) for day, count in found.outlook.by_day],
        next=NextView(**vars(found.next)) if found.next else None,
        saved_identifiers=found.saved.identifiers, saved_requests=found.saved.requests,
        sizes=[SizeView(**vars(each.size), enough=each.enough) for each in found.sizes], afterwards=list(found.afterwards),
    )  # fmt: skip


@router.post("/trace")
def trace_identifier(ask: Manager, project: Id, body: Sought) -> dict[str, Any]:
    """In which segments an identifier is believed to be, by which request, and all that was done with it."""
    ask.note("identifier.trace", "an identifier", project)
    told: dict[str, Any] = plain(trace(ask.parts, project, body.identifier.strip()))
    return told


def _segment(each: segments.Segment) -> SegmentView:
    last = run_view(each.last) if each.last else None
    return SegmentView(sync=sync_view(each.sync), advertiser=each.advertiser, holds=each.holds, changed_at=each.changed_at, last=last)
