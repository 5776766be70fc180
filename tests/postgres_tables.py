"""Events told to a real PostgreSQL, in tables as a client might have them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import count

from postgres_process import Server
from tradewind.engines.memory import Event
from tradewind.engines.postgres import postgres
from tradewind.engines.server import Served
from tradewind.engines.spec.inline import rows_of

_NUMBERS: Iterator[int] = count()

COLUMNS = '"user_id" text, "device_id" text, "event_type" text, "happened" timestamptz, "event_properties" jsonb, "user_properties" jsonb'


def told_tables(server: Server, events: Iterable[Event]) -> Served:
    """Two new tables, of events that state whole sets of user properties and of others, read by a user who can only read."""
    from adbc_driver_postgresql import dbapi

    told = list(events)
    names = {whole: f"events_{next(_NUMBERS)}" for whole in (False, True)}
    with dbapi.connect(server.admin) as connection, connection.cursor() as cursor:
        for whole, name in names.items():
            cursor.execute(f"CREATE TABLE {name} ({COLUMNS})")
            cursor.execute(f"GRANT SELECT ON {name} TO reader")
            text = json.dumps([_row(event) for event in told if event.whole is whole]).replace("'", "''")
            cursor.execute(f"INSERT INTO {name} SELECT * FROM json_to_recordset('{text}') AS told({COLUMNS})")
        connection.commit()
    rows = tuple(rows_of(name, whole=whole) for whole, name in names.items())
    return Served(postgres("SHOP_URL", {"SHOP_URL": server.url()}), rows, {})


def _row(event: Event) -> dict[str, object]:
    return {
        "user_id": event.user_id,
        "device_id": event.device_id,
        "event_type": event.event_type,
        "happened": event.time.isoformat(),
        "event_properties": event.event_properties,
        "user_properties": event.user_properties,
    }
