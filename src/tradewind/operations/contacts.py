"""Who is told of a project's alerts: added, changed, removed, listed and tried."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from tradewind.access.sql import SqlTrail
from tradewind.access.trail import Deed
from tradewind.catalog.rules import check_id
from tradewind.database import Transaction
from tradewind.errors import DefinitionError
from tradewind.model.alert import Alert, AlertKind, Contact, ContactKind, Message, News
from tradewind.model.destination import Secret
from tradewind.notify.alerts import INSTALLATION
from tradewind.notify.base import Messenger
from tradewind.notify.sql import Book, new_message
from tradewind.parts import Parts
from tradewind.vault.sql import Vault

URL, SECRET = "contact_url", "contact_secret"
"""What the two secrets of a contact are sealed as."""

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Told:
    """A contact, and why its newest message has not arrived; empty where it has."""

    contact: Contact
    trouble: str


@dataclass(frozen=True)
class Drawer:
    """Where contacts and their secrets lie, and `who` changes them now; `messenger` says whether somebody can be told at all."""

    book: Book
    vault: Vault
    trail: SqlTrail
    messenger: Messenger
    who: str
    now: datetime

    @classmethod
    def of(cls, parts: Parts, who: str) -> Drawer:
        """The drawer of an installation."""
        return cls(parts.notify.book, parts.vault, parts.trail, parts.notify.messenger, who, parts.clock.now())

    def within(self, transaction: Transaction) -> Drawer:
        """The same, inside a transaction that is open already."""
        inside = {name: getattr(self, name).within(transaction) for name in ("book", "vault", "trail")}
        return replace(self, **inside)

    def put(self, contact: Contact, url: Secret | None, secret: Secret | None) -> Contact:
        """Add a contact, or change one; without URL or secret it keeps those it has. Gives it with its address as it is shown.

        Where that changes nothing, nothing is written. Raises DefinitionError when something is lacking or is not an address,
        ConfigurationError when it may not or cannot be reached.
        """
        check_id("contact", contact.id)
        hook = contact.kind is ContactKind.WEBHOOK
        if contact.kind is ContactKind.EMAIL:
            url, secret = None, None
            if not _ADDRESS.fullmatch(contact.shown):
                raise DefinitionError("this is not an address for mail; expected one such as ann@shop.example")
        else:
            url = url or _sealed(self.vault, contact, URL)
            secret = secret or _sealed(self.vault, contact, SECRET) if hook else None
            if url is None or (secret is None and hook):
                raise DefinitionError("a contact needs a URL" + (" and a secret" if hook else ""))
            contact = replace(contact, shown=urlsplit(url.value).hostname or "")
        self.messenger.check(contact, url, secret)
        here = (contact.project, contact.id)
        sealed = {what: given for what, given in ((URL, url), (SECRET, secret)) if given and not self.vault.holds(*here, given, what)}
        if sealed or contact not in self.book.contacts(contact.project):
            marks = {what: self._change(contact, what, given) for what, given in sealed.items()}
            self.book.save(contact)
            for what, given in sealed.items():
                self.vault.seal(*here, given, what)
            deed = Deed(self.who, "contact.save", contact.id, contact.project, {"kind": contact.kind.value} | marks)
            self.trail.write(deed, self.now)
        return contact

    def _change(self, contact: Contact, what: str, given: Secret) -> str:
        """Of a secret its fingerprint, after the one before it."""
        before, after = (
            self.vault.fingerprint(contact.project, contact.id, what),
            self.vault.mark(contact.project, contact.id, given, what),
        )
        return f"{before} -> {after}" if before else after

    def drop(self, project: str, contact: str) -> None:
        """Tell somebody nothing any more; URL and secret are forgotten."""
        self.book.remove(project, contact)
        for what in (URL, SECRET):
            self.vault.forget(project, contact, what)
        self.trail.write(Deed(self.who, "contact.remove", contact, project), self.now)


def save(parts: Parts, contact: Contact, url: Secret | None, secret: Secret | None, who: str) -> Contact:
    """Add a contact, or change one, as `Drawer.put` does."""
    with parts.catalog.database.transaction() as db:
        return Drawer.of(parts, who).within(db).put(contact, url, secret)


def remove(parts: Parts, project: str, contact: str, who: str) -> None:
    """Tell somebody nothing any more. Raises MissingError when there is no such contact."""
    parts.notify.book.contact(project, contact)
    with parts.catalog.database.transaction() as db:
        Drawer.of(parts, who).within(db).drop(project, contact)


def listed(parts: Parts, project: str) -> tuple[Told, ...]:
    """Who is told, and whether they can be."""
    troubles = parts.notify.book.undelivered(project)
    return tuple(Told(each, troubles.get(each.id, "")) for each in parts.notify.book.contacts(project))


def rehearse(parts: Parts, project: str, contact_id: str) -> Message:
    """Tell a contact something now that means nothing. Raises as a messenger does."""
    contact = parts.notify.book.contact(project, contact_id)
    kind = contact.kinds[0] if contact.kinds else AlertKind.STALE
    alert = Alert(kind, INSTALLATION, "a test, which means nothing")
    message = new_message(project, contact.id, News.TEST, alert, parts.clock.now())
    parts.notify.messenger.send(contact, *secrets_of(parts.vault, contact), message)
    return message


def secrets_of(vault: Vault, contact: Contact) -> tuple[Secret | None, Secret | None]:
    """URL and secret of a contact; of one for mail neither."""
    if contact.kind is ContactKind.EMAIL:
        return None, None
    return _sealed(vault, contact, URL), _sealed(vault, contact, SECRET)


def _sealed(vault: Vault, contact: Contact, what: str) -> Secret | None:
    version = vault.latest(contact.project, contact.id, what)
    return vault.open(contact.project, contact.id, version, what) if version else None
