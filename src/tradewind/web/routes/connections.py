"""Connections: accounts at a platform. Their secrets come in and never go out."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from tradewind.destinations.base import Probe, Verdict
from tradewind.model.destination import Auth, Connection, Secret
from tradewind.model.identifier import IdentityMap, Send
from tradewind.operations import connections, edits, endings, platform
from tradewind.web.bodies import API, Body, How, Id
from tradewind.web.gate import Asked, Manager, Viewer
from tradewind.web.pages import Cursor, Limit, Page, page
from tradewind.web.problems import Refusal
from tradewind.web.tags import Match, Unless, matching, show_tag
from tradewind.web.views import (
    ORDERED,
    ConnectionView,
    EndedView,
    ReaderView,
    StakeView,
    connection_view,
    ended_view,
    reader_view,
    stake_view,
)
from tradewind.web.words import Said

router = APIRouter(prefix=f"{API}/projects/{{project}}/connections", tags=["connections"])


class Account(Body):
    """An account. `identity` says where identifiers come from, such as `user.advertising_id=DAID`, in order.

    `secret` is written and never shown; without one a connection keeps the one it has.
    """

    name: str = Field(max_length=200)
    destination: str = Field(default="thetradedesk", max_length=60)
    advertiser: str = Field(max_length=200)
    region: str = Field(max_length=60)
    auth: Auth = Auth.SIGNATURE
    send: Send = Send.ALL
    identity: list[str] = Field(min_length=1, max_length=50)
    secret: str | None = Field(default=None, max_length=4096, json_schema_extra={"format": "password", "writeOnly": True})


class PlatformToken(Body):
    """A token with access to the platform's API; it is written and never shown."""

    token: str = Field(min_length=2, max_length=4096, json_schema_extra={"format": "password", "writeOnly": True})


class ProbeView(BaseModel):
    """What a signed request without people proved, and what it could not show."""

    ready: bool
    verdict: Verdict
    proved: Said
    unproved: Said


@router.get("")
def list_connections(ask: Viewer, project: Id, cursor: Cursor = None, limit: Limit = 50) -> Page[ConnectionView]:
    """The project's connections, by id."""
    return page(ask.parts.catalog.connections(project), lambda each: each.id, lambda each: _view(ask, each), cursor, limit)


@router.get("/{connection}")
def show_connection(ask: Viewer, project: Id, connection: Id, response: Response) -> ConnectionView:
    """One connection."""
    found = ask.parts.catalog.connection(project, connection)
    show_tag(response, found)
    return _view(ask, found)


@router.get("/{connection}/platform")
def show_platform(ask: Viewer, project: Id, connection: Id) -> ReaderView:
    """Whether the connection may ask for the platform's own view, when it last did, and what was in the way."""
    ask.parts.catalog.connection(project, connection)
    return reader_view(ask.parts.readings.reader(project, connection))


@router.put("/{connection}/platform")
def give_platform(ask: Manager, project: Id, connection: Id, body: PlatformToken) -> ReaderView:
    """Give a connection a token with access to the platform's API. It is tried before it is kept, and never shown."""
    platform.give(ask.parts, project, connection, Secret(body.token), ask.who)
    return reader_view(ask.parts.readings.reader(project, connection))


@router.delete("/{connection}/platform", status_code=204)
def take_platform(ask: Manager, project: Id, connection: Id) -> None:
    """Forget that token; the platform is asked no more, and what it said stays."""
    platform.take_away(ask.parts, project, connection, ask.who)


@router.post("/{connection}/platform/read")
def read_platform(ask: Manager, project: Id, connection: Id) -> ReaderView:
    """Ask the platform now what it knows of the connection's segments."""
    ask.note("connection.read", connection, project)
    platform.read(ask.parts, project, connection)
    return reader_view(ask.parts.readings.reader(project, connection))


@router.put("/{connection}")
def save_connection(
    ask: Manager,
    project: Id,
    connection: Id,
    body: Account,
    response: Response,
    leaving: How = None,
    unless: Unless = None,
    match: Match = None,
) -> ConnectionView:
    """Add a connection, or change one. When the account changes, `leaving` says what becomes of the people in the old one's segments."""
    wanted, secret = _wanted(ask, project, connection, body)
    parts = matching(ask.parts, match, unless)
    ask.note("connection.save", connection, project, **edits.of_connection(ask.parts, wanted, secret))
    saved = connections.add(parts, wanted, secret, leaving)
    show_tag(response, saved)
    return _view(ask, saved)


@router.get("/{connection}/stakes")
def stakes(ask: Viewer, project: Id, connection: Id) -> list[StakeView]:
    """Who is in the segments of its syncs, and until when."""
    return [stake_view(each) for each in endings.stakes(ask.parts, endings.of_connection(ask.parts, project, connection))]


@router.delete("/{connection}", responses=ORDERED)
def remove_connection(ask: Manager, project: Id, connection: Id, response: Response, leaving: How = None) -> EndedView:
    """Remove a connection with its syncs and its secret; `leaving` says what becomes of their people."""
    ask.note("connection.remove", connection, project)
    return ended_view(endings.remove_connection(ask.parts, project, connection, leaving, None), response)


@router.post("/{connection}/test")
def test_saved(ask: Manager, project: Id, connection: Id) -> ProbeView:
    """Send a signed request without people. A paused connection that is ready sends again."""
    ask.note("connection.test", connection, project)
    return _probe(connections.test(ask.parts, project, connection))


@router.post("/{connection}/draft/test")
def test_draft(ask: Manager, project: Id, connection: Id, body: Account) -> ProbeView:
    """The same of an account that is not saved yet; nothing of it is kept."""
    wanted, secret = _wanted(ask, project, connection, body)
    ask.note("connection.test", connection, project, advertiser=wanted.advertiser, region=wanted.region)
    return _probe(connections.test_draft(ask.parts, wanted, secret))


def _wanted(ask: Asked, project: str, connection: str, body: Account) -> tuple[Connection, Secret]:
    """The connection as the body has it, and its secret: the one sent along, or the one it has."""
    identity: IdentityMap = connections.identity(body.identity, body.send)
    wanted = Connection(project, connection, body.name, body.destination, body.advertiser, body.region, body.auth, identity)
    if body.secret:
        return wanted, Secret(body.secret)
    known = next((each for each in ask.parts.catalog.connections(project) if each.id == connection), None)
    if known is None:
        raise Refusal(422, "a new connection needs its secret")
    moved = (known.advertiser, known.region, known.auth) != (wanted.advertiser, wanted.region, wanted.auth)
    if moved:
        raise Refusal(422, "another account needs its own secret; the one that is kept is never sent anywhere else")
    return wanted, connections.secret_of(ask.parts, known)


def _probe(probe: Probe) -> ProbeView:
    return ProbeView(ready=probe.ready, verdict=probe.verdict, proved=probe.proved, unproved=probe.unproved)


def _view(ask: Asked, connection: Connection) -> ConnectionView:
    return connection_view(connection, ask.parts.vault.fingerprint(connection.project, connection.id))
