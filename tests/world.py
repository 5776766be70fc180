"""A home of the product between people in memory and the platform of `desk.py`; made for machines."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from desk import NOON, Desk, WallClock
from memory_stores import (
    NoEvents,
    RememberingCatalog,
    RememberingRequests,
    RememberingSuppressions,
    RememberingVault,
    RememberingVersions,
)
from tradewind import moment
from tradewind.access.passwords import Passwords
from tradewind.access.sql import SqlAccess, SqlTrail
from tradewind.catalog.sources.sql import Sources
from tradewind.catalog.sql import Catalog
from tradewind.compute import Bounds, connect
from tradewind.database import SQLITE, Database
from tradewind.destinations.base import Destination
from tradewind.engines import memory
from tradewind.engines.base import Resolve
from tradewind.engines.duckdb import SETTINGS
from tradewind.engines.folders import Folders
from tradewind.engines.lookalike.room import Lookalikes
from tradewind.engines.lookalike.sql import Models
from tradewind.engines.serving import Reach, opening
from tradewind.errors import EngineError
from tradewind.ledger.memory import MemoryLedger
from tradewind.ledger.readings.sql import Readings
from tradewind.ledger.statements.sql import Statements
from tradewind.membership.facts import to_arrow
from tradewind.membership.files import believed
from tradewind.membership.sql import Versions
from tradewind.migrations import database_upgrade
from tradewind.model.cohort import Behaviour, Cohort, CohortKind, Did
from tradewind.model.destination import Auth, Connection, Secret
from tradewind.model.identifier import IdentityMap, IdType, Take
from tradewind.model.identifier import Mapping as IdMapping
from tradewind.model.plan import Batch
from tradewind.model.privacy import RequestType
from tradewind.model.project import Project, ProjectPlan
from tradewind.model.run import Claim, Entry, Run, RunOutcome
from tradewind.model.snapshot import LAST_EVENT, Snapshot, Wanted
from tradewind.model.sync import Binding
from tradewind.notify.base import Notify, Silent
from tradewind.notify.sql import Book
from tradewind.operations import privacy
from tradewind.parts import Parts
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
from tradewind.trials.sql import Trials
from tradewind.vault.key import NAME, create_key
from tradewind.vault.sql import Vault, plant_canary

_AD, _SPARE = (IdMapping(source, IdType.DAID, Take.ALL) for source in ("user.ad", "user.spare"))

MAPS = {False: IdentityMap((_AD,)), True: IdentityMap((_AD, _SPARE))}
"""The map of a connection without the spare identifiers, and with them."""

VERSIONS = "versions.db"
"""Membership versions have a database of their own, so that writing one makes no answer of the catalog forgotten."""

BETWEEN = {"plan.recorded", "delta.written", "batches.laid", "request.signed", "ledger.advanced", "delivery.waiting", "membership.written"}
"""Moments at which something else may happen in the same thread: no transaction is open."""


class Killed(BaseException):
    """The process died here: nothing it would have done after this happens."""


@dataclass
class Tripwire:
    """Kills at the n-th thing that is done; whatever a dead process would still do is refused."""

    left: int | None = None
    dead: bool = False
    steps: int = 0
    last: str = ""

    calls: tuple[int, Callable[[], object]] | None = None

    def arm(self, steps: int | None) -> None:
        """Die at the `steps`-th step from now; None to live."""
        self.left, self.dead, self.calls = steps, False, None

    def call(self, steps: int, act: Callable[[], object]) -> None:
        """Let something else happen at the `steps`-th of the moments that lie between two transactions."""
        self.calls = steps, act

    def step(self, name: str) -> None:
        """One more thing is done."""
        if self.dead:
            raise Killed(name)
        self.steps += 1
        self._call(name)
        if self.left is None:
            return
        self.left -= 1
        if self.left <= 0:
            self.dead, self.last = True, name
            raise Killed(name)

    def _call(self, name: str) -> None:
        if self.calls and name in BETWEEN:
            left, act = self.calls
            self.calls = (left - 1, act) if left > 1 else None
            if self.calls is None:
                act()


_wires: list[Tripwire] = []


def _passed(name: str) -> None:
    if _wires and threading.current_thread() is threading.main_thread():
        _wires[-1].step(name)


moment.watch(_passed)


@dataclass
class Witness(MemoryLedger):
    """The ledger in memory; it dies where it is told to, and remembers every intent, and which runs ended in which order."""

    wire: Tripwire
    intents: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    promised: set[str] = field(default_factory=set)
    run_of: dict[str, str] = field(default_factory=dict)
    written: Counter[str] = field(default_factory=Counter)
    ended: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Empty."""
        super().__init__()

    def forget(self, run: str) -> None:
        """A run that ended long ago is of no use to a simulation of many days."""
        del self._runs[run]

    def open(self, run: Run, binding: Binding) -> None:
        self.wire.step("ledger.open")
        super().open(run, binding)
        self.wire.step("ledger.opened")

    def record(self, claim: Claim, phase: str, value: object) -> None:
        self.wire.step("ledger.record")
        super().record(claim, phase, value)

    def close(self, claim: Claim, outcome: RunOutcome, reason: str, at: datetime) -> None:
        self.wire.step("ledger.close")
        super().close(claim, outcome, reason, at)
        self.ended.append(claim.run)

    def release(self, claim: Claim) -> None:
        if not self.wire.dead:
            super().release(claim)

    def advance(self, claim: Claim, entries: Sequence[Entry], sent: Sequence[Batch] = ()) -> None:
        self.wire.step("ledger.advance")
        super().advance(claim, entries, sent)
        for batch in sent:
            assert batch.fingerprint
            self.intents.setdefault((claim.run, batch.number), set()).add(batch.fingerprint)
            self.promised.add(batch.fingerprint)
            self.run_of[batch.fingerprint] = claim.run
            self.written[batch.fingerprint] += 1
        self.wire.step("ledger.advanced")


class Another:
    """The ledger as another process has it, which claims by a name of its own."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def claim(self, run: str, owner: str, now: datetime, until: datetime, dead: Iterable[str] = ()) -> Claim:
        """As another."""
        name = owner if owner.startswith("another") else f"another {owner}"
        claim: Claim = self._inner.claim(run, name, now, until, dead)
        return claim

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def identifier(text: str) -> bytes:
    """The device of a name."""
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()


@dataclass
class Crowd:
    """The engine: cohorts as sets of persons, and each person's identifiers by name; two share one, unless told otherwise.

    Each person has a spare one too, which counts where the connection's map asks for `user.spare` (`spare`: of which cohorts).
    """

    members: dict[str, set[int]] = field(default_factory=dict)
    names: dict[tuple[str, int], tuple[str, ...]] = field(default_factory=dict)
    spare: set[str] = field(default_factory=set)
    broken: bool = False
    universe: dict[str, set[bytes]] = field(default_factory=dict)
    asked: dict[str, frozenset[bytes]] = field(default_factory=dict)

    def identifiers(self, cohort: str) -> set[bytes]:
        """Those of everybody who is in a cohort now, by the map of now."""
        return self._identifiers(cohort, ["user.ad", "user.spare"] if cohort in self.spare else ["user.ad"])

    def _identifiers(self, cohort: str, sources: Iterable[str]) -> set[bytes]:
        everybody = self.members.get(cohort, ())
        return {identifier(name) for source in sources for person in everybody for name in self._names(cohort, person, source)}

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
        del project, nested, named
        if self.broken:
            raise EngineError("the events cannot be read")
        wished = self._identifiers(cohort.id, [each.source for each in wanted])
        self.universe.setdefault(cohort.id, set()).update(wished)
        self.asked[out.parent.name] = frozenset(wished)
        persons = sorted(self.members.get(cohort.id, ()))
        columns: dict[str, pa.Array[Any]] = {
            each.source: pa.array(
                [[guid(identifier(name)) for name in self._names(cohort.id, person, each.source)] for person in persons],
                pa.list_(pa.string()),
            )
            for each in wanted
        }
        if recency:
            columns[LAST_EVENT] = pa.array([_last_event(person, as_of) for person in persons], pa.timestamp("us"))
        members = pa.array([identifier(f"{cohort.id} {person}") for person in persons], pa.binary())
        out.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"member": members, "person": [f"user:{person}" for person in persons], **columns}), out)
        return Snapshot(out, len(persons), as_of.astimezone(UTC))

    def persons(self, project: Project, members: Collection[bytes], as_of: datetime) -> dict[bytes, str]:
        raise NotImplementedError

    def attach(self, project: Project, members: Path, as_of: datetime, wanted: Sequence[Wanted], out: Path) -> Snapshot:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing to give back."""

    def _names(self, cohort: str, person: int, source: str) -> tuple[str, ...]:
        if source == "user.spare":
            return (f"{cohort} {person} spare",)
        return self.names.get((cohort, person), (f"{cohort} {person}", f"{cohort} of {person // 2}"))


def _last_event(person: int, as_of: datetime) -> datetime | None:
    """What somebody did last: one in four did nothing; the others come at an hour of their own, every so many days."""
    if person % 4 == 0:
        return None
    today = as_of.astimezone(UTC).replace(hour=3 * person, minute=17, second=4)
    last = today - timedelta(days=today.toordinal() % (2 * person))
    return last if last < as_of else last - timedelta(days=2 * person)


def guid(value: bytes) -> str:
    """An identifier as text."""
    text = value.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


@dataclass(frozen=True)
class Substitutes:
    """What a world is made with in the place of its own parts: each takes the honest part and gives the other."""

    ledger: Callable[[Tripwire], Witness] = Witness
    destination: Callable[[Desk], Destination] = lambda desk: desk
    resolve: Resolve = memory.resolve
    catalog: type[RememberingCatalog] = RememberingCatalog
    versions: type[Versions] = RememberingVersions
    parts: Callable[[Parts], Parts] = lambda parts: parts


HONEST = Substitutes()


@cache
def _template() -> Path:
    """A home with two accounts and a cohort for each, copied for every world; removed when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="tradewind-world-", dir=_quick_place()))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    database = Database.at(folder)
    database_upgrade(database)
    plant_canary(database, create_key(folder))
    catalog, vault = RememberingCatalog(database), Vault(database, folder / NAME)
    catalog.add_project(Project("default", "Default", ProjectPlan.PAID, "America/New_York", ("fake",)), "ann")
    for name in ("north", "south"):
        catalog.save_cohort(Cohort("default", name, name.title(), CohortKind.BEHAVIOURAL, Behaviour(Did("Open"))))
        catalog.save_connection(Connection("default", name, name.title(), "fake", f"adv-{name}", "here", Auth.SIGNATURE, MAPS[False]))
        vault.seal("default", name, Secret(f"{name}-secret-0"))
    database.close()
    shutil.copy(folder / SQLITE, folder / VERSIONS)
    return folder


def _quick_place() -> str | None:
    """Where files need not reach a disk, if there is such a place."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


class World:
    """Parts of the product around people, a platform and a clock that a machine has in its hands."""

    def __init__(self, substitutes: Substitutes = HONEST) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tradewind-world-", dir=_quick_place()))
        self.refused: dict[bytes, datetime] = {}
        self.leaving: dict[str, int] = {}
        shutil.copytree(_template(), self.folder, dirs_exist_ok=True)
        self.database, self.versions = Database.at(self.folder), Database(f"sqlite:///{self.folder / VERSIONS}")
        self.clock, self.crowd, self.wire = WallClock(NOON), Crowd(), Tripwire()
        self.ledger, self.desk = substitutes.ledger(self.wire), Desk(self.clock)
        self.desk.promised = self.ledger.promised
        destination, duck = substitutes.destination(self.desk), _duckdb()
        vault = RememberingVault(self.database, self.folder / NAME)
        self.catalog = Catalog(self.database)
        suppressions = RememberingSuppressions(self.database, vault.suppressions_key(), vault)
        self.parts = substitutes.parts(
            Parts(
                home=self.folder,
                clock=self.clock,
                bounds=Bounds("256MiB", 1, within=duck),
                catalog=substitutes.catalog(self.database),
                trail=SqlTrail(self.database),
                access=SqlAccess(self.database),
                passwords=Passwords(),
                ledger=self.ledger,
                versions=substitutes.versions(self.versions),
                trials=Trials(self.database),
                vault=vault,
                suppressions=suppressions,
                privacy=RememberingRequests(self.database),
                events=NoEvents(self.database, self.folder),
                engine=self.crowd,
                previews=memory.MemoryPreviews(lambda _project, _as_of: memory.MemoryEngine({})),
                lookalikes=Lookalikes(self.folder, NoEvents(self.database, self.folder), Models(self.database)),
                resolve=substitutes.resolve,
                lists=ListStore(self.folder),
                list_versions=ListVersions(self.database),
                select=lambda _project, _as_of: SelectSource(self.folder, {}, None),
                server=partial(opening, Reach({}, Folders((), self.folder))),
                sources=Sources(self.database),
                statements=Statements(self.database),
                readings=Readings(self.database),
                uploads=Uploads(self.database),
                received=Received(self.database),
                pushed=PushedStore(self.folder, Messages(self.database)),
                notify=Notify(Book(self.database), Silent()),
                amplitude=Amplitude({}, vault, Downloads(self.database), MemoryAmplitude().connect),
                destination=lambda _kind: destination,
                environment={},
                chance=lambda: 0.5,
            )
        )
        _wires.append(self.wire)

    def say_no(self, name: str) -> None:
        """Somebody does not want to be reached any more by an identifier; it is written down, and the worker does the rest.

        What leaves at this very moment is in `leaving`: the bodies, each with how often it will have come then.
        """
        value = identifier(name)
        if value not in self.refused:
            privacy.ask(self.parts, "default", RequestType.OPT_OUT, privacy.words([guid(value)]), lambda *_: None)
            self.refused[value] = self.desk.now()
            self.leaving |= {body: times for body, times in self.ledger.written.items() if times > self.desk.times[body]}

    def held(self, target: str) -> dict[bytes, dict[str, Any]]:
        """What the newest version of a target's membership says, by identifier."""
        newest = self.parts.versions.newest(target)
        if newest is None:
            return {}
        held = newest.held(self.folder)
        found: dict[bytes, dict[str, Any]] = {}
        for rows in believed(held, IdType.DAID):
            facts: Any = to_arrow(rows.facts)
            told = facts.take(rows.codes).to_pylist()
            found |= {bytes(value or b""): fact for value, fact in zip(rows.ids.to_pylist(), told, strict=True)}
        return found

    def close(self) -> None:
        """Leave nothing behind."""
        self.wire.arm(None)
        _wires.remove(self.wire)
        self.database.close()
        self.versions.close()
        shutil.rmtree(self.folder)


@cache
def _duckdb() -> Any:
    """One for every world of this process."""
    duck = connect(Bounds("256MiB", 1), SETTINGS)
    atexit.register(_duckdb.cache_clear)
    atexit.register(duck.close)
    return duck
