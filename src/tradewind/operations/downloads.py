"""Whether the syncs of an account in Amplitude can have the downloads that their cadences need."""

from __future__ import annotations

from collections.abc import Iterator

from tradewind.catalog.sources.sql import Sources
from tradewind.catalog.sql import Catalog
from tradewind.model.cohort import Pulled
from tradewind.model.sync import Sync, SyncState
from tradewind.sources.amplitude.budget import Use, check_cadence


def check_downloads(catalog: Catalog, sources: Sources, sync: Sync) -> None:
    """Raise DefinitionError when a sync, beside all others of its cohort's account over all projects, needs more than there are a month."""
    accounts = {(each.project, each.id): each.account for each in sources.all()}
    definition = catalog.cohort(sync.project, sync.cohort).definition
    account = accounts.get((sync.project, definition.source)) if isinstance(definition, Pulled) else None
    if account is None or not isinstance(definition, Pulled):
        return
    others = [use for other, where, use in _uses(catalog, accounts) if where == account and other != (sync.project, sync.id)]
    check_cadence(_use(catalog.project(sync.project).zone, sync, definition), others)


def pulling(catalog: Catalog, project: str) -> Iterator[tuple[Sync, str]]:
    """The syncs of a project that have not ended and whose cohort lives in Amplitude, each with its source."""
    cohorts = {each.id: each.definition for each in catalog.cohorts(project)}
    for sync in catalog.syncs(project):
        definition = cohorts.get(sync.cohort)
        if sync.state is not SyncState.ENDED and isinstance(definition, Pulled):
            yield sync, definition.source


def _uses(catalog: Catalog, accounts: dict[tuple[str, str], str]) -> Iterator[tuple[tuple[str, str], str | None, Use]]:
    """Every sync that has not ended and pulls a cohort: which it is, of which account, and what it uses."""
    for project in catalog.projects():
        for sync, source in pulling(catalog, project.id):
            definition = catalog.cohort(project.id, sync.cohort).definition
            if isinstance(definition, Pulled):
                yield (project.id, sync.id), accounts.get((project.id, source)), _use(project.zone, sync, definition)


def _use(zone: str, sync: Sync, definition: Pulled) -> Use:
    return Use(definition.cohort, sync.cadence, sync.at, zone)
