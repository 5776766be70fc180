"""Files that were sent to be taken in: a row each, which a worker takes once the file is whole on the disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from tradewind.database import Database, aware, metadata


class UploadKind(StrEnum):
    """What a file holds: events, the rows of a static cohort's list, or the events of requests that programs sent (received)."""

    EVENTS = "events"
    LIST = "list"
    RECEIVED = "received"


class UploadState(StrEnum):
    """How far an upload has come. One that is `refused` left nothing, and says why."""

    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    REFUSED = "refused"


upload_table = sa.Table(
    "upload",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("project", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("sent_by", sa.String, nullable=False),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("cohort", sa.String, nullable=False, server_default=""),
    sa.Column("how", sa.String, nullable=False, server_default=""),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("read", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("counts", sa.JSON, nullable=False),
    sa.Column("rejects", sa.JSON, nullable=False),
    sa.Column("message", sa.String, nullable=False, server_default=""),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("owner", sa.String),
    sa.Column("until", sa.DateTime(timezone=True)),
    sa.Index("uploads_of_a_project", "project", "received_at"),
    sa.Index("uploads_to_do", "state"),
)


@dataclass(frozen=True)
class Upload:
    """A file that was sent. `read` of its `bytes` are done; `counts` and `rejects` (by reason) say what came of it.

    Of a list `cohort` and `how` say what is done to which.
    """

    id: str
    project: str
    kind: UploadKind
    name: str
    bytes: int
    sent_by: str
    received_at: datetime
    cohort: str = ""
    how: str = ""
    state: UploadState = UploadState.WAITING
    read: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    rejects: dict[str, int] = field(default_factory=dict)
    message: str = ""
    finished_at: datetime | None = None


class Uploads:
    """Every file that was sent."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, upload: Upload) -> None:
        """Name a file that is whole: from now on it waits for a worker."""
        with self.database.transaction() as db:
            db.execute(upload_table.insert().values(**vars(upload)))

    def find(self, project: str, upload: str) -> Upload | None:
        """One of a project, or None."""
        found = self._where(upload_table.c.project == project, upload_table.c.id == upload)
        return found[0] if found else None

    def listed(self, project: str, kind: UploadKind | None = None) -> tuple[Upload, ...]:
        """Those of a project, the newest first."""
        return self._where(upload_table.c.project == project, *([upload_table.c.kind == kind.value] if kind else []), newest_first=True)

    def waiting(self, now: datetime) -> tuple[Upload, ...]:
        """Those that a worker may take, the oldest first: also one whose worker has gone."""
        return self._where(self._free(now))

    def known(self) -> set[str]:
        """The ids of those that are not finished."""
        with self.database.reading() as db:
            return set(db.execute(sa.select(upload_table.c.id).where(upload_table.c.finished_at.is_(None))).scalars())

    def take(self, upload: str, owner: str, now: datetime, until: datetime) -> bool:
        """Claim one until an instant, or keep it; False when another has it."""
        mine = sa.and_(upload_table.c.owner == owner, upload_table.c.state == UploadState.WORKING.value)
        with self.database.transaction() as db:
            where = (upload_table.c.id == upload, sa.or_(mine, self._free(now)))
            values = {"state": UploadState.WORKING.value, "owner": owner, "until": until}
            return bool(db.execute(upload_table.update().where(*where).values(**values)).rowcount)

    def go_on(self, upload: str, owner: str, read: int) -> bool:
        """Write how much of it is read; False when it is another's now."""
        return self._write(upload, owner, {"read": read})

    def keep(self, upload: str, owner: str, until: datetime) -> bool:
        """Keep the claim until an instant; False when it is another's now."""
        return self._write(upload, owner, {"until": until})

    def give_back(self, upload: str, owner: str) -> None:
        """Let another have it at once."""
        self._write(upload, owner, {"state": UploadState.WAITING.value, "owner": None, "until": None, "read": 0})

    def finish(self, done: Upload, owner: str) -> bool:
        """Write what came of it; False when it is another's now."""
        names = ("read", "counts", "rejects", "message", "finished_at")
        return self._write(done.id, owner, {"state": done.state.value, "owner": None, **{name: getattr(done, name) for name in names}})

    def _write(self, upload: str, owner: str, values: dict[str, Any]) -> bool:
        where = (upload_table.c.id == upload, upload_table.c.owner == owner)
        with self.database.transaction() as db:
            return bool(db.execute(upload_table.update().where(*where).values(**values)).rowcount)

    def _free(self, now: datetime) -> sa.ColumnElement[bool]:
        state, late = upload_table.c.state, upload_table.c.until <= now
        return sa.or_(state == UploadState.WAITING.value, sa.and_(state == UploadState.WORKING.value, late))

    def _where(self, *conditions: sa.ColumnElement[bool], newest_first: bool = False) -> tuple[Upload, ...]:
        at, id_ = upload_table.c.received_at, upload_table.c.id
        order = (at.desc(), id_.desc()) if newest_first else (at, id_)
        with self.database.reading() as db:
            return tuple(_upload(row) for row in db.execute(sa.select(upload_table).where(*conditions).order_by(*order)))


def _upload(row: Any) -> Upload:
    return Upload(
        row.id, row.project, UploadKind(row.kind), row.name, row.bytes, row.sent_by, aware(row.received_at), row.cohort, row.how,
        UploadState(row.state), row.read, dict(row.counts), dict(row.rejects), row.message, row.finished_at and aware(row.finished_at),
    )  # fmt: skip
