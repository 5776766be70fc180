"""What was sent in a run, request by request, and what was answered."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from tradewind.model.plan import Batch
from tradewind.model.run import Attempt, BatchState, LineClass, Outcome
from tradewind.operations.runs import found
from tradewind.parts import Parts

ADVICE = {
    LineClass.ROW: "The identifier is not one the platform takes. Look at where it comes from; the next run sends what is right then.",
    LineClass.UNMATCHED: "The platform does not know this identifier. There is nothing to mend.",
    LineClass.SYNC: "The platform refuses a setting of the sync, such as its name or TTL. Change it, then run the sync again.",
    LineClass.CONNECTION: "The platform refuses what the account may do. Ask your contact there, then test the connection.",
    LineClass.TRANSIENT: "The platform could not take it at the time. The next run sends it again by itself.",
}
"""What a person can do about a refusal."""


@dataclass(frozen=True)
class Sent:
    """A batch of a run, how it ended, and its requests in order. `refused` counts by the platform's code.

    `state` says of a batch without outcome whether it may have been applied (sent) or surely was not (planned).
    """

    batch: Batch
    state: BatchState
    outcome: Outcome | None
    refused: dict[str, int]
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True)
class Refused:
    """How many identifiers the platform refused for one reason: its code, what it means, and what to do."""

    code: str
    line_class: LineClass
    count: int
    advice: str


def listed(parts: Parts, project: str, run_id: str) -> tuple[Sent, ...]:
    """Every batch of a run that counts, in the order of its number. Raises DefinitionError when there is no such run."""
    run = found(parts, project, run_id)
    attempts: dict[int, list[Attempt]] = defaultdict(list)
    for attempt in parts.ledger.attempts(run.id):
        attempts[attempt.batch].append(attempt)
    return tuple(
        Sent(batch, state, outcome, dict(Counter(line.code for line in lines)), tuple(attempts[batch.number]))
        for batch, state, outcome, lines in parts.ledger.settled(run.id)
    )


def refusals(parts: Parts, project: str, run_id: str) -> tuple[Refused, ...]:
    """Why the platform refused identifiers of a run, the commonest first. Raises DefinitionError when there is no such run."""
    run = found(parts, project, run_id)
    lines = Counter((line.code, line.line_class) for batch, *_, lines in parts.ledger.settled(run.id) for line in lines if not batch.again)
    return tuple(Refused(code, kind, count, ADVICE[kind]) for (code, kind), count in lines.most_common())
