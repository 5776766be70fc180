"""Sources in SQL, beside the rest of the catalog."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from tradewind.catalog.rules import check_id, check_name, check_rehearsal, pick, refuse_in_use
from tradewind.catalog.sql import Catalog
from tradewind.database import Store, metadata
from tradewind.errors import DefinitionError
from tradewind.model.cohort import Pulled
from tradewind.model.source import Source, SourceKind, Verification
from tradewind.model.tables import Tables

_TABLES, _VERIFICATION = TypeAdapter(Tables), TypeAdapter(Verification)

source_table = sa.Table(
    "source",
    metadata,
    sa.Column("project", sa.ForeignKey("project.id"), primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("region", sa.String, nullable=False),
    sa.Column("app", sa.BigInteger),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("tables", sa.JSON(none_as_null=True)),
    sa.Column("verification", sa.JSON(none_as_null=True)),
)


class Sources(Store):
    """The sources of every project. An id that is not there raises DefinitionError with the nearest one that is."""

    def all(self, project: str | None = None) -> tuple[Source, ...]:
        """The sources of a project, or of every project, by id."""
        query = sa.select(source_table).order_by(source_table.c.project, source_table.c.id)
        with self._reading() as db:
            rows = db.execute(query if project is None else query.where(source_table.c.project == project)).all()
        return tuple(_source(row) for row in rows)

    def one(self, project: str, source: str) -> Source:
        """The source of an id."""
        return pick({each.id: each for each in self.all(project)}, source, "source")

    def save(self, source: Source) -> None:
        """Write a new source or a change of one.

        What its server answered is kept, unless it is another server now. Raises DefinitionError when id or name cannot be one, when
        it would become one of another kind, and when it would cross between sandbox and a real region.
        """
        check_id("source", source.id)
        check_name("source", source.name)
        with self._transaction() as db:
            before = {each.id: each for each in self.within(db).all(source.project)}.get(source.id)
            if before is None:
                db.execute(source_table.insert().values(**_row(source)))
                return
            if before.kind is not source.kind:
                raise DefinitionError(f"source '{source.id}' is of kind {before.kind.value}; add another source for {source.kind.value}")
            check_rehearsal("source", source.id, before.region, source.region)
            kept = before.verification if _server(before) == _server(source) else None
            db.execute(source_table.update().where(*_is(source.project, source.id)).values(**_row(replace(source, verification=kept))))

    def verified(self, project: str, source: str, found: Verification) -> None:
        """Write down what the server of a source answered."""
        with self._transaction() as db:
            row = {"verification": _VERIFICATION.dump_python(found, mode="json")}
            db.execute(source_table.update().where(*_is(project, source)).values(**row))

    def remove(self, project: str, source: str) -> None:
        """Take a source out of the catalog. Raises DefinitionError while a cohort uses it, or its project is answered from it."""
        with self._transaction() as db:
            self.within(db).one(project, source)
            catalog = Catalog(self.database).within(db)
            cohorts = catalog.cohorts(project)
            users = [f"project '{project}'"] if catalog.project(project).source == source else []
            users += [f"cohort '{each.id}'" for each in cohorts if isinstance(each.definition, Pulled) and each.definition.source == source]
            refuse_in_use(f"source '{source}'", users)
            db.execute(source_table.delete().where(*_is(project, source)))


def _is(project: str, source: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return source_table.c.project == project, source_table.c.id == source


def _server(source: Source) -> tuple[str, str, str] | None:
    return (source.tables.engine.value, source.tables.url, source.tables.path) if source.tables else None


def _row(source: Source) -> dict[str, Any]:
    return vars(source) | {
        "kind": source.kind.value,
        "tables": source.tables and _TABLES.dump_python(source.tables, mode="json"),
        "verification": source.verification and _VERIFICATION.dump_python(source.verification, mode="json"),
    }


def _source(row: Any) -> Source:
    tables = row.tables and _TABLES.validate_python(row.tables)
    verification = row.verification and _VERIFICATION.validate_python(row.verification)
    return Source(row.project, row.id, row.name, SourceKind(row.kind), row.region, row.app, row.account, tables, verification)
