"""What is wrong with a sync, a connection or the machine, by what is known of it now; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from tradewind.model.alert import Alert, AlertKind
from tradewind.model.destination import Connection
from tradewind.model.platform import Reader, Reading
from tradewind.model.run import Run, RunOutcome, RunState
from tradewind.model.sync import Cadence, Sync, SyncState
from tradewind.planning.doubt import HOLD
from tradewind.planning.refresh import period

PERIODS = 2.5
"""So many periods without a success make a sync stale."""

NEAR, NEAR_WHILE_PAUSED = timedelta(hours=72), timedelta(days=7)
"""How much time left is little; but never more than a third of a TTL, or two thirds while the connection is paused."""

SHARE, TIMES, FEW = 0.01, 5, 20
"""Rejects are many from this share on; or from so many times the usual share on, where they are not few."""

STANDS_STILL = timedelta(minutes=15)
LITTLE_ROOM, FLOOR = 0.2, 2 * 10**9
"""Of a disk: the share that is free, and bytes below which even a large share is little."""

SKEW = 120.0
"""Seconds by which this machine's clock may differ from those of the hosts that answer it."""

LISTED_WITHIN, LISTED_FROM, READ_WITHIN = timedelta(hours=48), 1_000, timedelta(hours=36)
"""By when the platform lists a segment that it took identifiers for, and from about how many; and how old its own view may be."""

MASS = frozenset({"empty", "shrink"})
"""The guards that hold a run because many would leave."""

SPOKEN = {each: each.value.replace("_", " ") for each in Cadence}
"""A cadence in a sentence."""

INSTALLATION = "installation"
"""What alerts of the machine are about."""


@dataclass(frozen=True)
class SyncFacts:
    """What is known of a sync. `last` is its newest run, `success_at` when one last ended clean or with rejects.

    `guards` hold the last run. `paused` says that the connection is. `expires` is when the first member lapses, `unknown_since` the
    oldest doubt. `shares` are (rejected, planned) of the last delivered runs, newest first. `progress_at` is, of a run under
    way, when something was last accepted, or when it began. `members` counts who is in the segment, as far as is known.
    `reading` is what the platform said last, where it is asked.
    """

    sync: Sync
    since: datetime
    last: Run | None = None
    success_at: datetime | None = None
    guards: tuple[str, ...] = ()
    paused: bool = False
    expires: datetime | None = None
    unknown_since: datetime | None = None
    shares: tuple[tuple[int, int], ...] = ()
    progress_at: datetime | None = None
    members: int = 0
    reading: Reading | None = None


@dataclass(frozen=True)
class Machine:
    """What is known of the machine: bytes free and in all of the home's disk, and by how many seconds its clock is ahead of others.

    `wrong` is why its clock cannot be right, whoever answers.
    """

    free: int
    size: int
    ahead: float | None = None
    wrong: str = ""


def of_sync(facts: SyncFacts, now: datetime) -> Iterator[Alert]:
    """What is wrong with a sync."""
    for kind, judge in _OF_SYNC.items():
        if sentence := judge(facts, now):
            yield Alert(kind, facts.sync.id, sentence)


def of_connection(connection: Connection) -> Iterator[Alert]:
    """What is wrong with a connection."""
    if connection.paused:
        sentence = f"connection '{connection.name}' is paused, and its syncs wait: {connection.paused}"
        yield Alert(AlertKind.REFUSED, connection.id, sentence)


def of_reader(reader: Reader, name: str, now: datetime) -> Iterator[Alert]:
    """What is wrong with asking the platform for its own view, through the connection of a name."""
    since = reader.read_at or reader.since
    if reader.problem and now - since > READ_WITHIN:
        sentence = f"what the platform says of connection '{name}' could not be read since {since:%Y-%m-%d %H:%M} UTC"
        yield Alert(AlertKind.UNREAD, reader.connection, f"{sentence}: {reader.problem}")


def of_pushed(cohort: str, at: datetime) -> Iterator[Alert]:
    """What is wrong with what Amplitude pushes of a cohort, of which two messages had one id; `at` is when the second came."""
    sentence = (
        f"two messages about cohort {cohort} in Amplitude had one message_id, the second at {at:%Y-%m-%d %H:%M} UTC: it was not taken"
    )
    yield Alert(AlertKind.DISPUTED, cohort, f"{sentence}; sync the cohort there anew")


def of_machine(machine: Machine) -> Iterator[Alert]:
    """What is wrong with the machine."""
    share = machine.free / machine.size if machine.size else 0.0
    if share < LITTLE_ROOM or machine.free < FLOOR:
        yield Alert(AlertKind.DISK, INSTALLATION, f"the disk of the home has {machine.free / 1e9:,.1f} GB free, {share:.0%} of it")
    if machine.wrong:
        yield Alert(AlertKind.CLOCK, INSTALLATION, machine.wrong)
    elif machine.ahead is not None and abs(machine.ahead) > SKEW:
        how = "ahead of" if machine.ahead > 0 else "behind"
        sentence = f"this machine's clock is {abs(machine.ahead):,.0f} s {how} those that answer it; people's stamps depend on it"
        yield Alert(AlertKind.CLOCK, INSTALLATION, sentence)


def _stale(facts: SyncFacts, now: datetime) -> str:
    sync, since, every = facts.sync, facts.success_at or facts.since, period(facts.sync)
    if sync.state is not SyncState.ACTIVE or not every or now - since <= PERIODS * every:
        return ""
    return f"segment '{sync.segment}' has had no successful run since {since:%Y-%m-%d %H:%M} UTC; its cadence is {SPOKEN[sync.cadence]}"


def _expiry(facts: SyncFacts, now: datetime) -> str:
    sync = facts.sync
    if sync.state is not SyncState.ACTIVE or sync.cadence is Cadence.ONE_TIME or facts.expires is None:
        return ""
    ttl = timedelta(minutes=sync.ttl_minutes)
    near = min(NEAR_WHILE_PAUSED, 2 * ttl / 3) if facts.paused else min(NEAR, ttl / 3)
    if facts.expires - now >= near:
        return ""
    return f"the first members of segment '{sync.segment}' lapse at {facts.expires:%Y-%m-%d %H:%M} UTC, and were not renewed in time"


def _unknown(facts: SyncFacts, now: datetime) -> str:
    sync, since = facts.sync, facts.unknown_since
    if sync.state is not SyncState.ACTIVE or since is None or now - since <= 2 * HOLD + period(sync):
        return ""
    return f"what became of requests to segment '{sync.segment}' is unknown since {since:%Y-%m-%d %H:%M} UTC; no run has settled it"


def _held(facts: SyncFacts, _now: datetime) -> str:
    guards = sorted(set(facts.guards) - MASS)
    return f"{_holds(facts)}: {', '.join(guards)}" if guards else ""


def _mass_removal(facts: SyncFacts, _now: datetime) -> str:
    return f"{_holds(facts)} because many would leave" if MASS.intersection(facts.guards) else ""


def _holds(facts: SyncFacts) -> str:
    run = facts.last.id if facts.last else ""
    return f"run {run} to segment '{facts.sync.segment}' waits for a person"


def _rejects(facts: SyncFacts, _now: datetime) -> str:
    shares = [rejected / planned for rejected, planned in facts.shares if planned]
    if not shares or not facts.shares[0][1]:
        return ""
    (rejected, planned), segment = facts.shares[0], facts.sync.segment
    usual = median(shares[1:]) if shares[1:] else 0.0
    unusual = bool(usual) and rejected >= FEW and shares[0] > TIMES * usual
    if shares[0] <= SHARE and not unusual:
        return ""
    return f"the platform refused {rejected:,} of {planned:,} identifiers in the last run to segment '{segment}' ({shares[0]:.1%})"


def _stalled(facts: SyncFacts, now: datetime) -> str:
    since = facts.progress_at
    if since is None or now - since <= STANDS_STILL:
        return ""
    return f"nothing for segment '{facts.sync.segment}' was accepted since {since:%Y-%m-%d %H:%M} UTC, though its run is under way"


def _missed(facts: SyncFacts, _now: datetime) -> str:
    last, segment = facts.last, facts.sync.segment
    return f"{last.missed:,} slots of segment '{segment}' had no run; run {last.id} made up for them" if last and last.missed else ""


def _failed(facts: SyncFacts, _now: datetime) -> str:
    last = facts.last
    if last is None or last.state is not RunState.CLOSED or last.outcome not in {RunOutcome.FAILED, RunOutcome.INCOMPLETE}:
        return ""
    return f"run {last.id} to segment '{facts.sync.segment}' ended {last.outcome.value}{f': {last.reason}' if last.reason else ''}"


def _unlisted(facts: SyncFacts, _now: datetime) -> str:
    reading = facts.reading
    if reading is None or reading.listing or reading.sent_since is None or reading.read_at - reading.sent_since <= LISTED_WITHIN:
        return ""
    when = f"{reading.sent_since:%Y-%m-%d %H:%M} UTC"
    few = f"; it may not list so few as {reading.held:,}" if reading.held < LISTED_FROM else ""
    return f"the platform does not know segment '{facts.sync.segment}', though it accepted identifiers for it since {when}{few}"


_OF_SYNC: dict[AlertKind, Callable[[SyncFacts, datetime], str]] = {
    AlertKind.STALE: _stale,
    AlertKind.EXPIRY: _expiry,
    AlertKind.UNKNOWN: _unknown,
    AlertKind.HELD: _held,
    AlertKind.MASS_REMOVAL: _mass_removal,
    AlertKind.REJECTS: _rejects,
    AlertKind.STALLED: _stalled,
    AlertKind.MISSED: _missed,
    AlertKind.FAILED: _failed,
    AlertKind.UNLISTED: _unlisted,
}
