"""The ledger in SQL: the book of runs and the book of batches, on SQLite or PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa

from tradewind.database import Database
from tradewind.ledger.base import Reach
from tradewind.ledger.batches.sql import SqlBatches, batch_table
from tradewind.ledger.runs.sql import SqlRuns, run_table
from tradewind.ledger.slots.base import Slots
from tradewind.ledger.slots.sql import SqlSlots
from tradewind.model.run import RunState


class SqlLedger(SqlRuns, SqlBatches):
    """Both books of `ledger.base`, in one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.slots: Slots = SqlSlots(database)

    def reached(self, project: str) -> tuple[Reach, ...]:
        """Every binding of the project's runs, newest first."""
        r, b = run_table.c, batch_table.c
        begun = sa.or_(r.state != RunState.CLOSED.value, sa.exists().where(b.run == r.id, b.sends > 0))
        sent = sa.func.max(sa.case((begun, 1), else_=0)).label("sent")
        query = sa.select(r.binding, sent).where(r.project == project).group_by(r.binding).order_by(sa.func.max(r.opened_at).desc())
        with self.database.reading() as db:
            rows = db.execute(query).all()
        return tuple(Reach(self.binding(row.binding), bool(row.sent)) for row in rows)
