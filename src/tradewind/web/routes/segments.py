"""Segments: what each holds, until when, and everything that is known of one identifier."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from tradewind.model.identifier import IdType
from tradewind.model.plan import Operation
from tradewind.model.platform import Arranged, Reading, Use
from tradewind.operations import arranging, segments
from tradewind.operations.plain import plain
from tradewind.operations.trace import trace
from tradewind.trials.sql import Trial
from tradewind.web.bodies import API, Body, Id
from tradewind.web.gate import Manager, Viewer
from tradewind.web.pages import Cursor, Limit, Page, part
from tradewind.web.views import AccountView, ReaderView, RunView, SyncView, account_views, reader_view, run_view, sync_view

router = APIRouter(prefix=f"{API}/projects/{{project}}", tags=["segments"])

Of = Annotated[str | None, Query(max_length=63, description="A cohort.")]
Named = Annotated[list[str], Query(default_factory=list, max_length=200, description="Ids of syncs; all where none is named.")]


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
    """What the segment can be used for from how many identifiers on, and the `count` of them that the platform made where it was `asked`.

    `active`: those that it saw lately count. Where it was not asked, `count` is the most that it can be.
    """

    use: str
    least: int
    sentence: str
    enough: bool
    count: int
    active: bool
    asked: bool


class TypeView(BaseModel):
    """How many identifiers of a type are in the segment."""

    type: IdType
    count: int


class ActivityView(BaseModel):
    """How many identifiers the platform saw in the last seven days, where, and how many persons and households they are."""

    ids: int
    web: int
    in_app: int
    connected_tv: int
    persons: int
    households: int


class ReadingView(BaseModel):
    """What the platform said at an instant: its number of the segment and what it saw of it, beside what we held.

    Both are null where it did not list the segment.
    """

    read_at: datetime
    listing: int | None
    activity: ActivityView | None
    held: int


class TrialView(BaseModel):
    """Who takes part in measuring what sending does, since when; `late` and `ended` as in the comparison itself."""

    percent: int
    people: int
    began_at: datetime
    late: bool
    ended: bool


class PortraitView(BaseModel):
    """All of a segment. `points` are its youngest runs, newest first; `saved` is what renewing late saved in them.

    `trial` is null where nobody was ever held out.
    """

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
    by_type: list[TypeView]
    platform: ReaderView
    reading: ReadingView | None
    trial: TrialView | None


class Attachment(Body):
    """Names at the platform; the segment's own where they are left out."""

    data_group: str = Field(default="", max_length=256)
    audience: str = Field(default="", max_length=256)


class Attaching(Attachment):
    """The same, and the mark of the plan that was looked at."""

    mark: str = Field(max_length=64)


class SeedBody(Body):
    """The syncs whose segments a seed is made of; whoever is in any of them is in the seed."""

    name: str = Field(max_length=256)
    syncs: list[str] = Field(min_length=1, max_length=100)


class Seeding(SeedBody):
    """The same, and the mark of the plan that was looked at."""

    mark: str = Field(max_length=64)


class PlannedStepView(BaseModel):
    """One change at the platform, in words; without `changes` it is there already."""

    use: Use
    name: str
    sentence: str
    changes: bool


class ArrangementView(BaseModel):
    """What would change at the platform. The mark is given back to have it done."""

    steps: list[PlannedStepView]
    mark: str


class ArrangedView(BaseModel):
    """What is there now, by its id at the platform."""

    use: Use
    id: str
    name: str


class Sought(Body):
    """A device id or TDID (a GUID), or a raw UID2."""

    identifier: str = Field(max_length=200)


@router.get("/segments")
def list_segments(ask: Viewer, project: Id, sync: Named, cohort: Of = None, cursor: Cursor = None, limit: Limit = 50) -> Page[SegmentView]:
    """The segments of the project, by sync; or only those of a cohort, or of some syncs."""
    named = set(sync)
    asked = [each for each in ask.parts.catalog.syncs(project) if cohort in {None, each.cohort} and (not named or each.id in named)]
    chosen, further = part(asked, lambda each: each.id, cursor, limit)
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
        sizes=[SizeView(**vars(each.size), enough=each.enough, count=each.count, asked=each.asked) for each in found.sizes],
        afterwards=list(found.afterwards), by_type=[TypeView(type=each, count=count) for each, count in found.outlook.by_type],
        platform=reader_view(found.reader), reading=_reading(found.reading) if found.reading else None,
        trial=_trial(found.trial) if found.trial else None,
    )  # fmt: skip


@router.post("/segments/{sync}/attach/plan")
def plan_attach(ask: Manager, project: Id, sync: Id, body: Attachment) -> ArrangementView:
    """What would change at the platform to have the segment in a data group, and that in an audience. Nothing is changed."""
    ask.note("platform.plan", sync, project)
    return _arrangement(arranging.plan_attach(ask.parts, project, sync, body.data_group, body.audience))


@router.post("/segments/{sync}/attach")
def attach(ask: Manager, project: Id, sync: Id, body: Attaching) -> list[ArrangedView]:
    """Carry out a plan that was looked at. Refused when it would be another now."""
    plan = arranging.plan_attach(ask.parts, project, sync, body.data_group, body.audience)
    return _arranged(arranging.carry_out(ask.parts, project, plan, body.mark, ask.who))


@router.post("/seeds/plan")
def plan_seed(ask: Manager, project: Id, body: SeedBody) -> ArrangementView:
    """What would change at the platform to have a seed of the segments. Nothing is changed; refused when they are too small."""
    ask.note("platform.plan", body.name, project)
    return _arrangement(arranging.plan_seed(ask.parts, project, body.name, body.syncs))


@router.post("/seeds")
def seed(ask: Manager, project: Id, body: Seeding) -> list[ArrangedView]:
    """Carry out a plan that was looked at. Refused when it would be another now."""
    plan = arranging.plan_seed(ask.parts, project, body.name, body.syncs)
    return _arranged(arranging.carry_out(ask.parts, project, plan, body.mark, ask.who))


@router.post("/trace")
def trace_identifier(ask: Manager, project: Id, body: Sought) -> dict[str, Any]:
    """In which segments an identifier is believed to be, by which request, and all that was done with it."""
    ask.note("identifier.trace", "an identifier", project)
    told: dict[str, Any] = plain(trace(ask.parts, project, body.identifier.strip()))
    return told


def _trial(found: Trial) -> TrialView:
    return TrialView(percent=found.least, people=found.people, began_at=found.began_at, late=found.late, ended=found.ended)


def _reading(each: Reading) -> ReadingView:
    listing = each.listing
    activity = ActivityView(**vars(listing.activity)) if listing else None
    return ReadingView(read_at=each.read_at, listing=listing.id if listing else None, activity=activity, held=each.held)


def _arrangement(found: arranging.Arrangement) -> ArrangementView:
    steps = [
        PlannedStepView(use=each.after.use, name=each.after.name, sentence=each.sentence, changes=each.changes) for each in found.steps
    ]
    return ArrangementView(steps=steps, mark=found.mark)


def _arranged(found: tuple[Arranged, ...]) -> list[ArrangedView]:
    return [ArrangedView(use=each.use, id=each.id, name=each.name) for each in found]


def _segment(each: segments.Segment) -> SegmentView:
    last = run_view(each.last) if each.last else None
    return SegmentView(sync=sync_view(each.sync), advertiser=each.advertiser, holds=each.holds, changed_at=each.changed_at, last=last)
