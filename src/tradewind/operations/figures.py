"""Figures over many projects: what is late, held or failing at each account, and when its first members lapse."""

from __future__ import annotations

from collections import Counter
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


@dataclass(frozen=True)
class Figures:
    """One account: how many syncs it has, how many of them are active, late, held and failing, and when the first member lapses.

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
            count = Counter({"late": 0, "held": 0, "failing": 0})
            for name, these in (("late", LATE), ("held", HELD), ("failing", FAILING)):
                count[name] = sum(1 for seen in kinds if seen & these)
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
                    members=sum(each.members for each in mine),
                    next_expiry=min(expiries, default=None),
                )
            )
    return tuple(sorted(found, key=lambda each: (not each.paused, -each.held, -each.failing, -each.late, each.project, each.account)))
