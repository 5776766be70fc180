"""Definition files applied whole: the catalog, and the lists that static cohorts name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tradewind.catalog.yaml import read
from tradewind.operations.apply import Change, Shelves, apply_changes, plan_changes
from tradewind.operations.lists import refill_changed
from tradewind.parts import Parts
from tradewind.sources.lists import ListChange


@dataclass(frozen=True)
class Applied:
    """What changed in the catalog, and the lists that were filled anew."""

    changes: tuple[Change, ...]
    lists: dict[str, ListChange] = field(default_factory=dict)


def apply(parts: Parts, project: str, files: Iterable[Path], *, plan_only: bool, prune: bool) -> Applied:
    """Make the project equal to the files, in one transaction; then fill the lists whose files changed.

    Raises DefinitionError with file, line and path, and changes nothing, when anything is wrong.
    """
    documents = read(files, project)
    parts.catalog.project(project)
    act = plan_changes if plan_only else apply_changes
    changes = act(Shelves(parts.catalog, parts.vault, parts.environment), parts.destination, project, documents, prune=prune)
    return Applied(changes, {} if plan_only else refill_changed(parts, project))
