"""Makes the catalog equal to definition files: what would change, and the change itself, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from tradewind.catalog.entitlement import check_standing
from tradewind.catalog.rules import missing, pick, usual_segment
from tradewind.catalog.sources.sql import Sources
from tradewind.catalog.sql import Catalog
from tradewind.catalog.yaml import (
    Documents,
    SecretSource,
    Written,
    connection_document,
    contact_document,
    source_document,
    sync_document,
)
from tradewind.cohorts.check import check, order
from tradewind.cohorts.document import Node
from tradewind.cohorts.parse import to_document as cohort_document
from tradewind.database import Transaction
from tradewind.destinations.thetradedesk.names import check_segment_name
from tradewind.errors import ConfigurationError, DefinitionError, NotEntitledError
from tradewind.ledger.readings.sql import Readings
from tradewind.model.alert import Contact
from tradewind.model.cohort import Cohort, Pulled
from tradewind.model.destination import Connection, Secret
from tradewind.model.source import Source
from tradewind.model.sync import Sync
from tradewind.operations.changes import check_tells
from tradewind.operations.contacts import SECRET, URL, Drawer
from tradewind.operations.downloads import Downloads, pulling
from tradewind.operations.sources import check_in_amplitude, key_pair
from tradewind.planning.refresh import check_lasting
from tradewind.schedule import cron_for
from tradewind.vault.sql import FIELD, KEY_PAIR, PLATFORM, Vault

LARGEST_SECRET_FILE = 65_536
"""Bytes."""


class Action(StrEnum):
    """What happens to one object of the catalog."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    DELETE = "delete"


@dataclass(frozen=True)
class Difference:
    """One field, as text before and after; None where there is nothing. Of a secret only its fingerprint and source."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Change:
    """What happens to one source, cohort, connection, sync or contact, and a sentence where a person should know more."""

    action: Action
    noun: str
    id: str
    differences: tuple[Difference, ...] = ()
    note: str = ""


class Checks(Protocol):
    """What a destination says of a connection (DefinitionError) and its secret (ConfigurationError), as one sentence."""

    def check(self, connection: Connection) -> None: ...
    def check_secret(self, secret: Secret) -> None: ...


Destinations = Callable[[str], Checks]
"""The destination of a kind; raises DefinitionError for a kind that there is not."""


@dataclass(frozen=True)
class Shelves:
    """Where definitions go, the environment that secrets are read from, what refuses a region that no source can be in, and the time."""

    catalog: Catalog
    vault: Vault
    sources: Sources
    readings: Readings
    contacts: Drawer
    environment: Mapping[str, str]
    check_region: Callable[[str], None]
    now: datetime

    def within(self, transaction: Transaction) -> Shelves:
        """The same, inside a transaction that is open already."""
        inside = {name: getattr(self, name).within(transaction) for name in ("catalog", "vault", "sources", "readings", "contacts")}
        return replace(self, **inside)


def plan_changes(
    shelves: Shelves, destinations: Destinations, project: str, documents: Documents, *, prune: bool = False
) -> tuple[Change, ...]:
    """What `apply_changes` would do, found by doing it and taking it back. Raises what `apply_changes` would raise."""
    with shelves.catalog.database.transaction() as transaction:
        changes = _Application(shelves.within(transaction), destinations, project, documents).run(prune=prune)
        transaction.rollback()
    return changes


Settle = Callable[[Transaction, Sequence[Change], Sequence[Sync]], None]
"""Called in the transaction of an application, with its changes and the syncs as they were before; what it raises takes all back."""


def apply_changes(
    shelves: Shelves,
    destinations: Destinations,
    project: str,
    documents: Documents,
    *,
    prune: bool = False,
    settle: Settle = lambda _transaction, _changes, _before: None,
) -> tuple[Change, ...]:
    """Make the project's catalog hold what the documents say, in one transaction; with `prune` nothing but that.

    `settle` writes what goes with it. The secret of a connection that goes stays for now: it may be needed to take people out.

    Gives the changes in the order they were made. Raises DefinitionError with file and line, and writes nothing, when a
    definition is wrong, names what does not exist, reads a secret that is not there, or would break a rule of the catalog;
    ConfigurationError when a secret cannot be one of the platform's.
    """
    with shelves.catalog.database.transaction() as transaction:
        application = _Application(shelves.within(transaction), destinations, project, documents)
        done = application.run(prune=prune)
        settle(transaction, done, tuple(application.syncs.values()))
    return done


def may_give_up(catalog: Catalog, project: str, documents: Documents, *, prune: bool) -> bool:
    """Whether `giving_up` may name a sync once documents are applied, as the catalog is now."""
    segments = {each.value.id: each.value.segment for each in documents.syncs}
    places = {each.value.id: (each.value.region, each.value.advertiser) for each in documents.connections}
    moved = {each.id for each in catalog.connections(project) if places.get(each.id, here := (each.region, each.advertiser)) != here}
    return any(
        sync.connection in moved or segments.get(sync.id, "" if not prune else None) not in ("", sync.segment)
        for sync in catalog.syncs(project)
    )


def in_words(changes: Sequence[Change], *, prune: bool) -> dict[str, str]:
    """Changes as the audit trail has them: how many of each kind, and each that is one, with the fields it has other than before.

    What stands in the fields is not told.
    """
    counts = {action.value: str(found) for action in Action if (found := sum(each.action is action for each in changes))}
    lines = [f"{each.action.value} {each.noun} {each.id}{_named(each)}" for each in changes if each.action is not Action.UNCHANGED]
    return {"prune": str(prune).lower()} | counts | ({"changes": "; ".join(lines)} if lines else {})


def _named(change: Change) -> str:
    return f" ({', '.join(each.field for each in change.differences)})" if change.action is Action.UPDATE else ""


def giving_up(changes: Iterable[Change], syncs: Iterable[Sync]) -> tuple[Sync, ...]:
    """Of the syncs as they were before, those that give up their segment by the changes: removed, moved with their account, or renamed."""
    changes = list(changes)
    gone = {change.id for change in changes if change.noun == "sync" and change.action is Action.DELETE}
    renamed = {change.id for change in changes if change.noun == "sync" and _differs(change, {"segment"})}
    moved = {change.id for change in changes if change.noun == "connection" and _differs(change, {"region", "advertiser"})}
    left = gone | renamed
    return tuple(sync for sync in syncs if sync.id in left or sync.connection in moved)


def _differs(change: Change, fields: set[str]) -> bool:
    return change.action is Action.UPDATE and any(each.field in fields for each in change.differences)


class _Application:
    """One application of documents, inside one transaction."""

    def __init__(self, shelves: Shelves, destinations: Destinations, project: str, documents: Documents) -> None:
        catalog = self.catalog = shelves.catalog
        self.shelves, self.vault, self.environment = shelves, shelves.vault, shelves.environment
        self.shelf, self.check_region = shelves.sources, shelves.check_region
        self.destinations, self.project, self.documents = destinations, project, documents
        self.sources = {source.id: source for source in shelves.sources.all(project)}
        self.cohorts = {cohort.id: cohort for cohort in catalog.cohorts(project)}
        self.connections = {connection.id: connection for connection in catalog.connections(project)}
        self.syncs = {sync.id: sync for sync in catalog.syncs(project)}
        self.cohorts_then, self.connections_then = dict(self.cohorts), dict(self.connections)
        self.contacts = {contact.id: contact for contact in shelves.contacts.book.contacts(project)}
        self.tables = catalog.project(project).source is not None
        self.sources_then, self.entitled = dict(self.sources), set[str]()

    def run(self, *, prune: bool) -> tuple[Change, ...]:
        """Syncs leave first, so that another may take their segment; what they stood on leaves last."""
        wanted = self.documents
        changes = list(self._remove_syncs()) if prune else []
        self._check_cohorts(prune=prune)
        changes += [self._save_source(written) for written in wanted.sources]
        changes += [self._save_cohort(written) for written in wanted.cohorts]
        changes += [self._save_connection(written) for written in wanted.connections]
        changes += [self._save_sync(written) for written in wanted.syncs]
        changes += [self._save_contact(written) for written in wanted.contacts]
        changes += list(self._remove_rest()) if prune else []
        self._check_downloads(changes)
        return tuple(changes)

    def _check_cohorts(self, *, prune: bool) -> None:
        """Every part of a cohort exists, and none is part of itself, once all is written."""
        written = {each.value.id: each for each in self.documents.cohorts}
        left = {} if prune else self.cohorts
        for error in check({**left, **{id_: each.value for id_, each in written.items()}}.values()):
            place = written.get((error.path or "").partition(".")[0])
            if place is None:
                raise error
            place.node.refuse(error.message)

    def _save_cohort(self, written: Written[Cohort]) -> Change:
        before, after = self.cohorts.get(written.value.id), written.value
        with _placed(written.node):
            if isinstance(after.definition, Pulled):
                check_in_amplitude(pick(self.sources_then, after.definition.source, "source"))
            same = before and replace(after, version=before.version) == before
            self.cohorts_then[after.id] = before if before and same else self.catalog.save_cohort(after)
        return _change("cohort", after.id, cohort_document(before) if before else None, cohort_document(after))

    def _check_downloads(self, changes: Iterable[Change]) -> None:
        """What was changed leaves every account in Amplitude with as many downloads as its syncs need, once all is written."""
        changed = {(each.noun, each.id) for each in changes if each.action in {Action.CREATE, Action.UPDATE}}
        if not (changed and any(isinstance(each.definition, Pulled) for each in self.cohorts_then.values())):
            return
        written = {("sync", each.value.id): each.node for each in self.documents.syncs}
        written |= {("cohort", each.value.id): each.node for each in self.documents.cohorts}
        written |= {("source", each.value.id): each.node for each in self.documents.sources}
        needs: Downloads | None = None
        for sync, cohorts in pulling(self.catalog, self.project):
            parts = [("cohort", each.id) for each in cohorts]
            sources = [("source", each.definition.source) for each in cohorts if isinstance(each.definition, Pulled)]
            place = next(
                (written[what] for what in (("sync", sync.id), ("cohort", sync.cohort), *parts, *sources) if what in changed), None
            )
            if place:
                with _placed(place):
                    needs = needs or Downloads(self.catalog, self.shelf)
                    needs.check(sync, cohorts)

    def _save_source(self, written: Written[Source]) -> Change:
        before, after = self.sources.get(written.value.id), written.value
        with _placed(written.node):
            if after.tables is None:
                self.check_region(after.region)
            self.shelf.save(replace(after, account=before.account if before else ""))
            self.sources_then[after.id] = after
        keys = self._seal_keys(after) if after.id in self.documents.keys else ()
        return _change("source", after.id, source_document(before) if before else None, source_document(after), keys)

    def _seal_keys(self, source: Source) -> tuple[Difference, ...]:
        written, here = self.documents.keys[source.id], (self.project, source.id)
        with _placed(written.node):
            api_key, secret_key = (read_secret(each, self.environment) for each in written.value)
            keys = key_pair(api_key, secret_key)
            if self.vault.holds(*here, keys.together(), KEY_PAIR):
                return ()
            before = self.vault.fingerprint(*here, KEY_PAIR)
            self.vault.seal(*here, keys.together(), KEY_PAIR)
            self.shelf.save(replace(source, account=self.vault.account(keys.api_key)))
        where = " and ".join(f"{each.kind} {each.name}" for each in written.value)
        return (Difference("keys", before and f"fingerprint {before}", f"read from {where}"),)

    def _save_connection(self, written: Written[Connection]) -> Change:
        before, after = self.connections.get(written.value.id), written.value
        with _placed(written.node):
            self.destinations(after.destination).check(after)
            self.connections_then[after.id] = self.catalog.save_connection(after)
        secret = self._seal(after)
        return _change("connection", after.id, connection_document(before) if before else None, connection_document(after), secret)

    def _seal(self, connection: Connection) -> tuple[Difference, ...]:
        """Its secret, and its token for the platform's API, which is tried when the platform is asked: nothing is sent here."""
        given = {FIELD: self.documents.secrets.get(connection.id), PLATFORM: self.documents.platform_tokens.get(connection.id)}
        return tuple(change for field, source in given.items() if source for change in self._seal_as(field, connection, source))

    def _seal_as(self, field: str, connection: Connection, source: Written[SecretSource]) -> Iterator[Difference]:
        here = (self.project, connection.id)
        with _placed(source.node):
            secret = read_secret(source.value, self.environment)
            self.destinations(connection.destination).check_secret(secret)
            if self.vault.holds(*here, secret, field):
                return
            before = self.vault.fingerprint(*here, field)
            self.vault.seal(*here, secret, field)
            if field == PLATFORM:
                self.shelves.readings.admit(self.project, connection.id, self.shelves.now)
        yield Difference(field, before and f"fingerprint {before}", f"read from {source.value.kind} {source.value.name}")

    def _save_sync(self, written: Written[Sync]) -> Change:
        after, fields = written.value, written.node.fields(optional=written.node.value if isinstance(written.node.value, dict) else ())
        before, cohorts, connections = self.syncs.get(after.id), self.cohorts_then, self.connections_then
        if after.cohort not in cohorts:
            fields["cohort"].refuse(missing("cohort", after.cohort, cohorts))
        if after.connection not in connections:
            fields["connection"].refuse(missing("connection", after.connection, connections))
        with _placed(written.node):
            name = after.segment or (before.segment if before else usual_segment(cohorts[after.cohort], after.only))
            after = replace(after, segment=name)
            check_segment_name(name)
            after = replace(after, cron=cron_for(after.cadence, after.cron))
            check_lasting(after)
            check_tells(cohorts.values(), after, tables=self.tables)
            if before is None:
                self._add_sync(after)
            elif replace(after, state=before.state) != before:
                self.catalog.change_sync(after)
        return _change("sync", after.id, sync_document(before) if before else None, sync_document(after))

    def _add_sync(self, sync: Sync) -> None:
        """Whether the project may send to a kind of platform is asked once, however many syncs are new."""
        connection = self.connections_then[sync.connection]
        if connection.destination not in self.entitled:
            check_standing(self.catalog.standing(self.project, connection.destination))
            self.entitled.add(connection.destination)
        self.catalog.add_sync_through(connection, sync)

    def _save_contact(self, written: Written[Contact]) -> Change:
        """What of its URL and secret is another than before is told by fingerprint and place."""
        id_, before = written.value.id, self.contacts.get(written.value.id)
        marks = {name: self.vault.fingerprint(self.project, id_, sealed) for name, sealed in (("url", URL), ("secret", SECRET))}
        given = {name: source for name in marks if (source := self.documents.told.get((id_, name)))}
        read: dict[str, Secret] = {}
        for name, source in given.items():
            with _placed(source.node):
                read[name] = read_secret(source.value, self.environment)
        with _placed(written.node):
            after = self.shelves.contacts.put(written.value, read.get("url"), read.get("secret"))
        sealed = tuple(
            Difference(name, marks[name] and f"fingerprint {marks[name]}", f"read from {source.value.kind} {source.value.name}")
            for name, source in given.items()
            if self.vault.fingerprint(self.project, id_, f"contact_{name}") != marks[name]
        )
        return _change("contact", id_, contact_document(before) if before else None, contact_document(after), sealed)

    def _remove_syncs(self) -> Iterator[Change]:
        kept = {each.value.id for each in self.documents.syncs}
        for sync in list(self.syncs.values()):
            if sync.id not in kept:
                self.catalog.remove_sync(self.project, sync.id)
                yield Change(Action.DELETE, "sync", sync.id)

    def _remove_rest(self) -> Iterator[Change]:
        kept = {each.value.id for each in self.documents.contacts}
        for id_ in self.contacts:
            if id_ not in kept:
                self.shelves.contacts.drop(self.project, id_)
                yield Change(Action.DELETE, "contact", id_)
        kept = {each.value.id for each in self.documents.connections}
        for id_ in self.connections:
            if id_ not in kept:
                self.catalog.remove_connection(self.project, id_)
                yield Change(Action.DELETE, "connection", id_)
        kept = {each.value.id for each in self.documents.cohorts}
        for cohort in reversed(order(self.cohorts_then.values(), self.cohorts_then)):
            if cohort.id not in kept:
                self.catalog.remove_cohort(self.project, cohort.id)
                yield Change(Action.DELETE, "cohort", cohort.id)
        kept = {each.value.id for each in self.documents.sources}
        for id_ in self.sources:
            if id_ not in kept:
                self.shelf.remove(self.project, id_)
                self.vault.forget(self.project, id_, KEY_PAIR)
                yield Change(Action.DELETE, "source", id_)


def read_secret(source: SecretSource, environment: Mapping[str, str]) -> Secret:
    """The secret that a definition refers to; one line end at the end of a file is not part of it.

    Raises DefinitionError when the environment variable is not set or the file cannot be read.
    """
    if source.kind == "env":
        value = environment.get(source.name)
        if not value:
            raise DefinitionError(f"environment variable {source.name} is not set; it should hold the secret")
        return Secret(value)
    try:
        with Path(source.name).open("rb") as file:
            text = file.read(LARGEST_SECRET_FILE).decode()
    except OSError as error:
        raise DefinitionError(f"the secret's file {source.name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DefinitionError(f"the secret's file {source.name} is not text") from error
    return Secret(text.removesuffix("\n").removesuffix("\r"))


@contextmanager
def _placed(node: Node) -> Iterator[None]:
    """Gives every error inside the file and line of a definition."""
    try:
        yield
    except DefinitionError as error:
        if error.file is not None:
            raise
        node.refuse(error.message)
    except NotEntitledError as error:
        raise NotEntitledError(f"{node.file}:{node.line}: {error}", error.wall) from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{node.file}:{node.line}: {error}") from error


def _change(
    noun: str, id_: str, before: Mapping[str, object] | None, after: Mapping[str, object], more: tuple[Difference, ...] = ()
) -> Change:
    old = before or {}
    fields = [name for name in dict.fromkeys((*old, *after)) if name != "id" and old.get(name) != after.get(name)]
    differences = (*(Difference(name, _text(old.get(name)), _text(after.get(name))) for name in fields), *more)
    action = Action.CREATE if before is None else Action.UPDATE if differences else Action.UNCHANGED
    return Change(action, noun, id_, differences)


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
