"""The verbs of a run, each done once: evaluate, resolve, diff, plan, hold, deliver, acknowledge, close."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from tradewind.delivery.deliver import Delivery, Stop
from tradewind.delivery.deliver import deliver as send_all
from tradewind.destinations.base import Destination
from tradewind.durable import sync as sync_folder
from tradewind.engines.arms import draw, enrol
from tradewind.engines.resolve import ADDRESSED
from tradewind.errors import LedgerError
from tradewind.evidence import evidence, sought
from tradewind.ledger.base import UNCERTAIN_ANSWERS
from tradewind.members import evaluate as members_of
from tradewind.members import identity_of, stand
from tradewind.membership.buckets import Buckets, buckets_for
from tradewind.membership.diff import diff as diff_buckets
from tradewind.membership.doubting import doubt
from tradewind.membership.files import readable
from tradewind.membership.keep import keep as keep_buckets
from tradewind.membership.keep import lapsing as count_lapsing
from tradewind.membership.leaving import Left, left_in
from tradewind.membership.merge import Sent, fates_of, merge
from tradewind.membership.parts import read_part
from tradewind.membership.sql import Version
from tradewind.membership.strike import strike as strike_buckets
from tradewind.membership.strike import without
from tradewind.model.identifier import Resolution
from tradewind.model.plan import Approval, Delta, Operation, Plan, Renewal
from tradewind.model.run import BatchState, Claim, Run, RunKind, RunOutcome, RunState
from tradewind.model.snapshot import Snapshot
from tradewind.model.sync import Binding, Leaving, Parting, Recency, Sync, SyncState
from tradewind.moment import reached
from tradewind.parts import Parts
from tradewind.planning.binding import bind
from tradewind.planning.doubt import HOLD, doubts
from tradewind.planning.planner import batches
from tradewind.planning.planner import plan as plan_delta
from tradewind.planning.refresh import margin, period, renewal
from tradewind.privacy.newcomers import Newcomers
from tradewind.privacy.sieve import Sieve
from tradewind.span import spanned
from tradewind.splits import elsewhere, part_of, wanted_of
from tradewind.targets import is_current, wanted
from tradewind.trials.sql import Trial, file_of, follow

Value = TypeVar("Value")

Watch = Callable[[str, int, int], None]
"""Told what is being done, how many identifiers of it are done, and of how many (0, 0 where nobody can know)."""

APPROVED = "approved"


@dataclass(frozen=True)
class Approvals:
    """What a person allowed, as the ledger keeps it beside the run."""

    given: tuple[Approval, ...] = ()


class Cancelled(Exception):
    """A person told the run to stop: raised before the next phase begins; what was sent is then kept, and the run closed."""


@dataclass(frozen=True)
class Stage:
    """One run with everything it needs; `folder` holds its files."""

    parts: Parts
    claim: Claim
    run: Run
    binding: Binding
    folder: Path
    watch: Watch

    def destination(self) -> Destination:
        """The kind of platform the run's connection is of."""
        return self.parts.destination(self.binding.destination)

    def desired(self, snapshot: Snapshot) -> Buckets:
        """Where the desired identifiers lie."""
        mappings = self.binding.identity.mappings
        types = sorted({mapping.id_type for mapping in mappings})
        return Buckets(self.folder / "identifiers", buckets_for(snapshot.members * len(mappings)), tuple(types))

    def sieve(self) -> Sieve:
        """Who is suppressed in the run's project now."""
        return self.parts.suppressions.sieve(self.run.project)

    def held(self) -> Buckets | None:
        """What the target holds as far as we know, or None when nothing was ever sent to it."""
        newest = self.parts.versions.newest(self.binding.target.id)
        return newest.held(self.parts.home) if newest else None

    def told(self) -> str:
        """The reason a person gave who told the run to stop; empty where nobody did."""
        found = self.parts.ledger.find(self.run.project, self.run.id)
        return found.told if found else ""

    def go_on(self) -> None:
        """Raise Cancelled once the run was told to stop."""
        if reason := self.told():
            raise Cancelled(reason)

    def left(self) -> Left:
        """How many may be in the target now, and until when."""
        held = self.held()
        return left_in(held, self.parts.clock.now()) if held else Left(0, None)


def once(stage: Stage, phase: str, kind: type[Value], work: Callable[[], Value]) -> Value:
    """What a phase gave: from the ledger if it was done before, else done now and written there."""
    known = stage.parts.ledger.recall(stage.run.id, phase, kind)
    if known is not None:
        return known
    stage.go_on()
    stage.watch(phase, 0, 0)
    value = work()
    stage.parts.ledger.record(stage.claim, phase, value)
    reached("phase.recorded")
    return value


def binding_of(parts: Parts, sync: Sync) -> Binding:
    """The binding of a sync as catalog and vault have it now."""
    connection = parts.catalog.connection(sync.project, sync.connection)
    cohort = parts.catalog.cohort(sync.project, sync.cohort)
    url = parts.destination(connection.destination).url(connection.region)
    secret = parts.vault.latest(sync.project, connection.id) or 0
    return bind(sync, connection, url, secret, identity_of(cohort, connection))


@spanned("evaluate")
def evaluate(stage: Stage) -> Snapshot:
    """The members of the cohort, in the version and at the instant the run was opened with."""
    sync = stage.parts.catalog.sync(stage.run.project, stage.run.sync)
    cohort = stage.parts.catalog.cohort_at(stage.run.project, sync.cohort, stage.run.cohort_version)
    recency = sync.recency is Recency.LAST_EVENT
    wanted = wanted_of(sync, stage.binding)

    def whole() -> Snapshot:
        return members_of(stage.parts, cohort, stage.run.as_of, wanted, stage.folder, recency=recency, named=False)

    snapshot = part_of(stage.parts, stage.run, stage.binding, sync, stage.folder, whole) if sync.only else whole()
    snapshot = draw(snapshot, sync.holdout, stage.parts.bounds) if sync.holdout else snapshot
    reached("snapshot.written")
    stand(stage.parts, cohort, stage.run.as_of, stage.folder)
    return snapshot


@spanned("resolve")
def resolve(stage: Stage, snapshot: Snapshot) -> Resolution:
    """Their identifiers, checked, counted and sorted into buckets, without those of people who said no."""
    desired, rejects = stage.desired(snapshot), stage.folder / "rejects.parquet"
    resolution = stage.parts.resolve(snapshot.path, stage.binding.identity, desired.folder, rejects, desired.count, stage.parts.bounds)
    resolution = stage.sieve().strike(desired.folder, resolution)
    reached("identifiers.written")
    return resolution


@spanned("diff")
def diff(stage: Stage, snapshot: Snapshot) -> Delta:
    """Desired minus held, as files of which each row group is one batch."""
    rows = stage.destination().items_per_request(stage.binding)
    now = stage.parts.clock.now()
    sync = stage.parts.catalog.sync(stage.run.project, stage.run.sync)
    desired, due, others = stage.desired(snapshot), renewal(sync, now), elsewhere(stage.parts, sync)

    def compare(out: Path) -> Delta:
        delta = diff_buckets(desired, stage.held(), now=now, renewal=due, hold=HOLD, out=out, group_rows=rows, elsewhere=others)
        leaving = [part for part in delta.parts if part.operation is Operation.REMOVE and not part.again]
        with readable(None):
            return replace(delta, suppressed=stage.sieve().count(ids for part in leaving for ids in read_part(out, part)))

    return _apart(stage, compare)


def _apart(stage: Stage, work: Callable[[Path], Delta]) -> Delta:
    """The delta that `work` writes into a folder of this claim alone: a worker that stood still in it and wakes too late has another."""
    out = stage.folder / "delta" / str(stage.claim.fence)
    delta = work(out)
    sync_folder(out.parent)
    reached("delta.written")
    return replace(delta, parts=tuple(replace(part, path=f"{out.name}/{part.path}") for part in delta.parts))


def weigh(stage: Stage, delta: Delta, snapshot: Snapshot, resolution: Resolution) -> Plan:
    """The plan as the guards see it, with what people have allowed for this run."""
    allowed = stage.parts.ledger.recall(stage.run.id, APPROVED, Approvals) or Approvals()
    before = stage.parts.ledger.delivered(stage.run.project, stage.run.sync)
    found = evidence(stage.parts, stage.run, stage.binding, _gone(stage, snapshot, before), before)
    found = replace(found, rows=snapshot.rows, expected=snapshot.expected, lost=snapshot.lost, begun=stage.held() is not None)
    if not resolution.members_usable:
        found = replace(found, unmatched=resolution.members, sought=sought(stage.binding, resolution))
    return plan_delta(delta, found, allowed.given)


@spanned("plan")
def plan(stage: Stage, delta: Delta, snapshot: Snapshot, resolution: Resolution) -> Plan:
    """The plan, written to the ledger before anything is sent."""
    planned = weigh(stage, delta, snapshot, resolution)
    if stage.parts.ledger.recall(stage.run.id, RunState.PLANNED, Plan) != planned:
        stage.parts.ledger.record(stage.claim, RunState.PLANNED, planned)
        reached("plan.recorded")
    return planned


def hold(stage: Stage, planned: Plan) -> Run:
    """Send nothing of it: a person approves or discards, or the next run takes over."""
    stage.go_on()
    stage.parts.ledger.record(stage.claim, RunState.HELD, planned)
    reached("hold.recorded")
    return _as_written(stage)


def lapsing(stage: Stage) -> int:
    """How many of the members last accepted have so little time left that `keep` would renew them."""
    held = stage.held()
    return count_lapsing(held, now=stage.parts.clock.now(), before=_too_soon(stage)) if held else 0


def keep(stage: Stage) -> Delta:
    """Refreshes for those members but for people who said no, and nothing else: nobody enters and nobody leaves."""
    held, now = stage.held(), stage.parts.clock.now()
    if held is None:
        return Delta((), held=0, desired=0)
    rows = stage.destination().items_per_request(stage.binding)

    def renew(out: Path) -> Delta:
        delta = keep_buckets(held, now=now, before=_too_soon(stage), out=out, group_rows=rows)
        return without(delta, out, stage.sieve().hits)

    return _apart(stage, renew)


def drain(stage: Stage) -> Delta:
    """Removals for all who may be in the target, and nothing else."""
    held = stage.held()
    if held is None:
        return Delta((), held=0, desired=0)
    rows, now = stage.destination().items_per_request(stage.binding), stage.parts.clock.now()
    nobody, everyone = Buckets(stage.folder, held.count, ()), Renewal(now, now, now)
    return _apart(stage, lambda out: diff_buckets(nobody, held, now=now, renewal=everyone, hold=HOLD, out=out, group_rows=rows))


def strike(stage: Stage) -> Delta:
    """Removals of those held who are suppressed, and nothing else."""
    held = stage.held()
    if held is None:
        return Delta((), held=0, desired=0)
    rows, now = stage.destination().items_per_request(stage.binding), stage.parts.clock.now()
    return _apart(stage, lambda out: strike_buckets(held, stage.sieve().hits, now=now, hold=HOLD, out=out, group_rows=rows))


def nothing(stage: Stage) -> Delta:
    """No wish at all, over as many as are held."""
    newest = stage.parts.versions.newest(stage.binding.target.id)
    rows = newest.rows if newest else 0
    return Delta((), held=rows, desired=0, unchanged=rows)


def _too_soon(stage: Stage) -> datetime:
    every = period(stage.parts.catalog.sync(stage.run.project, stage.run.sync))
    return stage.parts.clock.now() + margin(every, stage.binding.ttl_minutes)


@spanned("deliver")
def deliver(stage: Stage, planned: Plan) -> Stop | None:
    """Send every batch that is not settled; returns what stopped it, if anything did. Then, if it is time, what is sent again.

    Once the membership is written nothing more is sent: what came after would be in nobody's belief.
    """
    parts, delta = stage.parts, planned.delta
    if parts.versions.of_run(stage.run.id):
        return None
    stage.watch("delivering", 0, 0)
    parts.ledger.lay(stage.claim, batches(delta.parts))
    reached("batches.laid")
    stop = _send(stage, planned)
    if stop is None and delta.settles_at and delta.settles_at <= parts.clock.now():
        parts.ledger.lay(stage.claim, batches(delta.parts, again=True, first=parts.ledger.next_number(stage.run.id)))
        reached("batches.laid")
        stop = _send(stage, planned)
    return stop


@spanned("settle")
def settle(stage: Stage, planned: Plan, stop: Stop | None) -> Run | None:
    """The run as it is put aside until what it must send again can be sent; None when there is nothing left to wait for."""
    parts, delta = stage.parts, planned.delta
    if stop or not delta.settles_at or stage.told() or parts.versions.of_run(stage.run.id):
        return None
    if any(batch.again for batch, *_ in parts.ledger.settled(stage.run.id)):
        return None
    parts.ledger.record(stage.claim, RunState.SETTLING, planned)
    reached("settling.recorded")
    return _as_written(stage)


def _send(stage: Stage, planned: Plan) -> Stop | None:
    parts, run = stage.parts, stage.run
    delivery = Delivery(
        ledger=parts.ledger,
        destination=stage.destination(),
        clock=parts.clock,
        chance=parts.chance,
        claim=stage.claim,
        binding=stage.binding,
        folder=stage.folder / "delta",
        parts=planned.delta.parts,
        secret=lambda: parts.vault.open(run.project, stage.binding.connection, stage.binding.secret_version),
        bound_now=lambda: bound_now(stage),
        said_no=Newcomers(parts.suppressions, run.project, run.opened_at, parts.clock).among,
        watch=stage.watch,
    )
    stop = send_all(delivery)
    if stop and stop.pauses and is_current(parts, stage.binding):
        parts.catalog.pause_connection(run.project, stage.binding.connection, stop.sentence)
        reached("connection.paused")
    return stop


def bound_now(stage: Stage) -> Binding | None:
    """The binding by which a run may send now; None when it may send no more: its sync was removed or paused, or wants its target back,
    or a person told it to stop."""
    parts, run = stage.parts, stage.run
    if run.kind is RunKind.OPT_OUT:  # nothing that a person changes keeps somebody in who said no
        return stage.binding
    if stage.told():
        return None
    if run.kind is RunKind.DRAIN:
        return None if run.target in wanted(parts) else stage.binding
    sync = next((sync for sync in parts.catalog.syncs(run.project) if sync.id == run.sync), None)
    return binding_of(parts, sync) if sync and sync.state is not SyncState.PAUSED else None


def part(stage: Stage, stop: Stop | None) -> None:
    """Write down that who could not be taken out of a target leaves by expiry, and why; it is not tried again."""
    parts, account = stage.parts, stage.parts.ledger.account(stage.run.id)
    if stop and stop.pauses and not is_current(parts, stage.binding):
        reason = stop.sentence
    elif account.rejected and not account.unknown and not account.not_sent:
        reason = f"the platform refused the removal of {account.rejected:,}"
    else:
        return
    until = stage.left().until
    if until:
        parts.catalog.part(Parting(stage.run.target, Leaving.LET_EXPIRE, until, reason, parts.clock.now()))


@spanned("acknowledge")
def acknowledge(stage: Stage, planned: Plan) -> None:
    """Write what the platform now holds as the target's next membership version, once."""
    parts, target = stage.parts, stage.binding.target.id
    if parts.versions.of_run(stage.run.id):
        return
    stage.watch("acknowledging", 0, 0)
    newest, now = parts.versions.newest(target), parts.clock.now()
    number = newest.version + 1 if newest else 1
    place = Path("membership") / target / f"{number:06d}-{stage.run.id}-{stage.claim.fence}"  # a worker that wakes too late has its own
    count = buckets_for(planned.delta.held + planned.delta.desired)
    holds, rows = merged(parts, stage.run, planned, stage.held(), parts.home / place, count, now)
    reached("membership.written")
    parts.versions.add(Version(target, number, stage.run.id, str(place), holds.count, holds.types, rows, now))
    reached("membership.named")


def enlist(stage: Stage, snapshot: Snapshot) -> None:
    """Where some are held out, write down who has come into the cohort with this run, once; else that nobody is held out any more."""
    parts, run = stage.parts, stage.run
    before = parts.trials.newest(run.project, run.sync)
    if snapshot.holdout is None:
        if before and not before.ended:
            parts.trials.end(before)
        return
    if before and before.run == run.id:
        return
    percent, salt = snapshot.holdout.percent, snapshot.holdout.salt
    followed = follow(before, salt=salt, percent=percent)
    place = file_of(run.project, run.sync, run.id, stage.claim.fence)
    old = parts.home / followed.path if followed else None
    new = enrol(stage.folder / ADDRESSED, old, run.opened_at, parts.home / place, parts.bounds)
    if not new and followed is None:
        return
    late = len(parts.versions.recent(run.target, 2)) > 1
    trial = followed or Trial(run.project, run.sync, 0, run.id, str(place), salt, percent, percent, 0, late, run.opened_at)
    path, number = str(place) if new else trial.path, before.number + 1 if before else 1
    parts.trials.add(replace(trial, number=number, run=run.id, path=path, people=trial.people + new))


def merged(parts: Parts, run: Run, planned: Plan, held: Buckets | None, out: Path, count: int, now: datetime) -> tuple[Buckets, int]:
    """Write into the folder `out` what a run made of what was held, by its delta files and the receipts in the ledger; with its rows."""
    ttl = timedelta(minutes=parts.ledger.binding(run.binding).ttl_minutes)
    if run.kind is RunKind.RESTORE and held:
        return doubt(held, out=out, at=now, ttl=ttl)
    settled, delta = parts.ledger.settled(run.id), parts.home / "runs" / run.id / "delta"
    unsure = any(state is BatchState.SENT for _, state, *_ in settled)  # a half is, if what it is a half of was
    attempts = parts.ledger.attempts(run.id) if unsure else ()
    found = doubts(((batch, state) for batch, state, *_ in settled), attempts, UNCERTAIN_ANSWERS, now)
    sent = Sent(delta, planned.delta.parts, fates_of(settled, found), ttl)
    return merge(held, sent, out=out, count=count, now=now, hold=HOLD)


@spanned("close")
def close(stage: Stage, stop: Stop | None) -> Run:
    """End the run with the outcome that its account shows."""
    account = stage.parts.ledger.account(stage.run.id)
    if not account.balances():
        raise LedgerError(f"the account of run {stage.run.id} does not balance: {account}")
    outcome = RunOutcome.WITH_REJECTS if account.rejected else RunOutcome.CLEAN
    if account.unknown or account.not_sent or not _said_twice(stage):
        outcome = RunOutcome.INCOMPLETE
    reason = stop.sentence if stop else ""
    if outcome is RunOutcome.INCOMPLETE and (told := stage.told()):
        outcome, reason = RunOutcome.CANCELLED, told
    stage.parts.ledger.close(stage.claim, outcome, reason, stage.parts.clock.now())
    reached("run.closed")
    return _as_written(stage)


def _said_twice(stage: Stage) -> bool:
    """Whether all that had to be sent again was, and was answered."""
    planned = stage.parts.ledger.recall(stage.run.id, RunState.PLANNED, Plan)
    if planned is None or not planned.delta.twice:
        return True
    outcomes = [outcome for batch, _, outcome, _ in stage.parts.ledger.settled(stage.run.id) if batch.again and outcome]
    return sum(outcome.accepted + outcome.rejected for outcome in outcomes) == planned.delta.twice


def leave(stage: Stage) -> Run:
    """End a run that was worked out and is not sent."""
    stage.go_on()
    stage.parts.ledger.close(stage.claim, RunOutcome.DRY, "", stage.parts.clock.now())
    reached("run.closed")
    return _as_written(stage)


def cancel(stage: Stage, reason: str) -> Run:
    """End the run before anything of it was sent."""
    stage.parts.ledger.close(stage.claim, RunOutcome.CANCELLED, reason, stage.parts.clock.now())
    return _as_written(stage)


def _gone(stage: Stage, snapshot: Snapshot, earlier: Run | None) -> tuple[str, ...]:
    """Mapped columns that the sync's last run still found and this one does not; one that never was is no loss."""
    before = stage.parts.ledger.recall(earlier.id, RunState.EVALUATED, Snapshot) if earlier else None
    return tuple(source for source in snapshot.missing if before and source not in before.missing)


def _as_written(stage: Stage) -> Run:
    found = stage.parts.ledger.find(stage.run.project, stage.run.id)
    assert found is not None
    return found
