"""What the people in the two arms of a trial did since their first day, in sums alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import duckdb

from tradewind.cohorts.clauses.form import quoted
from tradewind.compute import Bounds, connect, literal
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


def outcomes(
    events: Events, trial: Trial, people: Path, event: str, value: str | None, days: int | None, as_of: datetime, bounds: Bounds
) -> tuple[Arm, Arm, int]:
    """The sent, the held out, and how many are in neither arm since the share that is held out was another for a time.

    A person converts by doing `event` from their first day on and before `as_of`; `value` is a property of these events, of which
    what is no number counts nothing. With `days` only so many days from each person's first count, and only people who have had them.
    Raises EngineError when the events or the file cannot be read.
    """
    view = events.view(trial.project, [value] if value else [], [], as_of)
    worth = DuckDBDialect().number(quoted(f"e:{value}")).sql("duckdb") if value else "0"
    lot = lot_sql("member", literal(trial.salt))
    until = _instant(as_of)
    within = f" AND time < since + INTERVAL {days} DAY" if days else ""
    whole = f" WHERE since + INTERVAL {days} DAY <= {until}" if days else ""
    query = f"""
        WITH person AS (
            SELECT member::UUID AS who, since, {lot} AS lot FROM read_parquet({literal(people)}){whole}
        ), deed AS (
            SELECT who, sum(COALESCE({worth}, 0)) AS value FROM ({view.relation()}) AS event JOIN person USING (who)
            WHERE event_type = {literal(event)} AND time >= since{within} GROUP BY who
        )
        SELECT CASE WHEN lot < {trial.least} / 100.0 THEN 'held_out' WHEN lot >= {trial.most} / 100.0 THEN 'sent' ELSE 'neither' END AS arm,
            count(*), count(value), COALESCE(sum(value), 0), COALESCE(sum(value * value), 0)
        FROM person LEFT JOIN deed USING (who) GROUP BY arm"""
    try:
        with connect(bounds) as connection:
            found = {arm: Arm(*sums) for arm, *sums in connection.execute(query).fetchall()}
    except (duckdb.Error, OSError) as error:
        raise EngineError(f"the arms of sync '{trial.sync}' could not be compared: {str(error).splitlines()[0]}") from None
    return found.get("sent", Arm()), found.get("held_out", Arm()), found.get("neither", Arm()).people


def _instant(moment: datetime) -> str:
    return f"TIMESTAMP {literal(moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' '))}"
