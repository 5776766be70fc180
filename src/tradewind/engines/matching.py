"""The operators in plain Python, written apart from the SQL ones so that each checks the other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache
from operator import ge, gt, le, lt

from tradewind.model.cohort import Comparison, Operator

_NUMBER = re.compile(r"[-+]?(?:\d{1,255}(?:\.\d{1,255})?|\d{1,18}(?:\.\d{1,20})?e[-+]?\d{1,3})", re.ASCII | re.IGNORECASE)
_ORDERS: dict[Operator, Callable[[float | str, float | str], bool]] = {
    Operator.LESS: lt,
    Operator.LESS_OR_EQUAL: le,
    Operator.GREATER: gt,
    Operator.GREATER_OR_EQUAL: ge,
}
_MEETS_NOTHING_UNLESS_LISTED = {
    Operator.IS_NOT,
    Operator.DOES_NOT_CONTAIN,
    Operator.DOES_NOT_START_WITH,
    Operator.GLOB_DOES_NOT_MATCH,
    Operator.SET_DOES_NOT_CONTAIN,
}


class _Written(float):
    """A number in a text that is a list: as it is written, however large."""

    def __init__(self, text: str) -> None:
        self.text = text


def meets(value: str | None, operator: Operator, values: Sequence[str]) -> bool:
    """Whether a property's text (None: it has no value) meets the operator."""
    if value is None:
        return _meets_nothing(operator, values)
    elements = _elements(value)
    match operator:
        case Operator.SET_IS:
            return set(elements) == set(values)
        case Operator.SET_IS_NOT:
            return set(elements) != set(values)
        case Operator.SET_CONTAINS:
            return set(elements) >= set(values)
        case Operator.SET_DOES_NOT_CONTAIN:
            return not set(elements) >= set(values)
        case _:
            return any(_element_meets(element, operator, values) for element in elements)


def _meets_nothing(operator: Operator, values: Sequence[str]) -> bool:
    if operator is Operator.SET_IS_NOT:
        return True
    return ("(none)" not in values) if operator in _MEETS_NOTHING_UNLESS_LISTED else ("(none)" in values)


def compares(times: int | Decimal, comparison: Comparison, number: int | Decimal) -> bool:
    """Whether a number, of events or of what is reckoned of them, meets a count."""
    match comparison:
        case Comparison.AT_LEAST:
            return times >= number
        case Comparison.MORE:
            return times > number
        case Comparison.AT_MOST:
            return times <= number
        case Comparison.LESS:
            return times < number
        case Comparison.EQUAL:
            return times == number
        case Comparison.NOT_EQUAL:
            return times != number


def is_number(text: str) -> bool:
    """Whether a text is a number."""
    return bool(_NUMBER.fullmatch(text))


def as_text(value: object) -> str | None:
    """A JSON value as the text that rules see."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, _Written):
        return value.text
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _elements(value: str) -> list[str]:
    """The elements of a JSON array without its nulls; any other text is the one element."""
    if value.startswith("["):
        try:
            parsed = json.loads(value, parse_float=_Written)
        except (ValueError, RecursionError):
            return [value]
        if isinstance(parsed, list):
            return [text for text in map(as_text, parsed) if text is not None]
    return [value]


def _element_meets(text: str, operator: Operator, values: Sequence[str]) -> bool:  # noqa: PLR0911 - one answer an operator
    match operator:
        case Operator.IS:
            return _is(text, values)
        case Operator.IS_NOT:
            return not _is(text, values)
        case Operator.CONTAINS:
            return any(_fold(value) in _fold(text) for value in values)
        case Operator.DOES_NOT_CONTAIN:
            return all(_fold(value) not in _fold(text) for value in values)
        case Operator.STARTS_WITH:
            return any(_fold(text).startswith(_fold(value)) for value in values)
        case Operator.DOES_NOT_START_WITH:
            return not any(_fold(text).startswith(_fold(value)) for value in values)
        case Operator.GLOB_MATCH:
            return any(_globs(value, text) for value in values)
        case Operator.GLOB_DOES_NOT_MATCH:
            return not any(_globs(value, text) for value in values)
        case _:
            return any(_in_order(text, operator, value) for value in values)


def _is(text: str, values: Sequence[str]) -> bool:
    if text.lower() in {"true", "false"}:
        return text in values or text.lower() in {value.lower() for value in values}
    return text in values


def _in_order(text: str, operator: Operator, value: str) -> bool:
    compare = _ORDERS[operator]
    if _NUMBER.fullmatch(text) and _NUMBER.fullmatch(value):
        return compare(float(text), float(value))
    return compare(text, value)


def _fold(text: str) -> str:
    """Lower case, letter by letter (Python's own `lower` may turn one letter into two)."""
    return "".join(letter.lower()[:1] for letter in text)


def _globs(pattern: str, text: str) -> bool:
    """Match by walking both texts, remembering what has been tried."""

    @cache
    def walk(p: int, t: int) -> bool:  # noqa: PLR0911 - one answer a kind of letter
        if p == len(pattern):
            return t == len(text)
        if pattern.startswith("**", p):
            return walk(p + 2, t) or (t < len(text) and walk(p, t + 1))
        if pattern[p] == "*":
            return walk(p + 1, t) or (t < len(text) and text[t] != "/" and walk(p, t + 1))
        if t == len(text):
            return False
        if pattern[p] == "?":
            return text[t] != "/" and walk(p + 1, t + 1)
        end = pattern.find("]", p + 2 + pattern.startswith("[!", p)) if pattern[p] == "[" else -1
        if end < 0:
            return pattern[p] == text[t] and walk(p + 1, t + 1)
        return _in_class(pattern[p + 1 : end], text[t]) and walk(end + 1, t + 1)

    return walk(0, 0)


def _in_class(inside: str, letter: str) -> bool:
    negated = inside.startswith("!")
    inside = inside[negated:]
    found, at = False, 0
    while at < len(inside):
        if at + 2 < len(inside) and inside[at + 1] == "-":
            found = found or inside[at] <= letter <= inside[at + 2]
            at += 3
        else:
            found = found or letter == inside[at]
            at += 1
    return (letter != "/" and not found) if negated else found
