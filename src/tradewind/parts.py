"""The parts that runner and operations are given; chosen in `app.py` and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tradewind.access.base import Access
from tradewind.access.passwords import Passwords
from tradewind.access.sql import SqlTrail
from tradewind.catalog.sources.sql import Sources
from tradewind.catalog.sql import Catalog
from tradewind.clock import Clock
from tradewind.compute import Bounds
from tradewind.destinations.base import Destination
from tradewind.engines.base import Engine, Resolve
from tradewind.engines.lookalike.room import Lookalikes
from tradewind.engines.preview import Previews
from tradewind.engines.serving import Open
from tradewind.events.store import EventStore
from tradewind.ledger.base import Ledger
from tradewind.ledger.readings.sql import Readings
from tradewind.ledger.statements.sql import Statements
from tradewind.membership.sql import Versions
from tradewind.model.project import Project
from tradewind.model.tables import Tables
from tradewind.notify.base import Notify
from tradewind.privacy.sql import Requests, Suppressions
from tradewind.sources.amplitude.amplitude import Amplitude
from tradewind.sources.lists import ListStore
from tradewind.sources.received.sql import Received
from tradewind.sources.select import SelectSource
from tradewind.sources.sql import ListVersions
from tradewind.sources.uploads.sql import Uploads
from tradewind.sources.webhook.store import PushedStore
from tradewind.trials.sql import Trials
from tradewind.vault.sql import Vault


@dataclass(frozen=True)
class Parts:
    """Everything a run needs. `home` is the folder of all files; `environment` is where definitions
    look up secrets; `chance` gives numbers in [0, 1) for jitter."""

    home: Path
    clock: Clock
    bounds: Bounds
    catalog: Catalog
    trail: SqlTrail
    access: Access
    passwords: Passwords
    ledger: Ledger
    versions: Versions
    trials: Trials
    vault: Vault
    suppressions: Suppressions
    privacy: Requests
    events: EventStore
    engine: Engine
    previews: Previews
    lookalikes: Lookalikes
    resolve: Resolve
    lists: ListStore
    list_versions: ListVersions
    select: Callable[[Project, datetime], SelectSource]
    server: Callable[[Tables, Bounds], Open]
    sources: Sources
    pushed: PushedStore
    uploads: Uploads
    received: Received
    amplitude: Amplitude
    notify: Notify
    statements: Statements
    readings: Readings
    destination: Callable[[str], Destination]
    environment: Mapping[str, str]
    chance: Callable[[], float]
