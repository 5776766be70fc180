"""The events of a project as one SELECT over its Parquet files, with the properties a question needs as text columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tradewind.compute import quoted
from tradewind.errors import DefinitionError
from tradewind.events.manifest import EventFile, utc
from tradewind.events.quoting import pointer, text_list


@dataclass(frozen=True)
class Share:
    """One of `of` equal parts of all keys, by their leading byte; `of` is a power of two up to 256."""

    number: int = 0
    of: int = 1

    def holds(self, key: str) -> str:
        """Whether a key (an expression of type UUID) is in this share, as a condition that files can be skipped by."""
        first, last = self.number * 256 // self.of, (self.number + 1) * 256 // self.of - 1
        low, high = f"{first:02x}" + "0" * 30, f"{last:02x}" + "f" * 30
        return "TRUE" if self.of == 1 else f"{key} BETWEEN '{low}'::UUID AND '{high}'::UUID"


WHOLE = Share()

_Shape = tuple[frozenset[str], frozenset[str], bool]
"""What files must share to be read together: columns for event and for user properties, and whether all rows are whole."""

_TYPES = {
    "user_id": "VARCHAR",
    "device_id": "VARCHAR",
    "event_type": "VARCHAR",
    "time": "TIMESTAMP",
    "who": "UUID",
    "device_key": "UUID",
}
_FIXED = tuple(_TYPES)


def event_relation(
    files: Sequence[EventFile],
    event_properties: Iterable[str] = (),
    user_properties: Iterable[str] = (),
    before: datetime | None = None,
    share: Share = WHOLE,
) -> str:
    """A SELECT for DuckDB over the events before an instant (all of them when None), of a share of `who`.

    Columns: user_id, device_id, event_type (text), time (TIMESTAMP, UTC), who, device_key (UUID); for each event property
    `e:<name>` and for each user property `u:<name>`, the value as text or NULL; and `s:<name>`, TRUE when the event states
    the user property: it states the whole set, or the property is in it (with NULL in `u:<name>`: it is taken away).
    A text is the JSON string itself; numbers, booleans, arrays and objects are their JSON text; JSON null is NULL.

    Raises DefinitionError when two of the names differ only in capital letters.
    """
    event, user = _apart(event_properties), _apart(user_properties)
    groups: dict[_Shape, list[str]] = defaultdict(list)
    for file in files:
        if before is None or file.min_time < utc(before):
            shape = (frozenset(event) & frozenset(file.columns.event), frozenset(user) & frozenset(file.columns.user), file.columns.whole)
            groups[shape].append(str(file.path))
    if not groups:
        return _nothing(event, user)
    where = f" WHERE {share.holds('who')}" + (f" AND time < TIMESTAMP '{utc(before)}'" if before is not None else "")
    return " UNION ALL BY NAME ".join(
        f"SELECT {', '.join(_columns(event, user, shape))} FROM read_parquet({text_list(paths)}){where}" for shape, paths in groups.items()
    )


def _columns(event: Sequence[str], user: Sequence[str], shape: _Shape) -> list[str]:
    event_columns, user_columns, whole = shape
    columns = list(_FIXED)
    columns += [f"{_value('event', name, name in event_columns)} AS {quoted(f'e:{name}')}" for name in event]
    for name in user:
        value = _value("user", name, name in user_columns)
        stated = "TRUE" if whole else f"CASE WHEN whole OR {value} IS NOT NULL THEN TRUE ELSE {_has('user', name)} END"
        columns += [f"{value} AS {quoted(f'u:{name}')}", f"{stated} AS {quoted(f's:{name}')}"]
    return columns


def _value(side: str, name: str, has_column: bool) -> str:
    return quoted(f"{side}.{name}") if has_column else f"json_extract_string({side}_properties, {pointer(name)})"


def _has(side: str, name: str) -> str:
    return f"json_exists({side}_properties, {pointer(name)})"


def _nothing(event: Sequence[str], user: Sequence[str]) -> str:
    columns = [f"CAST(NULL AS {kind}) AS {name}" for name, kind in _TYPES.items()]
    columns += [f"CAST(NULL AS VARCHAR) AS {quoted(f'e:{name}')}" for name in event]
    for name in user:
        columns += [f"CAST(NULL AS VARCHAR) AS {quoted(f'u:{name}')}", f"CAST(NULL AS BOOLEAN) AS {quoted(f's:{name}')}"]
    return f"SELECT {', '.join(columns)} WHERE FALSE"


def _apart(names: Iterable[str]) -> tuple[str, ...]:
    """The names once each, in order, after refusing pairs that a column name cannot tell apart."""
    chosen: dict[str, str] = {}
    for name in names:
        other = chosen.setdefault(name.lower(), name)
        if other != name:
            raise DefinitionError(f"the properties '{other}' and '{name}' differ only in capital letters; ask for one of them at a time")
    return tuple(chosen.values())
