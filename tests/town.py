"""A product of real parts around a platform, an engine and a clock in memory: days pass at once, and everything can be looked into."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

from argon2 import PasswordHasher

from schema import migrated
from tradewind.access.passwords import Passwords
from tradewind.access.sql import SqlAccess, SqlTrail
from tradewind.catalog.sources.sql import Sources
from tradewind.catalog.sql import Catalog
from tradewind.clock import StandingClock
from tradewind.compute import Bounds
from tradewind.destinations.base import Request
from tradewind.engines.folders import Folders
from tradewind.engines.lookalike.room import Lookalikes
from tradewind.engines.lookalike.sql import Models
from tradewind.engines.memory import Event, MemoryEngine, MemoryPreviews, resolve
from tradewind.engines.serving import Reach, opening
from tradewind.errors import EngineError
from tradewind.events.store import EventStore
from tradewind.ledger.memory import MemoryLedger
from tradewind.ledger.readings.sql import Readings
from tradewind.ledger.sql import SqlLedger
from tradewind.ledger.statements.sql import Statements
from tradewind.lots import lot
from tradewind.membership.sql import Versions
from tradewind.model.cohort import Behaviour, Cohort, CohortKind, Did
from tradewind.model.destination import Auth, Connection, Secret
from tradewind.model.identifier import IdentityMap, IdType
from tradewind.model.identifier import Mapping as IdMapping
from tradewind.model.project import Project, ProjectPlan
from tradewind.model.run import Receipt
from tradewind.model.snapshot import Snapshot, Wanted
from tradewind.model.sync import Cadence, Recency, Refresh, Sync
from tradewind.notify.base import Notify, Silent
from tradewind.notify.sql import Book
from tradewind.operations import syncs
from tradewind.parts import Parts
from tradewind.privacy.sql import Requests, Suppressions
from tradewind.sources.amplitude.amplitude import Amplitude
from tradewind.sources.amplitude.memory import MemoryAmplitude
from tradewind.sources.amplitude.sql import Downloads
from tradewind.sources.lists import ListStore
from tradewind.sources.received.sql import Received
from tradewind.sources.select import SelectSource
from tradewind.sources.sql import ListVersions
from tradewind.sources.uploads.sql import Uploads
from tradewind.sources.webhook.sql import Messages
from tradewind.sources.webhook.store import PushedStore
from tradewind.testing.fakes import FakeDestination
from tradewind.trials.sql import Trials
from tradewind.vault.key import create_key
from tradewind.vault.sql import Vault, plant_canary

AMPLITUDE = "https://amplitude.invalid"

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Passwords of tests are worth nothing."""

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Platform(FakeDestination):
    """The platform in memory, which lets a test act while a request is under way."""

    on_send: Callable[[], object] = staticmethod(lambda: None)

    def send(self, request: Request) -> Receipt:
        """As it is, and then what the test wants."""
        receipt = super().send(request)
        self.on_send()
        return receipt


class People:
    """An engine whose people are a set of numbers; each opened the app at `last`, or an hour ago. It fails when told to."""

    def __init__(self) -> None:
        self.numbers: set[int] = set(range(1, 101))
        self.last: dict[int, datetime] = {}
        self.broken = False

    def evaluate(
        self,
        project: Project,
        cohort: Cohort,
        as_of: datetime,
        wanted: Sequence[Wanted],
        nested: Mapping[str, Path],
        out: Path,
        *,
        recency: bool = False,
        named: bool = True,
    ) -> Snapshot:
        return self.engine(project, as_of).evaluate(project, cohort, as_of, wanted, nested, out, recency=recency, named=named)

    def persons(self, project: Project, members: Collection[bytes], as_of: datetime) -> dict[bytes, str]:
        return self.engine(project, as_of).persons(project, members, as_of)

    def attach(self, project: Project, members: Path, as_of: datetime, wanted: Sequence[Wanted], out: Path) -> Snapshot:
        return self.engine(project, as_of).attach(project, members, as_of, wanted, out)

    def close(self) -> None:
        """Nothing to give back."""

    def engine(self, project: Project, as_of: datetime) -> MemoryEngine:
        if self.broken:
            raise EngineError("the events cannot be read")
        moment = as_of - timedelta(hours=1)
        told = [
            Event("Open", self.last.get(n, moment), user_id=f"u{n}", user_properties={"ad": str(guid(n))}) for n in sorted(self.numbers)
        ]
        return MemoryEngine({project.id: told})


def guid(number: int) -> UUID:
    """The device of a person."""
    return UUID(int=(0xA << 120) + (number << 64) + number)


def number_of(device: bytes) -> int:
    """Whose it is."""
    return int.from_bytes(device, "big") & (2**64 - 1)


def member(number: int) -> bytes:
    """The key of a person of the town."""
    return hashlib.md5(f"user:u{number}".encode(), usedforsecurity=False).digest()[::-1]


def drawn(percent: int, salt: str, numbers: set[int]) -> set[int]:
    """Whose lot is below a share."""
    return {number for number in numbers if lot(member(number), salt) < percent / 100}


class Town:
    """A home in `folder`, with a cohort of everybody and a connection; syncs are added by tests. It begins at noon of a day."""

    def __init__(self, folder: Path, ledger: MemoryLedger | None = None, zone: str = "UTC") -> None:
        self.database = migrated(folder)
        self.clock, self.people = StandingClock(NOON), People()
        self.messenger = Silent()
        self.platform, self.amplitude = Platform(self.clock), MemoryAmplitude()
        key = create_key(folder)
        plant_canary(self.database, key)
        vault = Vault(self.database, key)
        self.parts = Parts(
            home=folder,
            clock=self.clock,
            bounds=Bounds(threads=1),
            catalog=Catalog(self.database),
            trail=SqlTrail(self.database),
            access=SqlAccess(self.database),
            passwords=Passwords(QUICK),
            ledger=ledger or SqlLedger(self.database),
            versions=Versions(self.database),
            trials=Trials(self.database),
            vault=vault,
            suppressions=Suppressions(self.database, vault.suppressions_key(), vault),
            privacy=Requests(self.database),
            events=EventStore(self.database, folder),
            engine=self.people,
            previews=MemoryPreviews(self.people.engine),
            lookalikes=Lookalikes(folder, EventStore(self.database, folder), Models(self.database)),
            resolve=resolve,
            lists=ListStore(folder),
            list_versions=ListVersions(self.database),
            select=lambda _project, _as_of: SelectSource(folder, {}, None),
            server=partial(opening, Reach({}, Folders((folder / "tables",), folder))),
            sources=Sources(self.database),
            uploads=Uploads(self.database),
            received=Received(self.database),
            pushed=PushedStore(folder, Messages(self.database)),
            amplitude=Amplitude({"us": AMPLITUDE}, vault, Downloads(self.database), self.amplitude.connect),
            statements=Statements(self.database),
            readings=Readings(self.database),
            notify=Notify(Book(self.database), self.messenger),
            destination=lambda _kind: self.platform,
            environment={},
            chance=lambda: 0.5,
        )
        self.parts.catalog.add_project(Project("default", "Default", ProjectPlan.PAID, zone, ("fake",)), "ann")
        self.parts.catalog.save_cohort(Cohort("default", "all", "All", CohortKind.BEHAVIOURAL, Behaviour(Did("Open"))))
        identity = IdentityMap((IdMapping("user.ad", IdType.DAID),))
        self.parts.catalog.save_connection(Connection("default", "main", "Main", "fake", "adv1", "here", Auth.SIGNATURE, identity))
        self.parts.vault.seal("default", "main", Secret("s3cret"))

    def add(
        self,
        name: str,
        cadence: Cadence,
        at: time = time(6),
        ttl_days: int = 30,
        refresh: Refresh = Refresh.EVERY_SYNC,
        recency: Recency = Recency.SYNC,
        cron: str = "",
        cohort: str = "all",
        holdout: int | None = None,
    ) -> Sync:
        """A sync of everybody, or of another cohort, into a segment of its own."""
        wish = syncs.Wish(cohort, "main", name, f"segment {name}", ttl_days, cadence, at, refresh, recency, cron, holdout)
        return syncs.add(self.parts, "default", wish)

    def held(self, sync: Sync) -> set[int]:
        """The numbers of those who are in the segment now, as the platform has it."""
        return {number_of(each[1]) for each in self.platform.held(*self._place(sync))}

    def lapses(self, sync: Sync) -> dict[int, datetime]:
        """Until when everybody is in the segment, as the platform has it, those who lapsed too."""
        return {number_of(each[1]): until for each, until in self.platform.segments[self._place(sync)].items()}

    def stamps(self, sync: Sync) -> dict[int, datetime]:
        """The stamp with which each was added or renewed last."""
        return {number_of(each[1]): stamp for each, stamp in self.platform.stamps[self._place(sync)].items()}

    def _place(self, sync: Sync) -> tuple[str, str, str]:
        return "https://memory.invalid", "adv1", sync.segment

    def at(self, moment: datetime) -> None:
        """Let time pass until an instant."""
        self.clock.sleep((moment - self.clock.now()).total_seconds())

    def close(self) -> None:
        """Give the database back."""
        self.database.close()
