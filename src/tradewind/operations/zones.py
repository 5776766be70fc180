"""The rules of time zones: an update of this machine may change them, and with them when days begin and syncs are due."""

from __future__ import annotations

import hashlib
import json
import zoneinfo
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tradewind.access.trail import Deed
from tradewind.cohorts.windows import zone_of
from tradewind.parts import Parts

MARK = ".zones"
"""The file that keeps by which rules of each zone syncs were due so far."""

FIRST, UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
"""The years whose changes of the clocks tell two sets of rules apart."""

WHO = "tradewind"


def database() -> str:
    """Which edition of the time zone database this process reads, such as `2026a`; empty where none says so."""
    for folder in zoneinfo.TZPATH:
        with suppress(OSError, IndexError), (Path(folder) / "tzdata.zi").open(encoding="utf-8") as lines:
            return lines.readline().split()[-1]
    with suppress(PackageNotFoundError):
        return version("tzdata")
    return ""


@cache
def rules(zone: str) -> str:
    """Differs when the clocks of a zone are changed at other times or by another length. Raises ConfigurationError for no zone."""
    said = "".join(f"{moment:%Y-%m-%dT%H} {offset};" for moment, offset in _changes(zone))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def note_rules(parts: Parts) -> tuple[str, ...]:
    """Write into the audit trail of each project whose zone has other rules than before, that it has; the projects."""
    mark = parts.home / MARK
    known: dict[str, str] = {}
    with suppress(OSError, ValueError):
        known = json.loads(mark.read_text("utf-8"))
    projects = parts.catalog.projects()
    now = {zone: rules(zone) for zone in {project.zone for project in projects}}
    changed = [project for project in projects if known.get(project.zone, now[project.zone]) != now[project.zone]]
    for project in changed:
        details = {"before": known[project.zone], "rules": now[project.zone], "database": database()}
        parts.trail.write(Deed(WHO, "zone.rules", project.zone, project.id, details), parts.clock.now())
    if known | now != known:
        mark.write_text(json.dumps(known | now, indent=1, sort_keys=True), "utf-8")
    return tuple(project.id for project in changed)


def _changes(name: str) -> Iterator[tuple[datetime, timedelta]]:
    """The hours at which the clocks of a zone go by another offset, with it, and the offset at the beginning."""
    zone = zone_of(name)
    day, before = FIRST, None
    while day < UNTIL:
        offset = day.astimezone(zone).utcoffset() or timedelta()
        if offset != before:
            hours = (day - timedelta(hours=back) for back in range(24))
            yield min(hour for hour in hours if hour.astimezone(zone).utcoffset() == offset), offset
        day, before = day + timedelta(days=1), offset
