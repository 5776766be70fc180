"""Whether the columns of a table are there, and hold what they are read as."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches

from tradewind.errors import DefinitionError
from tradewind.model.tables import ColumnKind, Rows, TimeUnit

_IDS = {ColumnKind.TEXT, ColumnKind.INTEGER}
_TIMES = {ColumnKind.INSTANT, ColumnKind.TIME, ColumnKind.DATE}


def fit_rows(rows: Rows, kinds: Mapping[str, ColumnKind], where: str = "", documents: Collection[ColumnKind] = tuple(ColumnKind)) -> None:
    """Raise DefinitionError, its path behind `where`, unless each column is there and holds what it is read as."""
    for name, column in (("user", rows.user), ("device", rows.device), ("event_column", rows.event_column)):
        _expect(kinds, rows, column, f"{where}{name}", _IDS, "text or a whole number")
    if rows.unit is not None:
        _expect(kinds, rows, rows.time, f"{where}time", {ColumnKind.INTEGER}, f"a whole number of {rows.unit.value}")
    elif rows.time is not None and kinds.get(rows.time) is ColumnKind.INTEGER:
        units = ", ".join(TimeUnit)
        raise DefinitionError(f"column '{rows.time}' of '{rows.table}' is a whole number; say its unit: {units}", path=f"{where}time")
    else:
        _expect(kinds, rows, rows.time, f"{where}time", _TIMES, "a time or a date; make it one in a view")
    sides = {"properties": rows.properties, "user_properties": rows.user_properties}
    for name, stated in sides.items():
        written = "properties" if rows.whole else name
        _expect(kinds, rows, stated.json, f"{where}{written}", documents, "JSON; make it JSON in a view")
        for own, column in stated.columns:
            _expect(kinds, rows, column, f"{where}{written.replace('properties', 'columns')}.{own}", set(ColumnKind), "anything")


def _expect(kinds: Mapping[str, ColumnKind], rows: Rows, column: str | None, path: str, allowed: Collection[ColumnKind], what: str) -> None:
    if column is None:
        return
    if column not in kinds:
        near = get_close_matches(column, kinds, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(list(kinds)[:12])}"
        raise DefinitionError(f"table '{rows.table}' has no column '{column}'; {hint}", path=path)
    if kinds[column] not in allowed:
        raise DefinitionError(f"column '{column}' of '{rows.table}' is {kinds[column].value}; expected {what}", path=path)
