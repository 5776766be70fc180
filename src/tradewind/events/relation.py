"""The events of a project as one SELECT over its Parquet files, with the properties a question needs as text columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from tradewind.compute import quoted
from tradewind.errors import DefinitionError
from tradewind.events.manifest import Columns, EventFile, utc
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


@dataclass(frozen=True)
class Part:
    """Events from an instant (None: the first of all) to before another that meet a condition; only these event properties of them."""

    first: datetime | None
    end: datetime
    condition: str
    event_properties: tuple[str, ...]


class _Form(Enum):
    """How a file holds the values of a property: in the JSON alone, or in a column of texts, or of GUIDs in small or capital letters."""

    JSON = 0
    TEXT = 1
    SMALL = 2
    CAPITAL = 3


_GUIDS = {_Form.SMALL, _Form.CAPITAL}

_Shape = tuple[tuple[_Form, ...], bool, str]
"""What files share that are read together: the form of each property asked for, whether all rows are whole, what is asked of times."""

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
    first: datetime | None = None,
) -> str:
    """A SELECT for DuckDB over the events from `first` on and before an instant (all of them when None), of a share of `who`.

    Columns: user_id, device_id, event_type (text), time (TIMESTAMP, UTC), who, device_key (UUID); for each event property
    `e:<name>` and for each user property `u:<name>`, the value as text or NULL; and `s:<name>`, TRUE when the event states
    the user property: it states the whole set, or the property is in it (with NULL in `u:<name>`: it is taken away).
    A text is the JSON string itself; numbers, booleans, arrays and objects are their JSON text; JSON null is NULL.
    `event.<name>` and `user.<name>` are the same values, but UUIDs where all files hold GUIDs in the same letters: these are
    told apart and carried much faster.

    Raises DefinitionError when two of the names differ only in capital letters.
    """
    names = [*(("event", name) for name in _apart(event_properties)), *(("user", name) for name in _apart(user_properties))]
    groups: dict[_Shape, list[str]] = defaultdict(list)
    for file in files:
        if _meets(file, first, before):
            times = _within(file, first, before)
            groups[tuple(_form(file.columns, *name) for name in names), file.columns.whole, times].append(str(file.path))
    if not groups:
        return _nothing(names)
    forms = [set(held) for held in zip(*(held for held, *_ in groups), strict=True)]
    kept = {name for name, held in zip(names, forms, strict=True) if len(held) == 1 and held <= _GUIDS}
    return " UNION ALL BY NAME ".join(
        f"SELECT {', '.join(_columns(dict(zip(names, held, strict=True)), whole, kept))} FROM read_parquet({text_list(paths)})"
        f" WHERE {share.holds('who')}{times}"
        for (held, whole, times), paths in groups.items()
    )


def _meets(file: EventFile, first: datetime | None, before: datetime | None) -> bool:
    return (before is None or file.min_time < utc(before)) and (first is None or file.max_time >= utc(first))


def _within(file: EventFile, first: datetime | None, before: datetime | None) -> str:
    """What must still be asked of the times of a file's events."""
    since = "" if first is None or file.min_time >= utc(first) else f" AND time >= TIMESTAMP '{utc(first)}'"
    return since if before is None or file.max_time < utc(before) else f"{since} AND time < TIMESTAMP '{utc(before)}'"


def text_of(files: Sequence[EventFile], side: str, name: str, before: datetime | None) -> str:
    """The column `event.<name>` or `user.<name>` of `event_relation` over the same files as the text that it stands for."""
    forms = {_form(file.columns, side, name) for file in files if before is None or file.min_time < utc(before)}
    return _text(side, name, *forms) if len(forms) == 1 and forms <= _GUIDS else quoted(f"{side}.{name}")


def _form(columns: Columns, side: str, name: str) -> _Form:
    column = f"{side}.{name}"
    if name not in (columns.event if side == "event" else columns.user):
        return _Form.JSON
    return _Form.SMALL if column in columns.small else _Form.CAPITAL if column in columns.capital else _Form.TEXT


def _columns(forms: Mapping[tuple[str, str], _Form], whole: bool, kept: Collection[tuple[str, str]]) -> list[str]:
    columns = list(_FIXED)
    for (side, name), form in forms.items():
        column = quoted(f"{side}.{name}")
        value = _text(side, name, form)
        columns += [f"{value} AS {quoted(f'{side[0]}:{name}')}", f"{column if (side, name) in kept else value} AS {column}"]
        if side == "user":
            there = value if form is _Form.JSON else column
            stated = "TRUE" if whole else f"CASE WHEN whole OR {there} IS NOT NULL THEN TRUE ELSE {_has(side, name)} END"
            columns.append(f"{stated} AS {quoted(f's:{name}')}")
    return columns


def _text(side: str, name: str, form: _Form) -> str:
    if form is _Form.JSON:
        return f"json_extract_string({side}_properties, {pointer(name)})"
    column = quoted(f"{side}.{name}")
    return {_Form.TEXT: column, _Form.SMALL: f"{column}::VARCHAR", _Form.CAPITAL: f"upper({column}::VARCHAR)"}[form]


def _has(side: str, name: str) -> str:
    return f"json_exists({side}_properties, {pointer(name)})"


def _nothing(names: Iterable[tuple[str, str]]) -> str:
    columns = [f"CAST(NULL AS {kind}) AS {name}" for name, kind in _TYPES.items()]
    for side, name in names:
        columns += [f"CAST(NULL AS VARCHAR) AS {quoted(column)}" for column in (f"{side[0]}:{name}", f"{side}.{name}")]
        if side == "user":
            columns.append(f"CAST(NULL AS BOOLEAN) AS {quoted(f's:{name}')}")
    return f"SELECT {', '.join(columns)} WHERE FALSE"


def _apart(names: Iterable[str]) -> tuple[str, ...]:
    """The names once each, in order, after refusing pairs that a column name cannot tell apart."""
    chosen: dict[str, str] = {}
    for name in names:
        other = chosen.setdefault(name.lower(), name)
        if other != name:
            raise DefinitionError(f"the properties '{other}' and '{name}' differ only in capital letters; ask for one of them at a time")
    return tuple(chosen.values())
