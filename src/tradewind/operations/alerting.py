"""Alerts: look what is wrong, write down what begins and ends, and tell whom it concerns."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tradewind.clock import wrong_clock
from tradewind.errors import MissingError, PermanentError, TradewindError
from tradewind.ledger.base import DELIVERED
from tradewind.membership.ahead import Ahead, ahead_of
from tradewind.membership.sql import Version
from tradewind.model.alert import Alert, AlertKind, Incident
from tradewind.model.plan import Plan
from tradewind.model.run import Account, Answer, Run, RunKind, RunOutcome, RunState
from tradewind.model.sync import Cadence, Sync, SyncState, Target
from tradewind.notify.alerts import Machine, SyncFacts, of_connection, of_machine, of_pushed, of_reader, of_sync
from tradewind.notify.sql import PAUSES
from tradewind.operations.contacts import secrets_of
from tradewind.parts import Parts
from tradewind.phases import APPROVED, Approvals
from tradewind.planning.guards import unanswered
from tradewind.targets import known_places

EVERY = 30.0
"""Seconds between two looks."""

TRY = timedelta(minutes=2)
"""How long one try at a message lasts at most; after that it belongs to nobody."""

RECENT, COMPARED = 20, 11
"""Runs of a sync that are looked at, and those whose rejects are compared."""

DISPUTED = timedelta(days=1)
"""How long it is told that two messages had one id."""

_MACHINE = frozenset({AlertKind.DISK, AlertKind.CLOCK})
"""Kinds that are told to every project and are one thing."""

_SUCCESS = frozenset({RunOutcome.CLEAN, RunOutcome.WITH_REJECTS})


@dataclass(frozen=True)
class Past:
    """The youngest runs of a sync, newest first, and what was told of them; `newest` is the id of the youngest of any kind.

    Where all of them are closed (`over`) it stays true until there is a younger one.
    """

    newest: str
    over: bool
    last: Run | None
    success_at: datetime | None
    shares: tuple[tuple[int, int], ...]


NO_PAST = Past("", over=False, last=None, success_at=None, shares=())


@dataclass(frozen=True)
class Noticed:
    """What a look found over all projects, in numbers: how much is wrong of each kind, and what the machine has.

    `expires` is when the first member lapses whom a sync at work keeps, `unknown_since` the oldest doubt.
    """

    at: datetime
    wrong: Mapping[AlertKind, int]
    machine: Machine
    expires: datetime | None
    unknown_since: datetime | None


@dataclass
class Watchman:
    """Looks again and again. What never changes is kept: what was read of a membership version, and of runs that are closed."""

    parts: Parts
    seen: dict[str, Ahead] = field(default_factory=dict)
    past: dict[str, dict[str, Past]] = field(default_factory=dict)
    noticed: Noticed | None = None

    def round(self) -> tuple[Incident, ...]:
        """One look at every project, and then a try at every message that is due; what has begun and ended."""
        changed = self.look()
        tell(self.parts)
        return changed

    def read(self) -> None:
        """Read all that a look needs, so that whoever asks for figures first need not wait for it; nothing is judged."""
        heads = self.parts.versions.heads()
        for project in self.parts.catalog.projects():
            self.facts_of(project.id, heads)

    def look(self) -> tuple[Incident, ...]:
        """Write down what is wrong now in every project."""
        parts, now = self.parts, self.parts.clock.now()
        machine = self._machine()
        heads = parts.versions.heads()
        self.seen = {path: seen for path, seen in self.seen.items() if path in {head.path for head in heads.values()}}
        changed: list[Incident] = []
        wrong, facts = Counter(each.kind for each in of_machine(machine)), list[SyncFacts]()
        for project in parts.catalog.projects():
            mine = self.facts_of(project.id, heads)
            found = [*of_machine(machine), *self._of_project(project.id, mine)]
            changed += parts.notify.book.judge(project.id, found, now)
            wrong.update(each.kind for each in found if each.kind not in _MACHINE)
            facts += (each for each in mine if each.sync.state is SyncState.ACTIVE and each.sync.cadence is not Cadence.ONE_TIME)
        expires = min((each.expires for each in facts if each.expires), default=None)
        doubt = min((each.unknown_since for each in facts if each.unknown_since), default=None)
        self.noticed = Noticed(now, wrong, machine, expires, doubt)
        return tuple(changed)

    def facts_of(self, project: str, heads: Mapping[str, Version]) -> list[SyncFacts]:
        """What is known of every sync of a project; `heads` are the newest membership versions, by target."""
        catalog = self.parts.catalog
        paused, syncs = {each.id for each in catalog.connections(project) if each.paused}, catalog.syncs(project)
        places = known_places(self.parts, project, syncs)
        past = self.past[project] = self._past(project, [each.id for each in syncs])
        asked = {each.connection for each in self.parts.readings.readers(project)}
        targets = {each.id: places[each.id].id for each in syncs if each.connection in asked and each.id in places}
        said = self.parts.readings.newest(targets.values())
        facts = [
            self._facts(sync, past.get(sync.id, NO_PAST), places.get(sync.id), heads, paused=sync.connection in paused) for sync in syncs
        ]
        return [replace(each, reading=said.get(targets.get(each.sync.id, ""))) for each in facts]

    def _past(self, project: str, syncs: list[str]) -> dict[str, Past]:
        """Of each sync that ever ran; only of those are runs read in which something has happened since the last look."""
        ledger, before = self.parts.ledger, self.past.get(project, {})
        newest = {sync: runs[0].id for sync, runs in ledger.youngest(project, syncs, 1).items()}
        kept = {sync: before[sync] for sync, run in newest.items() if sync in before and before[sync].over and before[sync].newest == run}
        youngest = ledger.youngest(project, [sync for sync in newest if sync not in kept], RECENT)
        runs = {sync: [run for run in found if run.kind is RunKind.SYNC] for sync, found in youngest.items()}
        tallies = ledger.tallies(run.id for found in runs.values() for run in _delivered(found))
        for sync, mine in runs.items():
            success = next((run.closed_at for run in mine if run.outcome in _SUCCESS), None)
            if success is None and mine:
                older = ledger.delivered(project, sync)
                success = older.closed_at if older and older.outcome in _SUCCESS else None
            shares = tuple(_share(tallies.get(run.id, {}).values()) for run in _delivered(mine))
            over = all(run.state is RunState.CLOSED for run in youngest[sync])
            kept[sync] = Past(youngest[sync][0].id, over, mine[0] if mine else None, success, shares)
        return kept

    def _of_project(self, project: str, syncs: list[SyncFacts]) -> Iterator[Alert]:
        now = self.parts.clock.now()
        connections = {each.id: each for each in self.parts.catalog.connections(project)}
        for connection in connections.values():
            yield from of_connection(connection)
        for reader in self.parts.readings.readers(project):
            if reader.connection in connections:
                yield from of_reader(reader, connections[reader.connection].name, now)
        for cohort, at in self.parts.pushed.messages.disputed(project, now - DISPUTED).items():
            yield from of_pushed(cohort, at)
        for facts in syncs:
            yield from of_sync(facts, now)

    def _facts(self, sync: Sync, past: Past, place: Target | None, heads: Mapping[str, Version], *, paused: bool) -> SyncFacts:
        head = heads.get(place.id) if place else None
        ahead = self._ahead(head)
        return SyncFacts(
            sync=sync,
            since=sync.added_at or self.parts.clock.now(),
            last=past.last,
            success_at=past.success_at,
            guards=_guards(self.parts, past.last),
            paused=paused,
            expires=ahead.expires,
            unknown_since=ahead.unknown_since,
            shares=past.shares,
            progress_at=_progress(self.parts, past.last),
            members=head.rows if head else 0,
        )

    def _ahead(self, head: Version | None) -> Ahead:
        if head is None:
            return Ahead()
        if found := self.seen.get(head.path):
            return found
        try:
            found = ahead_of(head.held(self.parts.home))
        except TradewindError:  # its sync's next run says so, and is told as failed
            found = Ahead()
        self.seen[head.path] = found
        return found

    def _machine(self) -> Machine:
        disk = shutil.disk_usage(self.parts.home)
        return Machine(disk.free, disk.total, self.parts.notify.ahead(), wrong_clock(self.parts.clock.now()))


def tell(parts: Parts) -> int:
    """Try every message that is due; how many arrived. One that does not arrive is tried for a day, and then given up."""
    book, arrived = parts.notify.book, 0
    for message in book.due(parts.clock.now()):
        now = parts.clock.now()
        if not book.take(message, now + TRY):
            continue
        try:
            contact = book.contact(message.project, message.contact)
            parts.notify.messenger.send(contact, *secrets_of(parts.vault, contact), message)
        except (MissingError, PermanentError) as error:
            book.missed(message, str(error), None)
        except TradewindError as error:
            again = now + PAUSES[message.tries] if message.tries < len(PAUSES) else None
            book.missed(message, str(error), again)
        else:
            book.told(message)
            arrived += 1
    return arrived


@contextmanager
def watching(
    parts: Parts, trouble: Callable[[str], None] = lambda _sentence: None, every: float = EVERY, watchman: Watchman | None = None
) -> Iterator[None]:
    """Look beside the work, also while a run takes hours; `trouble` is told why a look could not be taken.

    With a `watchman` that others ask too, they find read what was read.
    """
    done, watchman = threading.Event(), watchman or Watchman(parts)

    def watch() -> None:
        step: Callable[[], object] = watchman.read
        while True:
            try:
                step()
            except (TradewindError, OSError) as error:
                trouble(f"alerts could not be looked after: {error}")
            step = watchman.round
            if done.wait(every):
                return

    keeper = threading.Thread(target=watch, name="alerts", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join(5)


def _guards(parts: Parts, last: Run | None) -> tuple[str, ...]:
    """The guards that hold a run and that nobody has answered."""
    if last is None or last.state is not RunState.HELD:
        return ()
    planned = parts.ledger.recall(last.id, RunState.PLANNED, Plan)
    given = parts.ledger.recall(last.id, APPROVED, Approvals) or Approvals()
    return tuple(each.guard for each in unanswered(planned.verdicts, given.given)) if planned else ()


def _delivered(runs: list[Run]) -> list[Run]:
    """Those whose rejects are compared."""
    return [run for run in runs if run.outcome in DELIVERED][:COMPARED]


def _share(accounts: Collection[Account]) -> tuple[int, int]:
    return sum(each.rejected for each in accounts), sum(each.planned for each in accounts)


def _progress(parts: Parts, last: Run | None) -> datetime | None:
    """Of a run that is sending: when something was accepted last, or its first request began."""
    if last is None or last.state is not RunState.DELIVERING:
        return None
    attempts = parts.ledger.attempts(last.id)
    accepted = [each.answered_at for each in attempts if each.answer is Answer.APPLIED]
    return max(accepted, default=None) or min((each.sent_at for each in attempts), default=None)
