"""Whether the syncs of an account in Amplitude can have the downloads that their cadences need."""

from __future__ import annotations

from collections.abc import Iterator

from tradewind.catalog.sources.sql import Sources
from tradewind.catalog.sql import Catalog
from tradewind.cohorts.check import order
from tradewind.model.cohort import Cohort, Pulled
from tradewind.model.sync import Sync, SyncState
from tradewind.sources.amplitude.budget import Use, check_cadence

Accounts = dict[tuple[str, str], str]
"""Project and source -> the account of its API key."""


def check_downloads(catalog: Catalog, sources: Sources, sync: Sync) -> None:
    """Raise DefinitionError when a sync needs more downloads a month than its account has.

    Beside it count all other syncs of that account, over all projects; and of each sync the cohorts that its own is made of too.
    """
    accounts = {(each.project, each.id): each.account for each in sources.all()}
    mine = list(_uses(catalog, accounts, sync, pulled(catalog.cohorts(sync.project), sync.cohort)))
    for account in {account for account, _ in mine}:
        everywhere = (each for project in catalog.projects() for each in pulling(catalog, project.id))
        others = [other for other in everywhere if (other[0].project, other[0].id) != (sync.project, sync.id)]
        theirs = [use for other in others for where, use in _uses(catalog, accounts, *other) if where == account]
        check_cadence([use for where, use in mine if where == account], theirs)


def pulling(catalog: Catalog, project: str) -> Iterator[tuple[Sync, tuple[Cohort, ...]]]:
    """The syncs of a project that have not ended and are answered from Amplitude, each with the cohorts that are pulled for it."""
    cohorts = catalog.cohorts(project)
    if any(isinstance(each.definition, Pulled) for each in cohorts):
        for sync in catalog.syncs(project):
            if sync.state is not SyncState.ENDED and (found := pulled(cohorts, sync.cohort)):
                yield sync, found


def pulled(cohorts: tuple[Cohort, ...], cohort: str) -> tuple[Cohort, ...]:
    """What is pulled for a cohort: itself, or those of its parts that live in Amplitude."""
    return tuple(each for each in order(cohorts, [cohort]) if isinstance(each.definition, Pulled))


def _uses(catalog: Catalog, accounts: Accounts, sync: Sync, cohorts: tuple[Cohort, ...]) -> Iterator[tuple[str, Use]]:
    """What a sync uses of which account."""
    zone = catalog.project(sync.project).zone
    for each in cohorts:
        account = accounts.get((sync.project, each.definition.source)) if isinstance(each.definition, Pulled) else None
        if account and isinstance(each.definition, Pulled):
            yield account, Use(each.definition.cohort, sync.cadence, sync.at, zone, sync.cron)
