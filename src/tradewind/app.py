"""Settings to parts: the only place that chooses implementations."""

from __future__ import annotations

import gc
import os
import platform
import random
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tradewind import __version__
from tradewind.access.passwords import Passwords
from tradewind.access.sql import SqlAccess, SqlTrail
from tradewind.catalog.sources.sql import Sources
from tradewind.catalog.sql import Catalog
from tradewind.clock import Clock, SystemClock
from tradewind.compute import Bounds, duckdb_version
from tradewind.database import SQLITE, Database
from tradewind.destinations.registry import Registry
from tradewind.door import Door, tls
from tradewind.durable import publish
from tradewind.engines.base import Engine
from tradewind.engines.chosen import ChosenEngine, ChosenPreviews
from tradewind.engines.duckdb import DuckDBEngine
from tradewind.engines.duckdb_preview import DuckDBPreviews
from tradewind.engines.folders import Folders
from tradewind.engines.leaf_preview import LeafPreviews
from tradewind.engines.lookalike.room import Lookalikes
from tradewind.engines.lookalike.sql import Models
from tradewind.engines.resolve import resolve
from tradewind.engines.server import Served, ServerEngine
from tradewind.engines.serving import Open, Reach, opening
from tradewind.errors import Bug, ConfigurationError, TradewindError
from tradewind.events.store import EventStore
from tradewind.ground import check_files, check_locks, trust_only
from tradewind.keeping.archive import About
from tradewind.keeping.sql import FOLDER, fill, is_empty
from tradewind.ledger.readings.sql import Readings
from tradewind.ledger.sql import SqlLedger
from tradewind.ledger.statements.sql import Statements
from tradewind.membership.sql import Versions
from tradewind.migrations import database_upgrade
from tradewind.model.project import Project
from tradewind.model.tables import Tables
from tradewind.notify.base import Notify
from tradewind.notify.mail import Mailbox
from tradewind.notify.messenger import PostMessenger
from tradewind.notify.sql import Book
from tradewind.operations.backup import Progress, Restored, settle_in, take_out
from tradewind.operations.doctor import Finding, examined, room
from tradewind.operations.ledger import verify as verify_ledger
from tradewind.operations.projects import Initialised, initialise
from tradewind.operations.zones import database
from tradewind.parts import Parts
from tradewind.privacy.sql import Requests, Suppressions
from tradewind.settings import Settings, read_settings
from tradewind.sources.amplitude.amplitude import Amplitude, hosts
from tradewind.sources.amplitude.base import Account, Client, Pace
from tradewind.sources.amplitude.client import WireClient
from tradewind.sources.amplitude.sql import Downloads
from tradewind.sources.lists import ListStore
from tradewind.sources.received.sql import Received
from tradewind.sources.select import SelectSource, event_table
from tradewind.sources.sql import ListVersions
from tradewind.sources.uploads.sql import Uploads
from tradewind.sources.webhook.spares import Spares
from tradewind.sources.webhook.sql import Messages
from tradewind.sources.webhook.store import READY, PushedStore
from tradewind.telemetry import exported
from tradewind.trials.sql import Trials
from tradewind.vault.key import NAME, read_key, write_key
from tradewind.vault.sql import Vault

LITTLE = "256MiB"

SQLITE_URL = "sqlite:///"


def make_home(home: Path | None, zone: str) -> Initialised:
    """Make what a home lacks: folder, key, database, first project. Raises ConfigurationError and DefinitionError."""
    settings = read_settings(home)
    if not settings.home.parent.is_dir():
        raise ConfigurationError(f"the folder {settings.home.parent} does not exist; make it, or choose another home")
    database = Database(settings.database_url)
    try:
        return initialise(settings.home, database, zone=zone, given=settings.key)
    finally:
        database.close()


def is_home(home: Path | None) -> bool:
    """Whether a home was made there."""
    return (read_settings(home).home / NAME).exists()


def examine(home: Path | None) -> list[Finding]:
    """What the doctor finds, also when the home does not open."""
    try:
        settings = read_settings(home)
        findings = [
            Finding(
                "tradewind", True, f"{__version__}, Python {platform.python_version()}, DuckDB {duckdb_version()}, time zones {database()}"
            ),
            room(settings.home),
        ]
    except TradewindError as error:
        return [Finding("settings", False, str(error))]
    try:
        with opened(home) as parts:
            return [*findings, *examined(parts)]
    except TradewindError as error:
        return [*findings, Finding("home", False, str(error))]


@contextmanager
def opened(home: Path | None) -> Iterator[Parts]:
    """The parts of a home folder, for as long as the block lasts.

    Raises ConfigurationError when the home was never made, its key is missing or wrong, or a setting is not what it should be.
    """
    settings = read_settings(home)
    _check_made(settings.home)
    with _opened(settings) as parts:
        yield parts


def home_at(home: Path | None) -> Path:
    """The folder of a home. Raises ConfigurationError when it was never made, or a setting is not what it should be."""
    folder = read_settings(home).home
    _check_made(folder)
    return folder


def _check_made(folder: Path) -> None:
    if not any((folder / name).exists() for name in (NAME, SQLITE)):
        raise ConfigurationError(f"{folder} is not a home of tradewind yet; make it with: tradewind init")


def restore_home(
    source: Path, passphrase: str, into: Path, key_file: Path, who: str, progress: Progress, *, verify: bool
) -> tuple[Restored, tuple[Finding, ...]]:
    """Make a home of a backup, whole or not at all; with `verify` also what `ledger verify` finds in it.

    Raises DefinitionError when the file is no backup, ConfigurationError when the home or the database is not empty, the key or the
    passphrase is another, or the backup is damaged or of a newer schema.
    """
    settings = read_settings(into)
    home, server = settings.home, not settings.database_url.startswith(SQLITE_URL)
    _refuse_taken(settings)
    read_key(key_file)
    folder = home.with_name(f".{home.name}.restoring-{secrets.token_hex(4)}")
    folder.mkdir(mode=0o700)
    try:
        about, files = take_out(source, passphrase, folder, "postgresql" if server else "sqlite", progress)
        write_key(folder, key_file)
        there = settings.model_copy(update={"home": folder} | ({} if server else {"database_url": f"{SQLITE_URL}{folder / SQLITE}"}))
        if server:
            _fill(there, about)
        with _opened(there) as parts:
            done = settle_in(parts, about, files, who, lambda _what, _done, _total: None)
            findings = verify_ledger(parts, lambda _what, _done, _total: None) if verify else ()
        if home.is_dir():
            home.rmdir()
        publish(folder, home)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return done, findings


def _refuse_taken(settings: Settings) -> None:
    """Raises ConfigurationError when a home cannot be made there of a backup."""
    home = settings.home
    if home.exists() and not (home.is_dir() and not any(home.iterdir())):
        raise ConfigurationError(f"{home} is not empty, and a restore never replaces anything; name a folder that does not exist yet")
    if not home.parent.is_dir():
        raise ConfigurationError(f"the folder {home.parent} does not exist; make it, or choose another home")
    if settings.database_url.startswith(SQLITE_URL):
        if settings.database_url != f"{SQLITE_URL}{home / SQLITE}":
            raise ConfigurationError("unset TRADEWIND_DATABASE_URL: a restored home has its SQLite inside")
        return
    database = Database(settings.database_url)
    try:
        if not is_empty(database):
            raise ConfigurationError("the database of TRADEWIND_DATABASE_URL is not empty; name one without tables")
    finally:
        database.close()


def _fill(settings: Settings, about: About) -> None:
    """Give a PostgreSQL the tables and rows of a backup."""
    database = Database(settings.database_url)
    try:
        database_upgrade(database)
        fill(database, settings.home / FOLDER, about.tables)
    finally:
        database.close()
    shutil.rmtree(settings.home / FOLDER)


@contextmanager
def _opened(settings: Settings) -> Iterator[Parts]:
    check_files()
    trust_only(settings.ca_file, os.environ)
    if settings.database_url.startswith(SQLITE_URL):
        check_locks(settings.home)
    database = Database(settings.database_url)
    door = Door(loopback_only=settings.loopback_only)
    try:
        database_upgrade(database)
        parts = _parts(settings, database, door)
        with exported(os.environ), closing(parts.previews), _settled():
            yield parts
    finally:
        door.close()
        database.close()


@contextmanager
def _settled() -> Iterator[None]:
    """What was imported is there as long as the process is: the collector need not look through it again and again."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def with_little_memory(parts: Parts) -> Parts:
    """The same parts for looking beside the runs of this process: what a preview needs besides spills to the disk."""
    bounds = replace(parts.bounds, memory=LITTLE, threads=1)
    assert isinstance(parts.events, EventStore)
    return replace(parts, bounds=bounds, engine=_engine(parts.events, parts.sources, parts.server, bounds))


def _parts(settings: Settings, database: Database, door: Door) -> Parts:
    spill = settings.home / "spill"
    bounds = Bounds(settings.memory_limit, settings.threads, spill, (settings.home, settings.home.resolve()))
    events = EventStore(database, settings.home)
    vault = Vault(database, settings.home / NAME, settings.key)
    registry, sources = Registry(door, settings.sandbox_url), Sources(database)

    def select(project: Project, as_of: datetime) -> SelectSource:
        table = event_table(events.files(project.id, as_of), settings.home / "events" / project.id, as_of)
        return SelectSource(Path.cwd(), os.environ, table)

    folders = Folders(tuple(map(Path, settings.table_folders.split(os.pathsep))), settings.home)
    server = partial(opening, Reach(os.environ, folders))
    engine = _engine(events, sources, server, bounds)
    return Parts(
        home=settings.home,
        clock=SystemClock(),
        bounds=bounds,
        catalog=Catalog(database),
        trail=SqlTrail(database),
        access=SqlAccess(database),
        passwords=Passwords(),
        ledger=SqlLedger(database),
        versions=Versions(database),
        trials=Trials(database),
        vault=vault,
        suppressions=Suppressions(database, vault.suppressions_key(), vault),
        privacy=Requests(database),
        events=events,
        engine=engine,
        previews=ChosenPreviews(DuckDBPreviews(events, replace(bounds, memory=settings.preview_memory)), LeafPreviews(engine, bounds)),
        lookalikes=Lookalikes(settings.home, events, Models(database)),
        resolve=resolve,
        lists=ListStore(settings.home),
        list_versions=ListVersions(database),
        select=select,
        server=server,
        sources=sources,
        uploads=Uploads(database),
        received=Received(database),
        pushed=PushedStore(settings.home, Messages(database), spares=Spares(settings.home / "pushed" / READY)),
        amplitude=_amplitude(settings, database, vault, door),
        statements=Statements(database),
        readings=Readings(database),
        notify=Notify(Book(database), _messenger(settings), door.ahead),
        destination=registry.destination,
        environment=os.environ,
        chance=random.random,
    )


def _engine(events: EventStore, sources: Sources, server: Callable[[Tables, Bounds], Open], bounds: Bounds) -> Engine:
    """The event store's, and for projects that say so that of a client's tables."""

    def elsewhere(project: Project) -> Engine:
        source = sources.one(project.id, project.source or "")
        if source.tables is None:
            raise Bug(f"project '{project.id}' is answered from source '{source.id}', which has no tables")
        return ServerEngine(Served(server(source.tables, bounds), source.tables.rows, {}), bounds)

    return ChosenEngine(DuckDBEngine(events, bounds), elsewhere)


def _messenger(settings: Settings) -> PostMessenger:
    """Tells people by a door of its own, which reaches public addresses alone and waits no longer than a person would."""
    box = None
    if settings.smtp_url:
        there = urlsplit(settings.smtp_url)
        user, password = unquote(there.username or ""), unquote(there.password or "")
        port = there.port or (465 if there.scheme == "smtps" else 587)
        box = Mailbox(there.hostname or "", port, there.scheme == "smtps", user, password, settings.mail_from)
    door = Door(15.0, loopback_only=settings.loopback_only, public_only=True)
    return PostMessenger(door, box, tls, SystemClock())


def _amplitude(settings: Settings, database: Database, vault: Vault, door: Door) -> Amplitude:
    def connect(account: Account, pace: Pace, clock: Clock) -> Client:
        return WireClient(door, account, pace, clock)

    return Amplitude(hosts(settings.sandbox_amplitude_url, settings.sandbox_amplitude_eu_url), vault, Downloads(database), connect)
