"""The book of runs in SQL, on SQLite or PostgreSQL; whoever changes a run does so under its claim."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic import TypeAdapter

from tradewind.database import Database, aware, metadata
from tradewind.errors import LedgerError, TakenError
from tradewind.ledger.base import DELIVERED
from tradewind.ledger.rows import as_row, run_of
from tradewind.model.run import Claim, Run, RunKind, RunOutcome, RunState
from tradewind.model.sync import Binding
from tradewind.moment import reached

Value = TypeVar("Value")

BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)

LOT = 5_000
"""Values that one statement names; databases have a bound."""

_ADAPTERS: dict[object, TypeAdapter[Any]] = {}

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

UNCLOSED = run_table.c.state != RunState.CLOSED.value
sa.Index("unclosed_runs", run_table.c.opened_at, sqlite_where=UNCLOSED, postgresql_where=UNCLOSED)
sa.Index("runs_of_a_target", run_table.c.target, run_table.c.opened_at)

phase_table = sa.Table(
    "run_phase",
    metadata,
    sa.Column("run", sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("phase", sa.String, primary_key=True),
    sa.Column("document", sa.JSON, nullable=False),
)


class SqlRuns:
    """Runs, their bindings, and what each phase gave."""

    database: Database

    def open(self, run: Run, binding: Binding) -> None:
        """Write a new run, and its target and binding when they are new."""
        document = _adapter(Binding).dump_python(binding, mode="json")
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
        return _adapter(Binding).validate_python(document, strict=False)

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
            db.execute(run_table.update().where(run_table.c.id == run, UNCLOSED).values(told=reason))

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
            return {name: runs for lot in lots(asked) for name, runs in self.youngest(project, lot, limit).items()}
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
        return self._runs(UNCLOSED)

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

    def record(self, claim: Claim, phase: str, value: object) -> None:
        """Write what a phase gave, or replace it; the run's state becomes the phase's, when it names a state."""
        document = _adapter(type(value)).dump_python(value, mode="json")
        with self.database.transaction() as db:
            changes = {"state": phase} if phase in set(RunState) else {"owner": claim.owner}
            guarded(db, claim, **changes)
            db.execute(phase_table.delete().where(phase_table.c.run == claim.run, phase_table.c.phase == phase))
            db.execute(phase_table.insert().values(run=claim.run, phase=phase, document=document))

    def recall(self, run: str, phase: str, kind: type[Value]) -> Value | None:
        """What a phase gave, or None."""
        query = sa.select(phase_table.c.document).where(phase_table.c.run == run, phase_table.c.phase == phase)
        with self.database.reading() as db:
            document = db.execute(query).scalar()
        return None if document is None else _adapter(kind).validate_python(document, strict=False)

    def recalled(self, runs: Iterable[str], phase: str, kind: type[Value]) -> dict[str, Value]:
        """What a phase gave in each of some runs."""
        p, adapter = phase_table.c, _adapter(kind)
        query = sa.select(p.run, p.document).where(p.phase == phase)
        with self.database.reading() as db:
            rows = [row for lot in lots(list(runs)) for row in db.execute(query.where(p.run.in_(lot)))]
        return {row.run: adapter.validate_python(row.document, strict=False) for row in rows}

    def close(self, claim: Claim, outcome: RunOutcome, reason: str, at: datetime) -> None:
        """End the run and give back the claim."""
        with self.database.transaction() as db:
            values = {"state": RunState.CLOSED.value, "outcome": outcome.value, "reason": reason, "closed_at": at}
            guarded(db, claim, owner=None, until=None, **values)
            reached("run.closing")


def _adapter(kind: type[Value]) -> TypeAdapter[Value]:
    """What reads and writes a kind of document; to make one takes longer than to use it."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def lots(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """The names in parts that one statement may name."""
    return (names[place : place + LOT] for place in range(0, len(names), LOT))


def guarded(db: sa.Connection, claim: Claim, **values: Any) -> None:
    """Write to the run's row under the claim's fence; a stale fence stops the worker."""
    change = run_table.update().where(*OF_CLAIM).values(**values)
    under(claim, lambda row: db.execute(change, row).rowcount)


def under(claim: Claim, change: Callable[[dict[str, Any]], int]) -> None:
    """Change the run's row by the claim's own words; it must have met one row."""
    try:
        changed = change({"of_run": claim.run, "of_owner": claim.owner, "of_fence": claim.fence})
    except sa.exc.IntegrityError as error:
        raise TakenError(f"run {claim.run} cannot go on yet: another run of its segment is not closed") from error
    if changed != 1:
        raise LedgerError(f"the claim on run {claim.run} is lost: another worker has taken it")


def _held_by(claim: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    return (run_table.c.id == claim.run, run_table.c.owner == claim.owner, run_table.c.fence == claim.fence)


OF_CLAIM = (
    run_table.c.id == sa.bindparam("of_run"),
    run_table.c.owner == sa.bindparam("of_owner"),
    run_table.c.fence == sa.bindparam("of_fence"),
)
