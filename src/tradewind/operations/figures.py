"""Figures over many projects: what is late, held or failing at each account, and when its first members lapse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tradewind.model.alert import AlertKind
from tradewind.model.sync import SyncState
from tradewind.notify.alerts import of_sync
from tradewind.operations.alerting import Watchman
from tradewind.parts import Parts

LATE, HELD = {AlertKind.STALE, AlertKind.MISSED}, {AlertKind.HELD, AlertKind.MASS_REMOVAL}
FAILING = {AlertKind.FAILED, AlertKind.REJECTS, AlertKind.STALLED, AlertKind.UNKNOWN}
TROUBLES = {"late": LATE, "held": HELD, "failing": FAILING, "expiring": {AlertKind.EXPIRY}}


@dataclass(frozen=True)
class Figures:
    """One account: how many syncs it has, how many of them are active, late, held, failing, about to lose people and healthy (active
    without any of these), and when the first member lapses.

    `paused` says why nothing is sent there; `members` counts identifiers in its segments, as far as is known.
    """

    project: str
    account: str
    name: str
    destination: str
    advertiser: str
    paused: str
    syncs: int
    active: int
    late: int
    held: int
    failing: int
    expiring: int
    healthy: int
    members: int
    next_expiry: datetime | None


def figures(parts: Parts, projects: Iterable[str], watchman: Watchman | None = None) -> tuple[Figures, ...]:
    """Every account of some projects, those with trouble first. `watchman` is one that has read the memberships before."""
    watchman, now = watchman or Watchman(parts), parts.clock.now()
    heads, found = parts.versions.heads(), []
    for project in projects:
        facts = watchman.facts_of(project, heads)
        for connection in parts.catalog.connections(project):
            mine = [each for each in facts if each.sync.connection == connection.id]
            kinds = [{alert.kind for alert in of_sync(each, now)} for each in mine]
            count = {name: sum(1 for seen in kinds if seen & these) for name, these in TROUBLES.items()}
            expiries = [each.expires for each in mine if each.expires]
            found.append(
                Figures(
                    project=project,
                    account=connection.id,
                    name=connection.name,
                    destination=connection.destination,
                    advertiser=connection.advertiser,
                    paused=connection.paused or "",
                    syncs=len(mine),
                    active=sum(1 for each in mine if each.sync.state is SyncState.ACTIVE),
                    **count,
                    healthy=sum(1 for each, seen in zip(mine, kinds, strict=True) if each.sync.state is SyncState.ACTIVE and not seen),
                    members=sum(each.members for each in mine),
                    next_expiry=min(expiries, default=None),
                )
            )
    return tuple(sorted(found, key=lambda each: (not each.paused, -each.held, -each.failing, -each.late, each.project, each.account)))
