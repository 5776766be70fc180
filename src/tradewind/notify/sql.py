"""Who is told, what is wrong since when, and messages on their way; a message is a row before it is sent."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tradewind.database import Store, Transaction, aware, metadata
from tradewind.errors import DefinitionError, MissingError
from tradewind.model.alert import Alert, AlertKind, Contact, ContactKind, Incident, Message, News

contact_table = sa.Table(
    "contact",
    metadata,
    sa.Column("project", sa.ForeignKey("project.id"), primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("shown", sa.String, nullable=False),
    sa.Column("kinds", sa.JSON, nullable=False),
)
"""URL and secret of a contact are in the vault."""

incident_table = sa.Table(
    "incident",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("project", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("object", sa.String, nullable=False),
    sa.Column("sentence", sa.String, nullable=False),
    sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("closed_at", sa.DateTime(timezone=True)),
    sa.Index("incidents_of", "project", "opened_at"),
)
_OPEN = incident_table.c.closed_at.is_(None)
_OF = (incident_table.c.project, incident_table.c.kind, incident_table.c.object)
sa.Index("one_open_incident", *_OF, unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)

message_table = sa.Table(
    "message",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("project", sa.String, nullable=False),
    sa.Column("contact", sa.String, nullable=False),
    sa.Column("news", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("object", sa.String, nullable=False),
    sa.Column("sentence", sa.String, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("due_at", sa.DateTime(timezone=True)),
    sa.Column("note", sa.String, nullable=False),
)
"""`due_at` is NULL once it was told, or given up; `note` says why the last try failed, and is empty when it was told."""

sa.Index("messages_due", message_table.c.due_at)


class Book(Store):
    """Contacts, incidents and messages of every project."""

    def contacts(self, project: str) -> tuple[Contact, ...]:
        """Who is told of a project's alerts, by id."""
        query = sa.select(contact_table).where(contact_table.c.project == project).order_by(contact_table.c.id)
        with self._reading() as db:
            return tuple(_contact(row) for row in db.execute(query))

    def contact(self, project: str, contact: str) -> Contact:
        """One of them. Raises MissingError when there is none."""
        found = next((each for each in self.contacts(project) if each.id == contact), None)
        if found is None:
            raise MissingError(f"there is no contact '{contact}' in project '{project}'; tradewind alerts list shows them", contact)
        return found

    def save(self, contact: Contact) -> None:
        """Write a contact, or another in its place. Raises DefinitionError when it was of another kind."""
        here = sa.and_(contact_table.c.project == contact.project, contact_table.c.id == contact.id)
        row = {"kind": contact.kind.value, "shown": contact.shown, "kinds": [each.value for each in contact.kinds]}
        with self._transaction() as db:
            before = db.execute(sa.select(contact_table.c.kind).where(here)).scalar()
            if before not in {None, contact.kind.value}:
                raise DefinitionError(f"contact '{contact.id}' is one of {before}; take another id, or remove it first")
            db.execute(contact_table.delete().where(here))
            db.execute(contact_table.insert().values(project=contact.project, id=contact.id, **row))

    def remove(self, project: str, contact: str) -> None:
        """Take a contact out, and what it was still to be told."""
        m = message_table.c
        with self._transaction() as db:
            db.execute(contact_table.delete().where(contact_table.c.project == project, contact_table.c.id == contact))
            db.execute(message_table.update().where(m.project == project, m.contact == contact).values(due_at=None))

    def incidents(self, project: str, *, only_open: bool = False, limit: int = 50, after: str | None = None) -> tuple[Incident, ...]:
        """What was wrong, the newest first, or only what is still; those that follow `after`, an incident's id, in this order."""
        i = incident_table.c
        query = sa.select(incident_table).where(i.project == project, *([_OPEN] if only_open else []))
        if after is not None:
            since = sa.select(i.opened_at).where(i.project == project, i.id == after).scalar_subquery()
            query = query.where(sa.or_(i.opened_at < since, sa.and_(i.opened_at == since, i.id < after)))
        with self.database.reading() as db:
            return tuple(_incident(row) for row in db.execute(query.order_by(i.opened_at.desc(), i.id.desc()).limit(limit)))

    def judge(self, project: str, found: Iterable[Alert], now: datetime) -> tuple[Incident, ...]:
        """Write down what is wrong now: new incidents and those that are over, each with a message to whom it concerns.

        All in one transaction, so that no incident is without its messages. Returns what has changed.
        """
        wrong = {(alert.kind, alert.object): alert for alert in found}
        with self.database.transaction() as db:
            known = {(one.alert.kind, one.alert.object): one for one in _open(db, project)}
            begun = [Incident(_id("i"), project, alert, now) for key, alert in wrong.items() if key not in known]
            begun = [each for each in begun if _begin(db, each)]
            over = [one for key, one in known.items() if key not in wrong]
            for one in over:
                db.execute(incident_table.update().where(incident_table.c.id == one.id).values(closed_at=now.astimezone(UTC)))
            contacts = [_contact(row) for row in db.execute(sa.select(contact_table).where(contact_table.c.project == project))]
            for news, incidents in ((News.OPEN, begun), (News.OVER, over)):
                _announce(db, contacts, incidents, news, now)
        return (*begun, *over)

    def add(self, message: Message, now: datetime) -> None:
        """Write down a message that is to be sent."""
        with self.database.transaction() as db:
            db.execute(message_table.insert().values(**_message_row(message), due_at=now.astimezone(UTC)))

    def due(self, now: datetime, limit: int = 100) -> tuple[Message, ...]:
        """Messages to be sent now, the longest due first."""
        m = message_table.c
        query = sa.select(message_table).where(m.due_at <= now.astimezone(UTC)).order_by(m.due_at, m.id).limit(limit)
        with self.database.reading() as db:
            return tuple(_message(row) for row in db.execute(query))

    def take(self, message: Message, until: datetime) -> bool:
        """Take a message for a try that ends by then; whether nobody else has. Killed in it, the message is due again."""
        m = message_table.c
        here = (m.id == message.id, m.tries == message.tries, m.due_at.is_not(None))
        with self.database.transaction() as db:
            change = message_table.update().where(*here).values(tries=message.tries + 1, due_at=until.astimezone(UTC))
            return db.execute(change).rowcount == 1

    def told(self, message: Message) -> None:
        """It has arrived."""
        self._end(message, None, "")

    def missed(self, message: Message, note: str, again: datetime | None) -> None:
        """It has not, because of `note`; it is tried again then, or given up."""
        self._end(message, again, note)

    def undelivered(self, project: str) -> dict[str, str]:
        """Contact -> why its newest message has not arrived; those that were told are left out."""
        m = message_table.c
        query = sa.select(m.contact, m.note).where(m.project == project).order_by(m.at, m.id)
        with self.database.reading() as db:
            newest = {row.contact: row.note for row in db.execute(query)}
        return {contact: note for contact, note in newest.items() if note}

    def _end(self, message: Message, due_at: datetime | None, note: str) -> None:
        due = due_at.astimezone(UTC) if due_at else None
        with self.database.transaction() as db:
            db.execute(message_table.update().where(message_table.c.id == message.id).values(due_at=due, note=note))


def new_message(project: str, contact: str, news: News, alert: Alert, at: datetime) -> Message:
    """A message with an id of its own."""
    return Message(_id("m"), project, contact, news, alert, at)


def _open(db: Transaction, project: str) -> list[Incident]:
    return [_incident(row) for row in db.execute(sa.select(incident_table).where(incident_table.c.project == project, _OPEN))]


def _begin(db: Transaction, incident: Incident) -> bool:
    """Write a new incident; False where another process has just done it."""
    row = {"kind": incident.alert.kind.value, "object": incident.alert.object, "sentence": incident.alert.sentence}
    try:
        with db.begin_nested():
            db.execute(
                incident_table.insert().values(
                    id=incident.id, project=incident.project, **row, opened_at=incident.opened_at.astimezone(UTC)
                )
            )
    except sa.exc.IntegrityError:
        return False
    return True


def _announce(db: Transaction, contacts: Sequence[Contact], incidents: Sequence[Incident], news: News, now: datetime) -> None:
    for one in incidents:
        for contact in contacts:
            if contact.hears(one.alert.kind):
                message = new_message(one.project, contact.id, news, one.alert, now)
                db.execute(message_table.insert().values(**_message_row(message), due_at=now.astimezone(UTC)))


def _id(letter: str) -> str:
    return f"{letter}{secrets.token_hex(10)}"


def _contact(row: Any) -> Contact:
    return Contact(row.project, row.id, ContactKind(row.kind), row.shown, tuple(AlertKind(each) for each in row.kinds))


def _alert(row: Any) -> Alert:
    return Alert(AlertKind(row.kind), row.object, row.sentence)


def _incident(row: Any) -> Incident:
    return Incident(row.id, row.project, _alert(row), aware(row.opened_at), aware(row.closed_at) if row.closed_at else None)


def _message(row: Any) -> Message:
    return Message(row.id, row.project, row.contact, News(row.news), _alert(row), aware(row.at), row.tries)


def _message_row(message: Message) -> dict[str, Any]:
    alert = {"kind": message.alert.kind.value, "object": message.alert.object, "sentence": message.alert.sentence}
    same = {name: getattr(message, name) for name in ("id", "project", "contact", "tries")}
    return same | alert | {"news": message.news.value, "at": message.at.astimezone(UTC), "note": ""}


PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 30, 60, 120, 240, 480, 960))
"""Between the tries at a message; after the last it is given up."""
