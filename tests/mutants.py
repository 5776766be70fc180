"""Defects seen elsewhere, or nearly made here, each in the place of one honest part: a machine must find every one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from memory_stores import RememberingCatalog
from tradewind import phases
from tradewind.compute import Bounds
from tradewind.destinations.base import Destination, Request, Sheet
from tradewind.destinations.lives import Lives
from tradewind.destinations.lives import lives as honest_lives
from tradewind.engines import memory
from tradewind.errors import TakenError
from tradewind.membership.sql import Version, Versions
from tradewind.model.destination import Secret
from tradewind.model.identifier import IdentityMap, Resolution
from tradewind.model.plan import Approval, Batch, Operation
from tradewind.model.run import Account, Answer, BatchState, Claim, Entry, Line, Outcome, Receipt, Run, RunKind
from tradewind.model.sync import Binding, Leaving, Parting, Sync, SyncState
from tradewind.operations import syncs
from tradewind.parts import Parts
from tradewind.testing import fakes
from world import HONEST, Substitutes, Witness

Value = TypeVar("Value")
Settled = tuple[tuple[Batch, BatchState, Outcome | None, tuple[Line, ...]], ...]

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Mutant:
    """A defect in one sentence, the parts that have it, and the invariants by which it may be found.

    `during` is for pure functions alone, which no part carries: it puts another in the place of one, for as long as it lasts.
    """

    defect: str
    caught_by: str
    substitutes: Callable[[], Substitutes] = lambda: HONEST
    during: Callable[[], AbstractContextManager[None]] = nullcontext
    begin: int = 0
    """The seed by which it is found soonest; another takes longer, within the bound."""


# --- ledgers


class NoIntent(Witness):
    """Writes a batch down when its answer comes."""

    def advance(self, claim: Claim, entries: Sequence[Entry], sent: Sequence[Batch] = ()) -> None:
        del sent
        super().advance(claim, entries)


class _Misread(Witness):
    """Writes another thing down than was answered."""

    def read(self, entry: Entry) -> Entry:
        """What it takes an entry for."""
        return entry

    def advance(self, claim: Claim, entries: Sequence[Entry], sent: Sequence[Batch] = ()) -> None:
        super().advance(claim, [self.read(entry) for entry in entries], sent)


class UnknownIsFailed(_Misread):
    """Takes a lost answer for a request that never arrived."""

    def read(self, entry: Entry) -> Entry:
        lost = entry.attempt.answer is Answer.UNKNOWN
        return replace(entry, attempt=replace(entry.attempt, answer=Answer.UNREACHED)) if lost else entry


class RemovalTakenForDone(_Misread):
    """Takes a removal whose answer was lost for done."""

    def read(self, entry: Entry) -> Entry:
        lost = entry.batch.operation is Operation.REMOVE and entry.attempt.answer is Answer.UNKNOWN
        return replace(entry, outcome=Outcome(entry.batch.rows, 0, 0)) if lost else entry


class HalfIsLost(_Misread):
    """Goes on with the first half of a split batch."""

    def read(self, entry: Entry) -> Entry:
        return replace(entry, halves=entry.halves[:1])


class NewStamp(Witness):
    """Forgets the stamp of a batch, so that it is sent again as another body."""

    def pending(self, run: str) -> tuple[Batch, ...]:
        return tuple(replace(batch, stamp=None, fingerprint=None) for batch in super().pending(run))


class OneTooMany(Witness):
    """Counts one accepted identifier too many, so that its account balances all the same."""

    def account(self, run: str) -> Account:
        account = super().account(run)
        return replace(account, planned=account.planned + 1, accepted=account.accepted + 1) if account.accepted else account


class RefusalEndsDoubt(Witness):
    """Takes who was refused in the end for absent, although an earlier attempt may have been applied."""

    def settled(self, run: str) -> Settled:
        found = super().settled(run)
        return tuple((batch, BatchState.SETTLED if outcome else state, outcome, lines) for batch, state, outcome, lines in found)


class SlotTwice(Witness):
    """Does not know which slots had their run."""

    def newest(self, project: str, sync: str, until: datetime) -> Run | None:
        found = super().newest(project, sync, until)
        return found and replace(found, slot=found.slot and found.slot - timedelta(days=1))

    def open(self, run: Run, binding: Binding) -> None:
        super().open(replace(run, slot=None), binding)
        self._runs[run.id].run = run


class Permissive(Witness):
    """Takes every held run for approved."""

    def recall(self, run: str, phase: str, kind: type[Value]) -> Value | None:
        value = super().recall(run, phase, kind)
        if phase == phases.APPROVED:
            return kind((Approval("empty", 10**9), Approval("shrink", 10**9)))  # type: ignore[call-arg]
        return value


class NobodyKept(Witness):
    """Opens no run for those who would lapse while another is held or fails."""

    def open(self, run: Run, binding: Binding) -> None:
        if run.kind is RunKind.KEEP:
            raise TakenError("not now")
        super().open(run, binding)


class ForgetsDelta(Witness):
    """Works the delta out anew when a run goes on, although some of its batches have left."""

    def recall(self, run: str, phase: str, kind: type[Value]) -> Value | None:
        return None if phase in {"diffed", "evaluated", "resolved"} else super().recall(run, phase, kind)


class PlaceForgotten(Witness):
    """Does not remember which run a target had last, so that nobody sees that one was given up."""

    def latest(self, target: str) -> Run | None:
        del target
        return None


class FenceUnseen(Witness):
    """Lets everybody write who ever had a run."""

    def claim(self, run: str, owner: str, now: datetime, until: datetime, dead: Iterable[str] = ()) -> Claim:
        try:
            return super().claim(run, owner, now, until, dead)
        except TakenError:
            return Claim(run, owner, 0)

    def _guard(self, claim: Claim) -> Any:
        return self._runs[claim.run]


# --- ways to speak to the platform


class Bent:
    """A destination that does all as the honest one; a subclass bends one thing."""

    def __init__(self, honest: Destination) -> None:
        self.honest = honest

    def __getattr__(self, name: str) -> Any:
        return getattr(self.honest, name)

    def at_hand(self, _request: Request) -> None:
        """Only `send` can."""


class UnknownIsApplied(Bent):
    """Takes a lost answer for a good one."""

    def send(self, request: Request) -> Receipt:
        receipt = self.honest.send(request)
        return replace(receipt, answer=Answer.APPLIED) if receipt.answer is Answer.UNKNOWN else receipt


class LinesUnread(Bent):
    """Does not read who of a request was refused."""

    def send(self, request: Request) -> Receipt:
        return replace(self.honest.send(request), lines=())


class RefusalRetried(Bent):
    """Tries an account again and again that the platform refuses."""

    def send(self, request: Request) -> Receipt:
        receipt = self.honest.send(request)
        return replace(receipt, answer=Answer.UNREACHED) if receipt.answer is Answer.FORBIDDEN else receipt


class RemovalIsAdd(Bent):
    """Lays a removal out as an add: a TTL of nothing was taken for none given."""

    def prepare(
        self,
        binding: Binding,
        batch: Batch,
        ids: pa.Array[Any],
        secret: Secret,
        sheet: Sheet | None = None,
        events: pa.Array[Any] | None = None,
    ) -> Request:
        wish = Operation.ADD if batch.operation is Operation.REMOVE else batch.operation
        return self.honest.prepare(binding, replace(batch, operation=wish), ids, secret, sheet, events)


class OtherUnit(Bent):
    """Lays the TTL out in another unit than the platform reads."""

    def prepare(
        self,
        binding: Binding,
        batch: Batch,
        ids: pa.Array[Any],
        secret: Secret,
        sheet: Sheet | None = None,
        events: pa.Array[Any] | None = None,
    ) -> Request:
        return self.honest.prepare(replace(binding, ttl_minutes=binding.ttl_minutes // 4), batch, ids, secret, sheet, events)


class FirstBinding(Bent):
    """Keeps the first account it ever spoke for."""

    first: Binding | None = None

    def prepare(
        self,
        binding: Binding,
        batch: Batch,
        ids: pa.Array[Any],
        secret: Secret,
        sheet: Sheet | None = None,
        events: pa.Array[Any] | None = None,
    ) -> Request:
        self.first = self.first or binding
        return self.honest.prepare(self.first, batch, ids, secret, sheet, events)


class IdentifierTold(Bent):
    """Repeats in a note what could not be delivered."""

    def send(self, request: Request) -> Receipt:
        receipt = self.honest.send(request)
        one = next(word for word in bytes(request.body).decode().split() if len(word) == 32)
        return receipt if receipt.answer is Answer.APPLIED else replace(receipt, note=f"no answer for {one}")


class SecretTold(Bent):
    """Repeats in a note how it signed."""

    told = ""

    def prepare(self, *given: Any, **named: Any) -> Request:
        self.told = given[3].value
        return self.honest.prepare(*given, **named)

    def send(self, request: Request) -> Receipt:
        receipt = self.honest.send(request)
        return receipt if receipt.answer is Answer.APPLIED else replace(receipt, note=f"the signature by {self.told} was refused")


# --- stores and engines


class SomeVersionsLost(Versions):
    """Does not name every version that was written."""

    count = 0

    def add(self, version: Version) -> None:
        self.count += 1
        if self.count % 4:
            super().add(version)


class LeavingTurned(RememberingCatalog):
    """Writes down the contrary of what was said about the people of a segment."""

    def part(self, parting: Parting) -> None:
        contrary = Leaving.LET_EXPIRE if parting.how is Leaving.EMPTY else Leaving.EMPTY
        super().part(replace(parting, how=contrary))


class PauseUnseen(RememberingCatalog):
    """Takes a paused sync for an active one."""

    def syncs(self, project: str) -> tuple[Sync, ...]:
        return tuple(replace(sync, state=SyncState.ACTIVE) for sync in super().syncs(project))


@dataclass
class EachForHimself:
    """Takes the identifiers of who left out of the cohort, also where another member has them too."""

    before: dict[bytes, dict[bytes, list[str]]] = field(default_factory=dict)

    def __call__(self, snapshot: Path, identity: IdentityMap, out: Path, rejects: Path, buckets: int, bounds: Bounds) -> Resolution:
        rows = pq.read_table(snapshot).to_pylist()
        now = {row["member"]: row["user.ad"] for row in rows}
        everybody = self.before.setdefault(b"", {})
        gone = {text for member, texts in everybody.items() if member not in now for text in texts}
        everybody.update(now)
        left = [{**row, "user.ad": [text for text in row["user.ad"] if text not in gone]} for row in rows]
        table = pq.read_table(snapshot)
        pq.write_table(pa.Table.from_pylist(left, schema=table.schema), snapshot)
        return memory.resolve(snapshot, identity, out, rejects, buckets, bounds)


class _Deaf:
    """A list of people who said no that hears nobody."""

    def __init__(self, honest: Any) -> None:
        self.honest = honest

    def sieve(self, project: str, since: datetime | None = None) -> Any:
        del since
        return self.honest.sieve(f"not {project}")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.honest, name)


def _deaf(parts: Parts) -> Parts:
    suppressions: Any = _Deaf(parts.suppressions)
    return replace(parts, suppressions=suppressions)


class _DeafToNews:
    """A list of people who said no that hears nobody while a run is under way."""

    def __init__(self, honest: Any) -> None:
        self.honest = honest

    def blocks_since(self, project: str, since: datetime) -> int:
        del project, since
        return 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.honest, name)


def _deaf_to_news(parts: Parts) -> Parts:
    suppressions: Any = _DeafToNews(parts.suppressions)
    return replace(parts, suppressions=suppressions)


class _NewestKey:
    """A vault that opens the newest secret of a connection, whichever account it was of."""

    def __init__(self, honest: Any) -> None:
        self.honest = honest

    def open(self, project: str, connection: str, version: int) -> Secret:
        secret: Secret = self.honest.open(project, connection, self.honest.latest(project, connection) or version)
        return secret

    def __getattr__(self, name: str) -> Any:
        return getattr(self.honest, name)


def _newest_key(parts: Parts) -> Parts:
    vault: Any = _NewestKey(parts.vault)
    return replace(parts, vault=vault)


class _OneKey:
    """A vault that opens the same secret for every account."""

    def __init__(self, honest: Any) -> None:
        self.honest = honest

    def open(self, project: str, connection: str, version: int) -> Secret:
        del connection, version
        secret: Secret = self.honest.open(project, "north", 1)
        return secret

    def __getattr__(self, name: str) -> Any:
        return getattr(self.honest, name)


def _one_key(parts: Parts) -> Parts:
    vault: Any = _OneKey(parts.vault)
    return replace(parts, vault=vault)


# --- pure functions, which no part carries


@contextmanager
def _instead(name: str, of: Callable[[Any], Any], room: Any = phases) -> Iterator[None]:
    honest = getattr(room, name)
    setattr(room, name, of(honest))
    try:
        yield
    finally:
        setattr(room, name, honest)


def _no_refresh() -> AbstractContextManager[None]:
    return _instead("renewal", lambda honest: lambda sync, now: replace(honest(sync, now), before=LONG_AGO))


def _lapse_unseen() -> AbstractContextManager[None]:
    return _instead("diff_buckets", lambda honest: lambda *given, now, **named: honest(*given, now=LONG_AGO, **named))


def _life_not_lengthened() -> AbstractContextManager[None]:
    def lives(events: pa.Array[Any], stamp: datetime, ttl: int, longest: int) -> Lives:
        since = honest_lives(events, stamp, ttl, longest).since
        return Lives(since, np.full(len(since), ttl))

    return _instead("lives", lambda _: lives, fakes)


def _old_plan() -> AbstractContextManager[None]:
    return _instead("overtaken", lambda honest: lambda *given: honest(*given) and "", syncs)


def _ledger(kind: type[Witness]) -> Callable[[], Substitutes]:
    return lambda: Substitutes(ledger=kind)


def _sender(kind: type[Bent]) -> Callable[[], Substitutes]:
    return lambda: Substitutes(destination=kind)


MUTANTS = {
    "no intent": Mutant("a batch is written down after it was sent", "I2", _ledger(NoIntent)),
    "unknown is failed": Mutant("a lost answer counts as a failure", "I1 I3", _ledger(UnknownIsFailed), begin=4),
    "unknown is applied": Mutant("a lost answer counts as a good one", "I1 I3 I4", _sender(UnknownIsApplied)),
    "removal taken for done": Mutant("a lost removal counts as done", "I1 I3 I4", _ledger(RemovalTakenForDone), begin=2),
    "lines unread": Mutant("a partly refused request counts as a whole one", "I1 I3 I4", _sender(LinesUnread), begin=1),
    "new stamp": Mutant("a batch is sent again with a later stamp", "I2", _ledger(NewStamp), begin=2),
    "one too many": Mutant("an account counts one too many", "I4", _ledger(OneTooMany)),
    "half is lost": Mutant("one half of a split batch is forgotten", "I1 I3 I4", _ledger(HalfIsLost), begin=1),
    "refusal ends doubt": Mutant("a refusal makes an earlier lost answer forgotten", "I1 I3", _ledger(RefusalEndsDoubt), begin=9),
    "slot twice": Mutant("a slot is run again", "I17", _ledger(SlotTwice)),
    "hold unseen": Mutant("a held run goes on without a person", "I13", _ledger(Permissive), begin=1),
    "nobody kept": Mutant("people lapse while a run is held or fails", "I5", _ledger(NobodyKept), begin=6),
    "delta forgotten": Mutant("a run that goes on plans anew", "I1 I2 I3 I4 L1", _ledger(ForgetsDelta), begin=2),
    "refusal retried": Mutant("a refused account is asked again", "I16", _sender(RefusalRetried)),
    "removal is add": Mutant("a removal is laid out as an add", "I1 I3", _sender(RemovalIsAdd)),
    "other unit": Mutant("the TTL is laid out in another unit", "I1 I5", _sender(OtherUnit)),
    "mixed account": Mutant("people of one account go to another", "I8", _sender(FirstBinding)),
    "other secret": Mutant("requests have another account's secret", "I8", lambda: Substitutes(parts=_one_key)),
    "versions lost": Mutant("a membership is not written after every run", "I1 I3 I4", lambda: Substitutes(versions=SomeVersionsLost)),
    "pause unseen": Mutant("a paused sync is run", "I12", lambda: Substitutes(catalog=PauseUnseen), begin=2),
    "each for himself": Mutant("a leaver takes a shared identifier along", "I3", lambda: Substitutes(resolve=EachForHimself())),
    "opt-out unheard": Mutant("somebody who said no is sent", "I14", lambda: Substitutes(parts=_deaf), begin=4),
    "opt-out unheard under way": Mutant("a run under way sends who said no", "I14", lambda: Substitutes(parts=_deaf_to_news), begin=2),
    "old plan": Mutant("a run that was cut short goes on after the next slot", "I17", during=_old_plan),
    "place forgotten": Mutant("a segment that was given up is not emptied", "I9 I11 I12 I14", _ledger(PlaceForgotten), begin=11),
    "newest key": Mutant("an old account is emptied with the new account's secret", "I8", lambda: Substitutes(parts=_newest_key), begin=2),
    "leaving turned": Mutant("who was to lapse is taken out, and the contrary", "I9 I11 I12", lambda: Substitutes(catalog=LeavingTurned)),
    "fence unseen": Mutant("a worker goes on with a run that another has taken", "I15", _ledger(FenceUnseen), begin=2),
    "identifier told": Mutant("a note names an identifier", "I20", _sender(IdentifierTold)),
    "secret told": Mutant("a note names a secret", "I20", _sender(SecretTold), begin=10),
    "no refresh": Mutant("only differences are sent", "I5", during=_no_refresh),
    "life not lengthened": Mutant("the stamp is the last event's, and the TTL as short as ever", "I1 I5", during=_life_not_lengthened),
    "lapse unseen": Mutant("who has lapsed counts as held", "I5", during=_lapse_unseen, begin=9),
}
"""Every defect by name; `caught_by` lists the invariants that may be the first to see it."""
