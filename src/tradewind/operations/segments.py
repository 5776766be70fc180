"""Segments: how many are in each, what came and went, until when they stay, and whether that is enough at the platform."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tradewind.ledger.base import DELIVERED
from tradewind.membership.outlook import Outlook, outlook
from tradewind.membership.sql import Version
from tradewind.model.destination import Size
from tradewind.model.plan import Operation, Plan
from tradewind.model.platform import Reader, Reading
from tradewind.model.run import Account, Run, RunKind, RunState
from tradewind.model.sync import Sync, SyncState, Target
from tradewind.parts import Parts
from tradewind.phases import binding_of
from tradewind.planning.refresh import renewal
from tradewind.schedule import next_fire
from tradewind.targets import known_place, known_places
from tradewind.trials.sql import Trial

RECEIVED = 30
"""Days in which a platform must have received an identifier for it to count; one that lives longer may have been sent before."""

SHOWN = 100
"""So many of the youngest runs are looked at."""


@dataclass(frozen=True)
class Segment:
    """The segment of a sync: how many identifiers it holds as far as is known, since the run that changed it last.

    `place` is the address and the account; both are empty where the sync's region has no address now.
    """

    sync: Sync
    url: str
    advertiser: str
    holds: int
    changed_at: datetime | None
    last: Run | None


@dataclass(frozen=True)
class Point:
    """A run and what it left in the segment: how many it held then, and what came, went and was renewed. None where it left nothing."""

    run: Run
    holds: int | None
    tallies: dict[Operation, Account]


@dataclass(frozen=True)
class Next:
    """The sync's next run by its cadence: who would be renewed then, in how many requests."""

    at: datetime
    due: int
    requests: int


@dataclass(frozen=True)
class Saved:
    """What renewing only who has little time left saved in the runs that are shown: identifiers not sent, and requests."""

    identifiers: int
    requests: int


@dataclass(frozen=True)
class Enough:
    """Whether a segment has as many identifiers as a use of it wants: how many count, and whether the platform itself counted them.

    Where the platform would count and was not asked, what we sent is the most that it can be.
    """

    size: Size
    enough: bool
    count: int
    asked: bool = False


@dataclass(frozen=True)
class Portrait:
    """All of a segment. `points` are its youngest runs, newest first; `reading` is what the platform said of it last.

    `reader` is the connection's leave to ask the platform; None where it has none. `trial` is who takes part in measuring what
    sending does; None where nobody was ever held out.
    """

    segment: Segment
    points: tuple[Point, ...]
    outlook: Outlook
    next: Next | None
    saved: Saved
    sizes: tuple[Enough, ...]
    afterwards: tuple[str, ...]
    reading: Reading | None = None
    reader: Reader | None = None
    trial: Trial | None = None


def listed(parts: Parts, project: str, syncs: Sequence[Sync] | None = None) -> tuple[Segment, ...]:
    """The segments of some syncs of a project, or of all of them, by sync; each store is asked once."""
    chosen = parts.catalog.syncs(project) if syncs is None else syncs
    heads, places = parts.versions.heads(), known_places(parts, project, chosen)
    lasts = parts.ledger.youngest(project, [each.id for each in chosen], 1)
    found = []
    for sync in chosen:
        place = places.get(sync.id)
        version = heads.get(place.id) if place else None
        found.append(_segment(parts, sync, place, version, next(iter(lasts.get(sync.id, ())), None)))
    return tuple(found)


def portrait(parts: Parts, project: str, sync_id: str) -> Portrait:
    """The segment of one sync. Raises DefinitionError when there is no such sync, EngineError when a file is gone or damaged."""
    sync = parts.catalog.sync(project, sync_id)
    target = known_place(parts, sync)
    version = parts.versions.newest(target.id) if target else None
    now, points = parts.clock.now(), _points(parts, project, sync_id)
    mine = _segment(parts, sync, target, version, next((each.run for each in points if each.run.kind is not RunKind.DRY), None))
    at = _next(parts, sync, now)
    fresh = now - timedelta(days=RECEIVED) + timedelta(minutes=sync.ttl_minutes)
    due = renewal(sync, at) if at else None
    seen = outlook(version.held(parts.home), now, due, max(now, fresh)) if version else Outlook(0, 0, (), ())
    destination = parts.destination(parts.catalog.connection(project, sync.connection).destination)
    items = destination.items_per_request(binding_of(parts, sync)) if target else destination.spec.limits.items
    reader = parts.readings.reader(project, sync.connection)
    reading = parts.readings.newest([target.id]).get(target.id) if target and reader else None
    sizes = tuple(_enough(size, seen, reading) for size in destination.spec.sizes)
    coming = Next(at, sum(seen.due), sum(-(-many // items) for many in seen.due)) if at else None
    saved, trial = _saved(parts, points, items), parts.trials.newest(project, sync_id)
    return Portrait(mine, points, seen, coming, saved, sizes, destination.spec.afterwards, reading, reader, trial)


def _segment(parts: Parts, sync: Sync, target: Target | None, version: Version | None, last: Run | None) -> Segment:
    """No file is read: who lapsed since the last run still counts, until all have."""
    over = version is None or version.created_at + timedelta(minutes=sync.ttl_minutes) <= parts.clock.now()
    holds = 0 if over or version is None else version.rows
    place = (target.url, target.advertiser) if target else ("", "")
    return Segment(sync, *place, holds, version.created_at if version else None, last)


def _enough(size: Size, seen: Outlook, reading: Reading | None) -> Enough:
    if size.active and reading:
        ids = reading.listing.activity.ids if reading.listing else 0
        return Enough(size, ids >= size.least, ids, asked=True)
    most = seen.count if size.active else seen.fresh
    return Enough(size, most >= size.least, most)


def _points(parts: Parts, project: str, sync: str) -> tuple[Point, ...]:
    runs = parts.ledger.history(project, sync, SHOWN)
    names = [run.id for run in runs]
    versions, tallies = parts.versions.of_runs(names), parts.ledger.tallies(names)
    return tuple(Point(run, versions[run.id].rows if run.id in versions else None, tallies.get(run.id, {})) for run in runs)


def _next(parts: Parts, sync: Sync, now: datetime) -> datetime | None:
    if sync.state is not SyncState.ACTIVE:
        return None
    return next_fire(sync.cadence, parts.catalog.project(sync.project).zone, sync.at, now, sync.cron)


def _saved(parts: Parts, points: Iterable[Point], items: int) -> Saved:
    """Of runs that carried out a plan."""
    plans = [parts.ledger.recall(each.run.id, RunState.PLANNED, Plan) for each in points if each.run.outcome in DELIVERED]
    unchanged = [plan.delta.unchanged for plan in plans if plan]
    return Saved(sum(unchanged), sum(-(-each // items) for each in unchanged))
