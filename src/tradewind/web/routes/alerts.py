"""Alerts: what is wrong in a project, and who is told of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from tradewind.model.alert import AlertKind, Contact, ContactKind, Incident
from tradewind.model.destination import Secret
from tradewind.operations import contacts
from tradewind.web.bodies import API, Body, Id
from tradewind.web.gate import Manager, Viewer
from tradewind.web.pages import Cursor, Limit, Page, following, opened, page
from tradewind.web.words import Said

router = APIRouter(prefix=f"{API}/projects/{{project}}", tags=["alerts"])


class IncidentView(BaseModel):
    """Something that is or was wrong; `closed_at` is null as long as it goes on. `object` is a sync, a connection or `installation`."""

    id: str
    kind: AlertKind
    object: str
    sentence: Said
    opened_at: datetime
    closed_at: datetime | None


class ContactView(BaseModel):
    """Who is told. `shown` is an address for mail, or the host of a URL; `trouble` says why the newest message has not arrived."""

    id: str
    kind: ContactKind
    shown: str
    kinds: list[AlertKind]
    trouble: Said


class ContactBody(Body):
    """Who is told: `email` needs an address, `slack` a URL, `webhook` a URL and a secret. What is sealed already need not be sent again."""

    kind: ContactKind
    address: str = Field(default="", max_length=320)
    url: str | None = Field(default=None, max_length=2000)
    secret: str | None = Field(default=None, max_length=400)
    kinds: list[AlertKind] = Field(default_factory=list, max_length=50)


class Sent(BaseModel):
    """A test that was taken, by its id."""

    sent: str


@router.get("/incidents")
def list_incidents(
    ask: Viewer,
    project: Id,
    only_open: Annotated[bool, Query(alias="open", description="Only what is wrong now.")] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[IncidentView]:
    """What is wrong, and what was, the newest first."""
    found = ask.parts.notify.book.incidents(project, only_open=only_open, limit=limit + 1, after=opened(cursor) if cursor else None)
    return following(found, lambda each: each.id, _incident, limit)


@router.get("/contacts")
def list_contacts(ask: Manager, project: Id, cursor: Cursor = None, limit: Limit = 50) -> Page[ContactView]:
    """Who is told of the project's alerts."""
    known = contacts.listed(ask.parts, project)
    return page(known, lambda each: each.contact.id, lambda each: _contact(each.contact, each.trouble), cursor, limit)


@router.put("/contacts/{contact}")
def save_contact(ask: Manager, project: Id, contact: Id, body: ContactBody) -> ContactView:
    """Add somebody who is told, or change it; URL and secret are sealed and never shown."""
    url, secret = (Secret(each) if each else None for each in (body.url, body.secret))
    wanted = Contact(project, contact, body.kind, body.address, tuple(dict.fromkeys(body.kinds)))
    return _contact(contacts.save(ask.parts, wanted, url, secret, ask.who), "")


@router.delete("/contacts/{contact}", status_code=204)
def remove_contact(ask: Manager, project: Id, contact: Id) -> None:
    """Tell somebody nothing any more."""
    contacts.remove(ask.parts, project, contact, ask.who)


@router.post("/contacts/{contact}/test")
def test_contact(ask: Manager, project: Id, contact: Id) -> Sent:
    """Tell a contact something now that means nothing."""
    ask.note("contact.test", contact, project)
    return Sent(sent=contacts.rehearse(ask.parts, project, contact).id)


def _incident(each: Incident) -> IncidentView:
    alert = each.alert
    return IncidentView(
        id=each.id,
        kind=alert.kind,
        object=alert.object,
        sentence=alert.sentence,
        opened_at=each.opened_at,
        closed_at=each.closed_at,
    )


def _contact(each: Contact, trouble: str) -> ContactView:
    return ContactView(id=each.id, kind=each.kind, shown=each.shown, kinds=list(each.kinds), trouble=trouble)
