"""Which places the syncs want people in; whatever holds people besides them was given up."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from tradewind.errors import ConfigurationError, DefinitionError
from tradewind.model.sync import Binding, Leaving, Parting, Sync, SyncState, Target
from tradewind.parts import Parts
from tradewind.planning.binding import target_of, with_secret


def place_of(parts: Parts, sync: Sync) -> Target:
    """Where the people of a sync go, as the catalog has it now. Raises ConfigurationError where its region has no address."""
    connection = parts.catalog.connection(sync.project, sync.connection)
    return target_of(parts.destination(connection.destination).url(connection.region), connection.advertiser, sync.segment)


def wanted(parts: Parts) -> frozenset[str]:
    """The targets, by id, in which a sync of any project wants people: not those of a paused one that was to be emptied."""
    with parts.catalog.database.transaction() as db:
        inside = replace(parts, catalog=parts.catalog.within(db))
        partings = inside.catalog.partings()
        syncs = [sync for project in inside.catalog.projects() for sync in inside.catalog.syncs(project.id)]
        places = [(sync, target.id) for sync in syncs if (target := known_place(inside, sync))]
    return frozenset(target for sync, target in places if not _to_be_emptied(sync, partings.get(target)))


def left_to_expire(parts: Parts, target: str) -> Parting | None:
    """The decision to let the people in a target expire, where it holds: nobody keeps them there any more."""
    parting = parts.catalog.partings().get(target)
    return parting if parting and parting.how is Leaving.LET_EXPIRE and target not in wanted(parts) else None


def is_reachable(parts: Parts, binding: Binding) -> bool:
    """Whether a binding's host is one that connections may name now: that of a sandbox, or of a kind of platform, that is gone is none."""
    try:
        return binding.target.url in {region.url for region in parts.destination(binding.destination).regions}
    except DefinitionError:
        return False


def is_current(parts: Parts, binding: Binding) -> bool:
    """Whether a binding's connection still is that account, and its secret the newest."""
    return is_account(parts, binding) and parts.vault.latest(binding.project, binding.connection) == binding.secret_version


def newest_secret(parts: Parts, binding: Binding) -> Binding:
    """A binding by the newest secret of its connection, where that still is the same account; else as it is."""
    if is_current(parts, binding) or not is_account(parts, binding):
        return binding
    connection = parts.catalog.connection(binding.project, binding.connection)
    version = parts.vault.latest(binding.project, binding.connection)
    return with_secret(binding, version, connection.auth.value) if version else binding


def is_account(parts: Parts, binding: Binding) -> bool:
    """Whether a binding's connection still is that advertiser at that host."""
    for connection in parts.catalog.connections(binding.project):
        if connection.id == binding.connection and connection.destination == binding.destination:
            urls = [region.url for region in parts.destination(connection.destination).regions if region.key == connection.region]
            return (connection.advertiser, urls) == (binding.target.advertiser, [binding.target.url])
    return False


def known_place(parts: Parts, sync: Sync) -> Target | None:
    """The same; None where the region has no address now, as that of a sandbox which is not there."""
    return known_places(parts, sync.project, [sync]).get(sync.id)


def known_places(parts: Parts, project: str, syncs: Iterable[Sync]) -> dict[str, Target]:
    """Where the people of many syncs of a project go, by the id of the sync; its connections are read once.

    Anything else that goes wrong than a lost address is raised: a sync that could not be looked at must never be taken for one that
    has gone.
    """
    accounts = {each.id: each for each in parts.catalog.connections(project)}
    found = {}
    for sync in syncs:
        if account := accounts.get(sync.connection):
            with suppress(ConfigurationError, DefinitionError):
                url = parts.destination(account.destination).url(account.region)
                found[sync.id] = target_of(url, account.advertiser, sync.segment)
    return found


def _to_be_emptied(sync: Sync, parting: Parting | None) -> bool:
    return sync.state is SyncState.PAUSED and parting is not None and parting.how is Leaving.EMPTY
