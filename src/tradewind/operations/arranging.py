"""Making data groups, audiences and seeds of segments at the platform: what would change is shown before it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tradewind.access.trail import Deed
from tradewind.destinations.platform import Platform
from tradewind.errors import ChangedError, DefinitionError, UncertainError
from tradewind.model.destination import Connection
from tradewind.model.platform import Arranged, Listing, Step, Use
from tradewind.operations.platform import platform_of
from tradewind.parts import Parts
from tradewind.planning.arrange import gathered, grouped, mark_of, resolved, seeded

LONGEST = 256
"""Characters of a name at the platform."""


@dataclass(frozen=True)
class Arrangement:
    """Steps at one connection's platform, and the mark that whoever looked at them gives back to have them done."""

    connection: str
    steps: tuple[Step, ...]
    mark: str

    @property
    def changes(self) -> bool:
        """Whether anything is to be done."""
        return any(step.changes for step in self.steps)


def plan_attach(parts: Parts, project: str, sync_id: str, group: str = "", audience: str = "") -> Arrangement:
    """Put the segment of a sync into a data group, and that into an audience; both are called as the segment unless they are named.

    Raises DefinitionError when the platform does not list the segment yet or names are not possible, ConfigurationError when the
    connection has no platform token or it is refused, and as a platform does.
    """
    sync = parts.catalog.sync(project, sync_id)
    connection = parts.catalog.connection(project, sync.connection)
    platform = platform_of(parts, connection)
    group, audience = _name(group or sync.segment), _name(audience or sync.segment)
    (listing,) = _listings(platform, [sync.segment])
    first = grouped(listing, platform.find(Use.DATA_GROUP, group), group)
    steps = (first, gathered(first.after, platform.find(Use.AUDIENCE, audience), audience))
    return Arrangement(connection.id, steps, mark_of(steps))


def plan_seed(parts: Parts, project: str, name: str, sync_ids: Sequence[str]) -> Arrangement:
    """Make a seed of the segments of these syncs, or change the one of that name to be made of them.

    Raises as `plan_attach` does, and DefinitionError when the segments are of several accounts or together too small.
    """
    syncs = [parts.catalog.sync(project, each) for each in dict.fromkeys(sync_ids)]
    if not syncs:
        raise DefinitionError("a seed is made of segments; name the sync of at least one")
    if len({sync.connection for sync in syncs}) > 1:
        raise DefinitionError("a seed belongs to one advertiser; name syncs of one connection")
    connection = parts.catalog.connection(project, syncs[0].connection)
    platform = platform_of(parts, connection)
    name = _name(name)
    listings = _listings(platform, [sync.segment for sync in syncs])
    steps = (seeded(listings, platform.find(Use.SEED, name), name, _least(parts, connection)),)
    return Arrangement(connection.id, steps, mark_of(steps))


def carry_out(parts: Parts, project: str, arrangement: Arrangement, mark: str, who: str) -> tuple[Arranged, ...]:
    """Do what somebody looked at; what there is at the end of each step.

    Raises ChangedError when it is no longer what they saw, UncertainError when an answer was lost: then plan again,
    which shows what is there.
    """
    if mark != arrangement.mark:
        raise ChangedError("what is there has changed since the plan was made; look at the new plan, and carry out that")
    platform = platform_of(parts, parts.catalog.connection(project, arrangement.connection))
    done: list[Arranged] = []
    for step in arrangement.steps:
        wanted = resolved(step, done[-1].id if done else "")
        if step.changes:
            details = {"use": wanted.use.value, "name": wanted.name, "how": "change" if wanted.id else "make"}
            parts.trail.write(Deed(who, "platform.arrange", arrangement.connection, project, details), parts.clock.now())
            wanted = _saved(platform, wanted)
        done.append(wanted)
    return tuple(done)


def _saved(platform: Platform, wanted: Arranged) -> Arranged:
    try:
        return platform.save(wanted)
    except UncertainError as error:
        raise UncertainError(f"{error}; plan again to see whether it was done") from None


def _listings(platform: Platform, names: Sequence[str]) -> tuple[Listing, ...]:
    found = platform.listings(names)
    if lacking := [name for name in names if name not in found]:
        raise DefinitionError(
            f"the platform does not list segment '{lacking[0]}' yet; it does so 24 to 48 hours after the first delivery, so try again then"
        )
    return tuple(found[name] for name in names)


def _least(parts: Parts, connection: Connection) -> int:
    sizes = parts.destination(connection.destination).spec.sizes
    return next((size.least for size in sizes if size.use == Use.SEED.value), 0)


def _name(text: str) -> str:
    name = text.strip()
    if not 0 < len(name) <= LONGEST or not name.isprintable():
        raise DefinitionError(f"a name at the platform has 1 to {LONGEST} characters that print; this one has {len(name)}")
    return name
