"""Whose event it is, found when a query runs: late events and merges rewrite nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from tradewind.events.manifest import EventFile
from tradewind.events.relation import event_relation


def person_relation(
    files: Sequence[EventFile], event_properties: Iterable[str] = (), user_properties: Iterable[str] = (), before: datetime | None = None
) -> str:
    """A SELECT for DuckDB: `person` (`user:<id>` or `device:<id>`) and the columns of `event_relation`.

    The person of an event is its user; else the last user seen on its device at or before its time; else the first
    seen after; else the device. Of several users at one instant the greatest id counts. Two users are never merged,
    and only events before the instant say who is who. Devices with one user are a plain join; only those with several
    go through windows.
    """
    events = event_relation(files, event_properties, user_properties, before)
    seen = event_relation(files, (), (), before)
    return f"""WITH seen AS (SELECT user_id, device_id, time FROM ({seen}) WHERE device_id IS NOT NULL),
        device AS (
            SELECT device_id, min(user_id) AS least, max(user_id) AS greatest
            FROM seen WHERE user_id IS NOT NULL GROUP BY device_id
        ),
        instant AS (
            SELECT device_id, time, max(user_id) AS user_id
            FROM seen WHERE device_id IN (SELECT device_id FROM device WHERE least <> greatest) GROUP BY device_id, time
        ),
        holder AS (
            SELECT device_id, time, COALESCE(
                LAST_VALUE(user_id IGNORE NULLS) OVER (PARTITION BY device_id ORDER BY time
                    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
                FIRST_VALUE(user_id IGNORE NULLS) OVER (PARTITION BY device_id ORDER BY time
                    ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)) AS user_id
            FROM instant
        )
        SELECT CASE
            WHEN event.user_id IS NOT NULL THEN 'user:' || event.user_id
            WHEN holder.user_id IS NOT NULL THEN 'user:' || holder.user_id
            WHEN device.least IS NOT NULL THEN 'user:' || device.least
            ELSE 'device:' || event.device_id END AS person, event.*
        FROM ({events}) AS event
        LEFT JOIN device ON device.device_id = event.device_id
        LEFT JOIN holder ON holder.device_id = event.device_id AND holder.time = event.time"""
