"""Definition files applied whole: the catalog, and the lists that static cohorts name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tradewind.catalog.yaml import read
from tradewind.errors import TradewindError
from tradewind.model.cohort import Cohort
from tradewind.operations.apply import Change as CatalogChange
from tradewind.operations.apply import Shelves, apply_changes, plan_changes
from tradewind.operations.lists import draw_up, outdated
from tradewind.parts import Parts
from tradewind.sources.lists import Change, ListChange
from tradewind.sources.sql import ListVersion


@dataclass(frozen=True)
class Applied:
    """What changed in the catalog, and the lists that were filled anew."""

    changes: tuple[CatalogChange, ...]
    lists: dict[str, ListChange] = field(default_factory=dict)


def apply(parts: Parts, project: str, files: Iterable[Path], *, plan_only: bool, prune: bool) -> Applied:
    """Make the project equal to the files, in one transaction, and their lists equal to the lists' files.

    Raises DefinitionError with file, line and path, and changes nothing, when anything is wrong.
    """
    documents = read(files, project)
    parts.catalog.project(project)
    shelves = Shelves(parts.catalog, parts.vault, parts.environment)
    planned = plan_changes(shelves, parts.destination, project, documents, prune=prune)
    lists = list(outdated(parts, (each.value for each in documents.cohorts)))
    if plan_only:
        return Applied(planned)
    with _drawn_up(parts, lists) as drawn:
        changes = apply_changes(shelves, parts.destination, project, documents, prune=prune)
    for _, version in drawn.values():
        parts.list_versions.add(version)
    return Applied(changes, {cohort: change for cohort, (change, _) in drawn.items()})


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
