"""Stores that answer from memory: what was read of catalog, vault and memberships is remembered until something is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

from tradewind.catalog.sql import Catalog
from tradewind.database import Database
from tradewind.events.store import EventStore
from tradewind.membership.sql import Version, Versions, version_table
from tradewind.model.cohort import Cohort
from tradewind.model.destination import Connection, Secret
from tradewind.model.privacy import PrivacyRequest
from tradewind.model.project import Project, Standing
from tradewind.model.sync import Parting, Sync
from tradewind.privacy.sieve import Sieve
from tradewind.privacy.sql import Requests, Strongbox, Suppressions
from tradewind.vault.sql import FIELD, Vault

Given = ParamSpec("Given")
Value = TypeVar("Value")
Store = TypeVar("Store", bound="_Remembering")


class _Remembering:
    """Answers of one database, forgotten with the first statement that is no question, and when something is taken back."""

    answers: dict[Any, Any]

    def remember(self, database: Database) -> None:
        """Begin to remember, and listen for writes."""
        self.answers = {}

        def forget(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            if not statement.lstrip().upper().startswith(("SELECT", "BEGIN")):
                self.answers.clear()

        sa.event.listen(database.engine, "before_cursor_execute", forget)
        sa.event.listen(database.engine, "rollback", lambda _connection: self.answers.clear())


def _remembered(read: Callable[Concatenate[Store, Given], Value]) -> Callable[Concatenate[Store, Given], Value]:
    @wraps(read)
    def answer(store: Store, /, *given: Given.args, **named: Given.kwargs) -> Value:
        if named:
            return read(store, *given, **named)
        key = (read.__name__, *given)
        if key not in store.answers:
            store.answers[key] = read(store, *given, **named)
        found: Value = store.answers[key]
        return found

    return answer


class RememberingCatalog(_Remembering, Catalog):
    """The catalog."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.remember(database)

    @_remembered
    def projects(self) -> tuple[Project, ...]:
        """Every project."""
        return super().projects()

    @_remembered
    def cohorts(self, project: str) -> tuple[Cohort, ...]:
        """Every cohort of a project."""
        return super().cohorts(project)

    @_remembered
    def cohort(self, project: str, cohort: str) -> Cohort:
        """One of them."""
        return super().cohort(project, cohort)

    @_remembered
    def cohort_at(self, project: str, cohort: str, version: int) -> Cohort:
        """One of them as it was."""
        return super().cohort_at(project, cohort, version)

    @_remembered
    def connections(self, project: str) -> tuple[Connection, ...]:
        """Every connection of a project."""
        return super().connections(project)

    @_remembered
    def standing(self, project: str, destination: str) -> Standing:
        """Whether a project may send to a kind of platform."""
        return super().standing(project, destination)

    @_remembered
    def partings(self) -> dict[str, Parting]:
        """What was decided about each target that was given up."""
        return super().partings()

    @_remembered
    def syncs(self, project: str) -> tuple[Sync, ...]:
        """Every sync of a project."""
        return super().syncs(project)


class RememberingVault(_Remembering, Vault):
    """The vault."""

    def __init__(self, database: Database, key_file: Path) -> None:
        super().__init__(database, key_file)
        self.remember(database)

    @_remembered
    def open(self, project: str, connection: str, version: int, field: str = FIELD) -> Secret:
        """A secret."""
        return super().open(project, connection, version, field)

    @_remembered
    def latest(self, project: str, connection: str, field: str = FIELD) -> int | None:
        """The number of the newest."""
        return super().latest(project, connection, field)


class RememberingSuppressions(_Remembering, Suppressions):
    """The list of people who said no."""

    def __init__(self, database: Database, key: bytes, box: Strongbox) -> None:
        super().__init__(database, key, box)
        self.remember(database)

    @_remembered
    def sieve(self, project: str, since: datetime | None = None) -> Sieve:
        """Everyone who is suppressed."""
        return super().sieve(project, since)

    def blocks_since(self, project: str, since: datetime) -> int:
        """How many blocks came on the list since an instant."""
        return super().blocks_since(project, since) if self.sieve(project) else 0


class RememberingRequests(_Remembering, Requests):
    """What people who said no are owed."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.remember(database)

    def due(self, now: datetime) -> tuple[PrivacyRequest, ...]:
        """What can be done now."""
        return super().due(now) if self.listed("default") else ()

    @_remembered
    def listed(self, project: str) -> tuple[PrivacyRequest, ...]:
        """Every request of a project."""
        return super().listed(project)


class RememberingVersions(_Remembering, Versions):
    """The list of membership versions."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.remember(database)

    @_remembered
    def newest(self, target: str) -> Version | None:
        """The current belief about a target."""
        return super().newest(target)

    @_remembered
    def heads(self) -> dict[str, Version]:
        """The current belief about every target."""
        return super().heads()

    @_remembered
    def of_run(self, run: str) -> Version | None:
        """The version a run left behind."""
        return super().of_run(run)

    def forget(self, before: datetime) -> None:
        """Versions older than an instant are of no use to a simulation of many days, but for the last few."""
        v = version_table.c
        for target, head in self.heads().items():
            with self.database.transaction() as db:
                db.execute(version_table.delete().where(v.target == target, v.version < head.version - 3, v.created_at < before))


class NoEvents(EventStore):
    """An event store to which nothing was ever imported, which needs no look into its tables."""

    def newest(self, project: str) -> datetime | None:
        """None."""
        del project
        return None

    def unread(self, project: str) -> int:
        """No file was left out."""
        del project
        return 0

    def imports(self, project: str) -> int:
        """Never."""
        del project
        return 0

    def changed(self, project: str, since: datetime, until: datetime) -> set[str]:
        """None: kinds of values are looked at when files are imported."""
        del project, since, until
        return set()

    def vanished(self, project: str, until: datetime) -> set[str]:
        """No property was there before."""
        del project, until
        return set()
