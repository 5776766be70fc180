"""Lists of static cohorts: replace, add and remove, from a CSV or Parquet file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from tradewind.errors import DefinitionError, LedgerError
from tradewind.model.cohort import Cohort, StaticList
from tradewind.moment import reached
from tradewind.parts import Parts
from tradewind.sources.files import open_table
from tradewind.sources.lists import Change, ListChange
from tradewind.sources.members import needed_columns
from tradewind.sources.sql import ListVersion


def fill(parts: Parts, project: str, cohort_id: str, file: str | None, change: Change) -> ListChange:
    """Apply a file to the list of a static cohort; without a file, the one its definition names.

    Raises DefinitionError when the cohort is of another kind or the file is not what it should be; nothing is changed then.
    """
    done, version = draw_up(parts, parts.catalog.cohort(project, cohort_id), file, change)
    reached("list.published")
    try:
        parts.list_versions.add(version)
    except LedgerError:
        done.path.unlink(missing_ok=True)
        raise
    reached("list.recorded")
    return done


def draw_up(parts: Parts, cohort: Cohort, file: str | None, change: Change) -> tuple[ListChange, ListVersion]:
    """The next version of a static cohort's list: its file is there, and counts once its row is added. Raises as `fill` does."""
    project, cohort_id = cohort.project, cohort.id
    if not isinstance(cohort.definition, StaticList):
        raise DefinitionError(f"cohort '{cohort_id}' is of kind {cohort.kind.value}; only a static one has a list")
    source = file or cohort.definition.file
    newest = parts.list_versions.newest(project, cohort_id)
    done = parts.lists.change(change, project, cohort_id, cohort.definition, source, Path.cwd(), newest.version if newest else None)
    name, now = Path(source).name, parts.clock.now()
    rows = done.kept + done.added
    return done, ListVersion(project, cohort_id, done.version, change.value, name, digest(Path(source)), rows, now)


def outdated(parts: Parts, cohorts: Iterable[Cohort]) -> Iterator[Cohort]:
    """Those of the cohorts whose list is to be drawn up anew: there is none yet, or their file differs from the last.

    Raises DefinitionError for a file or column that is not there, unless all is as it was and only the file has gone since.
    """
    for cohort in cohorts:
        if not isinstance(cohort.definition, StaticList):
            continue
        newest, file = parts.list_versions.newest(cohort.project, cohort.id), cohort.definition.file
        if newest and not Path(file).exists() and cohort.definition == parts.catalog.cohort(cohort.project, cohort.id).definition:
            continue
        open_table(file, Path.cwd()).require(needed_columns(cohort.definition.people, cohort.definition.identifiers))
        if newest is None or digest(Path(file)) != newest.sha256:
            yield cohort


def digest(path: Path) -> str:
    """The SHA-256 of a file. Raises DefinitionError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DefinitionError(f"cannot be read: {error.strerror}", file=str(path)) from error
