"""The proof for a client: what was sent to an account in a month, and what was answered."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tradewind.errors import DefinitionError
from tradewind.parts import Parts

COLUMNS = (
    "month",
    "project",
    "account",
    "advertiser",
    "segment",
    "operation",
    "identifiers",
    "accepted",
    "rejected",
    "unknown",
    "requests",
)
REASONS = "rejected_by_reason"

_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Line:
    """What one operation came to in one segment: identifiers = accepted + rejected + unknown, and the rejected ones by reason."""

    advertiser: str
    segment: str
    operation: str
    identifiers: int
    accepted: int
    rejected: int
    unknown: int
    requests: int
    reasons: dict[str, int]


@dataclass(frozen=True)
class Statement:
    """A month of an account, in the days of the project's zone: from `start` to before `end`. The lines are by segment and operation."""

    project: str
    account: str
    month: str
    start: datetime
    end: datetime
    lines: tuple[Line, ...]


def statement(parts: Parts, project_id: str, connection: str, month: str) -> Statement:
    """The statement of a connection, also of one that was removed. Raises DefinitionError when there never was one, or it is no month."""
    project = parts.catalog.project(project_id)
    start, end = _month(month, project.zone)
    bindings = {reach.binding.id: reach.binding for reach in parts.ledger.reached(project_id) if reach.binding.connection == connection}
    if not bindings:
        parts.catalog.connection(project_id, connection)
    found: dict[tuple[str, str, str], Line] = {}
    for each in parts.statements.sums(bindings, start, end):
        target = bindings[each.binding].target
        counts = (each.identifiers, each.accepted, each.rejected, each.unknown, each.requests)
        line = Line(target.advertiser, target.segment, each.operation.value, *counts, each.reasons)
        key = (line.advertiser, line.segment, line.operation)
        found[key] = _added(found[key], line) if key in found else line
    return Statement(project_id, connection, month, start, end, tuple(found[key] for key in sorted(found)))


def as_csv(found: Statement) -> str:
    """The statement as a table, with a line for each segment and operation; text that a spreadsheet would take for a formula is quoted."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow((*COLUMNS, REASONS))
    for line in found.lines:
        texts = (found.month, found.project, found.account, line.advertiser, line.segment, line.operation)
        counts = (line.identifiers, line.accepted, line.rejected, line.unknown, line.requests)
        writer.writerow((*map(_harmless, texts), *counts, _harmless("; ".join(_reasons(line.reasons.items())))))
    return file.getvalue()


def _reasons(reasons: Iterable[tuple[str, int]]) -> list[str]:
    return [f"{code} {count}" for code, count in sorted(reasons)]


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _added(one: Line, other: Line) -> Line:
    """Two versions of a binding lead to one segment."""
    names = ("identifiers", "accepted", "rejected", "unknown", "requests")
    counts = {name: getattr(one, name) + getattr(other, name) for name in names}
    return replace(one, **counts, reasons=dict(Counter(one.reasons) + Counter(other.reasons)))


def _month(text: str, zone: str) -> tuple[datetime, datetime]:
    read = _MONTH.fullmatch(text)
    if read is None:
        raise DefinitionError(f"'{text[:40]}' is not a month; expected one such as 2026-11")
    year, month = int(read[1]), int(read[2])
    following = (year + 1, 1) if month == 12 else (year, month + 1)
    return tuple(datetime(*each, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC) for each in ((year, month), following))  # type: ignore[return-value]
