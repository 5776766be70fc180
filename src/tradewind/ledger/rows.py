"""Runs, batches and receipts as the rows of the ledger's tables, and back; pure."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from tradewind.database import aware
from tradewind.model.identifier import IdType
from tradewind.model.plan import Batch, Operation
from tradewind.model.run import Attempt, BatchState, Entry, Line, Outcome, Run, RunKind, RunOutcome, RunState


def as_row(run: Run) -> dict[str, Any]:
    """A new run as its row."""
    same = ("id", "project", "sync", "target", "binding", "cohort_version", "reason", "missed", "keeps", "cohort", "mark", "told")
    moments = {"as_of": run.as_of.astimezone(UTC), "opened_at": run.opened_at.astimezone(UTC)}
    moments |= {"slot": run.slot.astimezone(UTC)} if run.slot else {}
    return {name: getattr(run, name) for name in same} | moments | {"state": run.state.value, "kind": run.kind.value}


def run_of(row: Any) -> Run:
    """The run of a row."""
    return Run(
        row.id, row.project, row.sync, row.target, row.binding, row.cohort_version, aware(row.as_of), aware(row.opened_at),
        RunState(row.state), RunOutcome(row.outcome) if row.outcome else None, row.reason,
        aware(row.closed_at) if row.closed_at else None, aware(row.slot) if row.slot else None, row.missed, row.keeps,
        RunKind(row.kind), row.cohort, row.mark, row.told,
    )  # fmt: skip


def batch_row(run: str, batch: Batch, *, uncertain: bool) -> dict[str, Any]:
    """A planned batch as its row."""
    return {
        "run": run, "number": batch.number, "part": batch.part, "offset": batch.offset, "rows": batch.rows,
        "operation": batch.operation.value, "id_type": batch.id_type.value, "state": BatchState.PLANNED.value,
        "sends": batch.sends, "uncertain": uncertain, "stamp": batch.stamp, "again": batch.again,
    }  # fmt: skip


def batch_of(row: Any) -> Batch:
    """The batch of a row."""
    stamp = aware(row.stamp) if row.stamp else None
    wish = Operation(row.operation), IdType(row.id_type)
    return Batch(row.number, row.part, row.offset, row.rows, *wish, stamp, row.fingerprint, row.sends, row.again)


def fate_of(row: Any) -> BatchState:
    """How far a batch has come; one of which an attempt may have been applied counts as sent."""
    state = BatchState(row.state)
    return BatchState.SENT if state in {BatchState.PLANNED, BatchState.SETTLED} and row.uncertain else state


def outcome_of(row: Any) -> Outcome | None:
    """How a batch ended, or None."""
    return Outcome(row.accepted, row.rejected, row.unknown) if row.state == BatchState.SETTLED.value else None


def line_row(run: str, batch: Batch, line: Line) -> dict[str, Any]:
    """A refused item as its row."""
    return {"run": run, "batch": batch.number, "item": line.item, "code": line.code, "line_class": line.line_class.value}


def settled_row(run: str, entry: Entry) -> dict[str, Any]:
    """What is written of a batch that has ended."""
    outcome = entry.outcome
    assert outcome is not None, "an entry without outcome settles nothing"
    counts = {"n_accepted": outcome.accepted, "n_rejected": outcome.rejected, "n_unknown": outcome.unknown}
    return {"of_run": run, "of_number": entry.batch.number, **counts}


def sent_row(run: str, batch: Batch) -> dict[str, Any]:
    """What is written of a batch that is about to leave."""
    return {"of_run": run, "of_number": batch.number, "at": batch.stamp, "mark": batch.fingerprint, "times": batch.sends}


def attempt_row(run: str, attempt: Attempt) -> dict[str, Any]:
    """A request as its row."""
    return {
        "run": run, "batch": attempt.batch, "number": attempt.number, "sent_at": attempt.sent_at,
        "answered_at": attempt.answered_at, "answer": attempt.answer.value, "status": attempt.status,
        "note": attempt.note, "request_id": attempt.request_id,
    }  # fmt: skip
