"""What people of a project do, by the names that its newest events give it: for hints and suggestions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tradewind.compute import Bounds, connect, literal
from tradewind.events.manifest import EventFile
from tradewind.model.cohort import STATEMENTS

NEWEST = 8
"""Files looked into, the newest: what nobody has done for months is rarely asked for."""

MOST = 500
"""Names at most, the most frequent first."""


@dataclass(frozen=True)
class Happened:
    """A kind of event and how many of it the newest files hold."""

    name: str
    count: int


def happened(files: Sequence[EventFile], bounds: Bounds) -> tuple[Happened, ...]:
    """The kinds of event in the newest of these files, which are in order of time."""
    newest = [literal(str(file.path)) for file in files[-NEWEST:]]
    if not newest:
        return ()
    done = f"event_type NOT IN ({', '.join(map(literal, STATEMENTS))})"
    kinds = f"SELECT event_type, count(*) FROM read_parquet([{', '.join(newest)}]) WHERE {done} GROUP BY ALL"
    connection = connect(bounds)
    try:
        return tuple(Happened(name, count) for name, count in connection.execute(f"{kinds} ORDER BY 2 DESC, 1 LIMIT {MOST}").fetchall())
    finally:
        connection.close()
