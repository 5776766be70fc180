"""Pausing, removing and moving: who stays behind is told first, and a person says how they leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tradewind.catalog.entitlement import check_standing
from tradewind.catalog.sql import Catalog
from tradewind.database import Transaction
from tradewind.errors import DefinitionError, TakenError, TradewindError
from tradewind.model.run import Run, RunKind
from tradewind.model.sync import Leaving, Parting, Sync, SyncState
from tradewind.moment import reached
from tradewind.operations.finishing import wind_up
from tradewind.operations.partings import Stake, drain, given_up, stake, waiting
from tradewind.parts import Parts
from tradewind.phases import Watch
from tradewind.targets import known_place
from tradewind.vault.sql import PLATFORM


@dataclass(frozen=True)
class Ended:
    """What became of the people of syncs that were paused or removed: who was there, how they leave, and the runs that took them out.

    `later` says why some are not out yet; the worker goes on with them.
    """

    stakes: tuple[Stake, ...]
    how: Leaving
    runs: tuple[Run, ...]
    later: tuple[str, ...]


def stakes(parts: Parts, syncs: Iterable[Sync]) -> tuple[Stake, ...]:
    """Who is in the segments of syncs now. Those of a sandbox that is not there are nobody's concern and left out."""
    return tuple(stake(parts, sync, place) for sync in syncs if (place := known_place(parts, sync)))


def of_sync(parts: Parts, project: str, sync: str) -> tuple[Sync, ...]:
    """The one sync. Raises DefinitionError when there is none."""
    return (parts.catalog.sync(project, sync),)


def of_connection(parts: Parts, project: str, connection: str) -> tuple[Sync, ...]:
    """The syncs of a connection. Raises DefinitionError when it is not there."""
    parts.catalog.connection(project, connection)
    return tuple(sync for sync in parts.catalog.syncs(project) if sync.connection == connection)


def of_cohort(parts: Parts, project: str, cohort: str) -> tuple[Sync, ...]:
    """The syncs of a cohort. Raises DefinitionError when it is not there."""
    parts.catalog.cohort(project, cohort)
    return tuple(sync for sync in parts.catalog.syncs(project) if sync.cohort == cohort)


def decided(staked: Sequence[Stake], leaving: Leaving | None) -> Leaving:
    """How people leave. Raises DefinitionError when there are some and nobody said how; where there are none there is nothing to say."""
    there = [each for each in staked if each.count]
    if leaving is None and there:
        words = "; ".join(sentence(each) for each in there[:3]) + ("; and others" if there[3:] else "")
        raise DefinitionError(f"{words}: say --empty to take them out, or --let-expire to leave them until then")
    return leaving or Leaving.EMPTY


def sentence(each: Stake) -> str:
    """Who is in a segment, and until when."""
    until = f", the last of them until {each.until:%Y-%m-%d %H:%M} UTC" if each.until else ""
    return f"segment '{each.target.segment}' of advertiser {each.target.advertiser} holds {each.count:,} identifiers{until}"


def partings(parts: Parts, staked: Iterable[Stake], how: Leaving, reason: str) -> tuple[Parting, ...]:
    """The decision about each target, to be written with the change that gives it up."""
    return tuple(Parting(each.target.id, how, each.until, reason, parts.clock.now()) for each in staked)


def pause(parts: Parts, project: str, sync_id: str, leaving: Leaving | None, watch: Watch | None) -> Ended:
    """Let a sync run no more until it is resumed. Its people lapse meanwhile, or are taken out now.

    Raises DefinitionError when the sync has ended, or holds people and nobody said how they leave.
    """
    (sync,) = of_sync(parts, project, sync_id)
    if sync.state is SyncState.ENDED:
        raise DefinitionError(f"sync '{sync_id}' has ended; it runs only when you run it")
    return pause_all(parts, (sync,), leaving, "the sync was paused", watch)


def pause_all(
    parts: Parts,
    syncs: Sequence[Sync],
    leaving: Leaving | None,
    reason: str,
    watch: Watch | None,
    also: Callable[[Transaction], None] = lambda _transaction: None,
) -> Ended:
    """Let syncs run no more until they are resumed, with what `also` writes in the same transaction.

    Raises DefinitionError when they hold people and nobody said how those leave.
    """
    staked = stakes(parts, syncs)
    how = decided(staked, leaving)
    with parts.catalog.database.transaction() as db:
        inside = parts.catalog.within(db)
        for sync in syncs:
            inside.set_sync_state(sync.project, sync.id, SyncState.PAUSED)
        _write(inside, partings(parts, staked, how, reason))
        also(db)
    if how is Leaving.LET_EXPIRE:
        return Ended(staked, how, (), tuple(later for sync in syncs for later in _stop_runs(parts, sync, reason, watch)))
    return _leave(parts, staked, how, watch)


def resume(parts: Parts, project: str, sync_id: str) -> Sync:
    """Let a paused sync run again; its next run compares the whole cohort with what the segment holds then.

    Raises DefinitionError when it is not paused, NotEntitledError when its project may not send there.
    """
    (sync,) = of_sync(parts, project, sync_id)
    if sync.state is not SyncState.PAUSED:
        raise DefinitionError(f"sync '{sync_id}' is {sync.state.value}, not paused")
    check_standing(parts.catalog.standing(project, parts.catalog.connection(project, sync.connection).destination))
    parts.catalog.set_sync_state(project, sync_id, SyncState.ACTIVE)
    return parts.catalog.sync(project, sync_id)


def remove_sync(parts: Parts, project: str, sync_id: str, leaving: Leaving | None, watch: Watch | None) -> Ended:
    """Take a sync out of the catalog; its history stays. Raises DefinitionError when it holds people and nobody said how they leave."""
    return _remove(parts, project, of_sync(parts, project, sync_id), leaving, watch)


def remove_connection(parts: Parts, project: str, connection: str, leaving: Leaving | None, watch: Watch | None) -> Ended:
    """Take a connection and its syncs out of the catalog. Its secret goes when nobody is left to be taken out with it.

    Raises DefinitionError as `remove_sync` does.
    """
    return _remove(parts, project, of_connection(parts, project, connection), leaving, watch, connection=connection)


def remove_cohort(parts: Parts, project: str, cohort: str, leaving: Leaving | None, watch: Watch | None) -> Ended:
    """Archive a cohort and take its syncs out of the catalog.

    Raises DefinitionError as `remove_sync` does, and while another cohort is made of it.
    """
    return _remove(parts, project, of_cohort(parts, project, cohort), leaving, watch, cohort=cohort)


def forget_unneeded(parts: Parts) -> None:
    """Destroy the secrets of removed connections with which nobody has to be taken out any more, and their platform tokens."""
    needed = {(each.last.project, parts.ledger.binding(each.last.binding).connection) for each in given_up(parts) if waiting(each)}
    there = {(project.id, each.id) for project in parts.catalog.projects() for each in parts.catalog.connections(project.id)}
    for project, connection in parts.vault.places() - needed - there:
        parts.vault.forget(project, connection)
    for reader in parts.readings.readers():
        if (reader.project, reader.connection) not in there:
            with parts.catalog.database.transaction() as db:
                parts.vault.within(db).forget(reader.project, reader.connection, PLATFORM)
                parts.readings.within(db).dismiss(reader.project, reader.connection)


def _remove(
    parts: Parts,
    project: str,
    syncs: Sequence[Sync],
    leaving: Leaving | None,
    watch: Watch | None,
    connection: str | None = None,
    cohort: str | None = None,
) -> Ended:
    staked = stakes(parts, syncs)
    how = decided(staked, leaving)
    with parts.catalog.database.transaction() as db:
        inside = parts.catalog.within(db)
        for sync in syncs:
            inside.remove_sync(project, sync.id)
        if connection:
            inside.remove_connection(project, connection)
        if cohort:
            inside.remove_cohort(project, cohort)
        _write(inside, partings(parts, staked, how, "the sync was removed"))
    reached("sync.removed")
    ended = _leave(parts, staked, how, watch)
    forget_unneeded(parts)
    return ended


def _write(catalog: Catalog, decisions: Iterable[Parting]) -> None:
    for parting in decisions:
        catalog.part(parting)


def _leave(parts: Parts, staked: tuple[Stake, ...], how: Leaving, watch: Watch | None) -> Ended:
    """End what is under way at targets that were given up just now, and empty them if that was said; without `watch` the worker does."""
    if watch is None:
        left = [each for each in staked if each.count and how is Leaving.EMPTY]
        return Ended(staked, how, (), tuple(f"segment '{each.target.segment}' is the worker's to empty" for each in left))
    runs, later = [], []
    for gone in [each for each in given_up(parts) if each.place.id in {one.target.id for one in staked}]:
        try:
            runs.append(drain(parts, gone, watch))
        except TakenError:
            later.append(f"a worker is at a run of segment '{gone.place.segment}'; it ends that first")
        except TradewindError as error:
            later.append(str(error))
    return Ended(staked, how, tuple(run for run in runs if run), tuple(later))


def _stop_runs(parts: Parts, sync: Sync, reason: str, watch: Watch | None) -> tuple[str, ...]:
    """End the runs of a sync that was paused; one that a worker is at ends by itself, within a second."""
    seen = watch or (lambda _what, _done, _total: None)
    for run in parts.ledger.unclosed():
        if (run.project, run.sync) == (sync.project, sync.id) and run.kind is not RunKind.OPT_OUT:
            try:
                wind_up(parts, run, reason, seen)
            except TakenError:
                return (f"a worker is at run {run.id}; it ends that first",)
    return ()
