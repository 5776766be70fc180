"""Links: who acted on which device in a file of events, each once, in a small file beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from tradewind.compute import literal
from tradewind.durable import sync
from tradewind.events.manifest import EventFile, links_beside, utc
from tradewind.events.quoting import text_list
from tradewind.events.relation import WHOLE, Share, event_relation

ENOUGH = 20_000
"""Events from which on a file has its links beside it: of a smaller one the events are as quickly read."""

_LINK = "device_key, who, user_id"

_HOW = "FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE 20480"
"""Small parts, since each share of the devices reads whole ones."""


def write_links(connection: duckdb.DuckDBPyConnection, events: Path) -> None:
    """Write the links of an event file beside it; they are on the disk when this returns.

    Those without a user stand last, and both kinds in the order of their devices, so that a share of these is read from few places.
    """
    links, order = links_beside(events), "user_id IS NULL, device_key"
    found = f"SELECT DISTINCT {_LINK} FROM read_parquet({literal(events)}) WHERE device_key IS NOT NULL ORDER BY {order}"
    connection.execute(f"COPY ({found}) TO {literal(links)} ({_HOW})")
    sync(links)
    sync(links.parent)


def link_relation(files: Sequence[EventFile], before: datetime | None = None, share: Share = WHOLE) -> str:
    """A SELECT for DuckDB of device_key, who (UUID) and user_id: who acted on which device before an instant, at least once each.

    As in `event_relation`, `who` is the user, else the device; but the share is one of the devices. Of a file with events at the
    instant or later, the events are asked.
    """
    known = {file.path: file.links for file in files if file.links and (before is None or file.max_time < utc(before))}
    others = [file for file in files if file.path not in known]
    tables = [f"read_parquet({text_list(map(str, known.values()))})"] if known else []
    if others or not known:
        tables.append(f"({event_relation(others, before=before)})")
    return " UNION ALL ".join(f"SELECT {_LINK} FROM {table} WHERE {share.holds('device_key')}" for table in tables)
