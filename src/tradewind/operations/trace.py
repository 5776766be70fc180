"""A receipt for one identifier: where it is believed to be, by which request, and everything that was done with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tradewind.membership.find import Held, find, locate
from tradewind.model.identifier import IdType
from tradewind.model.plan import Batch, Operation, Plan
from tradewind.model.privacy import Notice, Recipient, RequestType
from tradewind.model.run import Attempt, BatchState, Line, Outcome, Run, RunState
from tradewind.model.sync import Binding, Parting
from tradewind.operations.connections import identifier
from tradewind.parts import Parts
from tradewind.targets import left_to_expire

Row = tuple[Batch, BatchState, Outcome | None, tuple[Line, ...]]


class Ending(StrEnum):
    """How one wish for one identifier ended."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"


class Standing(StrEnum):
    """What can be said of an identifier in a segment now."""

    PRESENT = "present"
    UNCERTAIN = "uncertain"
    LAPSED = "lapsed"


@dataclass(frozen=True)
class Entry:
    """One wish for the identifier in one run, how it ended, and every request of its batch.

    `batch` is None when none was made for it, as in a run that was held. `code` is the platform's reason for a refusal.
    """

    run: str
    sync: str
    segment: str
    opened_at: datetime
    operation: Operation
    id_type: IdType
    ending: Ending
    code: str
    batch: int | None
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True)
class Belief:
    """An identifier in a segment, as far as is known. The true expiry lies between `expires_from` and `expires_until`.

    `by` is the entry that said so last; None when that run is not of this project. `left_to_expire` says why nobody keeps it there.
    """

    url: str
    advertiser: str
    segment: str
    sync: str
    id_type: IdType
    standing: Standing
    since: datetime
    expires_from: datetime
    expires_until: datetime
    unknown_since: datetime | None
    by: Entry | None
    left_to_expire: Parting | None


@dataclass(frozen=True)
class Told:
    """What one recipient answered about the identifier; `state` is told, refused or waits, and `code` the reason of a refusal."""

    recipient: Recipient
    id_type: IdType
    state: str
    code: str
    notice: Notice


@dataclass(frozen=True)
class Suppressed:
    """That the identifier is sent nowhere any more: since when, by which request, and what every recipient answered."""

    since: datetime
    request: str
    type: RequestType
    told: tuple[Told, ...]


@dataclass(frozen=True)
class Trace:
    """Where an identifier is believed to be, and its history, newest first. `id_types` are those its form allows.

    `suppressed` are the requests that named it, oldest first.
    `unread` are the runs whose files are gone, so that nobody can say whether it was in them.
    """

    id_types: tuple[IdType, ...]
    beliefs: tuple[Belief, ...]
    history: tuple[Entry, ...]
    unread: tuple[str, ...]
    suppressed: tuple[Suppressed, ...] = ()


def trace(parts: Parts, project: str, text: str) -> Trace:
    """Everything the project knows of an identifier, whose type is told by its form; a GUID may be a DAID or a TDID.

    Raises DefinitionError when the text is no identifier, EngineError when a file that must be read is damaged.
    """
    id_type, value = identifier(text)
    id_types = (IdType.DAID, IdType.TDID) if id_type is IdType.DAID else (id_type,)
    runs = parts.ledger.history(project)
    gone = tuple(run.id for run in runs if _planned(parts, run) and not (parts.home / "runs" / run.id / "delta").exists())
    history = tuple(entry for run in runs if run.id not in gone for entry in _entries(parts, run, id_types, value))
    beliefs = tuple(_beliefs(parts, runs, id_types, value))
    return Trace(id_types, beliefs, history, gone, tuple(_suppressed(parts, project, value)))


def _suppressed(parts: Parts, project: str, value: bytes) -> Iterator[Suppressed]:
    """Every request that named it."""
    for entry in parts.suppressions.find(project, value):
        request = parts.privacy.find(project, entry.request)
        assert request is not None, "what is on the list was written down for a request"
        codes = {(number, line.item): line.code for number, line in parts.privacy.lines(request.id)}
        told = []
        for notice in parts.privacy.notices(request.id):
            item = entry.place - notice.offset
            if notice.block == entry.number and 0 <= item < notice.rows:
                code = codes.get((notice.number, item), "")
                state = "waits" if not notice.settled else "refused" if code else "told"
                told.append(Told(notice.recipient, notice.id_type, state, code, notice))
        yield Suppressed(entry.since, request.id, request.type, tuple(told))


def _planned(parts: Parts, run: Run) -> Plan | None:
    return parts.ledger.recall(run.id, RunState.PLANNED, Plan)


def _beliefs(parts: Parts, runs: Sequence[Run], id_types: Sequence[IdType], value: bytes) -> Iterator[Belief]:
    """Each segment of the project that holds it, by the newest membership version."""
    for target in dict.fromkeys(run.target for run in runs):
        version, of_target = parts.versions.newest(target), [run for run in runs if run.target == target]
        for id_type in id_types if version else ():
            assert version is not None
            held = find(version.held(parts.home), id_type, value)
            if held:
                yield _belief(parts, of_target, id_type, held)


def _belief(parts: Parts, runs: Sequence[Run], id_type: IdType, held: Held) -> Belief:
    place, now = parts.ledger.binding(runs[0].binding).target, parts.clock.now()
    doubtful = held.unknown_since is not None or held.expires_from <= now
    standing = Standing.LAPSED if held.expires_until <= now else Standing.UNCERTAIN if doubtful else Standing.PRESENT
    moments = held.since, held.expires_from, held.expires_until, held.unknown_since
    by = _author(parts, runs, id_type, held)
    return Belief(
        place.url, place.advertiser, place.segment, runs[0].sync, id_type, standing, *moments, by, left_to_expire(parts, place.id)
    )


def _author(parts: Parts, runs: Sequence[Run], id_type: IdType, held: Held) -> Entry | None:
    """The entry that said last what is held: the newest batch of that number and type whose stamp explains the expiry."""
    for run in runs:
        binding = parts.ledger.binding(run.binding)
        for row in parts.ledger.settled(run.id):
            if row[0].number == held.batch and row[0].id_type is id_type and _explains(row[0], binding, held):
                return _entry(parts, run, binding, row[0].operation, id_type, row, None)
    return None


def _explains(batch: Batch, binding: Binding, held: Held) -> bool:
    if batch.stamp is None:
        return False
    if batch.operation is Operation.REMOVE:
        return held.unknown_since is not None and held.expires_from == batch.stamp
    return held.expires_until == batch.stamp + timedelta(minutes=binding.ttl_minutes)


def _entries(parts: Parts, run: Run, id_types: Sequence[IdType], value: bytes) -> Iterator[Entry]:
    """What one run wished for the identifier, by its delta files."""
    planned = _planned(parts, run)
    wanted = [part for part in planned.delta.parts if part.id_type in id_types] if planned else []
    found = locate(parts.home / "runs" / run.id / "delta", wanted, value)
    rows = parts.ledger.settled(run.id) if found else ()
    for part, place in found:
        row = next((row for row in rows if row[0].part == part.number and 0 <= place - row[0].offset < row[0].rows), None)
        yield _entry(parts, run, parts.ledger.binding(run.binding), part.operation, part.id_type, row, place)


def _entry(parts: Parts, run: Run, binding: Binding, operation: Operation, id_type: IdType, row: Row | None, place: int | None) -> Entry:
    """`place` is the identifier's row in its part, where that is known; without it, it is not among the refused."""
    ending, code, batch = Ending.NOT_SENT, "", None
    if row is not None:
        batch, (ending, code) = row[0].number, _ending(row, place)
    attempts = tuple(attempt for attempt in parts.ledger.attempts(run.id) if attempt.batch == batch)
    return Entry(run.id, run.sync, binding.target.segment, run.opened_at, operation, id_type, ending, code, batch, attempts)


def _ending(row: Row, place: int | None) -> tuple[Ending, str]:
    batch, state, outcome, lines = row
    if outcome is None:
        return (Ending.UNKNOWN if state is BatchState.SENT else Ending.NOT_SENT), ""
    refused = next((line for line in lines if place is not None and line.item == place - batch.offset), None)
    if refused:
        return Ending.REJECTED, refused.code
    return (Ending.UNKNOWN if outcome.unknown else Ending.ACCEPTED), ""
