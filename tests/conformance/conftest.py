"""An empty database of each kind, migrated as an installation is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from postgres_process import Server, postgres
from schema import migrated
from tradewind.database import Database
from tradewind.migrations import database_upgrade


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A real PostgreSQL; without its programs the tests that ask for it skip and say so."""
    with postgres() as running:
        yield running


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Database]:
    database = migrated(tmp_path)
    yield database
    database.close()


@pytest.fixture(scope="session")
def _laid(server: Server) -> Iterator[Database]:
    """Migrated once, which takes a hundred times as long as to empty it."""
    database = Database(server.admin)
    database_upgrade(database)
    yield database
    database.close()


@pytest.fixture
def on_postgresql(_laid: Database) -> Database:
    with _laid.transaction() as db:
        tables = db.execute(sa.text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"))
        counters = db.execute(sa.text("SELECT sequencename FROM pg_sequences"))
        anew = [f"DELETE FROM {each}" for each in tables.scalars()] + [f"ALTER SEQUENCE {each} RESTART" for each in counters.scalars()]
        db.execute(sa.text("; ".join(["SET LOCAL session_replication_role = replica", *anew])))  # in whatever order
    return _laid
