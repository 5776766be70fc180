"""Events that programs send as to Amplitude: on the disk before the answer, and brought in together by the worker."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from tradewind.durable import sync
from tradewind.events.values import Key, Who, known, newest
from tradewind.model.run import RunState
from tradewind.model.sync import Cadence, Sync, SyncState
from tradewind.operations import uploads
from tradewind.operations.changes import lives_on_events
from tradewind.operations.door_secrets import Door
from tradewind.parts import Parts
from tradewind.sources.received.request import Sent, Unfit, lines, read_events, read_identify
from tradewind.sources.received.settling import settled
from tradewind.sources.received.sql import Waiting
from tradewind.sources.received.throttle import Throttle
from tradewind.sources.uploads.sql import Upload, UploadKind

DOOR = Door("events")

PROGRAMS = "programs"
"""Who sent what was received, in the list of uploads."""

EVERY = timedelta(minutes=5)
"""Requests are brought in once the first of them has waited so long: each time makes a file a month. With a sync on change, sooner."""

ENOUGH = 64 << 20
"""Or once so many bytes wait."""

MOST = 1 << 30
"""Bytes that may wait; more is refused for a while."""

WAIT = 30
"""Seconds that Amplitude's clients wait after such a refusal."""

_READERS: dict[str, Callable[[bytes], Sent]] = {"events": read_events, "batch": read_events, "identify": read_identify}


@dataclass(frozen=True)
class Taken:
    """What a request brought: how many events, of how many bytes, and when it was stored."""

    events: int
    bytes: int
    at: datetime


@dataclass(frozen=True)
class Receiving:
    """What waits of a project: requests, events, bytes, and since when; and what changes with the key."""

    key_fingerprint: str | None
    requests: int
    events: int
    bytes: int
    since: datetime | None


def receive(parts: Parts, project: str, door: str, body: bytes, throttle: Throttle, most: int = MOST) -> Taken:
    """Store the events of a request (`door` is events, batch or identify), so that nothing loses them; so many bytes may wait.

    Raises Unfit with Amplitude's answer.
    """
    sent = _READERS[door](body)
    if not DOOR.opens(parts, project, sent.key):
        raise Unfit("Invalid API key: it is not the key of this project")
    now = parts.clock.now()
    written = lines(sent, int(now.timestamp() * 1000))
    if parts.received.size(project) + len(written) > most:
        places = list(range(len(sent.events)))
        raise Unfit("Too many requests for some devices and users", 429, throttled_events=places, eps_threshold=0)
    throttle.pass_(project, door, sent.events, parts.clock.monotonic())
    path = _write(parts.home, project, written)
    parts.received.add(project, str(path.relative_to(parts.home)), len(sent.events), len(written), now)
    return Taken(len(sent.events), len(body), now)


def state(parts: Parts, project: str) -> Receiving:
    """What waits of a project."""
    rows = parts.received.waiting(project)
    since = rows[0].received_at if rows else None
    return Receiving(
        DOOR.fingerprint(parts, project), len(rows), sum(row.events for row in rows), sum(row.bytes for row in rows), since
    )  # fmt: skip


def gather(parts: Parts) -> None:
    """Make an upload of what has waited long enough, project by project, unless an earlier one is still being brought in: what an identify
    does depends on what was there.
    """
    for project in parts.received.projects():
        rows = parts.received.waiting(project)
        enough = rows and (_waited(parts, project, rows[0].received_at) or sum(row.bytes for row in rows) >= ENOUGH)
        if enough and all(each.finished_at for each in parts.uploads.listed(project, UploadKind.RECEIVED)):
            _gather(parts, project, rows)


def _waited(parts: Parts, project: str, since: datetime) -> bool:
    """Whether requests have waited long enough: where syncs on change go by events, until one may run for them, once a minute."""
    now = parts.clock.now()
    if now - since >= EVERY:
        return True
    minute = now.replace(second=0, microsecond=0)
    keen = [each for each in parts.catalog.syncs(project) if each.cadence is Cadence.ON_CHANGE and each.state is SyncState.ACTIVE]
    return any(lives_on_events(parts, each) and (since < minute or _may_run(parts, each, minute)) for each in keen)


def _may_run(parts: Parts, sync: Sync, minute: datetime) -> bool:
    """Whether no run of a sync has begun in a minute, and none is under way."""
    last = parts.ledger.newest(sync.project, sync.id, minute + timedelta(minutes=1))
    return last is None or (last.state is RunState.CLOSED and (last.slot or last.opened_at) < minute)


def sweep(parts: Parts) -> None:
    """Remove files that no row names: of requests that broke off long ago, and of those handed over by a worker that then died."""
    now = parts.clock.now().timestamp()
    for folder in (parts.home / "events").glob("*/received"):
        named = {parts.home / row.path for row in parts.received.waiting(folder.parent.name)}
        for path in folder.glob("*.ndjson"):
            if path not in named and now - path.stat().st_mtime > uploads.LEFT.total_seconds():
                path.unlink(missing_ok=True)


def _gather(parts: Parts, project: str, rows: tuple[Waiting, ...]) -> None:
    upload = uploads.new_id()
    folder = uploads.folder(parts, upload)
    folder.mkdir(parents=True, mode=0o700)
    try:
        whole = folder / "received.ndjson"
        with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.writelines(
                settled([parts.home / row.path for row in rows], partial(_newest, parts, project), partial(_known, parts, project))
            )
        for path in (whole, folder, folder.parent):
            sync(path)
        size, first = whole.stat().st_size, rows[0].received_at
        done = parts.received.hand_over(rows, Upload(upload, project, UploadKind.RECEIVED, whole.name, size, PROGRAMS, first))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if not done:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for row in rows:
        (parts.home / row.path).unlink(missing_ok=True)


def _newest(parts: Parts, project: str, who: Collection[Who], names: Collection[str]) -> Mapping[Who, dict[str, Any]]:
    return newest(parts.events.files(project), who, names, parts.bounds)


def _known(parts: Parts, project: str, keys: Collection[Key]) -> set[Key]:
    return known(parts.events.files(project), keys, parts.bounds)


def _write(home: Path, project: str, content: bytes) -> Path:
    path = home / "events" / project / "received" / f"{secrets.token_hex(8)}.ndjson"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)
    return path
