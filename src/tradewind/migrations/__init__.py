"""The one history of the database's schema: every revision is a file of `versions`, numbered from 0001."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradewind.database import Database
from tradewind.errors import ConfigurationError
from tradewind.moment import reached

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).parent
TABLE = "schema_revision"
"""Holds one row: the revision the database is at."""


def latest() -> str:
    """The newest revision this program knows; the first four characters of a file's name are its revision."""
    return max((path.name[:4] for path in (FOLDER / "versions").glob("[0-9][0-9][0-9][0-9]_*.py")), default="")


def database_upgrade(database: Database) -> bool:
    """Bring the schema to the newest revision, in one transaction; True when something changed.

    Raises ConfigurationError when a newer program has been here, whose schema this one does not know, or when a table of
    another making is in the way; then nothing is changed.
    """
    newest = latest()
    with database.transaction() as transaction:
        current = revision(transaction)
        if (current or "") == newest:
            return False
        if current is not None and current > newest:
            raise ConfigurationError(
                f"the database is at schema {current} and this program knows schemas up to {newest}; use the newer program that wrote it"
            )
        _upgrade(transaction)
        reached("schema.written")
    reached("schema.committed")
    return True


def revision(transaction: sa.Connection) -> str | None:
    """The revision the database is at; None when it is empty."""
    if not sa.inspect(transaction).has_table(TABLE):
        return None
    found: str | None = transaction.execute(sa.text(f"SELECT version_num FROM {TABLE}")).scalar()
    return found


def configuration(transaction: sa.Connection) -> Config:
    """What Alembic needs to know; there is no file for it."""
    from alembic.config import Config

    config = Config(attributes={"connection": transaction})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return config


def _upgrade(transaction: sa.Connection) -> None:
    """Alembic is imported here, so that a command on a database that is up to date need not wait for it."""
    from alembic import command

    try:
        command.upgrade(configuration(transaction), "head")
    except sa.exc.DatabaseError as error:
        raise ConfigurationError(f"the database cannot be brought to schema {latest()}, and was left as it is: {error.orig}") from error
