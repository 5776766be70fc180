"""The dumb loops: run what is due, sleep until the next slot; and beside it keep house, so that no run waits for a file."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from tradewind.clock import Clock, wrong_clock
from tradewind.errors import (
    ConfigurationError,
    DefinitionError,
    EngineError,
    RetryableError,
    TakenError,
    TradewindError,
    of_system,
)
from tradewind.model.plan import Plan
from tradewind.model.privacy import Progress
from tradewind.model.run import Run, RunKind, RunOutcome, RunState
from tradewind.model.sync import Cadence, Sync, SyncState
from tradewind.operations import endings, partings, privacy, receiving, syncs, uploads
from tradewind.operations.changes import mark
from tradewind.operations.compaction import compacted_daily
from tradewind.operations.finishing import finish
from tradewind.operations.tidy import tidy_daily
from tradewind.operations.zones import note_rules
from tradewind.parts import Parts
from tradewind.phases import Watch
from tradewind.schedule import Due, change_due, next_fire, slots_due
from tradewind.sources.uploads.sql import UploadState
from tradewind.splits import to_be_let_in

LONGEST_SLEEP = timedelta(seconds=60)
"""A sync that was added or resumed meanwhile is seen within this time."""

LOOK = timedelta(seconds=10)
"""Between two looks at whether the cohort of a sync on change has changed."""

UNDER_WAY = frozenset(RunState) - {RunState.CLOSED, RunState.HELD, RunState.SETTLING}
"""States of a run that some worker is at, or should be."""

GLANCE = 1.0
"""Seconds between two looks at whether to stop, while waiting."""


class Stopped(Exception):
    """The worker was asked to stop: raised between two requests. A batch whose intent is written by then goes out at the next start."""


@dataclass
class Stop:
    """Whether the worker was asked to stop (whoever takes the system's signals sets it), or to look again now (`nudged` is another
    object then), and what ended the loop beside it. Nothing begins before the disk has `room`, which says in a sentence that it has none;
    `waits` is why nothing is done at the moment; `bell` gives another number each time another process rings.
    """

    requested: bool = False
    nudged: object | None = None
    failure: BaseException | None = None
    room: Callable[[], str] = lambda: ""
    waits: str = ""
    bell: Callable[[], int] = lambda: 0

    def calls(self) -> tuple[object | None, int]:
        """Another value as soon as somebody asks every loop to look again."""
        return self.nudged, self.bell()

    def nudge(self) -> None:
        """Ask every loop to look again now."""
        self.nudged = object()

    def check(self) -> None:
        """Raise Stopped once it was asked for, or the loop beside has failed."""
        if self.requested or self.failure:
            raise Stopped


@dataclass(frozen=True)
class Done:
    """What became of one sync that was due: its run, or the error that it ended with. Of a privacy request only an error, or none."""

    project: str
    sync: str
    run: Run | None
    error: TradewindError | None = None


Tell = Callable[[Done], None]


@dataclass(frozen=True)
class _Watchful:
    """A clock whose sleep ends when the worker is asked to stop."""

    clock: Clock
    stop: Stop

    def now(self) -> datetime:
        return self.clock.now()

    def monotonic(self) -> float:
        return self.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        while seconds > 0:
            self.stop.check()
            self.clock.sleep(min(seconds, GLANCE))
            seconds -= GLANCE
        self.stop.check()


Turn = Callable[[Parts, Stop], Iterator[Done]]
"""Whatever can be done now."""


def work(parts: Parts, stop: Stop, tell: Tell, turn: Turn | None = None) -> None:
    """Do what can be done (`turn`; else all there is), again and again, until asked to stop. Raises LedgerError when the store is gone.

    It begins when the disk has room, and waits while the clock cannot be right.
    """
    clock = _Watchful(parts.clock, stop)
    with suppress(Stopped):
        _wait_while(stop.room, clock, stop)
        while True:
            _wait_while(lambda: wrong_clock(parts.clock.now()), clock, stop)
            began, calls = parts.clock.now(), stop.calls()
            for done in (turn or run_once)(parts, stop):
                tell(done)
            _rest(clock, stop, calls, (_wake(parts, began) - parts.clock.now()).total_seconds())
    if stop.failure:
        raise stop.failure


def _wait_while(why: Callable[[], str], clock: Clock, stop: Stop) -> None:
    """Sleep for as long as something says why there is nothing to be done."""
    while True:
        stop.waits = why()
        if not stop.waits:
            return
        clock.sleep(GLANCE)


def _rest(clock: Clock, stop: Stop, calls: tuple[object | None, int], seconds: float) -> None:
    """Sleep, but no longer than until somebody asks to look again."""
    while seconds > 0 and stop.calls() == calls:
        clock.sleep(min(seconds, GLANCE))
        seconds -= GLANCE
    stop.check()


@contextmanager
def housekeeping(parts: Parts, stop: Stop, tell: Tell) -> Iterator[None]:
    """Keep house in a thread of its own for the length of the block, so that no sync waits for a large file; then ask both to stop.

    What ends it before that, ends the worker at its next look.
    """

    def loop() -> None:
        try:
            work(parts, stop, tell, keep_house)
        except BaseException as error:
            stop.failure = error

    keeper = threading.Thread(target=loop, name="housekeeping", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stop.requested = True
        keeper.join()


def run_once(parts: Parts, stop: Stop) -> Iterator[Done]:
    """Both turns, one after the other."""
    yield from run_due(parts, stop)
    yield from keep_house(parts, stop)


def run_due(parts: Parts, stop: Stop) -> Iterator[Done]:
    """Do what people who said no are owed, empty what was given up, then run every sync that is due now, the longest due first, and
    do the dry runs that were asked for.

    What fails is told, and the next has its turn.
    What another worker is at is left to it. Ends early, without an error, when asked to stop. Raises LedgerError when the store is gone,
    and ConfigurationError by a clock that cannot be right.
    """
    if wrong := wrong_clock(parts.clock.now()):
        raise ConfigurationError(wrong)
    watchful = replace(parts, clock=_Watchful(parts.clock, stop))

    def watch(_what: str, _done: int, _total: int) -> None:
        stop.check()

    with suppress(Stopped):
        yield from _for_people(watchful, watch)
        emptied = False
        for gone in partings.due(parts):
            stop.check()
            emptied = True
            yield from _done(gone.last.project, gone.last.sync, partial(partings.drain, watchful, gone, watch))
        began, due = parts.clock.now(), sorted(todo(parts), key=lambda each: _since(each[1]))
        looked = parts.clock.monotonic()
        for sync, work_there in due:
            stop.check()
            if parts.clock.monotonic() - looked >= LOOK.total_seconds():
                looked = parts.clock.monotonic()
                yield from _left_behind(watchful, watch)
            yield from _done(sync.project, sync.id, partial(_run, watchful, sync, work_there, watch))
            yield from _for_people(watchful, watch)
        for sync, last in to_be_let_in(parts, [sync for sync, _ in due], began):
            stop.check()
            yield from _done(sync.project, sync.id, partial(syncs.let_in, watchful, sync, last, watch))
        for dry in [run for run in parts.ledger.unclosed() if run.kind is RunKind.DRY]:
            stop.check()
            yield from _done(dry.project, dry.sync, partial(finish, watchful, dry, watch))
        if emptied:
            endings.forget_unneeded(parts)


def _left_behind(parts: Parts, watch: Watch) -> Iterator[Done]:
    """Finish the runs that others had in hand whose claims are over, also while much else is due."""
    under_way = {(run.project, run.sync) for run in parts.ledger.unclosed() if run.state in UNDER_WAY}
    for sync, there in todo(parts, under_way):
        yield from _done(sync.project, sync.id, partial(_run, parts, sync, there, watch))


def keep_house(parts: Parts, stop: Stop) -> Iterator[Done]:
    """Take in the files that were sent, and once a day tidy up and put small event files together; say where zones have other rules.
    While an import goes on, its project's files wait for its end.

    Ends as `run_due` does.
    """
    with suppress(Stopped):
        with suppress(OSError):  # messages are stored without, only not as soon
            parts.pushed.make_ready()
        yield from _files(replace(parts, clock=_Watchful(parts.clock, stop)), stop)
        stop.check()
        if _tidied(parts):
            endings.forget_unneeded(parts)
            note_rules(parts)
        yield from _compacted(parts, stop)


def _for_people(parts: Parts, watch: Watch) -> Iterator[Done]:
    """Whatever can be done now for people who said no: before all else, and again after each run, since one may have stood in its way."""
    for request in parts.privacy.due(parts.clock.now()):
        watch("", 0, 0)
        with suppress(TakenError):
            done = privacy.work(parts, request, watch)
            late = None if done.progress is Progress.DONE else RetryableError("not everybody was told yet; tradewind privacy show says why")
            yield Done(request.project, f"privacy {request.id}", None, late)


def _files(parts: Parts, stop: Stop) -> Iterator[Done]:
    """Take in the files that were sent, and what programs sent, one by one, until a sync is due; then the next pass comes at once."""
    with suppress(OSError):  # what cannot be gathered now, such as on a full disk, waits
        receiving.gather(parts)
    for waiting in parts.uploads.waiting(parts.clock.now()):
        stop.check()
        done = uploads.work(parts, waiting, stop.check)
        if done:
            refused = DefinitionError(done.message) if done.state is UploadState.REFUSED else None
            yield Done(done.project, f"upload {done.id}", None, refused)
            stop.nudge()
        if any(todo(parts)):
            return


def _done(project: str, sync: str, work: Callable[[], Run | None]) -> Iterator[Done]:
    """What became of a piece of work; nothing when another worker is at it, or there was nothing to do."""
    try:
        run = work()
    except TakenError:
        return
    except TradewindError as error:
        yield Done(project, sync, None, error)
        return
    except OSError as error:
        yield Done(project, sync, None, of_system(error))
        return
    if run:
        yield Done(project, sync, run)


def _tidied(parts: Parts) -> bool:
    """Whether old files were taken away now. What cannot be read or removed is left for another day: no run waits for it."""
    with suppress(OSError):
        uploads.sweep(parts)
        receiving.sweep(parts)
        return tidy_daily(parts)
    return False


def _compacted(parts: Parts, stop: Stop) -> Iterator[Done]:
    """Put small event files together, project by project."""
    for project in parts.catalog.projects():
        stop.check()
        try:
            compacted_daily(parts, project.id, stop.check)
        except EngineError as error:
            yield Done(project.id, "events", None, error)
        except OSError as error:
            yield Done(project.id, "events", None, of_system(error))


def _run(parts: Parts, sync: Sync, due: Due | Run, watch: Watch) -> Run:
    if isinstance(due, Run):
        return syncs.take_up(parts, due, watch)
    if sync.cadence is Cadence.ON_CHANGE:  # its slot is the minute in which this worker looked, which another's may not be
        last = parts.ledger.newest(sync.project, sync.id, parts.clock.now())
        if last and last.opened_at >= due.slot:
            raise TakenError(f"sync '{sync.id}' has run since")
    return syncs.run_due(parts, sync.project, sync.id, due, watch)


def todo(parts: Parts, among: Collection[tuple[str, str]] | None = None) -> Iterator[tuple[Sync, Due | Run]]:
    """Each active sync with the slot that is due, or else with a run to finish; what settles is finished before a slot.

    With `among` only those of some projects and ids are looked at.
    """
    now = parts.clock.now()
    for project in parts.catalog.projects():
        for sync in parts.catalog.syncs(project.id):
            if sync.state is not SyncState.ACTIVE or (among is not None and (project.id, sync.id) not in among):
                continue
            last = parts.ledger.newest(project.id, sync.id, now)
            since = (last.slot or last.opened_at) if last else sync.added_at or now
            due = slots_due(sync.cadence, project.zone, sync.at, since, now, sync.cron)
            if sync.cadence is Cadence.ON_CHANGE:
                due = due or _change_due(parts, sync, last, now)
            if last and last.state is RunState.SETTLING:
                if not _settling(parts, last, now):
                    yield sync, last
            elif due:
                yield sync, due
            elif last and (last.state not in {RunState.HELD, RunState.CLOSED} or _is_allowed(parts, last)):
                yield sync, last


def _change_due(parts: Parts, sync: Sync, last: Run | None, now: datetime) -> Due | None:
    """A run that is held waits for a person until the next daily slot: a change that took its place would take the approval too.

    But one that only waits for a message is over when it comes.
    """
    if last and (last.state is RunState.SETTLING or (last.state is RunState.HELD and not syncs.only_lacks(parts, last))):
        return None
    changed = last is not None and (last.mark != mark(parts, sync) or bool(to_be_let_in(parts, [sync], last.opened_at)))
    failed = last is not None and last.outcome in {RunOutcome.FAILED, RunOutcome.INCOMPLETE}
    return change_due((last.slot or last.opened_at) if last else None, now, changed=changed, failed=failed)


def _is_allowed(parts: Parts, run: Run) -> bool:
    return run.state is RunState.HELD and syncs.allowed(parts, run)


def _settling(parts: Parts, run: Run, now: datetime) -> bool:
    """Whether a run that settles still waits until it may send again."""
    planned = parts.ledger.recall(run.id, RunState.SETTLING, Plan)
    return bool(planned and planned.delta.settles_at and planned.delta.settles_at > now)


def _since(due: Due | Run) -> datetime:
    return due.opened_at if isinstance(due, Run) else due.slot


def _wake(parts: Parts, began: datetime) -> datetime:
    """The next slot of any sync after an instant; at the latest a minute from it, and soon where another worker has a run in hand: its
    claim may end.
    """
    fires = [
        _looks_again(sync, project.zone, began)
        for project in parts.catalog.projects()
        for sync in parts.catalog.syncs(project.id)
        if sync.state is SyncState.ACTIVE
    ]
    longest = LOOK if any(run.state in UNDER_WAY for run in parts.ledger.unclosed()) else LONGEST_SLEEP
    return min([began + longest, *(fire for fire in fires if fire)])


def _looks_again(sync: Sync, zone: str, began: datetime) -> datetime | None:
    """When a sync may have something due: at its next slot, and for one on change soon, and as soon as the minute is full."""
    if sync.cadence is Cadence.ON_CHANGE:
        return min(began + LOOK, began.replace(second=0, microsecond=0) + LONGEST_SLEEP)
    return next_fire(sync.cadence, zone, sync.at, began, sync.cron)
