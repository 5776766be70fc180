"""What clauses share when they are read and written: conditions, values, comparisons, windows, lengths of time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches

from tradewind.cohorts.document import Node
from tradewind.cohorts.glob import regex
from tradewind.model.cohort import (
    AT_LEAST_ONCE,
    STATEMENTS,
    Between,
    Comparison,
    Count,
    EventFilter,
    FirstUse,
    Last,
    LastHours,
    Operator,
    Since,
    Step,
    Window,
)

MOST_VALUES = 10_000
LONGEST_TEXT = 1_024
MOST_DAYS = 10_000
MOST_HOURS = 24 * 366
FIRST_YEAR, LAST_YEAR = 1970, 2999

USER, EVENT = "user.", "event."
_COUNT = re.compile(r"(>=|<=|!=|=|>|<)\s*([0-9]{1,9})")
_AMOUNT = re.compile(r"(>=|<=|!=|=|>|<)\s*(-?[0-9]{1,15}(?:\.[0-9]{1,9})?)")
_LAST = re.compile(r"([0-9]{1,9}) (day|week)s?")
_HOURS = re.compile(r"([0-9]{1,9}) hours?")
_LENGTH = re.compile(r"([0-9]{1,9}) (second|minute|hour|day|week)s?")
_SECONDS = {"week": 604_800, "day": 86_400, "hour": 3_600, "minute": 60, "second": 1}


def filters(node: Node) -> tuple[EventFilter, ...]:
    """A mapping of event properties to conditions, or a list of such mappings."""
    parts = node.value if isinstance(node.value, list) else [node]
    if not parts:
        node.refuse("expected at least one condition, found an empty list; leave 'where' out for none")
    return tuple(found for part in parts for found in _filters(part))


def _filters(part: Node) -> Iterator[EventFilter]:
    if not isinstance(part.value, dict) or not part.value:
        part.refuse(f"expected conditions such as 'event.category: {{is: [shoes]}}', found {part.described()}")
    for key, entry in part.value.items():
        name = event_property(key, entry)
        for operator, values in conditions(entry):
            yield EventFilter(name, operator, values)


def event_property(key: str, entry: Node) -> str:
    """The name after `event.`."""
    name = key.removeprefix(EVENT)
    if name == key or not name:
        entry.refuse(f"'{key[:60]}' is not a property of the event; expected 'event.<property>'")
    return plain(entry, name)


def conditions(node: Node) -> Iterator[tuple[Operator, tuple[str, ...]]]:
    """The operators of a mapping, each with its values."""
    operators = [operator.value for operator in Operator]
    if not isinstance(node.value, dict) or not node.value:
        node.refuse(f"expected an operator with values, such as {{is: [paid]}}, found {node.described()}")
    for key, entry in node.value.items():
        if key not in operators:
            near = get_close_matches(key, operators, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"expected one of {', '.join(operators)}"
            entry.refuse(f"'{key[:60]}' is not an operator; {hint}")
        yield Operator(key), _values(entry, Operator(key))


def _values(node: Node, operator: Operator) -> tuple[str, ...]:
    entries = node.value if isinstance(node.value, list) else [node]
    if not 1 <= len(entries) <= MOST_VALUES:
        node.refuse(f"expected 1 to {MOST_VALUES:,} values, found {len(entries):,}")
    values = tuple(_value(entry) for entry in entries)
    if operator in {Operator.GLOB_MATCH, Operator.GLOB_DOES_NOT_MATCH}:
        for entry, value in zip(entries, values, strict=True):
            try:
                regex(value)
            except ValueError as error:
                entry.refuse(f"cannot be read as a glob: {error}")
    return values


def _value(node: Node) -> str:
    """A value as it is written: `01234` and `1.50` stay what they are."""
    if node.value is None:
        node.refuse("expected a value, found nothing; write '(none)' for people without a value")
    if isinstance(node.value, dict | list):
        node.refuse(f"expected a text, number or switch, found {node.described()}")
    return plain(node, node.written.lower() if isinstance(node.value, bool) else node.written)


def plain(node: Node, text: str) -> str:
    """A text that an event may hold."""
    if len(text) > LONGEST_TEXT:
        node.refuse(f"expected at most {LONGEST_TEXT:,} characters, found {len(text):,}")
    if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in text):
        node.refuse("holds a character that no event can hold (NUL, or half of a surrogate pair)")
    return text


def event_name(node: Node) -> str:
    """The type of an event."""
    name = plain(node, node.text())
    if name in STATEMENTS:
        node.refuse(f"'{name}' is no event: it says something of a person, and nobody does it; ask for the property, as user.<property>")
    return name


def count(node: Node) -> Count:
    """A comparison with a whole number that is sometimes true and sometimes not."""
    match = _COUNT.fullmatch(node.value.strip()) if isinstance(node.value, str) else None
    if not match:
        node.refuse(f'expected a comparison and a whole number, such as ">= 3", found {node.described()}')
    found = Count(Comparison(match[1]), int(match[2]))
    if found == Count(Comparison.LESS, 0):
        node.refuse("'< 0' is never true; write \"= 0\" for those who never did it")
    if found == Count(Comparison.AT_LEAST, 0):
        node.refuse("'>= 0' is always true; leave the clause out, or write \">= 1\"")
    return found


def amount(node: Node) -> Count:
    """A comparison with a number of at most nine decimals."""
    match = _AMOUNT.fullmatch(node.value.strip()) if isinstance(node.value, str) else None
    if not match:
        node.refuse(f'expected a comparison and a number of at most 15 digits and 9 decimals, such as ">= 99.50", found {node.described()}')
    return Count(Comparison(match[1]), Decimal(match[2]))


def compared(found: Count) -> str:
    """A comparison as it is written."""
    return f"{found.comparison.value} {found.number:f}" if isinstance(found.number, Decimal) else f"{found.comparison.value} {found.number}"


def window(node: Node, *, fixed: bool = False) -> Window:
    """A window; a `fixed` one has a beginning that is the same for everybody."""
    expected = "expected one of {last: 30 days}, {between: [2026-01-01, 2026-02-01]}, {since: 2026-01-01}, {first_use: 7 days}"
    if not isinstance(node.value, dict) or not node.value:
        node.refuse(f"{expected}, found {node.described()}")
    fields = node.fields(optional=("last", "between", "since", "first_use", "offset", "complete"), what="in a window")
    kinds = [name for name in ("last", "between", "since", "first_use") if name in fields]
    if len(kinds) != 1 or (len(fields) > 1 and kinds != ["last"]):
        node.refuse(f"{expected}, found {' and '.join(fields)}; 'offset' and 'complete' go with 'last' alone")
    if "first_use" in fields:
        if fixed:
            fields["first_use"].refuse("'first_use' does not go here, since it begins at another time for each person")
        return FirstUse(days(fields["first_use"]))
    if "last" in fields:
        return _last(fields["last"], fields.get("offset"), fields.get("complete"))
    if "since" in fields:
        return Since(_date(fields["since"]))
    dates = fields["between"].items()
    if len(dates) != 2:
        fields["between"].refuse(f"expected two dates, the first day and the day after the last, found {len(dates)}")
    first, until = _date(dates[0]), _date(dates[1])
    if first >= until:
        fields["between"].refuse(f"{first} is not before {until}: no day lies between them (the second date is not included)")
    return Between(first, until)


def _last(node: Node, offset: Node | None, complete: Node | None) -> Window:
    hours = _HOURS.fullmatch(node.value.strip()) if isinstance(node.value, str) else None
    if hours:
        if offset or complete:
            (offset or complete or node).refuse("goes with a number of days or weeks, not with hours")
        if not 1 <= int(hours[1]) <= MOST_HOURS:
            node.refuse(f"expected 1 to {MOST_HOURS:,} hours, found {int(hours[1]):,}")
        return LastHours(int(hours[1]))
    if complete and not isinstance(complete.value, bool):
        complete.refuse(f"expected true or false, found {complete.described()}")
    if offset and complete and complete.value:
        complete.refuse("does not go with 'offset', whose last day is whole already")
    return Last(days(node), days(offset) if offset else 0, bool(complete and complete.value))


def days(node: Node) -> int:
    """A number of days, or of weeks as days."""
    match = _LAST.fullmatch(node.value.strip()) if isinstance(node.value, str) else None
    if not match:
        node.refuse(f"expected a number of days or weeks, such as '30 days', found {node.described()}")
    number = int(match[1]) * (7 if match[2] == "week" else 1)
    if not 1 <= number <= MOST_DAYS:
        node.refuse(f"expected 1 to {MOST_DAYS:,} days, found {number:,}")
    return number


def length(node: Node) -> timedelta:
    """A length of time such as `30 minutes`; a day is 24 hours."""
    match = _LENGTH.fullmatch(node.value.strip()) if isinstance(node.value, str) else None
    if not match:
        node.refuse(f"expected a length of time such as '30 minutes', '2 hours' or '7 days', found {node.described()}")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if not 1 <= seconds <= MOST_DAYS * 86_400:
        node.refuse(f"expected 1 second to {MOST_DAYS:,} days, found {node.described()}")
    return timedelta(seconds=seconds)


def _date(node: Node) -> date:
    found = node.value
    if isinstance(found, str):
        try:
            found = date.fromisoformat(found) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", found) else None
        except ValueError:
            found = None
    if not isinstance(found, date) or isinstance(found, datetime):
        node.refuse(f"expected a date such as 2026-01-31, found {node.described()}")
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        node.refuse(f"expected a date from {FIRST_YEAR} to {LAST_YEAR}, found {found}")
    return found


def step(node: Node, word: str = "did", *, timed: bool = False) -> Step:
    """One event with its conditions; a `timed` one may say how long after the one before it."""
    fields = node.fields(required=(word,), optional=("where", "within") if timed else ("where",), what="in a step")
    where = filters(fields["where"]) if "where" in fields else ()
    return Step(event_name(fields[word]), where, length(fields["within"]) if "within" in fields else None)


def step_document(found: Step) -> dict[str, object]:
    """The mapping that `step` reads back."""
    within = {"within": length_document(found.within)} if found.within else {}
    return {"did": found.event} | where_document(found.where) | within


def window_document(found: Window | None) -> dict[str, object]:
    """The entry `in` of a clause, if there is a window."""
    match found:
        case None:
            return {}
        case Last(number, offset, complete):
            more: dict[str, object] = {"offset": _number(offset, "day")} if offset else {"complete": True} if complete else {}
            return {"in": {"last": _number(number, "day")} | more}
        case LastHours(number):
            return {"in": {"last": _number(number, "hour")}}
        case Between(first, until):
            return {"in": {"between": [first.isoformat(), until.isoformat()]}}
        case Since(first):
            return {"in": {"since": first.isoformat()}}
        case FirstUse(number):
            return {"in": {"first_use": _number(number, "day")}}


def count_document(found: Count) -> dict[str, object]:
    """The entry `count` of a clause, unless it is once."""
    return {} if found == AT_LEAST_ONCE else {"count": compared(found)}


def length_document(found: timedelta) -> str:
    """A length of time in the largest unit that it is a whole number of, at most days."""
    seconds = found // timedelta(seconds=1)
    unit = next(unit for unit, size in _SECONDS.items() if unit != "week" and seconds % size == 0)
    return _number(seconds // _SECONDS[unit], unit)


def where_document(where: Iterable[EventFilter]) -> dict[str, object]:
    """The entry `where` of a clause: one mapping where that keeps order and repetition, else a list of mappings."""
    found = list(where)
    if not found:
        return {}
    merged: dict[str, dict[str, list[str]]] = {}
    for condition in found:
        merged.setdefault(f"{EVENT}{condition.property}", {})[condition.operator.value] = list(condition.values)
    read_back = [(name, operator) for name, entry in merged.items() for operator in entry]
    if read_back == [(f"{EVENT}{condition.property}", condition.operator.value) for condition in found]:
        return {"where": merged}
    return {"where": [{f"{EVENT}{condition.property}": {condition.operator.value: list(condition.values)}} for condition in found]}


def _number(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"
