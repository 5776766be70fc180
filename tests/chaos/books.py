"""What the rig reads of the product's database, past the product: a SQLite file of the home, or a PostgreSQL."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Books:
    """The database of a home; with a `url` it is that of a PostgreSQL."""

    home: Path
    url: str = ""

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query finds."""
        if not self.url:
            with closing(sqlite3.connect(self.home / "tradewind.db")) as database:
                return database.execute(query).fetchall()
        import psycopg

        with psycopg.connect(self.url) as session:
            return session.execute(query.encode()).fetchall()

    def fault(self) -> str:
        """What SQLite finds wrong with its file; a PostgreSQL sees to itself."""
        found = "ok" if self.url else str(self.rows("PRAGMA integrity_check")[0][0])
        return "" if found == "ok" else found
