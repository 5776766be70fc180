"""The story: what happens in a run, one verb a line. A run resumes at the first phase that the ledger lacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tradewind import phases
from tradewind.delivery.deliver import Stop
from tradewind.model.identifier import Resolution
from tradewind.model.plan import Decision, Delta, Plan
from tradewind.model.run import Claim, Run, RunState
from tradewind.model.snapshot import Snapshot
from tradewind.model.sync import Binding
from tradewind.parts import Parts
from tradewind.phases import Stage, Watch


def run(parts: Parts, claim: Claim, opened: Run, watch: Watch) -> Run:
    """Take a run from where it stands to its end, until a guard holds it, or until it may send again. Returns it as it is then.

    Raises LedgerError when the claim is lost, DefinitionError and EngineError when the cohort cannot be answered,
    ConfigurationError when the connection no longer is what the run was opened with.
    """
    stage = _stage(parts, claim, opened, watch)

    snapshot = phases.once(stage, RunState.EVALUATED, Snapshot, lambda: phases.evaluate(stage))
    resolution = phases.once(stage, RunState.RESOLVED, Resolution, lambda: phases.resolve(stage, snapshot))
    delta = phases.once(stage, "diffed", Delta, lambda: phases.diff(stage, snapshot))

    plan = phases.plan(stage, delta, snapshot, resolution)
    if plan.decision is Decision.HOLD:
        return phases.hold(stage, plan)

    stop = phases.deliver(stage, plan)
    if waiting := phases.settle(stage, plan, stop):
        return waiting
    phases.acknowledge(stage, plan)
    phases.enlist(stage, snapshot)
    return phases.close(stage, stop)


def rehearse(parts: Parts, claim: Claim, opened: Run, watch: Watch) -> Run:
    """Work out what the sync's own run would do now, and keep that beside its runs; nothing is sent. Raises as `run` does."""
    stage = _stage(parts, claim, opened, watch)
    snapshot = phases.once(stage, RunState.EVALUATED, Snapshot, lambda: phases.evaluate(stage))
    resolution = phases.once(stage, RunState.RESOLVED, Resolution, lambda: phases.resolve(stage, snapshot))
    delta = phases.once(stage, "diffed", Delta, lambda: phases.diff(stage, snapshot))
    phases.plan(stage, delta, snapshot, resolution)
    return phases.leave(stage)


def keep(parts: Parts, claim: Claim, opened: Run, watch: Watch) -> Run:
    """Renew who would lapse while the sync's own run is held or its source fails; nobody enters or leaves. Raises as `run` does."""
    stage = _stage(parts, claim, opened, watch)
    plan = _unguarded(stage, lambda: phases.keep(stage))
    stop = phases.deliver(stage, plan)
    phases.acknowledge(stage, plan)
    return phases.close(stage, stop)


def drain(parts: Parts, claim: Claim, opened: Run, watch: Watch) -> Run:
    """Take everybody out of a target that no sync wants any more, by the binding the run was opened with. Raises as `run` does.

    Who could not be taken out, since the account refuses, is left to lapse, and that is written down.
    """
    stage = _stage(parts, claim, opened, watch)
    plan = _unguarded(stage, lambda: phases.drain(stage))
    stop = phases.deliver(stage, plan)
    if waiting := phases.settle(stage, plan, stop):
        return waiting
    phases.acknowledge(stage, plan)
    phases.part(stage, stop)
    return phases.close(stage, stop)


def wind_up(parts: Parts, claim: Claim, opened: Run, reason: str, watch: Watch) -> Run:
    """End a run that nobody wants any more: nothing more is sent, and what was sent is kept in the membership. Raises as `run` does."""
    stage = _stage(parts, claim, opened, watch)
    planned, account = parts.ledger.recall(opened.id, RunState.PLANNED, Plan), parts.ledger.account(opened.id)
    if planned is None or account.planned == account.not_sent:
        return phases.cancel(stage, reason)
    phases.acknowledge(stage, planned)
    return phases.close(stage, Stop(reason, pauses=False))


def opt_out(parts: Parts, claim: Claim, opened: Run, watch: Watch) -> Run:
    """Take people who said no out of a target; nobody else enters, leaves or is renewed, and no guard is asked. Raises as `run` does."""
    stage = _stage(parts, claim, opened, watch)
    plan = _unguarded(stage, lambda: phases.strike(stage))
    stop = phases.deliver(stage, plan)
    if waiting := phases.settle(stage, plan, stop):
        return waiting
    phases.acknowledge(stage, plan)
    return phases.close(stage, stop)


def doubt(parts: Parts, claim: Claim, opened: Run, watch: Watch) -> Run:
    """Write down that anything may have been sent to a target which is not on record: it was put back from a backup. Sends nothing."""
    stage = _stage(parts, claim, opened, watch)
    plan = _unguarded(stage, lambda: phases.nothing(stage))
    phases.acknowledge(stage, plan)
    return phases.close(stage, None)


def lapsing(parts: Parts, run: Run, binding: Binding, watch: Watch) -> int:
    """How many `keep` would renew now; `run` is not opened. Raises EngineError when the membership cannot be read."""
    return phases.lapsing(Stage(parts, Claim(run.id, "", 0), run, binding, parts.home, watch))


def propose(parts: Parts, run: Run, folder: Path, watch: Watch) -> tuple[Snapshot, Resolution, Plan]:
    """What a run would do, worked out in `folder` without a word to the ledger or the platform.

    `run` is not opened; it says for which sync and instant. Raises as `run` does.
    """
    binding = phases.binding_of(parts, parts.catalog.sync(run.project, run.sync))
    stage = Stage(parts, Claim(run.id, "", 0), run, binding, folder, watch)
    snapshot = phases.evaluate(stage)
    resolution = phases.resolve(stage, snapshot)
    return snapshot, resolution, phases.weigh(stage, phases.diff(stage, snapshot), snapshot, resolution)


def _unguarded(stage: Stage, work: Callable[[], Delta]) -> Plan:
    """The plan of a delta that no guard judges."""
    delta = phases.once(stage, "diffed", Delta, work)
    return phases.once(stage, RunState.PLANNED, Plan, lambda: Plan(delta, (), Decision.PROCEED))


def _stage(parts: Parts, claim: Claim, opened: Run, watch: Watch) -> Stage:
    return Stage(parts, claim, opened, parts.ledger.binding(opened.binding), parts.home / "runs" / opened.id, watch)
