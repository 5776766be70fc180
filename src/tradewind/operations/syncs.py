"""Syncs: add one, see what it would do, run it."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from tradewind import runner
from tradewind.catalog.entitlement import check_standing
from tradewind.catalog.rules import holdout_of, usual_segment
from tradewind.catalog.yaml import default_sync_id
from tradewind.delivery.deliver import STALE
from tradewind.destinations.thetradedesk.names import check_segment_name
from tradewind.errors import ConfigurationError, DefinitionError, LedgerError, TakenError, TradewindError
from tradewind.model.destination import Limits
from tradewind.model.identifier import Resolution
from tradewind.model.plan import Plan
from tradewind.model.run import Run, RunKind, RunOutcome, RunState
from tradewind.model.snapshot import Snapshot
from tradewind.model.sync import Cadence, Holdout, Only, Recency, Refresh, Sync, SyncState
from tradewind.moment import reached
from tradewind.operations.changes import check_tells, mark
from tradewind.operations.claims import take
from tradewind.operations.downloads import check_downloads
from tradewind.operations.finishing import finish, wind_up
from tradewind.operations.instants import instant
from tradewind.operations.partings import GIVEN_UP, drain_before
from tradewind.operations.scratch import scratch
from tradewind.parts import Parts
from tradewind.phases import APPROVED, Approvals, Watch, binding_of
from tradewind.planning.guards import GAP, unanswered
from tradewind.planning.refresh import check_lasting
from tradewind.schedule import Due, cron_for, slots_due
from tradewind.splits import together
from tradewind.targets import place_of

DAY = 1440

CHOSEN = timedelta(minutes=1)
"""A run as of an instant so long ago says nothing of what the cohort is now."""


@dataclass(frozen=True)
class Proposal:
    """What a run would do: who is in, with which identifiers, and the plan."""

    sync: Sync
    as_of: datetime
    snapshot: Snapshot
    resolution: Resolution
    plan: Plan


@dataclass(frozen=True)
class Wish:
    """A sync as a person asks for it; what is None takes the usual value."""

    cohort: str
    connection: str
    id: str | None = None
    segment: str | None = None
    ttl_days: int = 30
    cadence: Cadence = Cadence.ONE_TIME
    at: time = time(6)
    refresh: Refresh = Refresh.EVERY_SYNC
    recency: Recency = Recency.SYNC
    cron: str = ""
    holdout: int | None = None
    salt: str | None = None
    only: Only | None = None


@dataclass(frozen=True)
class Change:
    """What becomes different of a sync; what is None stays as it is. With another cadence than cron the expression goes.

    With a `holdout` of 0 percent nobody is held out any more; without a `salt` it keeps the one it had.
    """

    ttl_days: int | None = None
    cadence: Cadence | None = None
    at: time | None = None
    refresh: Refresh | None = None
    recency: Recency | None = None
    cron: str | None = None
    holdout: int | None = None
    salt: str | None = None


def id_of(wish: Wish) -> str:
    """The id that a sync, or a split, which is wished gets."""
    return default_sync_id(wish.cohort, wish.connection) if wish.id is None else wish.id


def sync_from(parts: Parts, project: str, wish: Wish) -> Sync:
    """The sync a wish amounts to; its segment gets its name here, once and for all.

    Raises DefinitionError when the TTL is not 1 to 180 days or too short for the cadence, the name is not one The Trade Desk takes,
    there is no cron expression where one must be, or the cohort cannot tell of changes though the cadence is on change.
    """
    cohort = parts.catalog.cohort(project, wish.cohort)
    connection = parts.catalog.connection(project, wish.connection)
    limits = parts.destination(connection.destination).spec.limits
    _check_ttl(wish.ttl_days * DAY, limits)
    segment = usual_segment(cohort, wish.only) if wish.segment is None else wish.segment
    check_segment_name(segment)
    name = id_of(wish)
    sync = Sync(project, name, cohort.id, connection.id, segment, wish.ttl_days * DAY, wish.cadence, at=wish.at, refresh=wish.refresh)
    held_out = None if wish.holdout is None else holdout_of(wish.holdout, wish.salt, wish.only.split if wish.only else name)
    sync = replace(sync, cron=cron_for(wish.cadence, wish.cron), holdout=held_out, only=wish.only)
    check_lasting(sync)
    check_tells(parts.catalog.cohorts(project), sync, tables=parts.catalog.project(project).source is not None)
    check_downloads(parts.catalog, parts.sources, sync)
    return replace(sync, recency=wish.recency, added_at=parts.clock.now())


def _check_ttl(minutes: int, limits: Limits) -> None:
    if not limits.ttl_minimum <= minutes <= limits.ttl_maximum:
        bounds = f"{limits.ttl_minimum // DAY} to {limits.ttl_maximum // DAY} ({limits.ttl_default // DAY} is usual)"
        raise DefinitionError(f"a TTL of {minutes // DAY} days is not possible; give {bounds}")


def add(parts: Parts, project: str, wish: Wish) -> Sync:
    """Add a sync. Raises DefinitionError as `sync_from` and the catalog do."""
    sync = sync_from(parts, project, wish)
    parts.catalog.add_sync(sync)
    return sync


def change(parts: Parts, project: str, sync_id: str, wish: Change) -> Sync:
    """Change how often a sync runs, how long its people stay and how many are held out.

    Raises DefinitionError when it has ended, or the TTL is not 1 to 180 days or too short for the cadence.
    """
    before = parts.catalog.sync(project, sync_id)
    ttl = before.ttl_minutes if wish.ttl_days is None else wish.ttl_days * DAY
    limits = parts.destination(parts.catalog.connection(project, before.connection).destination).spec.limits
    _check_ttl(ttl, limits)
    cadence = before.cadence if wish.cadence is None else wish.cadence
    kept = before.cron if cadence is Cadence.CRON else ""
    after = replace(
        before,
        ttl_minutes=ttl,
        cadence=cadence,
        cron=cron_for(cadence, kept if wish.cron is None else wish.cron),
        at=before.at if wish.at is None else wish.at,
        refresh=before.refresh if wish.refresh is None else wish.refresh,
        recency=before.recency if wish.recency is None else wish.recency,
        holdout=_held_out(before, wish),
    )
    check_lasting(after)
    check_tells(parts.catalog.cohorts(project), after, tables=parts.catalog.project(project).source is not None)
    check_downloads(parts.catalog, parts.sources, after)
    parts.catalog.change_sync(after)
    return parts.catalog.sync(project, sync_id)


def _held_out(before: Sync, wish: Change) -> Holdout | None:
    if wish.holdout is None and wish.salt is None:
        return before.holdout
    percent = wish.holdout if wish.holdout is not None else before.holdout.percent if before.holdout else 0
    kept = before.holdout.salt if before.holdout else None
    own = before.only.split if before.only else before.id
    return holdout_of(percent, kept if wish.salt is None else wish.salt, own) if percent else None


def plan(parts: Parts, project: str, sync_id: str, as_of: str | None, watch: Watch) -> Proposal:
    """What a run would do now; nothing is sent and nothing is written to the ledger."""
    sync = permitted(parts, project, sync_id)
    moment = instant(as_of, parts.catalog.project(project).zone, parts.clock.now())
    with scratch(parts) as folder:
        return Proposal(sync, moment, *runner.propose(parts, _new(parts, sync, moment), folder, watch))


def run(parts: Parts, project: str, sync_id: str, as_of: str | None, watch: Watch) -> Run:
    """Run a sync to its end, or until a guard holds it; a run that was cut short goes on where it was, unless its time is over.

    Raises ConfigurationError when the sync is paused, or its project or connection may not send, LedgerError when another process is at it.
    """
    sync = _runnable(parts, project, sync_id)
    moment = instant(as_of, parts.catalog.project(project).zone, parts.clock.now())
    drain_before(parts, sync, watch)
    new = _new(parts, sync, moment)
    opened = _unfinished(parts, sync, moment if as_of else None, watch) or _open(parts, sync, new)
    return go_on(parts, opened, watch)


def ask(parts: Parts, project: str, sync_id: str, moment: datetime | None = None) -> Run:
    """Open a run for the worker to do, in place of one that is held; the one that is open, where there is one. Raises as `run` does.

    It is as of now, unless a `moment` of a moment ago is given.
    """
    sync = _runnable(parts, project, sync_id)
    with suppress(TakenError):
        return _asked(parts, sync, moment)
    return _asked(parts, sync, moment)  # somebody else asked at the same moment: theirs is there now


def _asked(parts: Parts, sync: Sync, moment: datetime | None) -> Run:
    target = place_of(parts, sync).id
    for earlier in parts.ledger.unclosed():
        if earlier.target != target:
            continue
        if earlier.state is RunState.HELD:
            _supersede(parts, earlier)
        elif (earlier.sync, earlier.kind) == (sync.id, RunKind.SYNC):
            return earlier
        else:
            raise TakenError(f"run {earlier.id} is under way at segment '{sync.segment}'; ask again when it has ended")
    return _open(parts, sync, _new(parts, sync, moment or parts.clock.now()))


def rehearse(parts: Parts, project: str, sync_id: str) -> Run:
    """Open a dry run for the worker to do: what a run would do now, kept beside the runs; nothing is sent, and one that is held stays.

    Raises as `plan` does, TakenError while a run is under way at the segment.
    """
    sync = permitted(parts, project, sync_id)
    target = place_of(parts, sync).id
    for earlier in parts.ledger.unclosed():
        if earlier.target != target or earlier.state is RunState.HELD:
            continue
        if earlier.kind is RunKind.DRY:
            return earlier
        raise TakenError(f"run {earlier.id} is under way at segment '{sync.segment}'; ask again when it has ended")
    new = replace(_new(parts, sync, parts.clock.now()), kind=RunKind.DRY)
    parts.ledger.open(new, binding_of(parts, sync))
    reached("run.opened")
    return new


def rehearse_now(parts: Parts, project: str, sync_id: str, watch: Watch) -> Run:
    """A dry run, worked out here instead of by the worker. Raises as `rehearse` does, TakenError when the worker is at it already."""
    return finish(parts, rehearse(parts, project, sync_id), watch)


def allowed(parts: Parts, held: Run) -> bool:
    """Whether a person has answered every verdict that holds a run."""
    planned = parts.ledger.recall(held.id, RunState.PLANNED, Plan)
    approvals = parts.ledger.recall(held.id, APPROVED, Approvals)
    return bool(planned and approvals and not unanswered(planned.verdicts, approvals.given))


def only_lacks(parts: Parts, held: Run) -> bool:
    """Whether nothing holds a run but that a message of a pushed list did not come."""
    planned = parts.ledger.recall(held.id, RunState.PLANNED, Plan)
    return planned is not None and {each.guard for each in planned.verdicts} == {GAP}


def run_due(parts: Parts, project: str, sync_id: str, due: Due, watch: Watch) -> Run:
    """Run a sync for a slot of its cadence, as of now; a run that was cut short and has its time still is finished instead.

    Raises as `run` does.
    """
    sync = permitted(parts, project, sync_id)
    first = together(parts, sync, due.slot)
    new = beside(parts, sync, first) if first else _new(parts, sync, parts.clock.now())
    new = replace(new, slot=due.slot, missed=due.missed)
    return go_on(parts, _unfinished(parts, sync, None, watch) or _open(parts, sync, new), watch)


def beside(parts: Parts, sync: Sync, other: Run) -> Run:
    """A new run of a part of a split, as of the instant of another run of the split, and of the data that it had."""
    return replace(_new(parts, sync, other.as_of), mark=other.mark)


def let_in(parts: Parts, sync: Sync, last: Run, watch: Watch) -> Run:
    """Run a part of a split once more as of the same instant: who waited in `last` has left the other parts. Raises as `run` does."""
    return go_on(parts, _open(parts, permitted(parts, sync.project, sync.id), beside(parts, sync, last)), watch)


def take_up(parts: Parts, cut: Run, watch: Watch) -> Run:
    """Finish a run that was cut short; when its time is over, end it and run the sync anew. Raises as `run` does."""
    sync = permitted(parts, cut.project, cut.sync)
    over = overtaken(parts, sync, cut)
    if not over:
        return go_on(parts, cut, watch)
    wind_up(parts, cut, over, watch)
    return go_on(parts, _open(parts, sync, _new(parts, sync, parts.clock.now())), watch)


def overtaken(parts: Parts, sync: Sync, cut: Run) -> str:
    """Why nothing of a run that was cut short is sent any more: a newer plan knows better. Empty while it may go on.

    One that waits to send again has its own time for that, and is never overtaken.
    """
    now = parts.clock.now()
    if cut.state is RunState.SETTLING:
        return ""
    if slots_due(sync.cadence, parts.catalog.project(sync.project).zone, sync.at, cut.slot or cut.opened_at, now, sync.cron):
        return "it was cut short, and the next slot has come"
    if any(batch.stamp and now - batch.stamp > STALE for batch in parts.ledger.pending(cut.id)):
        return "it was cut short, and what it sent is too old to be sent again"
    if binding_of(parts, sync) != parts.ledger.binding(cut.binding):
        return "it was cut short, and the connection, its secret or the sync was changed meanwhile"
    return ""


def go_on(parts: Parts, opened: Run, watch: Watch) -> Run:
    """Take a run that is open to its end. While it is held, or when it fails, a run of its own keeps who would lapse."""
    try:
        done = finish(parts, opened, watch)
    except LedgerError:
        raise
    except TradewindError:
        _keep(parts, opened, watch)
        raise
    if done.state is RunState.HELD:
        _keep(parts, opened, watch)
    if opened.kind is not RunKind.SYNC:
        return done
    sync = next((sync for sync in parts.catalog.syncs(opened.project) if sync.id == opened.sync), None)
    if (
        sync
        and sync.cadence is Cadence.ONE_TIME
        and sync.state is SyncState.ACTIVE
        and done.outcome in {RunOutcome.CLEAN, RunOutcome.WITH_REJECTS}
    ):
        parts.catalog.set_sync_state(opened.project, opened.sync, SyncState.ENDED)
        reached("sync.ended")
    return done


def _keep(parts: Parts, opened: Run, watch: Watch) -> None:
    """Renew who would lapse meanwhile, in a run of its own. Should that fail too, its row says why, and the first error counts."""
    if opened.kind is not RunKind.SYNC or parts.versions.newest(opened.target) is None:
        return
    with suppress(TradewindError):
        sync = permitted(parts, opened.project, opened.sync)
        new = replace(_new(parts, sync, parts.clock.now()), keeps=opened.id, kind=RunKind.KEEP)
        binding = binding_of(parts, sync)
        if runner.lapsing(parts, new, binding, watch):
            parts.ledger.open(new, binding)
            reached("run.opened")
            finish(parts, new, watch)


def permitted(parts: Parts, project_id: str, sync_id: str) -> Sync:
    """The sync, if its project may send through its connection now. Raises ConfigurationError with what to do."""
    sync = parts.catalog.sync(project_id, sync_id)
    connection = parts.catalog.connection(project_id, sync.connection)
    check_standing(parts.catalog.standing(project_id, connection.destination))
    if connection.paused:
        raise ConfigurationError(
            f"connection '{connection.id}' is paused: {connection.paused}; "
            f"mend that, and test it with: tradewind connections test {connection.id}"
        )
    return sync


def _runnable(parts: Parts, project: str, sync_id: str) -> Sync:
    """The sync, if a person may run it now. Raises ConfigurationError with what to do."""
    sync = permitted(parts, project, sync_id)
    if sync.state is SyncState.PAUSED:
        raise ConfigurationError(f"sync '{sync.id}' is paused; let it run again with: tradewind syncs resume {sync.id}")
    return sync


def _supersede(parts: Parts, held: Run) -> None:
    claim = take(parts.ledger, held.id, parts.clock)
    parts.ledger.close(claim, RunOutcome.SUPERSEDED, "a newer run took over", parts.clock.now())
    reached("run.superseded")


def _unfinished(parts: Parts, sync: Sync, moment: datetime | None, watch: Watch) -> Run | None:
    """The run to go on with. A held one makes way for the new run, one of another kind is finished first, and what is not for
    this sync's target as it is now, was left there by a sync that has gone, or has been overtaken, is wound up."""
    target = place_of(parts, sync).id
    for earlier in parts.ledger.unclosed():
        mine, there = (earlier.project, earlier.sync) == (sync.project, sync.id), earlier.target == target
        if mine != there and earlier.kind not in {RunKind.DRAIN, RunKind.OPT_OUT}:
            wind_up(parts, earlier, GIVEN_UP, watch)
        elif there and earlier.state is RunState.HELD:
            _supersede(parts, earlier)
        elif there and earlier.kind in {RunKind.SYNC, RunKind.KEEP} and (over := overtaken(parts, sync, earlier)):
            wind_up(parts, earlier, over, watch)
        elif there and earlier.kind is not RunKind.SYNC:
            finish(parts, earlier, watch)
        elif there and moment and moment != earlier.as_of:
            raise DefinitionError(
                f"run {earlier.id} as of {earlier.as_of:%Y-%m-%d %H:%M} UTC is not finished; finish it first, without --as-of"
            )
        elif there:
            return earlier
    return None


def _open(parts: Parts, sync: Sync, new: Run) -> Run:
    if sync.state is SyncState.ENDED:
        parts.catalog.set_sync_state(sync.project, sync.id, SyncState.ACTIVE)
    parts.ledger.open(new, binding_of(parts, sync))
    reached("run.opened")
    return new


def _new(parts: Parts, sync: Sync, moment: datetime) -> Run:
    now, binding = parts.clock.now(), binding_of(parts, sync)
    cohort = parts.catalog.cohort(sync.project, sync.cohort)
    name = f"r{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    run = Run(name, sync.project, sync.id, binding.target.id, binding.id, cohort.version, moment, now, cohort=cohort.id)
    return replace(run, state=RunState.OPEN, mark=mark(parts, sync) if moment >= now - CHOSEN else "")
