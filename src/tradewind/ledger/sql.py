"""The ledger in SQL: the book of runs and the book of batches, on SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic import TypeAdapter

from tradewind.database import Database, Prepared, metadata
from tradewind.errors import LedgerError, TakenError
from tradewind.ledger.base import DELIVERED, UNCERTAIN_ANSWERS, Reach
from tradewind.ledger.rows import (
    as_row,
    attempt_row,
    aware,
    batch_of,
    batch_row,
    fate_of,
    line_row,
    outcome_of,
    run_of,
    sent_row,
    settled_row,
)
from tradewind.ledger.slots.base import Slots
from tradewind.ledger.slots.sql import SqlSlots
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
    Run,
    RunKind,
    RunOutcome,
    RunState,
)
from tradewind.model.sync import Binding
from tradewind.moment import reached

Value = TypeVar("Value")

BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)

LOT = 5_000
"""Values that one statement names; databases have a bound."""

target = sa.Table(
    "target",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("url", sa.String, nullable=False),
    sa.Column("advertiser", sa.String, nullable=False),
    sa.Column("segment", sa.String, nullable=False),
)

binding_table = sa.Table(
    "binding",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("project", sa.String, nullable=False),
    sa.Column("target", sa.ForeignKey("target.id"), nullable=False),
    sa.Column("document", sa.JSON, nullable=False),
)

run_table = sa.Table(
    "run",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("project", sa.String, nullable=False),
    sa.Column("sync", sa.String, nullable=False),
    sa.Column("target", sa.ForeignKey("target.id"), nullable=False),
    sa.Column("binding", sa.ForeignKey("binding.id"), nullable=False),
    sa.Column("cohort_version", sa.Integer, nullable=False),
    sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
    sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("closed_at", sa.DateTime(timezone=True)),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("outcome", sa.String),
    sa.Column("reason", sa.String, nullable=False, server_default=""),
    sa.Column("owner", sa.String),
    sa.Column("until", sa.DateTime(timezone=True)),
    sa.Column("fence", sa.Integer, nullable=False, server_default="0"),
    sa.Column("slot", sa.DateTime(timezone=True)),
    sa.Column("missed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("keeps", sa.String),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("cohort", sa.String, nullable=False),
    sa.Column("mark", sa.String, nullable=False, server_default=""),
    sa.Column("told", sa.String, nullable=False, server_default=""),
    sa.Index("run_history", "project", "sync", "opened_at"),
    sa.Index("one_run_a_slot", "project", "sync", "slot", unique=True),
)
RESTING = [RunState.HELD.value, RunState.CLOSED.value]
"""States in which a run sends nothing, so that its target may have another."""

sa.Index(
    "one_open_run_a_target",
    run_table.c.target,
    unique=True,
    sqlite_where=run_table.c.state.not_in(RESTING),
    postgresql_where=run_table.c.state.not_in(RESTING),
)

_UNCLOSED = run_table.c.state != RunState.CLOSED.value
sa.Index("unclosed_runs", run_table.c.opened_at, sqlite_where=_UNCLOSED, postgresql_where=_UNCLOSED)
sa.Index("runs_of_a_target", run_table.c.target, run_table.c.opened_at)

phase_table = sa.Table(
    "run_phase",
    metadata,
    sa.Column("run", sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("phase", sa.String, primary_key=True),
    sa.Column("document", sa.JSON, nullable=False),
)

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


class SqlLedger:
    """Both books of `ledger.base`, in one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.slots: Slots = SqlSlots(database)

    def open(self, run: Run, binding: Binding) -> None:
        """Write a new run, and its target and binding when they are new."""
        document = TypeAdapter(Binding).dump_python(binding, mode="json")
        home = binding.target
        try:
            with self.database.transaction() as db:
                if not db.execute(sa.select(target.c.id).where(target.c.id == home.id)).first():
                    db.execute(target.insert().values(id=home.id, url=home.url, advertiser=home.advertiser, segment=home.segment))
                if not db.execute(sa.select(binding_table.c.id).where(binding_table.c.id == binding.id)).first():
                    row = {"id": binding.id, "project": binding.project, "target": home.id, "document": document}
                    db.execute(binding_table.insert().values(**row))
                db.execute(run_table.insert().values(**as_row(run)))
        except sa.exc.IntegrityError as error:
            taken = f"segment '{home.segment}' has a run that is not closed, or its slot has had one; one run per segment at a time"
            raise TakenError(taken) from error

    def binding(self, binding: str) -> Binding:
        """A binding that a run was opened with. Raises LedgerError when there is none."""
        with self.database.reading() as db:
            document = db.execute(sa.select(binding_table.c.document).where(binding_table.c.id == binding)).scalar()
        if document is None:
            raise LedgerError(f"binding {binding} is not in the ledger")
        return TypeAdapter(Binding).validate_python(document, strict=False)

    def claim(self, run: str, owner: str, now: datetime, until: datetime, dead: Iterable[str] = ()) -> Claim:
        """Take or renew a run; see the Protocol."""
        free = sa.or_(run_table.c.owner.is_(None), run_table.c.owner == owner, run_table.c.until <= now, run_table.c.owner.in_(list(dead)))
        fence = sa.case((run_table.c.owner == owner, run_table.c.fence), else_=run_table.c.fence + 1)
        with self.database.transaction() as db:
            here = sa.and_(run_table.c.id == run, run_table.c.state != RunState.CLOSED.value)
            taken = db.execute(run_table.update().where(here, free).values(owner=owner, until=until, fence=fence)).rowcount
            row = db.execute(sa.select(run_table.c.owner, run_table.c.fence, run_table.c.until).where(run_table.c.id == run)).first()
        if not taken:
            holder = f"{row.owner} until {aware(row.until):%H:%M:%S} UTC" if row and row.owner else "nobody: it is closed or unknown"
            raise TakenError(f"run {run} cannot be taken; it is held by {holder}")
        assert row is not None
        return Claim(run, owner, row.fence)

    def release(self, claim: Claim) -> None:
        """Give the claim back; nothing happens when it is void."""
        with self.database.transaction() as db:
            db.execute(run_table.update().where(*_held_by(claim)).values(owner=None, until=None))

    def tell(self, run: str, reason: str) -> None:
        """Write that a person told a run to stop; nothing happens when it is closed."""
        with self.database.transaction() as db:
            db.execute(run_table.update().where(run_table.c.id == run, _UNCLOSED).values(told=reason))

    def holder(self, run: str) -> str | None:
        """Who holds the run's claim."""
        with self.database.reading() as db:
            return db.execute(sa.select(run_table.c.owner).where(run_table.c.id == run)).scalar()

    def find(self, project: str, run: str) -> Run | None:
        """The run, or None."""
        found = self._runs(run_table.c.project == project, run_table.c.id == run)
        return found[0] if found else None

    def newest(self, project: str, sync: str, until: datetime) -> Run | None:
        """The run of a sync that was opened last, up to an instant; of those that make its segment equal to its cohort."""
        r = run_table.c
        mine = (r.project == project, r.sync == sync, r.kind == RunKind.SYNC.value)
        found = self._runs(*mine, r.opened_at <= until.astimezone(UTC), limit=1)
        return found[0] if found else None

    def history(self, project: str, sync: str | None = None, limit: int | None = None, before: Run | None = None) -> tuple[Run, ...]:
        """The runs of a project or sync, newest first; with `before` those that come after that one."""
        r = run_table.c
        mine = [r.project == project, *([r.sync == sync] if sync else [])]
        older = (
            [sa.tuple_(r.opened_at, r.id) < sa.tuple_(sa.literal(before.opened_at.astimezone(UTC), r.opened_at.type), before.id)]
            if before
            else []
        )
        return self._runs(*mine, *older, limit=limit)

    def youngest(self, project: str, syncs: Iterable[str], limit: int) -> dict[str, tuple[Run, ...]]:
        """The runs of each of some syncs that were opened last, but dry ones; two looks into the index a sync, however long its history."""
        asked = list(syncs)
        if len(asked) > LOT:
            return {name: runs for lot in _lots(asked) for name, runs in self.youngest(project, lot, limit).items()}
        if not asked:
            return {}
        wanted = sa.values(sa.column("sync", sa.String), name="wanted").data([(each,) for each in asked]).cte("wanted")
        r, other = run_table.c, run_table.alias("other").c
        mine = sa.and_(other.project == project, other.sync == wanted.c.sync, other.kind != RunKind.DRY.value)
        first = sa.select(other.opened_at).where(mine).order_by(other.opened_at.desc()).limit(1).offset(limit - 1).scalar_subquery()
        here = sa.and_(
            r.project == project, r.sync == wanted.c.sync, r.kind != RunKind.DRY.value, r.opened_at >= sa.func.coalesce(first, BEFORE_ALL)
        )
        query = sa.select(run_table).select_from(wanted).join(run_table, here).order_by(r.opened_at.desc(), r.id.desc())
        found: dict[str, list[Run]] = {}
        with self.database.reading() as db:
            for row in db.execute(query):
                found.setdefault(row.sync, []).append(run_of(row))
        return {sync: tuple(runs[:limit]) for sync, runs in found.items()}

    def unclosed(self) -> tuple[Run, ...]:
        """Every run that is not closed, newest first."""
        return self._runs(_UNCLOSED)

    def latest(self, target: str) -> Run | None:
        """The run that was opened last on a target."""
        found = self._runs(run_table.c.target == target, limit=1)
        return found[0] if found else None

    def delivered(self, project: str, sync: str) -> Run | None:
        """The sync's last run that carried out a plan; see the Protocol."""
        r = run_table.c
        found = self._runs(r.project == project, r.sync == sync, r.kind == RunKind.SYNC.value, r.outcome.in_(list(DELIVERED)), limit=1)
        return found[0] if found else None

    def keepers(self, run: Run) -> tuple[Run, ...]:
        """The runs that kept people while this one was held or failed, newest first."""
        return self._runs(run_table.c.project == run.project, run_table.c.sync == run.sync, run_table.c.keeps == run.id)

    def named(self, ids: Iterable[str]) -> dict[str, Run]:
        """The runs of ids."""
        return {run.id: run for run in self._runs(run_table.c.id.in_(list(ids)))}

    def _runs(self, *conditions: sa.ColumnElement[bool], limit: int | None = None) -> tuple[Run, ...]:
        with self.database.reading() as db:
            order = (run_table.c.opened_at.desc(), run_table.c.id.desc())
            return tuple(run_of(row) for row in db.execute(sa.select(run_table).where(*conditions).order_by(*order).limit(limit)))

    def reached(self, project: str) -> tuple[Reach, ...]:
        """Every binding of the project's runs, newest first."""
        r, b = run_table.c, batch_table.c
        begun = sa.or_(r.state != RunState.CLOSED.value, sa.exists().where(b.run == r.id, b.sends > 0))
        sent = sa.func.max(sa.case((begun, 1), else_=0)).label("sent")
        query = sa.select(r.binding, sent).where(r.project == project).group_by(r.binding).order_by(sa.func.max(r.opened_at).desc())
        with self.database.reading() as db:
            rows = db.execute(query).all()
        return tuple(Reach(self.binding(row.binding), bool(row.sent)) for row in rows)

    def record(self, claim: Claim, phase: str, value: object) -> None:
        """Write what a phase gave, or replace it; the run's state becomes the phase's, when it names a state."""
        document = TypeAdapter(type(value)).dump_python(value, mode="json")
        with self.database.transaction() as db:
            changes = {"state": phase} if phase in set(RunState) else {"owner": claim.owner}
            _guard(db, claim, **changes)
            db.execute(phase_table.delete().where(phase_table.c.run == claim.run, phase_table.c.phase == phase))
            db.execute(phase_table.insert().values(run=claim.run, phase=phase, document=document))

    def recall(self, run: str, phase: str, kind: type[Value]) -> Value | None:
        """What a phase gave, or None."""
        query = sa.select(phase_table.c.document).where(phase_table.c.run == run, phase_table.c.phase == phase)
        with self.database.reading() as db:
            document = db.execute(query).scalar()
        return None if document is None else TypeAdapter(kind).validate_python(document, strict=False)

    def recalled(self, runs: Iterable[str], phase: str, kind: type[Value]) -> dict[str, Value]:
        """What a phase gave in each of some runs."""
        p, adapter = phase_table.c, TypeAdapter(kind)
        query = sa.select(p.run, p.document).where(p.phase == phase)
        with self.database.reading() as db:
            rows = [row for lot in _lots(list(runs)) for row in db.execute(query.where(p.run.in_(lot)))]
        return {row.run: adapter.validate_python(row.document, strict=False) for row in rows}

    def close(self, claim: Claim, outcome: RunOutcome, reason: str, at: datetime) -> None:
        """End the run and give back the claim."""
        with self.database.transaction() as db:
            values = {"state": RunState.CLOSED.value, "outcome": outcome.value, "reason": reason, "closed_at": at}
            _guard(db, claim, owner=None, until=None, **values)
            reached("run.closing")

    def lay(self, claim: Claim, batches: Iterable[Batch]) -> None:
        """Write the batches of a plan, once, and once those that are sent again; a second call changes nothing."""
        with self.database.transaction() as db:
            _guard(db, claim, owner=claim.owner)
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
            _under(claim, lambda row: _DELIVERING.execute(db, [row]))
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
            for lot in _lots(list(runs)):
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


def _lots(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[place : place + LOT] for place in range(0, len(names), LOT))


def _guard(db: sa.Connection, claim: Claim, **values: Any) -> None:
    """Write to the run's row under the claim's fence; a stale fence stops the worker."""
    change = run_table.update().where(*_OF_CLAIM).values(**values)
    _under(claim, lambda row: db.execute(change, row).rowcount)


def _under(claim: Claim, change: Callable[[dict[str, Any]], int]) -> None:
    """Change the run's row by the claim's own words; it must have met one row."""
    try:
        changed = change({"of_run": claim.run, "of_owner": claim.owner, "of_fence": claim.fence})
    except sa.exc.IntegrityError as error:
        raise TakenError(f"run {claim.run} cannot go on yet: another run of its segment is not closed") from error
    if changed != 1:
        raise LedgerError(f"the claim on run {claim.run} is lost: another worker has taken it")


def _held_by(claim: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    return (run_table.c.id == claim.run, run_table.c.owner == claim.owner, run_table.c.fence == claim.fence)


_OF_BATCH = (batch_table.c.run == sa.bindparam("of_run"), batch_table.c.number == sa.bindparam("of_number"))
_OF_CLAIM = (
    run_table.c.id == sa.bindparam("of_run"),
    run_table.c.owner == sa.bindparam("of_owner"),
    run_table.c.fence == sa.bindparam("of_fence"),
)

# What is written for every batch is worded once: wording a statement takes longer than SQLite takes to carry it out.
_DELIVERING = Prepared(run_table.update().where(*_OF_CLAIM).values(state=RunState.DELIVERING.value))
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
