"""A home of the product between people in memory and a platform in memory that loses, delays and halves requests; made for machines."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from memory_stores import NoEvents, RememberingCatalog, RememberingVault, RememberingVersions
from tradewind import moment
from tradewind.access.passwords import Passwords
from tradewind.access.sql import SqlAccess, SqlTrail
from tradewind.catalog.sources.sql import Sources
from tradewind.catalog.sql import Catalog
from tradewind.clock import StandingClock
from tradewind.compute import Bounds, connect
from tradewind.database import SQLITE, Database
from tradewind.destinations.base import Destination, Request, Sheet
from tradewind.engines import memory
from tradewind.engines.base import Preview, Resolve
from tradewind.errors import EngineError
from tradewind.ledger.memory import MemoryLedger
from tradewind.membership.buckets import Buckets
from tradewind.membership.facts import to_arrow
from tradewind.membership.files import believed
from tradewind.membership.sql import Versions
from tradewind.migrations import database_upgrade
from tradewind.model.cohort import Behaviour, Cohort, CohortKind, Did
from tradewind.model.destination import Auth, Connection, Secret
from tradewind.model.identifier import IdentityMap, IdType, Take
from tradewind.model.identifier import Mapping as IdMapping
from tradewind.model.plan import Batch, Operation
from tradewind.model.project import Project, ProjectPlan
from tradewind.model.run import Answer, Claim, Entry, Line, LineClass, Receipt, Run, RunOutcome
from tradewind.model.snapshot import LAST_EVENT, Snapshot, Wanted
from tradewind.model.sync import Binding
from tradewind.parts import Parts
from tradewind.privacy.sql import Requests, Suppressions
from tradewind.sources.amplitude.amplitude import Amplitude
from tradewind.sources.amplitude.memory import MemoryAmplitude
from tradewind.sources.amplitude.sql import Downloads
from tradewind.sources.lists import ListStore
from tradewind.sources.select import SelectSource
from tradewind.sources.sql import ListVersions
from tradewind.testing.fakes import FakeDestination
from tradewind.vault.key import NAME, create_key
from tradewind.vault.sql import Vault, plant_canary

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "https://memory.invalid"
VERSIONS = "versions.db"
"""Membership versions have a database of their own, so that writing one makes no answer of the catalog forgotten."""

LATE = timedelta(seconds=150)
"""How long a request may be on its way after its sender gave up waiting; less than the time between the two taps."""

LONG_AGO = timedelta(hours=26)
"""A batch is sent at the latest a day after it was planned."""

Key = tuple[str, str, bytes]
"""Where an identifier is: advertiser, segment, its bytes."""


class Killed(BaseException):
    """The process died here: nothing it would have done after this happens."""


@dataclass
class Tripwire:
    """Kills at the n-th thing that is done; whatever a dead process would still do is refused."""

    left: int | None = None
    dead: bool = False
    steps: int = 0
    last: str = ""

    def arm(self, steps: int | None) -> None:
        """Die at the `steps`-th step from now; None to live."""
        self.left, self.dead = steps, False

    def step(self, name: str) -> None:
        """One more thing is done."""
        if self.dead:
            raise Killed(name)
        self.steps += 1
        if self.left is None:
            return
        self.left -= 1
        if self.left <= 0:
            self.dead, self.last = True, name
            raise Killed(name)


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
        self.wire.step("ledger.advanced")


class WallClock(StandingClock):
    """A clock that a person may set; `true` is what the platform's own clock says."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._start, self.off = start, timedelta()

    def true(self) -> datetime:
        """The time as it is."""
        return self._start + timedelta(seconds=self.monotonic())

    def jump(self, by: timedelta) -> None:
        """Somebody sets the clock."""
        self._now += by
        self.off += by


REFUSED = (Line(0, "BadFormat", LineClass.ROW),)

FATES: dict[str, Receipt] = {
    "ok": Receipt(Answer.APPLIED, status=200),
    "partial": Receipt(Answer.APPLIED, REFUSED, status=200),
    "busy": Receipt(Answer.THROTTLED, status=429, wait=5),
    "unreached": Receipt(Answer.UNREACHED, note="no connection"),
    "lost": Receipt(Answer.UNKNOWN, note="no answer"),
    "applied": Receipt(Answer.UNKNOWN, note="no answer"),
    "half": Receipt(Answer.UNKNOWN, note="half an answer"),
    "late": Receipt(Answer.UNKNOWN, note="no answer"),
    "unattributed": Receipt(Answer.UNATTRIBUTED, status=200),
    "poisoned": Receipt(Answer.POISONED, status=400),
    "large": Receipt(Answer.TOO_LARGE, status=413),
    "forbidden": Receipt(Answer.FORBIDDEN, status=403),
}
"""What may become of a request, and what is answered; `Desk.send` says what is applied."""


@dataclass(frozen=True)
class Arrival:
    """A request as it came: when by the sender's clock, where, what it asked for whom, with what secret, and what was answered.

    `absent` are those who had left more than a day before.
    """

    wall: datetime
    advertiser: str
    segment: str
    operation: Operation
    keys: tuple[bytes, ...]
    secret: str
    fate: str
    absent: frozenset[bytes]


@dataclass
class Desk(FakeDestination):
    """The platform: (advertiser, segment, identifier) -> expiry by its own clock; the last arrival wins, and some arrive late.

    The fate of a request depends on its batch and on how often it was sent, not on which of several comes first.
    """

    items: int = 3
    plan: tuple[str, ...] = ("ok",)
    present: dict[Key, datetime] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    delayed: list[tuple[datetime, Operation, tuple[Key, ...], datetime]] = field(default_factory=list)
    accepted: dict[str, int] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)
    secrets: dict[str, str] = field(default_factory=dict)
    promised: set[str] = field(default_factory=set)
    unpromised: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.spec = replace(self.spec, limits=replace(self.spec.limits, at_once=1))  # else the order of answers is one of chance
        self.lock = threading.Lock()

    def prepare(
        self,
        binding: Binding,
        batch: Batch,
        ids: pa.Array[Any],
        secret: Secret,
        sheet: Sheet | None = None,
        events: pa.Array[Any] | None = None,
    ) -> Request:
        """As the fake does; with which secret is remembered."""
        request = super().prepare(binding, batch, ids, secret, sheet, events)
        self.secrets[request.fingerprint] = secret.value
        return request

    def send(self, request: Request) -> Receipt:
        """What the plan says becomes of it."""
        with self.lock:
            self.arrive()
            binding, batch, values = self._prepared[request.fingerprint]
            if request.fingerprint not in self.promised:
                self.unpromised.append(request.fingerprint)
            fate = self.plan[(batch.number + self.times[request.fingerprint]) % len(self.plan)]
            if fate == "large" and len(values) == 1:
                fate = "ok"
            self.times[request.fingerprint] += 1
            target, keys = binding.target, tuple((binding.target.advertiser, binding.target.segment, value) for value in values)
            absent = frozenset(key[2] for key in keys if self.present.get(key, NOON) < self.now() - LONG_AGO)
            secret = self.secrets[request.fingerprint]
            place = target.advertiser, target.segment
            self.arrivals.append(Arrival(self.clock.now(), *place, batch.operation, tuple(values), secret, fate, absent))
            assert batch.stamp is not None
            self._become(fate, batch.operation, keys, self._ends[request.fingerprint][0])  # all of a request end at once
            if fate in {"ok", "partial"}:
                self.accepted[request.fingerprint] = len(keys) - (fate == "partial")
            return FATES[fate]

    def now(self) -> datetime:
        """By the platform's own clock."""
        assert isinstance(self.clock, WallClock)
        return self.clock.true()

    def has(self, key: Key) -> bool:
        """Whether an identifier is in a segment now."""
        return self.present.get(key, NOON) > self.now()

    def arrive(self) -> None:
        """What was on its way and has come by now is applied."""
        for due, operation, keys, expiry in sorted(self.delayed, key=lambda each: each[0]):
            if due <= self.now():
                self._put(operation, keys, expiry)
        self.delayed = [each for each in self.delayed if each[0] > self.now()]

    def inside(self, advertiser: str, segment: str) -> set[bytes]:
        """Who is in a segment now."""
        self.arrive()
        return {key[2] for key in self.present if key[:2] == (advertiser, segment) and self.has(key)}

    def _become(self, fate: str, operation: Operation, keys: tuple[Key, ...], expiry: datetime) -> None:
        match fate:
            case "ok" | "applied":
                self._put(operation, keys, expiry)
            case "partial":
                self._put(operation, keys[1:], expiry)
            case "half" | "unattributed":
                self._put(operation, keys[: (len(keys) + 1) // 2], expiry)
            case "late":
                self.delayed.append((self.now() + LATE, operation, keys, expiry))

    def _put(self, operation: Operation, keys: tuple[Key, ...], expiry: datetime) -> None:
        for key in keys:
            if operation is Operation.REMOVE:
                self.present.pop(key, None)
            else:
                self.present[key] = expiry


def identifier(text: str) -> bytes:
    """The device of a name."""
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()


@dataclass
class Crowd:
    """The engine: cohorts as sets of persons, and each person's identifiers by name; two share one, unless told otherwise."""

    members: dict[str, set[int]] = field(default_factory=dict)
    names: dict[tuple[str, int], tuple[str, ...]] = field(default_factory=dict)
    broken: bool = False
    universe: dict[str, set[bytes]] = field(default_factory=dict)
    asked: dict[str, frozenset[bytes]] = field(default_factory=dict)

    def identifiers(self, cohort: str) -> set[bytes]:
        """Those of everybody who is in a cohort now."""
        return {identifier(name) for person in self.members.get(cohort, ()) for name in self._names(cohort, person)}

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
    ) -> Snapshot:
        del project, nested
        if self.broken:
            raise EngineError("the events cannot be read")
        wished = self.identifiers(cohort.id)
        self.universe.setdefault(cohort.id, set()).update(wished)
        self.asked[out.parent.name] = frozenset(wished)
        persons = sorted(self.members.get(cohort.id, ()))
        given = [[str(_guid(identifier(name))) for name in self._names(cohort.id, person)] for person in persons]
        columns: dict[str, pa.Array[Any]] = {each.source: pa.array(given, pa.list_(pa.string())) for each in wanted}
        if recency:
            columns[LAST_EVENT] = pa.array([_last_event(person, as_of) for person in persons], pa.timestamp("us"))
        members = pa.array([identifier(f"{cohort.id} {person}") for person in persons], pa.binary())
        out.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"member": members, "person": [f"user:{person}" for person in persons], **columns}), out)
        return Snapshot(out, len(persons), as_of.astimezone(UTC))

    def attach(self, project: Project, members: Path, as_of: datetime, wanted: Sequence[Wanted], out: Path) -> Snapshot:
        raise NotImplementedError

    def preview(self, project: Project, cohort: Cohort, as_of: datetime, nested: Mapping[str, Path], limit: int) -> Preview:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing to give back."""

    def _names(self, cohort: str, person: int) -> tuple[str, ...]:
        return self.names.get((cohort, person), (f"{cohort} {person}", f"{cohort} of {person // 2}"))


def _last_event(person: int, as_of: datetime) -> datetime | None:
    """What somebody did last: one in four did nothing; the others come at an hour of their own, every so many days."""
    if person % 4 == 0:
        return None
    today = as_of.astimezone(UTC).replace(hour=3 * person, minute=17, second=4)
    last = today - timedelta(days=today.toordinal() % (2 * person))
    return last if last < as_of else last - timedelta(days=2 * person)


def _guid(value: bytes) -> str:
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
    identity = IdentityMap((IdMapping("user.ad", IdType.DAID, Take.ALL),))
    for name in ("north", "south"):
        catalog.save_cohort(Cohort("default", name, name.title(), CohortKind.BEHAVIOURAL, Behaviour(Did("Open"))))
        catalog.save_connection(Connection("default", name, name.title(), "fake", f"adv-{name}", "here", Auth.SIGNATURE, identity))
        vault.seal("default", name, Secret(f"{name}-secret-1"))
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
        shutil.copytree(_template(), self.folder, dirs_exist_ok=True)
        self.database, self.versions = Database.at(self.folder), Database(f"sqlite:///{self.folder / VERSIONS}")
        self.clock, self.crowd, self.wire = WallClock(NOON), Crowd(), Tripwire()
        self.ledger, self.desk = substitutes.ledger(self.wire), Desk(self.clock)
        self.desk.promised = self.ledger.promised
        destination, duck = substitutes.destination(self.desk), _duckdb()
        vault = RememberingVault(self.database, self.folder / NAME)
        self.catalog = Catalog(self.database)
        self.suppressions = Suppressions(self.database, vault.suppressions_key(), vault)
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
                vault=vault,
                suppressions=self.suppressions,
                privacy=Requests(self.database),
                events=NoEvents(self.database, self.folder),
                engine=self.crowd,
                resolve=substitutes.resolve,
                lists=ListStore(self.folder),
                list_versions=ListVersions(self.database),
                select=lambda _project, _as_of: SelectSource(self.folder, {}, None),
                sources=Sources(self.database),
                amplitude=Amplitude({}, vault, Downloads(self.database), MemoryAmplitude().connect),
                destination=lambda _kind: destination,
                environment={},
                chance=lambda: 0.5,
            )
        )
        _wires.append(self.wire)

    def say_no(self, name: str) -> None:
        """Somebody does not want to be reached any more by an identifier."""
        value = identifier(name)
        if value not in self.refused:
            self.suppressions.add("default", f"request {len(self.refused)}", 0, [value], self.clock.now())
            self.refused[value] = self.clock.now()

    def held(self, target: str) -> dict[bytes, dict[str, Any]]:
        """What the newest version of a target's membership says, by identifier."""
        newest = self.parts.versions.newest(target)
        if newest is None:
            return {}
        held = Buckets(self.folder / newest.path, newest.buckets, (IdType.DAID,))
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
    duck = connect(Bounds("256MiB", 1))
    atexit.register(_duckdb.cache_clear)
    atexit.register(duck.close)
    return duck
