"""The words that the sentences of clauses share: comparisons, conditions, windows, lengths of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal

from tradewind.cohorts.reading import length_document
from tradewind.model.cohort import (
    AT_LEAST_ONCE,
    Between,
    Comparison,
    Count,
    EventFilter,
    FirstUse,
    Last,
    LastHours,
    Operator,
    Since,
    Window,
)

MOST_SHOWN = 6
"""Values of one condition that are named; the rest are counted."""

_OPERATORS = {
    Operator.IS: "is",
    Operator.IS_NOT: "is not",
    Operator.CONTAINS: "contains",
    Operator.DOES_NOT_CONTAIN: "does not contain",
    Operator.STARTS_WITH: "starts with",
    Operator.DOES_NOT_START_WITH: "does not start with",
    Operator.LESS: "is less than",
    Operator.LESS_OR_EQUAL: "is at most",
    Operator.GREATER: "is greater than",
    Operator.GREATER_OR_EQUAL: "is at least",
    Operator.SET_IS: "is exactly",
    Operator.SET_IS_NOT: "is not exactly",
    Operator.SET_CONTAINS: "includes",
    Operator.SET_DOES_NOT_CONTAIN: "does not include",
    Operator.GLOB_MATCH: "matches",
    Operator.GLOB_DOES_NOT_MATCH: "does not match",
}
_TOGETHER = {Operator.SET_IS, Operator.SET_IS_NOT, Operator.SET_CONTAINS, Operator.SET_DOES_NOT_CONTAIN}
_TIMES = {
    Comparison.AT_LEAST: "at least",
    Comparison.MORE: "more than",
    Comparison.AT_MOST: "at most",
    Comparison.LESS: "fewer than",
    Comparison.EQUAL: "exactly",
    Comparison.NOT_EQUAL: "any number of times but",
}
_AMOUNTS = _TIMES | {Comparison.LESS: "less than", Comparison.NOT_EQUAL: "anything but"}
_PLACES = {
    Comparison.EQUAL: "the {} time",
    Comparison.NOT_EQUAL: "a time other than the {}",
    Comparison.AT_LEAST: "the {} or a later time",
    Comparison.MORE: "a time after the {}",
    Comparison.AT_MOST: "the {} or an earlier time",
    Comparison.LESS: "a time before the {}",
}
_ORDINALS = {1: "first", 2: "second", 3: "third"}


def often(count: Count) -> str:
    """How often, with a blank before it; nothing for at least once."""
    if count == AT_LEAST_ONCE:
        return ""
    if count.comparison is Comparison.NOT_EQUAL:
        return f" {_TIMES[count.comparison]} {count.number:,}"
    return f" {_TIMES[count.comparison]} {'once' if count.number == 1 else f'{count.number:,} times'}"


def amount(count: Count, unit: str = "") -> str:
    """A comparison with a number, such as `at least 99.5` or `more than 3 days`."""
    number = f"{count.number.normalize():,f}" if isinstance(count.number, Decimal) else f"{count.number:,}"
    units = f" {unit}" if count.number == 1 else f" {unit}s"
    return f"{_AMOUNTS[count.comparison]} {number}{units if unit else ''}"


def place(nth: Count) -> str:
    """Which of all such events of a person, such as `for the first time ever`."""
    number = int(nth.number)
    return f" for {_PLACES[nth.comparison].format(_ORDINALS.get(number, f'{number:,}th'))} ever"


def when(window: Window | None) -> str:  # noqa: PLR0911 - one answer a kind of window
    """When, with a blank before it; nothing for any time."""
    match window:
        case None:
            return ""
        case Last(days, 0, False):
            return f" in the last {days:,} days" if days > 1 else " yesterday or today"
        case Last(days, 0, True):
            return f" in the last {days:,} whole days" if days > 1 else " yesterday"
        case Last(days, offset):
            return f" in the {days + 1:,} days that ended {offset:,} day{'' if offset == 1 else 's'} ago"
        case LastHours(hours):
            return f" in the last {hours:,} hours" if hours > 1 else " in the last hour"
        case Since(first):
            return f" since {first}"
        case Between(first, until):
            last = until - timedelta(days=1)
            return f" on {first}" if first == last else f" from {first} to {last}"
        case FirstUse(days):
            return f" within {days:,} day{'' if days == 1 else 's'} of their first event"


def conditions(where: Iterable[EventFilter]) -> str:
    """The conditions of a clause, with `, where ` before them; nothing where there are none."""
    found = " and ".join(condition(part.property, part.operator, part.values) for part in where)
    return f", where {found}" if found else ""


def condition(name: str, operator: Operator, values: Sequence[str]) -> str:
    """A property against its values."""
    return f"{name} {_OPERATORS[operator]} {listed(values, 'and' if operator in _TOGETHER else 'or')}"


def listed(values: Sequence[str], word: str) -> str:
    """A few values one after another, `word` before the last; the rest counted."""
    shown = [value or "an empty text" for value in values]
    if len(shown) > MOST_SHOWN:
        shown = [*shown[: MOST_SHOWN - 1], f"{len(shown) - MOST_SHOWN + 1:,} others"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {word} {shown[-1]}"


def lasting(length: timedelta) -> str:
    """A length of time."""
    return length_document(length)
