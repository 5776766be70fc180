"""People who said no: on the list at once, then out of every segment, and every recipient told, with the proof of each."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from tradewind.delivery.deliver import CLAIM
from tradewind.delivery.notices import Telling, again_after, ends_the_rest, tell
from tradewind.delivery.room import Room, endpoint
from tradewind.destinations.base import Request
from tradewind.errors import ConfigurationError, DefinitionError, LedgerError, TakenError, TradewindError
from tradewind.model.destination import Auth, Secret
from tradewind.model.privacy import Notice, PrivacyRequest, Progress, Recipient, Removal, RequestType
from tradewind.model.run import Line, Receipt, RunOutcome, RunState
from tradewind.model.sync import Binding, Target
from tradewind.moment import reached
from tradewind.operations.claims import is_dead, me
from tradewind.operations.connections import identifier
from tradewind.operations.striking import strike, under_way
from tradewind.parts import Parts
from tradewind.phases import Watch
from tradewind.privacy.sql import BLOCK
from tradewind.targets import is_reachable, newest_secret

BUSY = timedelta(seconds=30)
"""How long a removal is put off while a run of its segment is under way."""

LONGEST_LINE = 1_024
"""Characters of a line of a file at most; no identifier is nearly as long."""

Texts = Callable[[], Iterable[tuple[str, str]]]
"""Identifiers as they were given, each with the place where it stands; may be gone through more than once."""


@dataclass(frozen=True)
class Report:
    """A request and what became of it: in each segment, and at each recipient, notice by notice, with the items refused."""

    request: PrivacyRequest
    removals: tuple[tuple[Target, Removal], ...]
    notices: tuple[Notice, ...]
    refused: tuple[tuple[int, Line], ...]


@dataclass(frozen=True)
class Told:
    """A recipient and its answers so far, in items: a GUID is one as a TDID and one as a DAID. `last` says most of what it answered."""

    advertiser: str
    url: str
    told: int
    refused: int
    waiting: int
    last: Notice | None


def words(texts: Iterable[str]) -> Texts:
    """Identifiers that were typed, or came line by line."""
    given = [(f"identifier {number}", text) for number, text in enumerate(texts, 1) if text.strip()]
    return lambda: given


def lines(path: Path) -> Texts:
    """The identifiers of a text file, one a line; lines without any are passed over."""

    def read() -> Iterator[tuple[str, str]]:
        try:
            with path.open(encoding="utf-8-sig") as file:
                number = 0
                while line := file.readline(LONGEST_LINE):
                    number += 1
                    if line.strip():
                        yield f"line {number}", line.strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
            raise DefinitionError(f"cannot be read: {reason}; give a text file with one identifier a line", file=str(path)) from error

    return read


def ask(parts: Parts, project: str, kind: RequestType, texts: Texts, watch: Watch) -> PrivacyRequest:
    """Put everybody named on the list: when this returns, nothing with them in it is sent any more. `work` does the rest.

    Raises DefinitionError when one of them is no identifier, or there is none; nothing is written down then.
    """
    total = _checked(texts)
    now = parts.clock.now()
    request = PrivacyRequest(f"p{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}", project, kind, now)
    parts.privacy.open(request, me(), now + CLAIM)
    done = 0
    for number, values in enumerate(_blocks(texts())):
        parts.suppressions.add(project, request.id, number, values, parts.clock.now())
        reached("suppressions.written")
        done += len(values)
        _keep(parts, request.id)
        watch("writing down", done, total)
    parts.privacy.taken(request.id, done)
    return found(parts, project, request.id)


def hand_over(parts: Parts, project: str, kind: RequestType, texts: Texts) -> PrivacyRequest:
    """The same, with the rest left to the worker."""
    request = ask(parts, project, kind, texts, lambda _what, _done, _total: None)
    parts.privacy.release(request.id, me())
    return request


def work(parts: Parts, request: PrivacyRequest, watch: Watch, *, at_once: bool = False) -> PrivacyRequest:
    """Do what is left to do for a request and can be done now; with `at_once` also what was put off. Returns it as it then is.

    What fails is put off with the reason and raises nothing. Raises TakenError while another process is at the request, LedgerError
    when the store is gone.
    """
    with _claimed(parts, request.id):
        if request.progress in {Progress.TAKING, Progress.TAKEN}:
            _spread(parts, request)
        busy = _take_out(parts, request, watch, at_once=at_once)
        _tell_everybody(parts, request, busy, watch, at_once=at_once)
        parts.privacy.close(request.id, parts.clock.now())
    return found(parts, request.project, request.id)


def found(parts: Parts, project: str, request: str) -> PrivacyRequest:
    """The request of an id. Raises DefinitionError when there is none."""
    known = parts.privacy.find(project, request)
    if known is None:
        raise DefinitionError(f"there is no request '{request[:60]}' in project '{project}'; tradewind privacy list shows them")
    return known


def report(parts: Parts, project: str, request: str) -> Report:
    """What became of a request. Raises DefinitionError when there is none."""
    known = found(parts, project, request)
    places = {reach.binding.target.id: reach.binding.target for reach in parts.ledger.reached(project)}
    removals = tuple((places[removal.target], removal) for removal in parts.privacy.removals(known.id))
    return Report(known, removals, parts.privacy.notices(known.id), parts.privacy.lines(known.id))


def told(report: Report) -> tuple[Told, ...]:
    """Each recipient of a request, once."""
    found = []
    for recipient in dict.fromkeys(notice.recipient for notice in report.notices):
        mine = [notice for notice in report.notices if notice.recipient == recipient]
        answered = [notice for notice in mine if notice.answered_at]
        last = max(answered, key=lambda notice: (not notice.settled, notice.answered_at), default=None)
        found.append(
            Told(
                advertiser=recipient.advertiser,
                url=recipient.url,
                told=sum(notice.rows - notice.rejected for notice in mine if notice.settled),
                refused=sum(notice.rejected for notice in mine),
                waiting=sum(notice.rows for notice in mine if not notice.settled),
                last=last or next((notice for notice in mine if notice.note), None),
            )
        )
    return tuple(found)


def _checked(texts: Texts) -> int:
    total, wrong, first = 0, 0, ""
    for place, text in texts():
        total += 1
        try:
            identifier(text)
        except DefinitionError as error:
            wrong += 1
            first = first or f"{place}: {error}"
    if wrong:
        raise DefinitionError(
            f"{wrong:,} of {total:,} are no identifiers, the first is {first}; nothing was written down: mend and give all again"
        )
    if not total:
        raise DefinitionError("nobody is named; give identifiers, or a file with one identifier a line")
    return total


def _blocks(texts: Iterable[tuple[str, str]]) -> Iterator[list[bytes]]:
    """Identifiers in blocks of one kind each: GUIDs, and raw UID2s."""
    waiting: dict[bool, dict[bytes, None]] = {True: {}, False: {}}
    for _, text in texts:
        _, value = identifier(text)
        block = waiting[len(value) == 16]
        block[value] = None
        if len(block) == BLOCK:
            yield list(block)
            block.clear()
    yield from (list(block) for block in waiting.values() if block)


def _spread(parts: Parts, request: PrivacyRequest) -> None:
    """All targets that a run of the project ever had, and all recipients to which one sent something or may have.

    This is asked after everybody named is on the list: a run that is opened later sends none of them. An address that no region
    has any more, as that of a sandbox, is passed over: nobody can be told there.
    """
    places = [reach for reach in parts.ledger.reached(request.project) if is_reachable(parts, reach.binding)]
    targets = dict.fromkeys(reach.binding.target.id for reach in places)
    recipients = dict.fromkeys(_recipient(reach.binding) for reach in places if reach.sent)
    parts.privacy.spread(request, targets, recipients, parts.clock.now())
    reached("privacy.spread")


def _take_out(parts: Parts, request: PrivacyRequest, watch: Watch, *, at_once: bool) -> set[Recipient]:
    """Take everybody who is suppressed out of each target; gives the recipients at which a run of another kind is under way."""
    places = {reach.binding.target.id: reach.binding for reach in parts.ledger.reached(request.project)}
    busy = set()
    removals = [removal for removal in parts.privacy.removals(request.id) if removal.done_at is None]
    for number, removal in enumerate(removals):
        watch("taking out", number, len(removals))
        if removal.due_at > parts.clock.now() and not at_once:
            busy |= {_recipient(places[removal.target])} if under_way(parts, removal.target) else set()
            continue
        _keep(parts, request.id)
        try:
            done = _taken_out(parts, request, removal, watch)
        except TakenError:
            note = "a run of the segment is under way, which sends none of them; they are taken out after it"
            done = replace(removal, due_at=parts.clock.now() + BUSY, note=note)
            busy.add(_recipient(places[removal.target]))
        parts.privacy.write(done)
    return busy


def _taken_out(parts: Parts, request: PrivacyRequest, removal: Removal, watch: Watch) -> Removal:
    """One removal as it stands after a try. Raises TakenError while a run of the target is under way."""
    now = parts.clock.now()
    try:
        run = strike(parts, request.project, removal.target, watch)
    except LedgerError:
        raise
    except TradewindError as error:
        return replace(removal, tries=removal.tries + 1, due_at=now + again_after(removal.tries), note=str(error))
    if run is None:
        return replace(removal, done_at=now, note="" if removal.tries else "none of them was in it")
    if run.state is RunState.SETTLING:
        note = "an earlier request may still add some of them, so they are taken out once more when it no longer can"
        return replace(removal, run=run.id, due_at=now + BUSY, note=note)
    account = parts.ledger.account(run.id)
    removed = replace(removal, tries=removal.tries + 1, run=run.id, removed=removal.removed + account.accepted, note=run.reason)
    if run.outcome in {RunOutcome.CLEAN, RunOutcome.WITH_REJECTS}:
        return replace(removed, done_at=parts.clock.now())
    return replace(removed, due_at=parts.clock.now() + again_after(removal.tries))


def _tell_everybody(parts: Parts, request: PrivacyRequest, busy: set[Recipient], watch: Watch, *, at_once: bool) -> None:
    """Tell each recipient at which no removal waits for another run; an add that is under way must not come after the notice."""
    now = parts.clock.now()
    due = [notice for notice in parts.privacy.notices(request.id) if not notice.settled and (at_once or notice.due_at <= now)]
    for recipient in dict.fromkeys(notice.recipient for notice in due):
        if recipient not in busy:
            _tell(parts, request, recipient, watch, at_once=at_once)


def _tell(parts: Parts, request: PrivacyRequest, recipient: Recipient, watch: Watch, *, at_once: bool) -> None:
    """Tell one recipient until nothing is left, or the platform is in no state to listen."""
    where = endpoint(recipient.url, recipient.advertiser)
    room = Room(parts.ledger.slots, parts.clock, where, request.id, 1)
    try:
        telling = _telling(parts, request, recipient, room)
        tried: set[int] = set()
        while notice := _next(parts, request, recipient, tried, at_once=at_once):
            tried.add(notice.number)
            _keep(parts, request.id)
            watch("telling", len(tried), 0)
            stands = tell(telling, notice)
            if any(map(ends_the_rest, stands)) and len(stands) == 1:
                parts.privacy.postpone(request.id, recipient, stands[0].due_at, stands[0].note)
                return
    except LedgerError:
        raise
    except TradewindError as error:
        parts.privacy.postpone(request.id, recipient, parts.clock.now() + again_after(5), str(error))
    finally:
        room.give_back()


def _next(parts: Parts, request: PrivacyRequest, recipient: Recipient, tried: set[int], *, at_once: bool) -> Notice | None:
    now = parts.clock.now()
    mine = (
        each for each in parts.privacy.notices(request.id) if each.recipient == recipient and not each.settled and each.number not in tried
    )
    return next((notice for notice in mine if at_once or notice.due_at <= now), None)


def _telling(parts: Parts, request: PrivacyRequest, recipient: Recipient, room: Room) -> Telling:
    """How to tell a recipient, with the newest credentials there are for it. Raises ConfigurationError when there are none any more."""
    binding, secret = _credentials(parts, request.project, recipient)
    destination, auth = parts.destination(binding.destination), Auth(binding.auth)

    def send(asked: Request) -> Receipt:
        receipt = destination.send(asked)
        return replace(receipt, note=secret.struck_from(receipt.note))

    def ids(notice: Notice) -> Any:
        block = parts.suppressions.originals(request.project, request.id, notice.block)
        if block is None:
            raise LedgerError(f"the identifiers of request {request.id} were erased before everybody was told")
        return block.slice(notice.offset, notice.rows)

    return Telling(
        book=parts.privacy,
        clock=parts.clock,
        chance=parts.chance,
        ids=ids,
        prepare=lambda notice, block: destination.prepare_notice(
            recipient.url, recipient.advertiser, auth, request.type, notice.id_type, block, secret
        ),
        send=send,
        mark=lambda body: parts.suppressions.mark(request.project, body),
        room=room,
    )


def _credentials(parts: Parts, project: str, recipient: Recipient) -> tuple[Binding, Secret]:
    """The binding of the project that sent there last of those whose secret still opens."""
    reason = None
    for reach in parts.ledger.reached(project):
        if _recipient(reach.binding) == recipient:
            binding = newest_secret(parts, reach.binding)
            try:
                return binding, parts.vault.open(project, binding.connection, binding.secret_version)
            except ConfigurationError as error:
                reason = reason or error
    raise ConfigurationError(
        f"advertiser {recipient.advertiser} cannot be told: {reason or 'no connection to it is on record'}; "
        "add its connection again, and go on with: tradewind privacy resume"
    )


def _recipient(binding: Binding) -> Recipient:
    return Recipient(binding.target.url, binding.target.advertiser)


@contextmanager
def _claimed(parts: Parts, request: str) -> Iterator[None]:
    """Nobody else is at the request meanwhile; a holder of this host that is gone is none."""
    _keep(parts, request)
    try:
        yield
    finally:
        parts.privacy.release(request, me())


def _keep(parts: Parts, request: str) -> None:
    holder, now = parts.privacy.holder(request), parts.clock.now()
    dead = [holder] if holder and is_dead(holder) else []
    parts.privacy.claim(request, me(), now, now + CLAIM, dead)
