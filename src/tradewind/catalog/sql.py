"""The catalog in SQL: projects and their cohorts, connections and syncs, on SQLite or PostgreSQL."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from tradewind.catalog.entitlement import check_standing
from tradewind.catalog.offers.sql import Offers, enablement_table
from tradewind.catalog.rows import cohort_from, connection_from, connection_row, definition_of, parting_from, sync_from, sync_row
from tradewind.catalog.rules import check_id, check_move, check_name, check_part, check_tag, fold, pick, refuse_in_use
from tradewind.cohorts.check import nested
from tradewind.database import Database, Store, metadata
from tradewind.errors import DefinitionError
from tradewind.model.cohort import Cohort
from tradewind.model.destination import Connection
from tradewind.model.project import Project, ProjectPlan, Standing
from tradewind.model.sync import Parting, Recency, Refresh, Sync, SyncState

project_table = sa.Table(
    "project",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("plan", sa.String, nullable=False),
    sa.Column("zone", sa.String, nullable=False),
    sa.Column("source", sa.String),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
)

cohort_table = sa.Table(
    "cohort",
    metadata,
    sa.Column("project", sa.ForeignKey("project.id"), primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("archived", sa.Boolean, nullable=False),
)

cohort_version_table = sa.Table(
    "cohort_version",
    metadata,
    sa.Column("project", sa.String, primary_key=True),
    sa.Column("cohort", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("definition", sa.JSON, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.ForeignKeyConstraint(["project", "cohort"], ["cohort.project", "cohort.id"]),
)

HOLDOUT = ("holdout_percent", "holdout_salt")

_NOW = sa.and_(cohort_version_table.c.version == cohort_table.c.version, ~cohort_table.c.archived)

connection_table = sa.Table(
    "connection",
    metadata,
    sa.Column("project", sa.ForeignKey("project.id"), primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("destination", sa.String, nullable=False),
    sa.Column("advertiser", sa.String, nullable=False),
    sa.Column("region", sa.String, nullable=False),
    sa.Column("auth", sa.String, nullable=False),
    sa.Column("identity", sa.JSON, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("paused", sa.String),
)

sync_table = sa.Table(
    "sync",
    metadata,
    sa.Column("project", sa.ForeignKey("project.id"), primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("cohort", sa.String, nullable=False),
    sa.Column("connection", sa.String, nullable=False),
    sa.Column("segment", sa.String, nullable=False),
    sa.Column("ttl_minutes", sa.Integer, nullable=False),
    sa.Column("cadence", sa.String, nullable=False),
    sa.Column("cron", sa.String, nullable=False, server_default=""),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("refresh", sa.String, nullable=False, server_default=Refresh.EVERY_SYNC.value),
    sa.Column("recency", sa.String, nullable=False, server_default=Recency.SYNC.value),
    sa.Column("holdout_percent", sa.Integer),
    sa.Column("holdout_salt", sa.String),
    sa.Column("split", sa.String),
    sa.Column("split_property", sa.String),
    sa.Column("split_value", sa.String),
    sa.Column("added_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("region", sa.String, nullable=False),
    sa.Column("advertiser", sa.String, nullable=False),
    sa.Column("folded", sa.String, nullable=False),
    sa.ForeignKeyConstraint(["project", "cohort"], ["cohort.project", "cohort.id"]),
    sa.ForeignKeyConstraint(["project", "connection"], ["connection.project", "connection.id"]),
)
"""`region` and `advertiser` are the connection's, and `folded` the segment as `fold` has it: together, what is owned."""

_OWNED = (sync_table.c.region, sync_table.c.advertiser, sync_table.c.folded)
_OWNS = sync_table.c.state != SyncState.ENDED.value
sa.Index("one_sync_a_segment", *_OWNED, unique=True, sqlite_where=_OWNS, postgresql_where=_OWNS)
sa.Index("syncs_of_a_segment", *_OWNED)


parting_table = sa.Table(
    "parting",
    metadata,
    sa.Column("target", sa.String, primary_key=True),
    sa.Column("how", sa.String, nullable=False),
    sa.Column("until", sa.DateTime(timezone=True)),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)
"""The last decision about the people in a target; it counts only while no sync wants them there."""


class Catalog(Store):
    """What the operators of every project want. An id that is not there raises DefinitionError with the nearest one that is."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._expected: str | None = None

    def only_if(self, tag: str | None) -> Catalog:
        """The same catalog; a cohort, connection or sync is changed only while its `rules.tag` is this, NOTHING where it is not there yet.

        Else ChangedError is raised.
        """
        wary = copy.copy(self)
        wary._expected = tag
        return wary

    def projects(self) -> tuple[Project, ...]:
        """Every project, by id."""
        return self._projects()

    def project(self, project: str) -> Project:
        """The project of an id."""
        found = self._projects(project_table.c.id == project)
        return found[0] if found else pick({each.id: each for each in self.projects()}, project, "project")

    def add_project(self, project: Project, who: str) -> None:
        """Write a new project with its destinations enabled by `who`. Raises DefinitionError when the id is taken."""
        with self._transaction() as db:
            if db.execute(sa.select(project_table.c.id).where(project_table.c.id == project.id)).first():
                raise DefinitionError(f"project '{project.id}' exists already")
            db.execute(project_table.insert().values(id=project.id, name=project.name, plan=project.plan.value, zone=project.zone))
            for destination in project.destinations:
                self.within(db).offers.enable(project.id, destination, who, confirmed=True)

    def set_plan(self, project: str, plan: ProjectPlan) -> None:
        """Give a project another plan. What becomes of its syncs is the caller's to say."""
        with self._transaction() as db:
            self.within(db).project(project)
            db.execute(project_table.update().where(project_table.c.id == project).values(plan=plan.value))

    def set_source(self, project: str, source: str | None) -> None:
        """Say from which source of tables a project's behavioural cohorts are answered; None for its own events."""
        with self._transaction() as db:
            self.within(db).project(project)
            db.execute(project_table.update().where(project_table.c.id == project).values(source=source))

    @property
    def offers(self) -> Offers:
        """Which kinds of platform projects may use."""
        return Offers(self.database, self._within)

    def standing(self, project: str, destination: str) -> Standing:
        """All that decides whether a project may send to a kind of platform."""
        with self._transaction() as db:
            inside = self.within(db)
            plan, offer = inside.project(project).plan, inside.offers.offer(destination)
            return Standing(project, plan, offer, inside.offers.enablements(project).get(destination))

    def cohorts(self, project: str) -> tuple[Cohort, ...]:
        """The cohorts of a project, by id, as they are defined now."""
        return self._cohorts(cohort_table.c.project == project, _NOW)

    def cohorts_of(self, project: str, ids: Iterable[str]) -> tuple[Cohort, ...]:
        """Those of some ids that are there, by id; no other definition is read."""
        return self._cohorts(cohort_table.c.project == project, cohort_table.c.id.in_(list(ids)), _NOW)

    def removed_cohorts(self, project: str) -> tuple[Cohort, ...]:
        """Those that were removed, by id, as they were defined last."""
        return self._cohorts(
            cohort_table.c.project == project, cohort_version_table.c.version == cohort_table.c.version, cohort_table.c.archived
        )

    def cohort_names(self, project: str) -> dict[str, str]:
        """The name of each cohort of a project, by id, in that order; no definition is read."""
        query = sa.select(cohort_table.c.id, cohort_table.c.name).where(cohort_table.c.project == project, ~cohort_table.c.archived)
        with self._reading() as db:
            return {row.id: row.name for row in db.execute(query.order_by(cohort_table.c.id))}

    def cohort(self, project: str, cohort: str) -> Cohort:
        """The cohort of an id, as it is defined now."""
        found = self._cohorts(*_is(cohort_table, project, cohort), _NOW)
        return found[0] if found else pick({each.id: each for each in self.cohorts(project)}, cohort, "cohort")

    def cohort_at(self, project: str, cohort: str, version: int) -> Cohort:
        """The cohort as it was defined in a version, whatever became of it since."""
        here = (cohort_table.c.project == project, cohort_table.c.id == cohort, cohort_version_table.c.version == version)
        found = self._cohorts(*here)
        if not found:
            raise DefinitionError(f"cohort '{cohort}' has no version {version}")
        return found[0]

    def save_cohort(self, cohort: Cohort) -> Cohort:
        """Write a cohort and give it with its version: one more than before where the definition changed, else the same."""
        document = definition_of(cohort)
        key = {"project": cohort.project, "id": cohort.id}
        with self._transaction() as db:
            here = (cohort_table.c.project == cohort.project, cohort_table.c.id == cohort.id)
            before = db.execute(sa.select(cohort_table.c.version).where(*here)).scalar()
            if self._expected is not None:
                check_tag(self._expected, next(iter(self.within(db)._cohorts(*here, _NOW)), None))
            if before is None:
                db.execute(cohort_table.insert(), {**key, "name": cohort.name, "version": 1, "archived": False})
                version = 1
            else:
                last = self.within(db).cohort_at(cohort.project, cohort.id, before)
                version = before if (last.kind, definition_of(last)) == (cohort.kind, document) else before + 1
                db.execute(cohort_table.update().where(*here).values(name=cohort.name, version=version, archived=False))
            if version != before:
                row = {"project": cohort.project, "cohort": cohort.id, "version": version, "kind": cohort.kind.value}
                db.execute(cohort_version_table.insert(), {**row, "definition": document})
        return replace(cohort, version=version)

    def remove_cohort(self, project: str, cohort: str) -> None:
        """Archive a cohort; its versions stay readable. Raises DefinitionError while a sync or another cohort uses it."""
        with self._transaction() as db:
            inside = self.within(db)
            inside.cohort(project, cohort)
            users = [f"sync '{sync.id}'" for sync in inside._syncs(project, sync_table.c.cohort == cohort)]
            naming = sa.cast(cohort_version_table.c.definition, sa.String).contains(f'"{cohort}"', autoescape=True)
            users += [
                f"cohort '{other.id}'"
                for other in inside._cohorts(cohort_table.c.project == project, _NOW, naming)
                if cohort in nested(other)
            ]
            refuse_in_use(f"cohort '{cohort}'", users)
            here = (cohort_table.c.project == project, cohort_table.c.id == cohort)
            db.execute(cohort_table.update().where(*here).values(archived=True))

    def connections(self, project: str) -> tuple[Connection, ...]:
        """The connections of a project, by id."""
        return self._connections(connection_table.c.project == project)

    def connection(self, project: str, connection: str) -> Connection:
        """The connection of an id."""
        found = self._connections(*_is(connection_table, project, connection))
        return found[0] if found else pick({each.id: each for each in self.connections(project)}, connection, "connection")

    def save_connection(self, connection: Connection) -> Connection:
        """Write a connection and give it with its version: one more where anything changed. Whether it is paused stays as it is.

        Raises DefinitionError when id or name cannot be one, when it would cross between sandbox and a real region, and when its
        syncs move with it to segments that have an owner there; NotEntitledError for a new one where the project may not send.
        """
        check_id("connection", connection.id)
        check_name("connection", connection.name)
        with self._transaction() as db:
            inside = self.within(db)
            here = _is(connection_table, connection.project, connection.id)
            before = next(iter(inside._connections(*here)), None)
            check_tag(self._expected, before)
            if before is None:
                check_standing(inside.standing(connection.project, connection.destination))
                after = replace(connection, version=1)
                db.execute(connection_table.insert().values(**connection_row(after)))
                return after
            after = replace(connection, version=before.version, paused=before.paused)
            if after == before:
                return before
            check_move(before, after)
            after = replace(after, version=before.version + 1)
            db.execute(connection_table.update().where(*here).values(**connection_row(after)))
            _move_syncs(db, after)
            return after

    def pause_connection(self, project: str, connection: str, reason: str) -> None:
        """Let nothing be sent through a connection until it is resumed; the first reason stays."""
        self._set_pause(project, connection, reason)

    def resume_connection(self, project: str, connection: str) -> None:
        """Let a paused connection send again."""
        self._set_pause(project, connection, None)

    def remove_connection(self, project: str, connection: str) -> None:
        """Take a connection out of the catalog. Raises DefinitionError while a sync uses it."""
        with self._transaction() as db:
            inside = self.within(db)
            inside.connection(project, connection)
            users = [f"sync '{sync.id}'" for sync in inside._syncs(project, sync_table.c.connection == connection)]
            refuse_in_use(f"connection '{connection}'", users)
            db.execute(connection_table.delete().where(*_is(connection_table, project, connection)))

    def syncs(self, project: str) -> tuple[Sync, ...]:
        """The syncs of a project, by id, the ended ones among them."""
        return self._syncs(project)

    def sync(self, project: str, sync: str) -> Sync:
        """The sync of an id."""
        found = self._syncs(project, sync_table.c.id == sync)
        return found[0] if found else pick({each.id: each for each in self.syncs(project)}, sync, "sync")

    def add_sync(self, sync: Sync) -> None:
        """Write a new sync; its segment is its own from now on.

        Raises DefinitionError when the id is taken, cohort or connection is unknown, and when another sync of any project owns
        the segment or one that differs by case; NotEntitledError where the project may not send to this kind of platform.
        """
        with self._transaction() as db:
            inside = self.within(db)
            connection = inside.connection(sync.project, sync.connection)
            inside.cohort(sync.project, sync.cohort)
            check_standing(inside.standing(sync.project, connection.destination))
            if inside._syncs(sync.project, sync_table.c.id == sync.id):
                raise DefinitionError(f"sync '{sync.id}' exists already; give the new one another id")
            inside.add_sync_through(connection, sync)

    def add_sync_through(self, connection: Connection, sync: Sync) -> None:
        """The same for whoever adds many: that its cohort and connection are there, its id is free and the project may send was seen
        before in this transaction.
        """
        check_id("sync", sync.id)
        with self._transaction() as db:
            if sync.only:
                check_part(sync, self.within(db)._syncs(sync.project, sync_table.c.split == sync.only.split))
            row = sync_row(sync) | {"region": connection.region, "advertiser": connection.advertiser, "folded": fold(sync.segment)}
            _check_owner(db, row)
            db.execute(sync_table.insert(), row)

    def change_sync(self, sync: Sync) -> None:
        """Change TTL, cadence with its cron expression, time of day, refresh, recency, holdout or segment.

        Raises DefinitionError when it has ended, when what is fixed differs (cohort, connection), or the segment has another owner.
        """
        with self._transaction() as db:
            before = self.within(db).sync(sync.project, sync.id)
            check_tag(self._expected, before)
            if before.only != sync.only:
                raise DefinitionError(f"the people that sync '{sync.id}' takes of its cohort never change; add a new sync")
            fixed = [name for name in ("cohort", "connection") if getattr(before, name) != getattr(sync, name)]
            if fixed:
                raise DefinitionError(
                    f"the {fixed[0]} of sync '{sync.id}' is '{getattr(before, fixed[0])}' and never changes; add a new sync"
                )
            if before.state is SyncState.ENDED and sync.cadence is not before.cadence:
                raise DefinitionError(f"sync '{sync.id}' has ended; add a new sync")
            values = {name: sync_row(sync)[name] for name in ("ttl_minutes", "cadence", "cron", "at", "refresh", "recency", *HOLDOUT)}
            place = {"segment": sync.segment, "folded": fold(sync.segment)}
            here = _is(sync_table, sync.project, sync.id)
            if before.segment != sync.segment:
                _check_owner(db, dict(db.execute(sa.select(sync_table).where(*here)).mappings().one()) | place)
            db.execute(sync_table.update().where(*here).values(**values, **place))

    def set_sync_state(self, project: str, sync: str, state: SyncState) -> None:
        """Pause, resume or end a sync. Raises DefinitionError when an ended one begins again and its segment has another owner."""
        with self._transaction() as db:
            self.within(db).sync(project, sync)
            here = _is(sync_table, project, sync)
            if state is not SyncState.ENDED:
                _check_owner(db, dict(db.execute(sa.select(sync_table).where(*here)).mappings().one()))
            db.execute(sync_table.update().where(*here).values(state=state.value))

    def remove_sync(self, project: str, sync: str) -> None:
        """Take a sync out of the catalog. What becomes of the people in its segment is a parting's to say."""
        with self._transaction() as db:
            self.within(db).sync(project, sync)
            db.execute(sync_table.delete().where(*_is(sync_table, project, sync)))

    def part(self, parting: Parting) -> None:
        """Write what was decided about the people in a target, in place of what was decided before."""
        with self._transaction() as db:
            db.execute(parting_table.delete().where(parting_table.c.target == parting.target))
            db.execute(parting_table.insert().values(**vars(parting) | {"how": parting.how.value}))

    def partings(self) -> dict[str, Parting]:
        """The decisions about targets of all projects, by target."""
        with self._reading() as db:
            rows = db.execute(sa.select(parting_table)).all()
        return {row.target: parting_from(row) for row in rows}

    def _cohorts(self, *conditions: sa.ColumnElement[bool]) -> tuple[Cohort, ...]:
        version = cohort_version_table.c
        joined = cohort_table.join(
            cohort_version_table, sa.and_(version.project == cohort_table.c.project, version.cohort == cohort_table.c.id)
        )
        columns = (cohort_table.c.project, cohort_table.c.id, cohort_table.c.name, version.version, version.kind, version.definition)
        with self._reading() as db:
            rows = db.execute(sa.select(*columns).select_from(joined).where(*conditions).order_by(cohort_table.c.id)).all()
        return tuple(cohort_from(row) for row in rows)

    def _projects(self, *conditions: sa.ColumnElement[bool]) -> tuple[Project, ...]:
        joined = project_table.outerjoin(enablement_table, enablement_table.c.project == project_table.c.id)
        query = sa.select(project_table, enablement_table.c.destination).select_from(joined).where(*conditions)
        found: dict[str, Project] = {}
        with self._reading() as db:
            for row in db.execute(query.order_by(project_table.c.id, enablement_table.c.destination)):
                each = found.get(row.id) or Project(row.id, row.name, ProjectPlan(row.plan), row.zone, (), row.source)
                found[row.id] = replace(each, destinations=(*each.destinations, row.destination)) if row.destination else each
        return tuple(found.values())

    def _connections(self, *conditions: sa.ColumnElement[bool]) -> tuple[Connection, ...]:
        with self._reading() as db:
            rows = db.execute(sa.select(connection_table).where(*conditions).order_by(connection_table.c.id)).all()
        return tuple(connection_from(row) for row in rows)

    def _syncs(self, project: str, *conditions: sa.ColumnElement[bool]) -> tuple[Sync, ...]:
        query = sa.select(sync_table).where(sync_table.c.project == project, *conditions).order_by(sync_table.c.id)
        with self._reading() as db:
            rows = db.execute(query).all()
        return tuple(sync_from(row) for row in rows)

    def _set_pause(self, project: str, connection: str, reason: str | None) -> None:
        with self._transaction() as db:
            before = self.within(db).connection(project, connection)
            if reason is None or before.paused is None:
                db.execute(connection_table.update().where(*_is(connection_table, project, connection)).values(paused=reason))


def _is(table: sa.Table, project: str, id_: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return table.c.project == project, table.c.id == id_


def _move_syncs(db: sa.Connection, connection: Connection) -> None:
    """What the syncs of a connection own is where the connection is."""
    where = (sync_table.c.project == connection.project, sync_table.c.connection == connection.id)
    place = {"region": connection.region, "advertiser": connection.advertiser}
    for row in db.execute(sa.select(sync_table).where(*where)).mappings().all():
        if row["state"] != SyncState.ENDED.value and place != {name: row[name] for name in place}:
            _check_owner(db, dict(row) | place)
    db.execute(sync_table.update().where(*where).values(**place))


_ITS = ("project", "id", "region", "advertiser", "folded")
_OTHERS = sa.select(sync_table.c.id, sync_table.c.project, sync_table.c.segment, sync_table.c.state).where(
    *(sync_table.c[name] == sa.bindparam(f"its_{name}") for name in _ITS[2:]),
    ~sa.and_(*(sync_table.c[name] == sa.bindparam(f"its_{name}") for name in _ITS[:2])),
)
"""Other syncs that have, or had, a segment. Put together once: for a thousand syncs that takes longer than to ask."""


def _check_owner(db: sa.Connection, row: Mapping[str, Any]) -> None:
    for other in db.execute(_OTHERS, {f"its_{name}": row[name] for name in _ITS}):
        whose = f"sync '{other.id}'" if other.project == row["project"] else "a sync of another project"
        if other.segment != row["segment"]:
            raise DefinitionError(f"segment '{row['segment']}' differs only by case or spaces from one of {whose}; choose another name")
        if other.state != SyncState.ENDED.value:
            raise DefinitionError(f"segment '{row['segment']}' is owned by {whose}; choose another name")
