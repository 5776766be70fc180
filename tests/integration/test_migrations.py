"""The schema's history: it makes what the rooms declare, it is resumed or refused whole, and it runs on an empty database."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import tradewind
from tradewind.access.roles import Role
from tradewind.access.sql import SqlAccess
from tradewind.access.trail import Deed, seal
from tradewind.database import Database
from tradewind.errors import ConfigurationError
from tradewind.migrations import FOLDER, TABLE, configuration, database_upgrade, latest, revision
from tradewind.migrations.schema import metadata


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.at(tmp_path)
    yield database
    database.close()


def test_the_history_makes_exactly_what_the_rooms_declare(database: Database) -> None:
    assert database_upgrade(database)
    with database.transaction() as transaction:
        context = MigrationContext.configure(transaction, opts={"version_table": TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []
        made = {index["name"] for table in metadata.tables for index in sa.inspect(transaction).get_indexes(table)}
    assert {index.name for table in metadata.tables.values() for index in table.indexes} <= made


def test_partial_indexes_keep_their_condition(database: Database) -> None:
    database_upgrade(database)
    declared = [
        index for table in metadata.tables.values() for index in table.indexes if index.dialect_options["sqlite"]["where"] is not None
    ]
    with database.transaction() as transaction:
        for index in declared:
            made = transaction.execute(sa.text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": index.name}).scalar()
            assert made is not None, index.name
            assert " WHERE " in made, index.name
    assert declared


def test_every_room_that_stores_is_part_of_the_schema() -> None:
    stores = (path for path in Path(tradewind.__file__).parent.glob("*/sql.py") if "sa.Table(" in path.read_text())
    rooms = {path.parent.name for path in stores}
    text = (FOLDER / "schema.py").read_text()
    assert {room for room in rooms if f"from tradewind.{room} import sql" not in text} == set()


def test_a_second_upgrade_changes_nothing(database: Database) -> None:
    assert database_upgrade(database)
    assert not database_upgrade(database)
    with database.transaction() as transaction:
        assert revision(transaction) == latest()


def test_a_token_of_before_there_were_routes_opens_all_of_them(database: Database) -> None:
    from alembic import command

    with database.transaction() as transaction:
        command.upgrade(configuration(transaction), "0001")
        at = "2026-07-01 12:00:00"
        transaction.execute(sa.text(f"INSERT INTO app_user VALUES ('ann', 'Ann', 0, 0, '{at}', NULL)"))
        transaction.execute(
            sa.text(f"INSERT INTO api_token VALUES ('t1', 'd1', 'ann', 'nightly', 'default', 'member', '{at}', '{at}', NULL)")
        )
    assert database_upgrade(database)
    (token,) = SqlAccess(database).tokens.all()
    assert (token.id, token.role, token.routes) == ("t1", Role.MEMBER, ())


def test_an_audit_entry_of_before_it_named_a_request_keeps_its_seal(database: Database) -> None:
    from alembic import command

    at, deed = datetime(2026, 7, 1, 12, tzinfo=UTC), Deed("ann", "cohort.save", "c", "default", {"n": "1"})
    row = {"at": at.isoformat(), "seal": seal("", 1, at, deed), "details": json.dumps(deed.details)}
    with database.transaction() as transaction:
        command.upgrade(configuration(transaction), "0002")
        columns = "number, at, actor, what, object, project, details, seal"
        text = f"INSERT INTO audit ({columns}) VALUES (1, :at, 'ann', 'cohort.save', 'c', 'default', :details, :seal)"
        transaction.execute(sa.text(text), row)
    assert database_upgrade(database)
    trail = SqlAccess(database).trail
    trail.write(replace(deed, request="0123"), at)
    assert (trail.damage(), [each.deed.request for each in trail.entries()]) == ("", ["0123", ""])


def test_a_newer_schema_is_refused(database: Database) -> None:
    database_upgrade(database)
    with database.transaction() as transaction:
        transaction.execute(sa.text(f"UPDATE {TABLE} SET version_num = '9999'"))
    with pytest.raises(
        ConfigurationError, match=f"is at schema 9999 and this program knows schemas up to {latest()}; use the newer program"
    ):
        database_upgrade(database)


def test_an_upgrade_that_fails_leaves_nothing_behind(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.execute(sa.text("CREATE TABLE sync (unexpected INTEGER)"))
    with pytest.raises(ConfigurationError, match="cannot be brought to schema"):
        database_upgrade(database)
    with database.transaction() as transaction:
        assert revision(transaction) is None
        assert sa.inspect(transaction).get_table_names() == ["sync"]
        transaction.execute(sa.text("DROP TABLE sync"))
    assert database_upgrade(database)


def test_nothing_waits_for_alembic_when_the_schema_is_the_newest(database: Database, tmp_path: Path) -> None:
    database_upgrade(database)
    script = (
        "import sys; from pathlib import Path; from tradewind.database import Database; from tradewind.migrations import database_upgrade;"
        f"changed = database_upgrade(Database.at(Path({str(tmp_path)!r}))); sys.exit(changed or 'alembic' in sys.modules)"
    )
    source = str(Path(tradewind.__file__).parent.parent)
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": source}, timeout=60)
