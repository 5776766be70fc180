"""The rows that name the messages of webhooks; a message's file counts only once its row is there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tradewind.database import Database, aware, metadata

message_table = sa.Table(
    "pushed_message",
    metadata,
    sa.Column("project", sa.String, primary_key=True),
    sa.Column("cohort", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("entering", sa.Boolean, nullable=False),
    sa.Column("computed", sa.BigInteger, nullable=False),
    sa.Column("users", sa.Integer, nullable=False),
    sa.Column("nameless", sa.Integer, nullable=False),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("path", sa.String, nullable=False),
    sa.Column("disputed_at", sa.DateTime(timezone=True)),
    sa.Index("one_message_a_number", "project", "cohort", "number", unique=True),
)
"""`cohort` is the id of the cohort where it is pushed from; a message is known by its id for ever, its file only until it is folded.
`disputed_at` is when another message came last with the id of this one."""

folded_table = sa.Table(
    "pushed_state",
    metadata,
    sa.Column("project", sa.String, primary_key=True),
    sa.Column("cohort", sa.String, primary_key=True),
    sa.Column("through", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("path", sa.String, nullable=False),
)
"""What all messages up to the number `through` amount to, in one file."""


@dataclass(frozen=True)
class MessageRow:
    """A message that was stored, and the file of its users, relative to the home. `number` counts those of its cohort as they came."""

    project: str
    cohort: str
    id: str
    number: int
    entering: bool
    computed: int
    users: int
    nameless: int
    received_at: datetime
    path: str
    disputed_at: datetime | None = None


@dataclass(frozen=True)
class Folded:
    """What the messages up to a number amount to."""

    through: int
    path: str


class Messages:
    """The messages of every cohort that is pushed."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def find(self, project: str, cohort: str, message: str) -> MessageRow | None:
        """The message of an id, if it was stored before."""
        table = message_table.c
        where = (table.project == project, table.cohort == cohort, table.id == message)
        with self.database.reading() as db:
            found = db.execute(sa.select(message_table).where(*where)).first()
            return _row(found) if found else None

    def add(self, row: MessageRow) -> bool:
        """Write the row of a message under the next number; False when another with its id, or its number, came first."""
        table = message_table.c
        last = sa.select(sa.func.coalesce(sa.func.max(table.number), 0)).where(table.project == row.project, table.cohort == row.cohort)
        try:
            with self.database.transaction() as db:
                number = db.execute(last).scalar_one() + 1
                db.execute(message_table.insert().values(**vars(row) | {"number": number}))
        except sa.exc.IntegrityError:
            return False
        return True

    def dispute(self, row: MessageRow, now: datetime) -> None:
        """Write down that another message came with the id of a stored one."""
        table = message_table.c
        here = (table.project == row.project, table.cohort == row.cohort, table.id == row.id)
        with self.database.transaction() as db:
            db.execute(message_table.update().where(*here).values(disputed_at=now))

    def disputed(self, project: str, since: datetime) -> dict[str, datetime]:
        """When another message came last with the id of a stored one, by cohort; those of before `since` are left out."""
        table = message_table.c
        query = sa.select(table.cohort, sa.func.max(table.disputed_at)).where(table.project == project, table.disputed_at > since)
        with self.database.reading() as db:
            return {cohort: aware(at) for cohort, at in db.execute(query.group_by(table.cohort))}

    def named(self, project: str, cohort: str, since: datetime) -> tuple[str, ...]:
        """The ids of the messages that came after an instant."""
        table = message_table.c
        where = (table.project == project, table.cohort == cohort, table.received_at > since)
        with self.database.reading() as db:
            return tuple(db.execute(sa.select(table.id).where(*where)).scalars())

    def cohorts(self, project: str) -> tuple[str, ...]:
        """The cohorts of which messages came, as they are called where they are pushed from."""
        table = message_table.c
        with self.database.reading() as db:
            return tuple(db.execute(sa.select(table.cohort).where(table.project == project).distinct().order_by(table.cohort)).scalars())

    def paths(self) -> frozenset[str]:
        """The files of all messages, also of those that were folded and may be gone."""
        with self.database.reading() as db:
            return frozenset(db.execute(sa.select(message_table.c.path)).scalars())

    def forget(self, project: str, cohort: str) -> tuple[str, ...]:
        """Take out all messages of a cohort, and give the names of their files."""
        paths: list[str] = []
        with self.database.transaction() as db:
            for table in (message_table, folded_table):
                where = (table.c.project == project, table.c.cohort == cohort)
                paths += db.execute(sa.select(table.c.path).where(*where)).scalars()
                db.execute(table.delete().where(*where))
        return tuple(paths)

    def newest(self, project: str, cohort: str) -> MessageRow | None:
        """The message that came last."""
        found = self.after(project, cohort, -1, newest_first=True, limit=1)
        return found[0] if found else None

    def after(
        self, project: str, cohort: str, number: int, *, newest_first: bool = False, limit: int | None = None
    ) -> tuple[MessageRow, ...]:
        """The messages with a higher number, in their order."""
        table = message_table.c
        where = (table.project == project, table.cohort == cohort, table.number > number)
        order = table.number.desc() if newest_first else table.number
        with self.database.reading() as db:
            return tuple(_row(row) for row in db.execute(sa.select(message_table).where(*where).order_by(order).limit(limit)))

    def folded(self, project: str, cohort: str) -> tuple[Folded, ...]:
        """What earlier messages amount to, the newest first."""
        table = folded_table.c
        query = sa.select(table.through, table.path).where(table.project == project, table.cohort == cohort).order_by(table.through.desc())
        with self.database.reading() as db:
            return tuple(Folded(*row) for row in db.execute(query))

    def fold(self, project: str, cohort: str, state: Folded) -> bool:
        """Name what messages amount to; False when another did so first."""
        try:
            with self.database.transaction() as db:
                db.execute(folded_table.insert().values(project=project, cohort=cohort, through=state.through, path=state.path))
        except sa.exc.IntegrityError:
            return False
        return True


def _row(row: Any) -> MessageRow:
    found = MessageRow(*row)
    return replace(found, received_at=aware(found.received_at), disputed_at=found.disputed_at and aware(found.disputed_at))
