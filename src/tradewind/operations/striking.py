"""Taking the suppressed out of one target, in a run of its own, whatever became of the sync that put them there."""

from __future__ import annotations

import secrets

from tradewind.errors import TakenError
from tradewind.membership.strike import held_of
from tradewind.model.run import Run, RunKind, RunState
from tradewind.moment import reached
from tradewind.operations.finishing import finish
from tradewind.parts import Parts
from tradewind.phases import Watch
from tradewind.targets import newest_secret


def strike(parts: Parts, project: str, target: str, watch: Watch) -> Run | None:
    """Remove everybody who is suppressed in a project and held in a target; None when nobody is, or the segment is another project's now.

    Neither guards nor the state of the sync matter. Raises TakenError while a run of another kind is under way there, or
    another process is at it, and as a run does.
    """
    last = parts.ledger.latest(target)
    if last is None or last.project != project:
        return None
    if other := under_way(parts, target):
        raise TakenError(f"run {other.id} of the segment is under way")
    done = None
    for run in parts.ledger.unclosed():
        if run.target == target and run.kind is RunKind.OPT_OUT:  # left behind, perhaps for others than those who are suppressed now
            done = finish(parts, run, watch)
    if done and done.state is not RunState.CLOSED:
        return done
    newest, sieve, now = parts.versions.newest(target), parts.suppressions.sieve(project), parts.clock.now()
    if newest is None or not held_of(newest.held(parts.home), sieve.hits, now=now):
        return done
    binding = newest_secret(parts, parts.ledger.binding(last.binding))
    name = f"r{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    where = (project, last.sync, target, binding.id, last.cohort_version)
    opened = Run(name, *where, as_of=now, opened_at=now, kind=RunKind.OPT_OUT, cohort=last.cohort)
    parts.ledger.open(opened, binding)
    reached("run.opened")
    return finish(parts, opened, watch)


def under_way(parts: Parts, target: str) -> Run | None:
    """The run of another kind that may be sending to a target now; one that is held sends nothing."""
    for run in parts.ledger.unclosed():
        if run.target == target and run.kind is not RunKind.OPT_OUT and run.state is not RunState.HELD:
            return run
    return None
