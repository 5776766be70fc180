"""What an identify does to the properties of a user ($add, $setOnce, ...), given those that are there; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

APART = ("$setOnce", "$add", "$append", "$prepend", "$preInsert", "$postInsert", "$remove")
"""Operations whose outcome depends on what was there."""

CLEAR = "$clearAll"
"""Takes every property away, whatever its value."""


def names(stated: Mapping[str, Any]) -> set[str]:
    """The properties that must be known before."""
    return {name for operation in APART if isinstance(stated.get(operation), dict) for name in stated[operation]}


def applied(stated: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """What is stated as plain values: null where a property is taken away. `before` has those that were there."""
    given = {name: value for name, value in stated.items() if not name.startswith("$")} | _object(stated, "$set")
    after = given | dict.fromkeys(_object(stated, "$unset"))
    for operation in APART:
        for name, value in _object(stated, operation).items():
            there = after.get(name, before.get(name))
            outcome = _OUTCOMES[operation](there, value)
            if outcome != there or name in after:
                after[name] = outcome
    return after


def _object(stated: Mapping[str, Any], operation: str) -> dict[str, Any]:
    found = stated.get(operation)
    return found if isinstance(found, dict) else {}


def _sum(there: Any, value: Any) -> Any:
    """Numbers alone are added; what is no number counts as none."""
    return _number(there) + _number(value)


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or value is None:
        return 0
    if isinstance(value, int | float):
        return value
    try:
        return int(value) if str(value).lstrip("-").isdigit() else float(value)
    except (TypeError, ValueError):
        return 0


def _list(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]


def _new(there: Any, value: Any) -> list[Any]:
    return [each for each in _list(value) if each not in _list(there)]


_OUTCOMES: dict[str, Callable[[Any, Any], Any]] = {
    "$setOnce": lambda there, value: value if there is None else there,
    "$add": _sum,
    "$append": lambda there, value: [*_list(there), *_list(value)],
    "$prepend": lambda there, value: [*_list(value), *_list(there)],
    "$preInsert": lambda there, value: [*_new(there, value), *_list(there)],
    "$postInsert": lambda there, value: [*_list(there), *_new(there, value)],
    "$remove": lambda there, value: [each for each in _list(there) if each not in _list(value)],
}
