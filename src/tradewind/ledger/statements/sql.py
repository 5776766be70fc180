"""Sums over the batches and requests of many runs, made by the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from tradewind.database import Database
from tradewind.ledger.batches.sql import attempt_table, batch_table, line_table
from tradewind.ledger.runs.sql import run_table
from tradewind.model.plan import Operation
from tradewind.model.run import BatchState


@dataclass(frozen=True)
class Sum:
    """What one operation came to, by one binding: identifiers by outcome, the refused ones by reason, and requests.

    identifiers = accepted + rejected + unknown, where `unknown` counts those under way too.
    """

    binding: str
    operation: Operation
    identifiers: int = 0
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    requests: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


class Statements:
    """Asks for sums; each question reads only the runs of its time."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def sums(self, bindings: Iterable[str], start: datetime, end: datetime) -> tuple[Sum, ...]:
        """What was sent by some bindings from one instant to before another: batches by their stamp, requests by when they began."""
        r, b, a, line = run_table.c, batch_table.c, attempt_table.c, line_table.c
        start, end = start.astimezone(UTC), end.astimezone(UTC)
        runs = (r.binding.in_(list(bindings)), r.opened_at < end, sa.or_(r.closed_at.is_(None), r.closed_at >= start))
        went = sa.or_(b.state.in_([BatchState.SENT.value, BatchState.SETTLED.value]), b.uncertain)
        stamped = (went, b.stamp >= start, b.stamp < end, b.state != BatchState.SPLIT.value, ~b.again)
        of_run, mine = b.run == r.id, (r.binding, b.operation)
        counts = [sa.func.coalesce(sa.func.sum(each), 0) for each in (b.rows, b.accepted, b.rejected)]
        batches = sa.select(*mine, *counts).join(run_table, of_run).where(*runs, *stamped).group_by(*mine)
        here = sa.and_(a.run == b.run, a.batch == b.number)
        requests = sa.select(*mine, sa.func.count()).select_from(batch_table).join(run_table, of_run).join(attempt_table, here)
        requests = requests.where(*runs, a.sent_at >= start, a.sent_at < end).group_by(*mine)
        refused = sa.and_(line.run == b.run, line.batch == b.number)
        reasons = sa.select(*mine, line.code, sa.func.count()).select_from(batch_table).join(run_table, of_run).join(line_table, refused)
        reasons = reasons.where(*runs, *stamped, b.state == BatchState.SETTLED.value).group_by(*mine, line.code)
        found: dict[tuple[str, str], dict[str, Any]] = defaultdict(lambda: {"reasons": {}})
        with self.database.reading() as db:
            for binding, operation, rows, accepted, rejected in db.execute(batches):
                outcomes = {"identifiers": int(rows), "accepted": int(accepted), "rejected": int(rejected)}
                found[binding, operation] |= outcomes | {"unknown": int(rows) - int(accepted) - int(rejected)}
            for binding, operation, count in db.execute(requests):
                found[binding, operation]["requests"] = int(count)
            for binding, operation, code, count in db.execute(reasons):
                found[binding, operation]["reasons"][code] = int(count)
        return tuple(Sum(binding, Operation(operation), **values) for (binding, operation), values in sorted(found.items()))
