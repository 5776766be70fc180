"""The newest values of a few properties of a few users or devices, for what brings in changes to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from tradewind.compute import Bounds, connect, quoted
from tradewind.events.manifest import EventFile
from tradewind.events.relation import event_relation

Who = tuple[str, str]
"""A user (`user_id`, id), or a device (`device_id`, id)."""


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


def _read(text: str) -> Any:
    """A list as one; whatever else is text."""
    if text.startswith("["):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            pass
    return text
