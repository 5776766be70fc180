"""The platform's own view of our segments: the token that may ask for it, and asking once a day."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from tradewind.access.trail import Deed
from tradewind.destinations.platform import Platform
from tradewind.errors import ConfigurationError, DeliveryError, RetryableError, TradewindError
from tradewind.model.destination import Connection, Secret
from tradewind.model.platform import Reader, Reading
from tradewind.model.sync import Sync
from tradewind.operations.segments import listed
from tradewind.parts import Parts
from tradewind.targets import known_places
from tradewind.vault.sql import PLATFORM

EVERY, AGAIN = timedelta(days=1), timedelta(hours=1)
"""How often the platform is asked, and how long after it could not be."""


LOOK = 60.0
"""Seconds between two looks at whose turn it is."""


def give(parts: Parts, project: str, connection_id: str, token: Secret, who: str) -> None:
    """Let a connection ask the platform by a token, which is tried first and sealed then.

    Raises DefinitionError when it cannot be one, and as a platform does when it does not work: then nothing is kept.
    """
    connection = parts.catalog.connection(project, connection_id)
    destination = parts.destination(connection.destination)
    destination.check_secret(token)
    destination.platform(connection.region, connection.advertiser, token).check()
    with parts.catalog.database.transaction() as db:
        parts.vault.within(db).seal(project, connection_id, token, PLATFORM)
        parts.readings.within(db).admit(project, connection_id, parts.clock.now())
        parts.trail.within(db).write(Deed(who, "connection.platform", connection_id, project, {"token": "given"}), parts.clock.now())


def take_away(parts: Parts, project: str, connection_id: str, who: str) -> None:
    """Forget the token of a connection. What was read stays. Raises MissingError when there is no such connection."""
    parts.catalog.connection(project, connection_id)
    with parts.catalog.database.transaction() as db:
        parts.vault.within(db).forget(project, connection_id, PLATFORM)
        parts.readings.within(db).dismiss(project, connection_id)
        parts.trail.within(db).write(Deed(who, "connection.platform", connection_id, project, {"token": "taken away"}), parts.clock.now())


def platform_of(parts: Parts, connection: Connection) -> Platform:
    """The platform as a connection's token sees it. Raises ConfigurationError when it has none."""
    version = parts.vault.latest(connection.project, connection.id, PLATFORM)
    if version is None:
        raise ConfigurationError(
            f"connection '{connection.id}' has no platform token; give it one with 'tradewind connections platform {connection.id}'"
        )
    token = parts.vault.open(connection.project, connection.id, version, PLATFORM)
    return parts.destination(connection.destination).platform(connection.region, connection.advertiser, token)


def read(parts: Parts, project: str, connection_id: str) -> tuple[Reading, ...]:
    """Ask now what the platform knows of the segments of a connection, and keep it. Raises as a platform does, and keeps why."""
    connection = parts.catalog.connection(project, connection_id)
    platform = platform_of(parts, connection)
    try:
        found = _readings(parts, connection, platform)
    except (ConfigurationError, DeliveryError) as error:
        parts.readings.trouble(project, connection_id, str(error), parts.clock.now() + _pause(error))
        raise
    now = parts.clock.now()
    parts.readings.write(project, connection_id, found, now, now + EVERY)
    return found


@dataclass(frozen=True)
class ReadAll:
    """What every connection of a project said that could be asked, by sync, and by connection why it could not."""

    readings: tuple[tuple[str, Reading], ...]
    problems: tuple[tuple[str, TradewindError], ...]


def read_all(parts: Parts, project: str) -> ReadAll:
    """The same for every connection of a project that has a token; one that cannot be asked keeps no other from it.

    Raises ConfigurationError when none has one.
    """
    readers = parts.readings.readers(project)
    if not readers:
        raise ConfigurationError("no connection has a platform token yet; give one with 'tradewind connections platform'")
    found, problems = dict[str, Reading](), list[tuple[str, TradewindError]]()
    for each in readers:
        try:
            found |= {reading.target: reading for reading in read(parts, project, each.connection)}
        except (ConfigurationError, DeliveryError) as error:
            problems.append((each.connection, error))
    places = known_places(parts, project, parts.catalog.syncs(project))
    return ReadAll(tuple((sync, found[place.id]) for sync, place in places.items() if place.id in found), tuple(problems))


@contextmanager
def asking(parts: Parts, trouble: Callable[[str], None], every: float = LOOK) -> Iterator[None]:
    """Ask beside the work, so that no run waits for a slow answer; `trouble` is told why it could not be looked who is due."""
    done = threading.Event()

    def ask() -> None:
        while not done.wait(every):
            try:
                read_due(parts)
            except (TradewindError, OSError) as error:
                trouble(f"the platform could not be asked what it knows: {error}")

    keeper = threading.Thread(target=ask, name="platform", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join(5)


def read_due(parts: Parts) -> None:
    """Ask for every connection whose turn it is. What goes wrong is kept and told as an alert, and stops nothing."""
    now = parts.clock.now()
    for reader in parts.readings.readers():
        if reader.next_at > now:
            continue
        if _exists(parts, reader) and parts.readings.take(reader, now + AGAIN):
            with suppress(ConfigurationError, DeliveryError):
                read(parts, reader.project, reader.connection)


def _pause(error: TradewindError) -> timedelta:
    """What the platform asks for is waited for, where it is longer."""
    wait = error.wait if isinstance(error, RetryableError) and error.wait else 0.0
    return max(AGAIN, timedelta(seconds=wait))


def _exists(parts: Parts, reader: Reader) -> bool:
    return any(each.id == reader.connection for each in parts.catalog.connections(reader.project))


def _readings(parts: Parts, connection: Connection, platform: Platform) -> tuple[Reading, ...]:
    """Of the segments that something was ever accepted for."""
    syncs = [sync for sync in parts.catalog.syncs(connection.project) if sync.connection == connection.id]
    targets = known_places(parts, connection.project, syncs)
    places = {targets[sync.id].id: sync for sync in syncs if sync.id in targets}
    before = parts.readings.newest(places)
    since = {id_: before[id_].sent_since if id_ in before else None for id_ in places}
    since = {id_: found or parts.readings.sent_since(id_) for id_, found in since.items()}
    sent: dict[str, Sync] = {id_: sync for id_, sync in places.items() if since[id_]}
    held = {each.sync.id: each.holds for each in listed(parts, connection.project, list(sent.values()))}
    known = platform.listings([sync.segment for sync in sent.values()])
    now = parts.clock.now()
    return tuple(Reading(id_, now, known.get(sync.segment), held[sync.id], since[id_]) for id_, sync in sorted(sent.items()))
