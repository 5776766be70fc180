"""What the store has of a few users or devices: their newest values, and which of their events are here already."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from tradewind.compute import Bounds, connect, quoted
from tradewind.events import shape
from tradewind.events.manifest import EventFile
from tradewind.events.pieces import by_key
from tradewind.events.quoting import text_list
from tradewind.events.relation import event_relation

Who = tuple[str, str]
"""A user (`user_id`, id), or a device (`device_id`, id)."""

Key = tuple[str, str]
"""By what an event is known: its device, or its user where it has none, and its insert id."""


def newest(files: Sequence[EventFile], who: Collection[Who], names: Collection[str], bounds: Bounds) -> Mapping[Who, dict[str, Any]]:
    """What each of them was last said to have; lists as lists, everything else as text. Of a device also what its users' events say."""
    found: dict[Who, dict[str, Any]] = {each: {} for each in who}
    if not (files and who and names):
        return found
    connection = connect(bounds)
    try:
        for column in ("user_id", "device_id"):
            ids = [each for kind, each in who if kind == column]
            for name in sorted(names) if ids else ():
                query = (
                    f"SELECT {column}, arg_max(coalesce({quoted(f'u:{name}')}, ''), time) FROM ({event_relation(files, (), (name,))}) "
                    f"WHERE {column} IN (SELECT unnest(?)) AND {quoted(f's:{name}')} GROUP BY ALL"
                )
                for id_, value in connection.execute(query, [ids]).fetchall():
                    if value:
                        found[column, id_][name] = _read(value)
    finally:
        connection.close()
    return found


def known(files: Sequence[EventFile], keys: Collection[Key], bounds: Bounds) -> set[Key]:
    """Which of these events are in the files: another that is the same by its device and insert id is not brought in again."""
    if not (files and keys):
        return set()
    connection, found = connect(bounds), set[Key]()
    try:
        devices, inserts = zip(*keys, strict=True)
        asked = "SELECT unnest(?) AS device_id, NULL::VARCHAR AS user_id, unnest(?) AS insert_id"
        hashed = f"CREATE TEMP TABLE asked AS SELECT device_id, insert_id, {', '.join(shape.keys())} FROM ({asked})"
        connection.execute(hashed, [list(devices), list(inserts)])
        ((check,),) = connection.execute(shape.KEY_CHECK).fetchall()
        for stored, paths in by_key(files, str(check)):
            query = f"SELECT device_id, insert_id FROM asked SEMI JOIN (SELECT {stored} FROM read_parquet({text_list(paths)}))"
            found.update(connection.execute(f"{query} USING (key_high, key_low)").fetchall())
    finally:
        connection.close()
    return found


def _read(text: str) -> Any:
    """A list as one; whatever else is text."""
    if text.startswith("["):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            pass
    return text
