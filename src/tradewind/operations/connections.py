"""Connections: add an account of a platform, test what it can do, list them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC

from tradewind.catalog.rules import check_move
from tradewind.catalog.yaml import SOURCES, is_source
from tradewind.delivery.trial import TTL_MINUTES, Trial, try_one
from tradewind.destinations.base import Probe
from tradewind.errors import ConfigurationError, DefinitionError
from tradewind.identity.validate import check
from tradewind.model.destination import Connection, Secret
from tradewind.model.identifier import REFUSAL_SENTENCES, IdentityMap, IdType, Mapping, Refusal, Send, Take
from tradewind.model.sync import Cadence, Leaving, Sync
from tradewind.operations import endings
from tradewind.parts import Parts
from tradewind.planning.binding import bind

TRIAL_SEGMENT = "tradewind live test"


def add(parts: Parts, connection: Connection, secret: Secret, leaving: Leaving | None = None) -> Connection:
    """Save a new connection, or a change of one, and seal its secret.

    Raises DefinitionError for anything the platform has not; and when the account changes, people were sent to the old one, and
    nobody said how they leave it.
    """
    destination = parts.destination(connection.destination)
    destination.check(connection)
    destination.check_secret(secret)
    staked = endings.stakes(parts, moved(parts, connection))
    decisions = endings.partings(parts, staked, endings.decided(staked, leaving), "the connection has another account")
    with parts.catalog.database.transaction() as db:
        saved = parts.catalog.within(db).save_connection(connection)
        for parting in decisions:
            parts.catalog.within(db).part(parting)
        vault = parts.vault.within(db)
        if not vault.holds(connection.project, connection.id, secret):
            vault.seal(connection.project, connection.id, secret)
    return saved


def moved(parts: Parts, connection: Connection) -> tuple[Sync, ...]:
    """The syncs that would give up their segments if a connection were saved like this: those of one with another account so far.

    Raises DefinitionError for a move that no connection may make, before anybody is asked what becomes of the people.
    """
    before = next((each for each in parts.catalog.connections(connection.project) if each.id == connection.id), None)
    if before is None or (before.region, before.advertiser) == (connection.region, connection.advertiser):
        return ()
    check_move(before, connection)
    return endings.of_connection(parts, connection.project, connection.id)


def mapping(text: str) -> Mapping:
    """A mapping as the command line writes it: `user.advertising_id=DAID`, or `device_id=DAID:all` for every value."""
    source, _, kind = text.rpartition("=")
    kind, _, take = kind.partition(":")
    try:
        found = Mapping(source.strip(), IdType(kind.strip().upper()), Take(take.strip() or Take.LATEST))
    except ValueError:
        types = ", ".join(IdType)
        shape = f"write SOURCE=TYPE, such as user.advertising_id=DAID, with one of {types}; add :all for every value a person ever had"
        raise DefinitionError(f"'{text[:60]}' is not a mapping; {shape}") from None
    if not is_source(found.source):
        raise DefinitionError(f"'{found.source[:60]}' is not where an identifier comes from; expected {SOURCES}")
    return found


def identity(texts: Iterable[str], send: Send) -> IdentityMap:
    """An identity map from the command line's words, in their order."""
    return IdentityMap(tuple(mapping(text) for text in texts), send)


def test(parts: Parts, project: str, connection_id: str) -> Probe:
    """Send a signed request without items; what it proved, and what it could not. A connection that is ready is resumed."""
    connection = parts.catalog.connection(project, connection_id)
    destination = parts.destination(connection.destination)
    probe = destination.probe(destination.url(connection.region), connection.advertiser, connection.auth, secret_of(parts, connection))
    if probe.ready and connection.paused:
        parts.catalog.resume_connection(project, connection_id)
    return probe


def test_draft(parts: Parts, connection: Connection, secret: Secret) -> Probe:
    """The same of a connection that is not saved. Raises DefinitionError for anything the platform has not."""
    destination = parts.destination(connection.destination)
    destination.check(connection)
    destination.check_secret(secret)
    return destination.probe(destination.url(connection.region), connection.advertiser, connection.auth, secret)


def try_live(parts: Parts, project: str, connection_id: str, text: str) -> Trial:
    """Put one identifier into a throw-away segment for a day, and take it out again. Its type is told by its form.

    Raises DefinitionError when the text is no identifier that can be sent, or of somebody who said no; the text itself is never repeated.
    """
    connection = parts.catalog.connection(project, connection_id)
    destination, secret = parts.destination(connection.destination), secret_of(parts, connection)
    id_type, value = identifier(text)
    if parts.suppressions.find(project, value):
        raise DefinitionError("the identifier given is of somebody who said no, and is sent nowhere any more; take another of your own")
    segment, now = f"{TRIAL_SEGMENT} {connection.id}"[:100], parts.clock.now().astimezone(UTC).replace(microsecond=0)
    sync = Sync(project, "live-test", "live-test", connection.id, segment, TTL_MINUTES, Cadence.ONE_TIME)
    version = parts.vault.latest(project, connection.id) or 0
    binding = bind(sync, connection, destination.url(connection.region), version, IdentityMap(()))
    return try_one(destination, binding, id_type, value, now, secret)


def secret_of(parts: Parts, connection: Connection) -> Secret:
    """The secret a connection has now. Raises ConfigurationError when it has none yet."""
    version = parts.vault.latest(connection.project, connection.id)
    if version is None:
        raise ConfigurationError(f"connection '{connection.id}' has no secret yet; give it with 'connections add'")
    return parts.vault.open(connection.project, connection.id, version)


def identifier(text: str) -> tuple[IdType, bytes]:
    """The first type whose form the text has; a GUID is taken for a device id. Raises DefinitionError without the text."""
    found = check(IdType.DAID, text)
    if isinstance(found, bytes):
        return IdType.DAID, found
    other = check(IdType.UID2, text)
    if isinstance(other, bytes):
        return IdType.UID2, other
    reason: Refusal = found if found is not Refusal.BAD_FORMAT else other
    raise DefinitionError(f"the identifier given cannot be sent: {REFUSAL_SENTENCES[reason]}")
