"""Lists of static cohorts: replace, add and remove, from a CSV or Parquet file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tradewind.errors import DefinitionError
from tradewind.model.cohort import StaticList
from tradewind.parts import Parts
from tradewind.sources.lists import Change, ListChange
from tradewind.sources.sql import ListVersion


def fill(parts: Parts, project: str, cohort_id: str, file: str | None, change: Change) -> ListChange:
    """Apply a file to the list of a static cohort; without a file, the one its definition names.

    Raises DefinitionError when the cohort is of another kind or the file is not what it should be; nothing is changed then.
    """
    cohort = parts.catalog.cohort(project, cohort_id)
    if not isinstance(cohort.definition, StaticList):
        raise DefinitionError(f"cohort '{cohort_id}' is of kind {cohort.kind.value}; only a static one has a list")
    source = file or cohort.definition.file
    newest = parts.list_versions.newest(project, cohort_id)
    done = parts.lists.change(change, project, cohort_id, cohort.definition, source, Path.cwd(), newest.version if newest else None)
    name, now = Path(source).name, parts.clock.now()
    rows = done.kept + done.added
    parts.list_versions.add(ListVersion(project, cohort_id, done.version, change.value, name, digest(Path(source)), rows, now))
    return done


def refill_changed(parts: Parts, project: str) -> dict[str, ListChange]:
    """Replace the list of every static cohort whose file differs from the one it was last replaced from."""
    changed: dict[str, ListChange] = {}
    for cohort in parts.catalog.cohorts(project):
        if not isinstance(cohort.definition, StaticList):
            continue
        newest = parts.list_versions.newest(project, cohort.id)
        path = Path(cohort.definition.file)
        if newest is None or (path.is_file() and digest(path) != newest.sha256):
            changed[cohort.id] = fill(parts, project, cohort.id, None, Change.REPLACE)
    return changed


def digest(path: Path) -> str:
    """The SHA-256 of a file. Raises DefinitionError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DefinitionError(f"cannot be read: {error.strerror}", file=str(path)) from error
