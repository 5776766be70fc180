"""The book of batches in SQL: intents, attempts and receipts, and the account that they add up to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from tradewind.database import Database, Prepared, aware, metadata
from tradewind.ledger.base import UNCERTAIN_ANSWERS
from tradewind.ledger.rows import (
    attempt_row,
    batch_of,
    batch_row,
    fate_of,
    line_row,
    outcome_of,
    sent_row,
    settled_row,
)
from tradewind.ledger.runs.sql import OF_CLAIM, guarded, lots, run_table, under
from tradewind.model.plan import Batch, Operation
from tradewind.model.run import (
    Account,
    Answer,
    Attempt,
    BatchState,
    Claim,
    Entry,
    Line,
    LineClass,
    Outcome,
    RunState,
)
from tradewind.moment import reached

batch_table = sa.Table(
    "batch",
    metadata,
    sa.Column("run", sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("part", sa.Integer, nullable=False),
    sa.Column("offset", sa.Integer, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("operation", sa.String, nullable=False),
    sa.Column("id_type", sa.String, nullable=False),
    sa.Column("stamp", sa.DateTime(timezone=True)),
    sa.Column("fingerprint", sa.String),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("sends", sa.Integer, nullable=False),
    sa.Column("uncertain", sa.Boolean, nullable=False),
    sa.Column("accepted", sa.Integer, nullable=False, server_default="0"),
    sa.Column("rejected", sa.Integer, nullable=False, server_default="0"),
    sa.Column("unknown", sa.Integer, nullable=False, server_default="0"),
    sa.Column("again", sa.Boolean, nullable=False),
)

attempt_table = sa.Table(
    "attempt",
    metadata,
    sa.Column("run", sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("batch", sa.Integer, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("answer", sa.String, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("note", sa.String, nullable=False),
    sa.Column("request_id", sa.String),
)

line_table = sa.Table(
    "receipt_line",
    metadata,
    sa.Column("run", sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("batch", sa.Integer, primary_key=True),
    sa.Column("item", sa.Integer, primary_key=True),
    sa.Column("code", sa.String, nullable=False),
    sa.Column("line_class", sa.String, nullable=False),
)


class SqlBatches:
    """Batches, attempts and receipts of runs."""

    database: Database

    def lay(self, claim: Claim, batches: Iterable[Batch]) -> None:
        """Write the batches of a plan, once, and once those that are sent again; a second call changes nothing."""
        with self.database.transaction() as db:
            guarded(db, claim, owner=claim.owner)
            rows = [batch_row(claim.run, batch, uncertain=False) for batch in batches]
            b = batch_table.c
            if rows and not db.execute(sa.select(b.number).where(b.run == claim.run, b.again == rows[0]["again"]).limit(1)).first():
                db.execute(batch_table.insert(), rows)

    def pending(self, run: str) -> tuple[Batch, ...]:
        """The batches planned or sent and not settled, in order."""
        open_states = [BatchState.PLANNED.value, BatchState.SENT.value]
        query = sa.select(batch_table).where(batch_table.c.run == run, batch_table.c.state.in_(open_states))
        with self.database.reading() as db:
            return tuple(batch_of(row) for row in db.execute(query.order_by(batch_table.c.number)))

    def advance(self, claim: Claim, entries: Sequence[Entry], sent: Sequence[Batch] = ()) -> None:
        """What attempts gave, and what is about to leave, in one transaction; see the Protocol."""
        settled = [entry for entry in entries if entry.outcome]
        with self.database.transaction() as db:
            under(claim, lambda row: _DELIVERING.execute(db, [row]))
            if settled:
                _SETTLED.execute(db, [settled_row(claim.run, entry) for entry in settled])
            if entries:
                _ATTEMPT.execute(db, [attempt_row(claim.run, entry.attempt) for entry in entries])
            if lines := [line_row(claim.run, entry.batch, line) for entry in settled for line in entry.lines]:
                db.execute(line_table.insert(), lines)
            for entry in entries:
                if not entry.outcome:
                    _write_open(db, claim, entry)
            if sent:
                _SENT.execute(db, [sent_row(claim.run, batch) for batch in sent])
            _reached_before_commit(entries, sent)
        _reached_after_commit(entries, sent)

    def next_number(self, run: str) -> int:
        """The first number no batch of the run has."""
        with self.database.reading() as db:
            last = db.execute(sa.select(sa.func.max(batch_table.c.number)).where(batch_table.c.run == run)).scalar()
        return 0 if last is None else int(last) + 1

    def account(self, run: str) -> Account:
        """The exact account of the run, at any moment of its life."""
        return sum(self.tallies([run]).get(run, {}).values(), Account())

    def tallies(self, runs: Iterable[str]) -> dict[str, dict[Operation, Account]]:
        """The accounts of some runs, of each operation on its own."""
        b = batch_table.c
        settled, counted = b.state == BatchState.SETTLED.value, sa.and_(b.state != BatchState.SPLIT.value, ~b.again)
        doubtful = sa.and_(~settled, sa.or_(b.uncertain, b.state == BatchState.SENT.value))
        doubted, unsent = sa.case((doubtful, b.rows), else_=0), sa.case((sa.and_(~settled, ~doubtful), b.rows), else_=0)
        sums = [sa.func.coalesce(sa.func.sum(each), 0) for each in (b.rows, b.accepted, b.rejected, b.unknown + doubted, unsent)]
        query = sa.select(b.run, b.operation, *sums).where(counted).group_by(b.run, b.operation)
        found: dict[str, dict[Operation, Account]] = {}
        with self.database.reading() as db:
            for lot in lots(list(runs)):
                for run, operation, *counts in db.execute(query.where(b.run.in_(lot))):
                    found.setdefault(run, {})[Operation(operation)] = Account(*(int(count) for count in counts))
        return found

    def settled(self, run: str) -> tuple[tuple[Batch, BatchState, Outcome | None, tuple[Line, ...]], ...]:
        """Every batch that counts; the outcome is None where none is known, and then `unknown` is told by the state."""
        lines: dict[int, list[Line]] = {}
        b = batch_table.c
        with self.database.reading() as db:
            for row in db.execute(sa.select(line_table).where(line_table.c.run == run)):
                lines.setdefault(row.batch, []).append(Line(row.item, row.code, LineClass(row.line_class)))
            rows = db.execute(sa.select(batch_table).where(b.run == run, b.state != BatchState.SPLIT.value).order_by(b.number)).all()
        return tuple((batch_of(row), fate_of(row), outcome_of(row), tuple(lines.get(row.number, ()))) for row in rows)

    def attempts(self, run: str) -> tuple[Attempt, ...]:
        """Every request of the run, in order."""
        order = (attempt_table.c.sent_at, attempt_table.c.batch, attempt_table.c.number)
        with self.database.reading() as db:
            rows = db.execute(sa.select(attempt_table).where(attempt_table.c.run == run).order_by(*order)).all()
        return tuple(
            Attempt(r.batch, r.number, aware(r.sent_at), aware(r.answered_at), Answer(r.answer), r.status, r.note, r.request_id)
            for r in rows
        )


_OF_BATCH = (batch_table.c.run == sa.bindparam("of_run"), batch_table.c.number == sa.bindparam("of_number"))

# What is written for every batch is worded once: wording a statement takes longer than SQLite takes to carry it out.
_DELIVERING = Prepared(run_table.update().where(*OF_CLAIM).values(state=RunState.DELIVERING.value))
_ATTEMPT = Prepared(attempt_table.insert())
_PINNED: dict[str, Any] = {"stamp": sa.bindparam("at"), "fingerprint": sa.bindparam("mark"), "sends": sa.bindparam("times")}
_DOUBTFUL = sa.or_(batch_table.c.uncertain, batch_table.c.state == BatchState.SENT.value)
_SENT = Prepared(batch_table.update().where(*_OF_BATCH).values(**_PINNED, state=BatchState.SENT.value, uncertain=_DOUBTFUL))
_COUNTS: dict[str, Any] = {name: sa.bindparam(f"n_{name}") for name in ("accepted", "rejected", "unknown")}
_SETTLED = Prepared(batch_table.update().where(*_OF_BATCH).values(**_COUNTS, state=BatchState.SETTLED.value))


def _write_open(db: sa.Connection, claim: Claim, entry: Entry) -> None:
    """An attempt that did not end its batch. What was surely not applied counts as not sent again."""
    here = (batch_table.c.run == claim.run, batch_table.c.number == entry.batch.number)
    doubtful = entry.attempt.answer in UNCERTAIN_ANSWERS
    uncertain = doubtful or bool(db.execute(sa.select(batch_table.c.uncertain).where(*here)).scalar())
    state = BatchState.SPLIT if entry.halves else BatchState.SENT if doubtful else BatchState.PLANNED
    db.execute(batch_table.update().where(*here).values(state=state.value, uncertain=uncertain))
    if entry.halves:
        db.execute(batch_table.insert(), [batch_row(claim.run, half, uncertain=uncertain) for half in entry.halves])


def _reached_before_commit(entries: Sequence[Entry], sent: Sequence[Batch]) -> None:
    if any(entry.outcome for entry in entries):
        reached("receipt.written")
    if not all(entry.outcome for entry in entries):
        reached("attempt.written")
    if sent:
        reached("intent.written")


def _reached_after_commit(entries: Sequence[Entry], sent: Sequence[Batch]) -> None:
    if any(entry.outcome for entry in entries):
        reached("receipt.committed")
    if not all(entry.outcome for entry in entries):
        reached("attempt.committed")
    if sent:
        reached("intent.committed")
