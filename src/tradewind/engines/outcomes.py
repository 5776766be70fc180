"""What the people in the two arms of a trial did since their first day, in sums alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import duckdb

from tradewind.cohorts.clauses.form import quoted
from tradewind.compute import Bounds, connect, literal, told_of
from tradewind.engines.duckdb import DuckDBDialect
from tradewind.errors import EngineError
from tradewind.events.people import EventView
from tradewind.lots import lot_sql
from tradewind.trials.compare import Arm
from tradewind.trials.sql import Trial


class Events(Protocol):
    """Where what people did is found."""

    def view(self, project: str, event_properties: Sequence[str], user_properties: Sequence[str], before: datetime | None) -> EventView:
        """What happened before an instant."""


def own_deeds(events: Events, project: str, event: str, value: str | None, as_of: datetime) -> str:
    """A relation of who did an event before an instant, when, and `value`, a property of it: 0 where that is no number."""
    view = events.view(project, [value] if value else [], [], as_of)
    worth = DuckDBDialect().number(quoted(f"e:{value}")).sql("duckdb") if value else "0"
    return f"SELECT who, time, COALESCE({worth}, 0) AS value FROM ({view.relation()}) AS event WHERE event_type = {literal(event)}"


def written_deeds(file: Path) -> str:
    """The same from a file that somebody's server has filled: `member`, `time`, `value`."""
    return f"SELECT member::UUID AS who, time, value FROM read_parquet({literal(file)})"


def outcomes(deeds: str, trial: Trial, people: Sequence[Path], days: int | None, as_of: datetime, bounds: Bounds) -> tuple[Arm, Arm, int]:
    """The sent, the held out, and how many are in neither arm since the share that is held out was another for a time.

    A person converts by one of `deeds` from their first day on and before `as_of`; its value is what they are worth. With `days` only
    so many days from each person's first count, and only people who have had them; who is in several files takes part once, from the
    first day on. Raises EngineError when a file cannot be read.
    """
    lot = lot_sql("member", literal(trial.salt))
    until = _instant(as_of)
    within = f" AND time < since + INTERVAL {days} DAY" if days else ""
    whole = f" WHERE since + INTERVAL {days} DAY <= {until}" if days else ""
    files = ", ".join(map(literal, people))
    query = f"""
        WITH known AS (
            SELECT member, min(since) AS since FROM read_parquet([{files}]) GROUP BY member
        ), person AS (
            SELECT member::UUID AS who, since, {lot} AS lot FROM known{whole}
        ), deed AS (
            SELECT who, sum(value) AS value FROM ({deeds}) AS done JOIN person USING (who) WHERE time >= since{within} GROUP BY who
        )
        SELECT CASE WHEN lot < {trial.least} / 100.0 THEN 'held_out' WHEN lot >= {trial.most} / 100.0 THEN 'sent' ELSE 'neither' END AS arm,
            count(*), count(value), COALESCE(sum(value), 0), COALESCE(sum(value * value), 0)
        FROM person LEFT JOIN deed USING (who) GROUP BY arm"""
    try:
        with connect(bounds) as connection:
            found = {arm: Arm(*sums) for arm, *sums in connection.execute(query).fetchall()}
    except (duckdb.Error, OSError) as error:
        raise EngineError(f"the arms of sync '{trial.sync}' could not be compared: {told_of(error)}") from None
    return found.get("sent", Arm()), found.get("held_out", Arm()), found.get("neither", Arm()).people


def _instant(moment: datetime) -> str:
    return f"TIMESTAMP {literal(moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' '))}"
