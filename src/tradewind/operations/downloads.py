"""Whether the syncs of an account in Amplitude can have the downloads that their cadences need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from tradewind.catalog.sources.sql import Sources
from tradewind.catalog.sql import Catalog
from tradewind.cohorts.check import order
from tradewind.model.cohort import Cohort, Pulled
from tradewind.model.sync import Sync, SyncState
from tradewind.sources.amplitude.budget import DOWNLOADS, Use, check_cadence, monthly


class Downloads:
    """What all syncs of all projects need of which account in Amplitude, read once."""

    def __init__(self, catalog: Catalog, sources: Sources) -> None:
        self._accounts = {(each.project, each.id): each.account for each in sources.all()}
        self._zones = {project.id: project.zone for project in catalog.projects()}
        self._needs: dict[str, list[tuple[tuple[str, str], Use]]] = defaultdict(list)
        for project in self._zones:
            for sync, cohorts in pulling(catalog, project):
                for account, use in self._uses(sync, cohorts):
                    self._needs[account].append(((project, sync.id), use))
        self._all = {account: monthly(use for _, use in needs) for account, needs in self._needs.items()}

    def check(self, sync: Sync, cohorts: Iterable[Cohort]) -> None:
        """Raise DefinitionError when a sync, as it shall be, needs more downloads a month than its account has.

        `cohorts` are those that are pulled for it. Where there is enough for all beside it, the others are not looked at one by one.
        """
        mine = list(self._uses(sync, cohorts))
        for account in dict.fromkeys(account for account, _ in mine):
            wanted = [use for where, use in mine if where == account]
            if self._all.get(account, 0) + monthly(wanted) > DOWNLOADS:
                check_cadence(wanted, [use for whose, use in self._needs[account] if whose != (sync.project, sync.id)])

    def _uses(self, sync: Sync, cohorts: Iterable[Cohort]) -> Iterator[tuple[str, Use]]:
        """What a sync uses of which account."""
        for each in cohorts:
            account = self._accounts.get((sync.project, each.definition.source)) if isinstance(each.definition, Pulled) else None
            if account and isinstance(each.definition, Pulled):
                yield account, Use(each.definition.cohort, sync.cadence, sync.at, self._zones[sync.project], sync.cron)


def check_downloads(catalog: Catalog, sources: Sources, sync: Sync) -> None:
    """Raise DefinitionError when a sync needs more downloads a month than its account has.

    Beside it count all other syncs of that account, over all projects; and of each sync the cohorts that its own is made of too.
    """
    cohorts = pulled(catalog.cohorts(sync.project), sync.cohort)
    if cohorts:
        Downloads(catalog, sources).check(sync, cohorts)


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
