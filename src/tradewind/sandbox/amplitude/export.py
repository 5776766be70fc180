"""The export: a zip of packed parts, one or more for each hour, made from what a project holds."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tradewind.sandbox.amplitude.denial import Denied
from tradewind.sandbox.amplitude.events import HOUR, Events, parse_hour
from tradewind.sandbox.amplitude.limits import Limits
from tradewind.sandbox.clock import MINUTE, iso
from tradewind.sandbox.wire import Answer, FromFile, Request

ZIP = "application/zip"


def export(events: Events, request: Request, now: int, limits: Limits, path: Path) -> Answer:
    """The events uploaded from the hour `start` to the hour `end`, both included, as a zip that is written to `path`.

    Raises Denied: 400 for hours that are none, out of order, too many or too large, 404 where there is nothing.
    """
    first, last = (parse_hour(request.query.get(name, "")) for name in ("start", "end"))
    if first is None or last is None or first > last:
        raise Denied(400, "invalid_request", "start and end are hours such as 20260701T00, start not after end")
    if last - first >= limits.export_days * 24:
        raise Denied(400, "invalid_request", f"The range is longer than {limits.export_days} days")
    until = now - limits.export_delay_minutes * MINUTE
    parts = list(events.hours(first, last, until))
    if not parts:
        raise Denied(404, "not_found", "Raw data files were not found")
    if sum(len(part) for _, _, part in parts) > limits.export_bytes:
        raise Denied(400, "invalid_request", f"The export is larger than {limits.export_bytes} bytes; ask for fewer hours")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        for hour, number, part in parts:
            packed.writestr(name_of(events.app, hour, number), part)
    return Answer(200, FromFile(path, 0, path.stat().st_size), ZIP)


def name_of(app: int, hour: int, part: int) -> str:
    """As `100001/100001_2026-07-01_5#0.json.gz`: the hour is written without a leading zero."""
    day, _, time = iso(hour * HOUR).partition("T")
    return f"{app}/{app}_{day}_{int(time[:2])}#{part}.json.gz"
