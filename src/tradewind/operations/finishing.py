"""A run taken under a claim to its end, whatever it is for; or wound up, when nobody wants it any more."""

from __future__ import annotations

from collections.abc import Callable

from tradewind import runner
from tradewind.errors import LedgerError, TradewindError
from tradewind.model.run import Claim, Run, RunKind, RunOutcome
from tradewind.moment import reached
from tradewind.operations.claims import kept, take
from tradewind.parts import Parts
from tradewind.phases import Cancelled, Watch
from tradewind.span import span

WORK = {
    RunKind.SYNC: runner.run,
    RunKind.KEEP: runner.keep,
    RunKind.DRAIN: runner.drain,
    RunKind.OPT_OUT: runner.opt_out,
    RunKind.RESTORE: runner.doubt,
    RunKind.DRY: runner.rehearse,
}
"""What is done in a run of each kind."""


def finish(parts: Parts, opened: Run, watch: Watch) -> Run:
    """Work on a run under a claim; one that fails before anything was sent is closed with the reason, and one
    that a person told to stop is wound up. Raises as `runner.run` does."""

    def work(claim: Claim) -> Run:
        try:
            return WORK[opened.kind](parts, claim, opened, watch)
        except Cancelled as told:
            return runner.wind_up(parts, claim, opened, str(told), watch)

    return _claimed(parts, opened, work)


def wind_up(parts: Parts, opened: Run, reason: str, watch: Watch) -> Run:
    """End a run without sending more of it. Raises TakenError while another process is at it."""
    return _claimed(parts, opened, lambda claim: runner.wind_up(parts, claim, opened, reason, watch))


def _claimed(parts: Parts, opened: Run, work: Callable[[Claim], Run]) -> Run:
    claim = take(parts.ledger, opened.id, parts.clock)
    try:
        with (
            kept(parts.ledger, claim, parts.clock),
            span("run", project=opened.project, sync=opened.sync, run=opened.id, kind=opened.kind.value) as tell,
        ):
            done = work(claim)
            tell(state=done.state.value, outcome=done.outcome.value if done.outcome else "")
            return done
    except LedgerError:
        raise
    except TradewindError as error:
        if not parts.ledger.attempts(opened.id) and not parts.ledger.account(opened.id).unknown:
            parts.ledger.close(claim, RunOutcome.FAILED, str(error), parts.clock.now())
        raise
    finally:
        parts.ledger.release(claim)
        reached("claim.released")
