"""What a plan would cost to deliver: requests, bytes, time at the pace of the last run, and a request without people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tradewind.delivery.sample import weigh
from tradewind.model.run import Run
from tradewind.operations.syncs import Proposal
from tradewind.parts import Parts
from tradewind.phases import binding_of


@dataclass(frozen=True)
class Costs:
    """`seconds` is None where nothing was sent by the sync yet. `sample` is a request of two identifiers, both all zeros."""

    requests: int
    octets: int
    seconds: float | None
    sample: str


def costs(parts: Parts, proposal: Proposal) -> Costs:
    """What the plan of a sync would send."""
    sync, planned = proposal.sync, [(part.rows, part.group_rows) for part in proposal.plan.delta.parts]
    binding = binding_of(parts, sync)
    weight = weigh(parts.destination(binding.destination), binding, proposal.as_of, planned)
    pace = pace_of(parts, parts.ledger.history(sync.project, sync.id, 10))
    return Costs(weight.requests, weight.octets, None if pace is None else weight.requests * pace, weight.sample)


def pace_of(parts: Parts, runs: Iterable[Run]) -> float | None:
    """Seconds that a request took, of those that were under way at once, in the first of the runs that sent any."""
    for run in runs:
        attempts = parts.ledger.attempts(run.id)
        if attempts:
            begun, ended = min(each.sent_at for each in attempts), max(each.answered_at for each in attempts)
            return (ended - begun).total_seconds() / len(attempts)
    return None
