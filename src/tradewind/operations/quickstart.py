"""Quickstart: from a list that somebody already has to a sync that is ready to be planned and run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tradewind.cohorts.document import read_value
from tradewind.cohorts.parse import parse_cohort, to_document
from tradewind.errors import DefinitionError
from tradewind.model.cohort import Cohort, CohortKind, StaticList
from tradewind.model.identifier import IdType, Mapping
from tradewind.model.sync import Sync
from tradewind.operations import lists, syncs
from tradewind.parts import Parts
from tradewind.sources.columns import ColumnReport, inspect
from tradewind.sources.lists import Change, ListChange


def look(file: str) -> tuple[ColumnReport, ...]:
    """What the columns of a file hold. Raises DefinitionError when it is no CSV or Parquet that can be read."""
    return inspect(file)


def choose(reports: Iterable[ColumnReport], said: Iterable[str]) -> tuple[tuple[Mapping, ...], tuple[str, ...]]:
    """The identifier columns with their types, and the columns only a person can decide (GUIDs that name no kind).

    `said` are the person's words, COLUMN=TYPE or COLUMN=none, and win over any guess. Raises DefinitionError when one
    names no column of the file or no type, and when no column is left.
    """
    known = {report.name: report for report in reports}
    spoken = dict(_spoken(word, known) for word in said)
    chosen, open_questions = [], []
    for report in known.values():
        if report.name in spoken:
            chosen += [(report.name, kind) for kind in [spoken[report.name]] if kind]
        elif report.guess:
            chosen.append((report.name, report.guess))
        elif report.ambiguous:
            open_questions.append(report.name)
    if not (chosen or open_questions):
        raise DefinitionError("no column holds identifiers; name one with --column COLUMN=TYPE")
    return tuple(Mapping(f"column.{name}", kind) for name, kind in chosen), tuple(open_questions)


def cohort_of(parts: Parts, project: str, file: str, mappings: tuple[Mapping, ...], name: str | None) -> Cohort:
    """The static cohort that a list amounts to, not yet saved; its id is made of its name.

    Raises DefinitionError when the name cannot be one, or its id is that of a cohort of another kind.
    """
    title = name or Path(file).stem
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:50].strip("-") or "list"
    there = {cohort.id: cohort for cohort in parts.catalog.cohorts(project)}.get(slug)
    if there and there.kind is not CohortKind.STATIC:
        raise DefinitionError(f"cohort '{slug}' exists already and is of kind {there.kind.value}; choose another name with --name")
    wanted = Cohort(project, slug, title, CohortKind.STATIC, StaticList(str(Path(file).resolve()), mappings))
    return parse_cohort(read_value(to_document(wanted), file), project)


def prepare(parts: Parts, cohort: Cohort, connection: str) -> tuple[Sync, ListChange]:
    """Save a list's cohort, its list, and a One-Time Sync of it through a connection. Done twice, it takes the file anew."""
    project = cohort.project
    parts.catalog.connection(project, connection)
    parts.catalog.save_cohort(cohort)
    filled = lists.fill(parts, project, cohort.id, None, Change.REPLACE)
    wanted = syncs.sync_from(parts, project, syncs.Wish(cohort.id, connection))
    existing = {sync.id: sync for sync in parts.catalog.syncs(project)}
    if wanted.id not in existing:
        parts.catalog.add_sync(wanted)
    return existing.get(wanted.id, wanted), filled


def _spoken(word: str, known: dict[str, ColumnReport]) -> tuple[str, IdType | None]:
    column, _, kind = word.rpartition("=")
    if column not in known:
        raise DefinitionError(f"the file has no column '{column[:60]}'; it has {', '.join(known)}")
    if kind.lower() == "none":
        return column, None
    if kind.upper() not in set(IdType):
        raise DefinitionError(f"'{kind[:20]}' is no type of identifier; write one of {', '.join(IdType)}, or none")
    return column, IdType(kind.upper())
