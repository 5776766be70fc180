"""A project filled with made-up people, so that somebody may try everything before any data of their own is here."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import yaml

from tradewind.demo.shop import COHORTS, DAY, MICRO, Shop, write_events
from tradewind.errors import DefinitionError
from tradewind.model.destination import Auth, Connection, Secret
from tradewind.model.identifier import Send
from tradewind.operations import cohorts, connections, entitlement, events
from tradewind.operations.scratch import scratch
from tradewind.parts import Parts

PEOPLE, DAYS, SEED = 2_000, 95, 7

DESTINATION, REGION = "thetradedesk", "sandbox"

ADVERTISER, SECRET = "ready1", "sandbox-secret-ready1"
"""An advertiser that every sandbox has."""

IDENTITY = ("user.advertising_id=DAID", "user.uid2=UID2", "user.tdid=TDID")


@dataclass(frozen=True)
class Sample:
    """What was made: events, cohorts by id, and the account at the sandbox; None without a sandbox, and where a wall stands."""

    events: int
    cohorts: tuple[str, ...]
    connection: str | None


def begin(parts: Parts, project: str, people: int = PEOPLE) -> Sample:
    """Three months of a made-up shop, its cohorts, and an account at the sandbox where there is one.

    The shop's days are the project's and its last event comes before the last midnight, so that the same people are found at any hour.
    Raises DefinitionError for a project that has events or cohorts: made-up people belong to none of them.
    """
    if parts.events.files(project) or parts.catalog.cohorts(project):
        raise DefinitionError(f"project '{project}' has events or cohorts already; samples are for one that has none, such as a new one")
    with scratch(parts) as folder:
        now = parts.clock.now().astimezone(ZoneInfo(parts.catalog.project(project).zone))
        midnight = int(now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()) * MICRO
        write_events(Shop(SEED, people, midnight - DAYS * DAY, DAYS).uploads(), folder / "events")
        done = events.import_files(parts, project, [folder / "events"], lambda _read, _total, _count: None)
    made = [cohorts.define(parts, project, document).id for document in yaml.safe_load(COHORTS)["cohorts"]]
    return Sample(done.events_new, tuple(made), _account(parts, project))


def _account(parts: Parts, project: str) -> str | None:
    """The account at the sandbox."""
    tile = entitlement.tile(parts, project, DESTINATION)
    if tile.wall or REGION not in {region.key for region in tile.regions}:
        return None
    identity = connections.identity(IDENTITY, Send.ALL)
    wanted = Connection(project, REGION, "Sandbox account", DESTINATION, ADVERTISER, REGION, Auth.SIGNATURE, identity)
    return connections.add(parts, wanted, Secret(SECRET), None).id
