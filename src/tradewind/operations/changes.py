"""Whether the data of a cohort has changed since a run: what a sync on change goes by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from tradewind.cohorts.check import nested, order
from tradewind.errors import DefinitionError
from tradewind.model.cohort import Behaviour, Cohort, CohortKind, Lookalike, Pushed, StaticList
from tradewind.model.sync import Cadence, Sync
from tradewind.parts import Parts

SILENT = frozenset({CohortKind.SQL, CohortKind.AMPLITUDE})
"""Kinds whose data lies elsewhere and does not say when it changes."""


def mark(parts: Parts, sync: Sync) -> str:
    """A short text that differs after the sync's cohort, or one it is made of, was defined anew or got new data, or others are held out."""
    listed = order(with_parts(parts, sync.project, sync.cohort), [sync.cohort])
    told = [f"{each.id} {each.version} {_data(parts, each)}" for each in listed]
    told += [f"{sync.holdout}"] if sync.holdout else []
    return hashlib.sha256("|".join(told).encode()).hexdigest()[:16]


def lives_on_events(parts: Parts, sync: Sync) -> bool:
    """Whether new events change the data of a sync's cohort, or of one it is made of."""
    made_of = with_parts(parts, sync.project, sync.cohort)
    return any(isinstance(each.definition, Behaviour | Lookalike) for each in made_of)


def with_parts(parts: Parts, project: str, cohort: str) -> tuple[Cohort, ...]:
    """A cohort and all that it is made of, as far as they are there; no other definition is read."""
    found: dict[str, Cohort] = {}
    pending = [cohort]
    while pending:
        read = parts.catalog.cohorts_of(project, pending)
        found |= {each.id: each for each in read}
        pending = [part for each in read for part in nested(each) if part not in found]
    return tuple(found.values())


def check_tells(cohorts: Iterable[Cohort], sync: Sync, *, tables: bool) -> None:
    """Raise DefinitionError when a sync on change has a cohort, or a part of it, that cannot tell that it changed.

    With `tables` the project's behavioural cohorts are answered from a client's tables.
    """
    if sync.cadence is not Cadence.ON_CHANGE:
        return
    silent = silent_part(cohorts, sync.cohort, tables=tables)
    if silent:
        raise DefinitionError(
            f"cohort '{silent.id}' is of kind {silent.kind.value}, whose data does not say when it changes; "
            "give the sync the cadence hourly, daily or cron"
        )


def silent_part(cohorts: Iterable[Cohort], cohort: str, *, tables: bool) -> Cohort | None:
    """The cohort, or the first of those it is made of, that cannot tell that it changed; None where all can."""
    silent = SILENT | {CohortKind.BEHAVIOURAL, CohortKind.LOOKALIKE} if tables else SILENT
    return next((each for each in order(cohorts, [cohort]) if each.kind in silent), None)


def _data(parts: Parts, cohort: Cohort) -> str:
    match cohort.definition:
        case Behaviour() | Lookalike():
            return f"events {parts.events.imports(cohort.project)}"
        case StaticList():
            newest = parts.list_versions.newest(cohort.project, cohort.id)
            return f"list {newest.version if newest else 0}"
        case Pushed(there):
            last = parts.pushed.messages.newest(cohort.project, there)
            return f"message {last.number if last else 0}"
        case _:
            return ""
