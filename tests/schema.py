"""Databases that are migrated already: the schema is made once a process, as an installation makes it, and copied."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from tradewind.database import SQLITE, Database
from tradewind.migrations import database_upgrade


def migrated(folder: Path) -> Database:
    """The SQLite database of a home in `folder`, up to date and empty."""
    shutil.copyfile(_template() / SQLITE, folder / SQLITE)
    return Database.at(folder)


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="tradewind-schema-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    database = Database.at(folder)
    database_upgrade(database)
    database.close()
    return folder
