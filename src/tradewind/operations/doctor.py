"""Doctor: is everything in order, and what to do where it is not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from tradewind.clock import wrong_clock
from tradewind.errors import TradewindError
from tradewind.model.privacy import Progress
from tradewind.model.run import RunKind, RunState
from tradewind.operations.tables import unverified
from tradewind.parts import Parts

ROOM = 1 << 30
"""Bytes that should be free: a run writes its files before it sends."""

WITH_PASSWORD = ("TRADEWIND_DATABASE_URL", "TRADEWIND_SMTP_URL")
"""Variables whose URL may hold a password."""

LATE = timedelta(days=1)
"""A privacy request that is not done after this time needs a person."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at, whether it is in order, and what was found."""

    what: str
    ok: bool
    found: str


def room(home: Path) -> Finding:
    """Whether the disk has room."""
    free = shutil.disk_usage(home if home.exists() else home.parent if home.parent.exists() else Path.cwd()).free
    return Finding(
        "disk", free >= ROOM, f"{free / 1e9:.1f} GB free" + ("" if free >= ROOM else "; a run needs room to write before it sends")
    )


def cramped(home: Path) -> str:
    """Why nothing that writes may begin; empty where the disk has room."""
    free = shutil.disk_usage(home).free
    return (
        ""
        if free >= ROOM
        else f"the disk of {home} has {free / 1e9:.1f} GB free; until there is {ROOM / 1e9:.1f}, nothing is changed or run"
    )


def examined(parts: Parts) -> Iterator[Finding]:
    """Everything that can be looked at once the home is open; sends nothing."""
    now = parts.clock.now()
    yield Finding("clock", not wrong_clock(now), wrong_clock(now) or f"{now:%Y-%m-%d %H:%M:%S} UTC")
    if seen := exposed(parts.environment):
        yield Finding("secrets", True, seen)
    mode = parts.home.stat().st_mode & 0o777
    yield Finding(
        "home", mode & 0o077 == 0, f"{parts.home} (mode {mode:03o})" + ("" if mode & 0o077 == 0 else "; close it with: chmod 700")
    )
    for project in parts.catalog.projects():
        yield Finding(
            f"project {project.id}",
            True,
            f"{project.plan.value} plan, {project.zone}, {', '.join(project.destinations) or 'no destination'}",
        )
        yield Finding("  events", True, f"{parts.events.count(project.id):,}")
        if project.source:
            doubt = unverified(parts, project.id)
            yield Finding(f"  source {project.source}", not doubt, doubt or "answers for this project, and its server is verified")
        for connection in parts.catalog.connections(project.id):
            yield _connection(parts, project.id, connection.id)
        yield from _runs(parts, project.id)
        yield from _people(parts, project.id, now)


def exposed(environment: Mapping[str, str]) -> str:
    """Which variables of this process hold secrets that a file could hold; others of this user see them. Empty where there are none."""
    files = {"TRADEWIND_KEY": "the file 'key' of the home", **dict.fromkeys(WITH_PASSWORD, "tradewind.toml")}
    there = {name: place for name, place in files.items() if _is_secret(name, environment.get(name, ""))}
    told = ", ".join(f"{name} (better in {place})" for name, place in there.items())
    return f"in the environment, which 'ps e' and 'docker inspect' show: {told}" if told else ""


def _is_secret(name: str, value: str) -> bool:
    try:
        return bool(value) and (name not in WITH_PASSWORD or bool(urlsplit(value).password))
    except ValueError:
        return False


def _connection(parts: Parts, project: str, connection_id: str) -> Finding:
    connection = parts.catalog.connection(project, connection_id)
    name = f"  connection {connection.id}"
    if connection.paused:
        return Finding(name, False, f"paused: {connection.paused}; then: tradewind connections test {connection.id}")
    version = parts.vault.latest(project, connection.id)
    if version is None:
        return Finding(name, False, "has no secret; give it with: tradewind connections add")
    try:
        parts.vault.open(project, connection.id, version)
        url = parts.destination(connection.destination).url(connection.region)
    except TradewindError as error:
        return Finding(name, False, str(error))
    return Finding(name, True, f"advertiser {connection.advertiser} at {url}, secret version {version} opens")


def _runs(parts: Parts, project: str) -> Iterator[Finding]:
    there = {sync.id for sync in parts.catalog.syncs(project)}
    for run in (run for run in parts.ledger.unclosed() if run.project == project):
        if run.state is RunState.HELD:
            yield Finding(f"  run {run.id}", False, f"of sync '{run.sync}' is held; see: tradewind runs show {run.id}")
        else:
            command = f"tradewind syncs run {run.sync}" if run.kind is RunKind.SYNC and run.sync in there else "tradewind worker --once"
            yield Finding(f"  run {run.id}", False, f"was cut short at '{run.state.value}'; go on with: {command}")


def _people(parts: Parts, project: str, now: datetime) -> Iterator[Finding]:
    """The requests of people who said no that are not done; for a day that may be the platform's doing."""
    for request in parts.privacy.listed(project):
        if request.progress is not Progress.DONE:
            late = now - request.asked_at > LATE
            words = f"is not done since {request.asked_at:%Y-%m-%d %H:%M} UTC; see: tradewind privacy show {request.id}"
            yield Finding(f"  privacy request {request.id}", not late, words)
