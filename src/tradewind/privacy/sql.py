"""The list of suppressed identifiers in SQL: keyed hashes in blocks, and the sealed originals while needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from tradewind.database import Database, metadata
from tradewind.privacy.keyed import DIGEST, Keyer
from tradewind.privacy.sieve import Sieve

BLOCK = 10_000
"""Identifiers of a block at most: what one request to a platform may hold."""

suppression_table = sa.Table(
    "suppression",
    metadata,
    sa.Column("project", sa.String, primary_key=True),
    sa.Column("request", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("quick", sa.LargeBinary, nullable=False),
    sa.Column("digests", sa.LargeBinary, nullable=False),
    sa.Column("sealed", sa.LargeBinary),
    sa.Index("suppressed_since", "project", "since"),
)
"""A block of identifiers of one request, all 16 bytes long (`width` 16) or all raw UID2s (0).

`quick` and `digests` hold the hashes of its identifiers in order, 8 and 16 bytes each. `sealed` holds the identifiers
themselves, and is NULL from the moment every recipient was told.
"""


class Strongbox(Protocol):
    """Seals bytes to the one place they belong to."""

    def put_away(self, project: str, request: str, number: int, content: bytes) -> bytes:
        """The content, sealed."""

    def bring_back(self, project: str, request: str, number: int, sealed: bytes) -> bytes:
        """The content. Raises ConfigurationError when it was sealed elsewhere, or with another key."""


@dataclass(frozen=True)
class Entry:
    """Where an identifier stands in the list: in which request, in which block of it and at which place, and since when."""

    request: str
    number: int
    place: int
    since: datetime


class Suppressions:
    """The identifiers of people who said no, by project. `key` is 32 bytes; the table alone reveals none of them."""

    def __init__(self, database: Database, key: bytes, box: Strongbox) -> None:
        self._database, self._key, self._box = database, key, box

    def add(self, project: str, request: str, number: int, values: Sequence[bytes], now: datetime) -> None:
        """Write one block, at most BLOCK identifiers of one width: from then on they are suppressed."""
        keyer = Keyer(self._key, project)
        content = b"".join(bytes([len(value)]) + value for value in values)
        row = {
            "project": project,
            "request": request,
            "number": number,
            "since": now.astimezone(UTC),
            "rows": len(values),
            "width": 16 if len(values[0]) == 16 else 0,
            "quick": keyer.quick(pa.array(values, pa.binary())).astype("<u8").tobytes(),
            "digests": b"".join(keyer.digest(value) for value in values),
            "sealed": self._box.put_away(project, request, number, content),
        }
        with self._database.transaction() as db:
            db.execute(suppression_table.insert().values(**row))

    def sieve(self, project: str, since: datetime | None = None) -> Sieve:
        """Everyone who is suppressed now; with `since`, only those who came on the list at that instant or later."""
        s = suppression_table.c
        later = [s.since >= since.astimezone(UTC)] if since else []
        with self._database.transaction() as db:
            rows = db.execute(sa.select(s.quick, s.digests).where(s.project == project, *later)).all()
        quick = np.frombuffer(b"".join(row.quick for row in rows), "<u8").astype(np.uint64, copy=False)
        return Sieve(Keyer(self._key, project), quick, b"".join(row.digests for row in rows))

    def blocks_since(self, project: str, since: datetime) -> int:
        """How many blocks came on the list at an instant or later; quick to ask."""
        s = suppression_table.c
        with self._database.transaction() as db:
            found = db.execute(sa.select(sa.func.count()).where(s.project == project, s.since >= since.astimezone(UTC))).scalar()
        return int(found or 0)

    def find(self, project: str, value: bytes) -> tuple[Entry, ...]:
        """Every place where one identifier stands, oldest first."""
        digest, s, found = Keyer(self._key, project).digest(value), suppression_table.c, []
        with self._database.transaction() as db:
            query = sa.select(s.request, s.number, s.since, s.digests).where(s.project == project).order_by(s.since, s.request, s.number)
            for row in db.execute(query.execution_options(yield_per=100)):
                place = _place(row.digests, digest)
                if place is not None:
                    found.append(Entry(row.request, row.number, place, _aware(row.since)))
        return tuple(found)


def _place(digests: bytes, digest: bytes) -> int | None:
    """Where a digest stands in a column of them."""
    start = digests.find(digest)
    while start % DIGEST and start >= 0:
        start = digests.find(digest, start + 1)
    return None if start < 0 else start // DIGEST


def _aware(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
