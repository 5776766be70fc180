"""What the audit trail says of a change: what a value was and what it is, of a secret its fingerprint."""

from __future__ import annotations

from collections.abc import Mapping

from tradewind.model.destination import Connection, Secret
from tradewind.model.identifier import Take
from tradewind.model.sync import Sync
from tradewind.operations import sources, splits, syncs
from tradewind.parts import Parts
from tradewind.vault.sql import KEY_PAIR


def edit(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """Each value of `after` that is another than before, as `old -> new`; alone where there was none."""
    changed = {name: value for name, value in after.items() if before.get(name, "") != value}
    return {name: f"{before[name]} -> {value or 'none'}" if before.get(name) else value for name, value in changed.items()}


def of_connection(parts: Parts, wanted: Connection, secret: Secret) -> dict[str, str]:
    """What becomes another in a connection."""
    here = wanted.project, wanted.id
    mark = parts.vault.mark(*here, secret)
    before = next((each for each in parts.catalog.connections(wanted.project) if each.id == wanted.id), None)
    old = _account(before) | {"secret": parts.vault.fingerprint(*here) or ""} if before else {}
    return edit(old, _account(wanted) | {"secret": mark})


def of_sync(parts: Parts, project: str, name: str, wish: syncs.Change) -> dict[str, str]:
    """What becomes another in a sync, or in all parts of a split. Raises DefinitionError when there is none of this id."""
    before = splits.of(parts, project, name)[0] if splits.is_one(parts, project, name) else parts.catalog.sync(project, name)
    wanted = {
        "ttl_days": wish.ttl_days,
        "cadence": wish.cadence,
        "at": wish.at and f"{wish.at:%H:%M}",
        "refresh": wish.refresh,
        "recency": wish.recency,
        "cron": wish.cron,
        "holdout": wish.holdout,
        "salt": wish.salt,
    }
    return edit(_rhythm(before), {what: str(value) for what, value in wanted.items() if value is not None})


def of_source(parts: Parts, project: str, name: str, wish: sources.Change) -> dict[str, str]:
    """What becomes another in a source in Amplitude."""
    before = next((each for each in parts.sources.all(project) if each.id == name), None)
    old = {"keys": parts.vault.fingerprint(project, name, KEY_PAIR) or ""}
    old |= {"region": before.region, "app": str(before.app or "")} if before else {}
    keys = parts.vault.mark(project, name, wish.keys.together(), KEY_PAIR) if wish.keys else None
    wanted = {"region": wish.region, "app": wish.app, "keys": keys}
    return edit(old, {what: str(value) for what, value in wanted.items() if value is not None})


def _account(connection: Connection) -> dict[str, str]:
    maps = [
        f"{each.source}={each.id_type.value}{'' if each.take is Take.LATEST else f':{each.take.value}'}"
        for each in connection.identity.mappings
    ]
    identity = f"{connection.identity.send.value} of {', '.join(maps)}" if maps else ""
    names = {"destination": connection.destination, "advertiser": connection.advertiser, "region": connection.region}
    return names | {"auth": connection.auth.value, "identity": identity}


def _rhythm(sync: Sync) -> dict[str, str]:
    held_out = {"holdout": str(sync.holdout.percent), "salt": sync.holdout.salt} if sync.holdout else {"holdout": "0"}
    rhythm = {"ttl_days": str(sync.ttl_minutes // syncs.DAY), "cadence": sync.cadence.value, "at": f"{sync.at:%H:%M}", "cron": sync.cron}
    return rhythm | {"refresh": sync.refresh.value, "recency": sync.recency.value} | held_out
