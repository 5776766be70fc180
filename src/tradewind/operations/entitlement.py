"""What projects may use: plans, the stage of each kind of platform, who is admitted, and who enabled it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tradewind.access.trail import Deed
from tradewind.catalog.entitlement import check_standing, sentence, wall
from tradewind.catalog.rules import check_id, check_name
from tradewind.catalog.sql import Catalog
from tradewind.database import Transaction
from tradewind.destinations.registry import CLASSES
from tradewind.errors import DefinitionError
from tradewind.model.destination import Region, Spec
from tradewind.model.project import Enablement, Offer, Project, ProjectPlan, ReleaseStage, Wall
from tradewind.model.sync import Leaving, Sync, SyncState
from tradewind.operations import endings
from tradewind.operations.projects import check_zone
from tradewind.parts import Parts
from tradewind.phases import Watch

LONGEST_CONTACT = 200


@dataclass(frozen=True)
class Tile:
    """A kind of platform as a project sees it in the catalog; `wall` and `remedy` say what stands in the way, if anything."""

    spec: Spec
    regions: tuple[Region, ...]
    offer: Offer
    enablement: Enablement | None
    wall: Wall | None
    remedy: str


def add_project(parts: Parts, who: str, id_: str, name: str, zone: str) -> Project:
    """Add a project: on the free plan, admitted nowhere, with nothing enabled. Raises DefinitionError when it cannot be one."""
    check_id("project", id_)
    check_name("project", name)
    check_zone(zone)
    project = Project(id_, name, ProjectPlan.FREE, zone, ())
    with parts.catalog.database.transaction() as db:
        parts.catalog.within(db).add_project(project, who)
        _write(parts, db, Deed(who, "project.add", id_, id_))
    return project


def tiles(parts: Parts, project: str) -> tuple[Tile, ...]:
    """The kinds of platform there are, by name, as a project sees them."""
    found = [tile(parts, project, kind) for kind in CLASSES]
    return tuple(sorted((each for each in found if each.spec.tile), key=lambda each: each.spec.tile.casefold()))


def tile(parts: Parts, project: str, destination: str) -> Tile:
    """One of them. Raises DefinitionError for a kind there is not."""
    platform, standing = parts.destination(destination), parts.catalog.standing(project, destination)
    found = wall(standing)
    remedy = sentence(standing, found) if found else ""
    return Tile(platform.spec, platform.regions, standing.offer, standing.enablement, found, remedy)


def running(parts: Parts, project: str, destination: str | None = None) -> tuple[Sync, ...]:
    """The active syncs of a project, all or those to one kind of platform: what would end if it were no longer entitled."""
    kinds = {each.id: each.destination for each in parts.catalog.connections(project)}
    active = [sync for sync in parts.catalog.syncs(project) if sync.state is SyncState.ACTIVE]
    return tuple(sync for sync in active if destination in {None, kinds[sync.connection]})


def set_plan(parts: Parts, who: str, project: str, plan: ProjectPlan, leaving: Leaving | None, watch: Watch | None) -> endings.Ended:
    """Give a project another plan. With the free one its syncs are paused.

    Raises DefinitionError when those hold people and nobody said how they leave.
    """
    before = parts.catalog.project(project)
    syncs = running(parts, project) if plan is ProjectPlan.FREE else ()
    deed = Deed(who, "project.plan", project, project, {"before": before.plan.value, "after": plan.value})
    return _ended(
        parts, deed, syncs, leaving, f"the project left for the {plan.value} plan", lambda inside: inside.set_plan(project, plan), watch
    )


def enable(parts: Parts, who: str, project: str, destination: str, *, confirmed: bool) -> Tile:
    """Let a project use a kind of platform; `confirmed` says that `who` knows of the platform's own paid plan.

    Raises NotEntitledError for a project on the free plan, one that is not admitted, and where the paid plan is not confirmed.
    """
    spec = parts.destination(destination).spec
    standing = parts.catalog.standing(project, destination)
    now = parts.clock.now()
    check_standing(replace(standing, enablement=Enablement(destination, who, confirmed or not spec.paid_plan, now)))
    with parts.catalog.database.transaction() as db:
        parts.catalog.within(db).offers.enable(project, destination, who, confirmed=True)
        details = {"confirmed": spec.paid_plan} if spec.paid_plan else {}
        _write(parts, db, Deed(who, "destination.enable", destination, project, details))
    return tile(parts, project, destination)


def disable(parts: Parts, who: str, project: str, destination: str, leaving: Leaving | None, watch: Watch | None) -> endings.Ended:
    """Let a project use a kind of platform no more: its syncs there are paused. Raises DefinitionError as `set_plan` does."""
    if parts.catalog.standing(project, destination).enablement is None:
        raise DefinitionError(f"destination '{destination[:80]}' is not enabled in project '{project}'; there is nothing to disable")
    syncs = running(parts, project, destination)

    def change(inside: Catalog) -> None:
        inside.offers.disable(project, destination)

    deed = Deed(who, "destination.disable", destination, project)
    return _ended(parts, deed, syncs, leaving, f"{destination} was disabled in the project", change, watch)


def admit(parts: Parts, who: str, destination: str, project: str) -> Offer:
    """Admit a project to a kind of platform while its beta is closed. Twice changes nothing."""
    parts.catalog.project(project)
    before = _offer(parts, destination)
    after = replace(before, admitted=tuple(sorted({*before.admitted, project})))
    return _save(parts, Deed(who, "destination.admit", destination, project), after)


def withdraw(parts: Parts, who: str, destination: str, project: str, leaving: Leaving | None, watch: Watch | None) -> endings.Ended:
    """Take an admission back: where the beta is closed, the project's syncs there are paused. Raises DefinitionError as `set_plan` does."""
    before = _offer(parts, destination)
    if project not in before.admitted:
        raise DefinitionError(f"project '{project[:80]}' is not admitted to '{destination}'; there is nothing to withdraw")
    closed = before.stage is ReleaseStage.CLOSED_BETA
    after = replace(before, admitted=tuple(each for each in before.admitted if each != project))

    def change(inside: Catalog) -> None:
        inside.offers.save(after)

    deed = Deed(who, "destination.withdraw", destination, project)
    syncs = running(parts, project, destination) if closed else ()
    return _ended(parts, deed, syncs, leaving, f"the project is no longer admitted to {destination}", change, watch)


def set_stage(parts: Parts, who: str, destination: str, stage: ReleaseStage) -> Offer:
    """Open a kind of platform to projects, or close it to those that are not admitted.

    Raises DefinitionError when closing would shut out a project whose syncs run there: admit it first, or disable it there.
    """
    before = _offer(parts, destination)
    if stage is ReleaseStage.CLOSED_BETA:
        names = [project.id for project in parts.catalog.projects() if project.id not in before.admitted]
        shut = [name for name in names if running(parts, name, destination)]
        if shut:
            raise DefinitionError(
                f"syncs of project '{shut[0]}' run to '{destination}', and it is not admitted; admit it first, or disable it there"
            )
    deed = Deed(who, "destination.stage", destination, "", {"before": before.stage.value, "after": stage.value})
    return _save(parts, deed, replace(before, stage=stage))


def set_contact(parts: Parts, who: str, destination: str, contact: str) -> Offer:
    """Say whom to ask about a kind of platform: its tile and its refusals show it. Nothing takes it away."""
    if len(contact) > LONGEST_CONTACT or not contact.isprintable():
        raise DefinitionError(f"a contact has at most {LONGEST_CONTACT} characters on one line, such as an address or a name")
    return _save(parts, Deed(who, "destination.contact", destination), replace(_offer(parts, destination), contact=contact.strip()))


def _offer(parts: Parts, destination: str) -> Offer:
    """Raises DefinitionError for a kind there is not."""
    parts.destination(destination)
    return parts.catalog.offers.offer(destination)


def _save(parts: Parts, deed: Deed, offer: Offer) -> Offer:
    with parts.catalog.database.transaction() as db:
        parts.catalog.within(db).offers.save(offer)
        _write(parts, db, deed)
    return offer


def _ended(
    parts: Parts,
    deed: Deed,
    syncs: tuple[Sync, ...],
    leaving: Leaving | None,
    reason: str,
    change: Callable[[Catalog], None],
    watch: Watch | None,
) -> endings.Ended:
    """A change that ends syncs: all of it in one transaction, with the decision about their people and the entry of the trail."""

    def also(db: Transaction) -> None:
        change(parts.catalog.within(db))
        _write(parts, db, deed)

    return endings.pause_all(parts, syncs, leaving, reason, watch, also)


def _write(parts: Parts, db: Transaction, deed: Deed) -> None:
    parts.trail.within(db).write(deed, parts.clock.now())
