"""Targets that no sync wants any more: who may still be in them, and the runs that take them out."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from tradewind.errors import ConfigurationError, TradewindError
from tradewind.membership.leaving import Left, left_in
from tradewind.membership.sql import Version
from tradewind.model.run import Run, RunKind, RunState
from tradewind.model.sync import Binding, Leaving, Parting, Sync, SyncState, Target
from tradewind.moment import reached
from tradewind.operations.finishing import finish, wind_up
from tradewind.parts import Parts
from tradewind.phases import Watch
from tradewind.targets import is_account, is_reachable, known_place, newest_secret, wanted

AGAIN = timedelta(minutes=15)
"""How long after an attempt that could not be finished the next one begins."""

GIVEN_UP = "its sync gave the segment up, or is paused"


@dataclass(frozen=True)
class GivenUp:
    """A target that may hold people whom no sync wants there: the run that was there last, and those that are not closed."""

    place: Target
    last: Run
    version: Version | None
    unclosed: tuple[Run, ...]
    parting: Parting | None


@dataclass(frozen=True)
class Stake:
    """Who is in the segment of a sync now: how many identifiers as far as is known, and when the last of them lapses."""

    sync: str
    target: Target
    count: int
    until: datetime | None


@dataclass(frozen=True)
class Remaining:
    """Who is still in a segment that nobody keeps filled: until when, how they leave, and why so."""

    sync: str
    target: Target
    count: int
    until: datetime | None
    how: Leaving
    reason: str


def remaining(parts: Parts, project: str) -> tuple[Remaining, ...]:
    """The people of a project in segments that were given up, or whose sync is paused. Raises EngineError when a file is damaged."""
    partings, newest = parts.catalog.partings(), parts.versions.heads()
    places = [(each.last.sync, each.place) for each in given_up(parts) if each.last.project == project]
    paused = [sync for sync in parts.catalog.syncs(project) if sync.state is SyncState.PAUSED]
    places += [(sync.id, place) for sync in paused if (place := known_place(parts, sync)) and place not in dict(places).values()]
    found = []
    for sync, place in places:
        left, parting = _left(parts, newest.get(place.id)), partings.get(place.id)
        if left.count:
            how, reason = (parting.how, parting.reason) if parting else (Leaving.EMPTY, GIVEN_UP)
            found.append(Remaining(sync, place, left.count, left.until, how, reason))
    return tuple(found)


def stake(parts: Parts, sync: Sync, target: Target) -> Stake:
    """What a sync leaves behind at its target as it is now. Raises EngineError when the membership cannot be read."""
    left = _left(parts, parts.versions.newest(target.id))
    in_flight = [run for run in parts.ledger.unclosed() if run.target == target.id]
    if not left.count and in_flight:
        accounts = [parts.ledger.account(run.id) for run in in_flight]
        count = sum(account.accepted + account.unknown for account in accounts)
        left = Left(count, parts.clock.now() + timedelta(minutes=sync.ttl_minutes) if count else None)
    return Stake(sync.id, target, left.count, left.until)


def given_up(parts: Parts) -> Iterator[GivenUp]:
    """Every target with people, or with a run that is not closed, that no sync wants; derived from what is on record, at any time.

    One whose host no region names now is passed over: nothing can be sent there.
    """
    heads, runs = parts.versions.heads(), parts.ledger.unclosed()
    there = {target for target, version in heads.items() if version.rows} | {run.target for run in runs}
    gone = there - wanted(parts) if there else set()
    partings = parts.catalog.partings() if gone else {}
    for target in sorted(gone):
        last = parts.ledger.latest(target)
        if last is None:
            continue
        binding = parts.ledger.binding(last.binding)
        if is_reachable(parts, binding):
            unclosed = tuple(run for run in runs if run.target == target)
            yield GivenUp(binding.target, last, heads.get(target), unclosed, partings.get(target))


def due(parts: Parts) -> Iterator[GivenUp]:
    """Those of them with work to do now: a run to end, or people to take out who were not left to lapse."""
    now = parts.clock.now()
    for each in given_up(parts):
        if each.unclosed or (waiting(each) and not _just_tried(each.last, now)):
            yield each


def waiting(gone: GivenUp) -> bool:
    """Whether people are to be taken out of a target that was given up, or a run there is to be ended."""
    return bool(gone.unclosed) or not _lets_expire(gone)


def drain(parts: Parts, gone: GivenUp, watch: Watch) -> Run | None:
    """End what is unfinished at a target that was given up, and take everybody out; None when there was nobody, or nothing can be done.

    Raises TakenError while another process is at it, ConfigurationError while its account is paused, and as a run does.
    """
    for run in gone.unclosed:
        if run.kind is RunKind.DRAIN:
            return finish(parts, run, watch)
        if run.kind is RunKind.OPT_OUT:
            finish(parts, run, watch)
        else:
            wind_up(parts, run, GIVEN_UP, watch)
    if _lets_expire(gone):
        return None
    left = _left(parts, parts.versions.newest(gone.place.id))
    if not left.count:
        _let_expire(parts, gone, gone.version.created_at if gone.version else None, "nobody is left in it")
        return None
    binding = newest_secret(parts, parts.ledger.binding(gone.last.binding))
    try:
        parts.vault.open(binding.project, binding.connection, binding.secret_version)
    except ConfigurationError as error:
        _let_expire(parts, gone, left.until, f"nobody could be taken out: {error}")
        return None
    _refuse_paused(parts, binding)
    opened = _new(parts, gone.last, binding)
    parts.ledger.open(opened, binding)
    reached("run.opened")
    return finish(parts, opened, watch)


def drain_before(parts: Parts, sync: Sync, watch: Watch) -> None:
    """Before a sync's own run: empty what it gave up. What fails has its row with the reason, and is tried again by the worker."""
    for gone in due(parts):
        if (gone.last.project, gone.last.sync) == (sync.project, sync.id):
            with suppress(TradewindError):
                drain(parts, gone, watch)


def _left(parts: Parts, version: Version | None) -> Left:
    return left_in(version.held(parts.home), parts.clock.now()) if version else Left(0, None)


def _lets_expire(gone: GivenUp) -> bool:
    return gone.parting is not None and gone.parting.how is Leaving.LET_EXPIRE


def _just_tried(last: Run, now: datetime) -> bool:
    return last.kind is RunKind.DRAIN and last.closed_at is not None and timedelta() <= now - last.closed_at < AGAIN


def _let_expire(parts: Parts, gone: GivenUp, until: datetime | None, reason: str) -> None:
    parts.catalog.part(Parting(gone.place.id, Leaving.LET_EXPIRE, until, reason, parts.clock.now()))


def _refuse_paused(parts: Parts, binding: Binding) -> None:
    """A paused connection says nothing of an account that it no longer is."""
    paused = parts.catalog.connection(binding.project, binding.connection).paused if is_account(parts, binding) else None
    if paused:
        raise ConfigurationError(
            f"connection '{binding.connection}' is paused: {paused}; "
            f"mend that, and test it with: tradewind connections test {binding.connection}"
        )


def _new(parts: Parts, last: Run, binding: Binding) -> Run:
    now = parts.clock.now()
    name = f"r{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    where = (last.project, last.sync, binding.target.id, binding.id, last.cohort_version)
    return Run(name, *where, as_of=now, opened_at=now, state=RunState.OPEN, kind=RunKind.DRAIN, cohort=last.cohort)
