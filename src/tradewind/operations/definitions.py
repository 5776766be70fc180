"""Definition files applied whole: the catalog, and the lists that static cohorts name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tradewind.catalog.yaml import Documents, read
from tradewind.errors import TradewindError
from tradewind.model.cohort import Cohort
from tradewind.model.sync import Leaving
from tradewind.operations import endings
from tradewind.operations.apply import Change as CatalogChange
from tradewind.operations.apply import Shelves, apply_changes, giving_up, plan_changes
from tradewind.operations.lists import draw_up, outdated
from tradewind.operations.partings import Stake
from tradewind.parts import Parts
from tradewind.sources.lists import Change, ListChange
from tradewind.sources.sql import ListVersion


@dataclass(frozen=True)
class Applied:
    """What changed in the catalog, who was in segments that were given up by it, how they leave, and the lists that were filled anew."""

    changes: tuple[CatalogChange, ...]
    stakes: tuple[Stake, ...] = ()
    how: Leaving | None = None
    lists: dict[str, ListChange] = field(default_factory=dict)


def planned(parts: Parts, project: str, files: Iterable[Path], *, prune: bool) -> Applied:
    """What `apply` would change, and who is in the segments that would be given up. Raises as `apply` does."""
    documents = read(files, project)
    plan = _planned(parts, project, documents, prune=prune)
    list(outdated(parts, (each.value for each in documents.cohorts)))  # raises for a list whose file or columns are not there
    return plan


def apply(parts: Parts, project: str, files: Iterable[Path], *, prune: bool, leaving: Leaving | None = None) -> Applied:
    """Make the project equal to the files, in one transaction, and their lists equal to the lists' files.

    Raises DefinitionError with file, line and path, and changes nothing, when anything is wrong; and when segments with people
    would be given up and nobody said how they leave.
    """
    documents = read(files, project)
    plan = _planned(parts, project, documents, prune=prune)
    lists = list(outdated(parts, (each.value for each in documents.cohorts)))
    how = endings.decided(plan.stakes, leaving)
    decisions = endings.partings(parts, plan.stakes, how, "the definitions no longer have it there")
    with _drawn_up(parts, lists) as drawn:
        changes = apply_changes(_shelves(parts), parts.destination, project, documents, prune=prune, partings=decisions)
    for _, version in drawn.values():
        parts.list_versions.add(version)
    endings.forget_unneeded(parts)
    return Applied(changes, plan.stakes, how if plan.stakes else None, {cohort: change for cohort, (change, _) in drawn.items()})


def _planned(parts: Parts, project: str, documents: Documents, *, prune: bool) -> Applied:
    parts.catalog.project(project)
    changes = plan_changes(_shelves(parts), parts.destination, project, documents, prune=prune)
    staked = endings.stakes(parts, giving_up(changes, parts.catalog.syncs(project)))
    return Applied(changes, tuple(each for each in staked if each.count))


def _shelves(parts: Parts) -> Shelves:
    return Shelves(parts.catalog, parts.vault, parts.sources, parts.environment, parts.amplitude.check_region)


@contextmanager
def _drawn_up(parts: Parts, cohorts: Iterable[Cohort]) -> Iterator[dict[str, tuple[ListChange, ListVersion]]]:
    """The new lists of cohorts, by id; their files are taken away again when one is wrong, or the block fails."""
    drawn: dict[str, tuple[ListChange, ListVersion]] = {}
    try:
        for cohort in cohorts:
            drawn[cohort.id] = draw_up(parts, cohort, None, Change.REPLACE)
        yield drawn
    except TradewindError:
        for change, _ in drawn.values():
            change.path.unlink(missing_ok=True)
        raise
