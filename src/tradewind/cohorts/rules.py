"""Rules of behavioural cohorts: from the tree of a YAML text to frozen nodes, and back to a mapping."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from difflib import get_close_matches

from tradewind.cohorts.document import Node
from tradewind.cohorts.glob import regex
from tradewind.model.cohort import (
    AT_LEAST_ONCE,
    All,
    AnyOf,
    Between,
    Comparison,
    Count,
    Did,
    EventFilter,
    InCohort,
    Last,
    Not,
    Operator,
    Rule,
    Since,
    UserProperty,
    Window,
)

DEEPEST_RULE = 16
MOST_CLAUSES = 200
MOST_VALUES = 10_000
LONGEST_TEXT = 1_024
MOST_DAYS = 10_000
FIRST_YEAR, LAST_YEAR = 1970, 2999

WORDS = ("all", "any", "not", "did", "did_not", "in_cohort", "not_in_cohort")
USER, EVENT = "user.", "event."
_COUNT = re.compile(r"(>=|<=|!=|=|>|<)\s*([0-9]{1,9})")
_LAST = re.compile(r"([0-9]{1,9}) (day|week)s?")
_COHORT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def parse_rule(node: Node) -> Rule:
    """The rule that `node` states. Raises DefinitionError with file, line, path and what was expected."""
    rule = _rule(node, 1)
    clauses = sum(1 + len(leaf.where) if isinstance(leaf, Did) else 1 for leaf in leaves(rule))
    if clauses > MOST_CLAUSES:
        node.refuse(f"has {clauses:,} clauses and conditions; a rule has at most {MOST_CLAUSES}")
    return rule


def leaves(rule: Rule) -> Iterator[Did | UserProperty | InCohort]:
    """The clauses of a rule, from left to right."""
    match rule:
        case All(rules) | AnyOf(rules):
            for part in rules:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case _:
            yield rule


def rule_document(rule: Rule) -> dict[str, object]:  # noqa: PLR0911 - one answer a kind of rule
    """The mapping of a rule, of text, lists and mappings only; `parse_rule` reads it back as the same rule."""
    match rule:
        case All(rules):
            return {"all": [rule_document(part) for part in rules]}
        case AnyOf(rules):
            return {"any": [rule_document(part) for part in rules]}
        case Not(Did(event, where, count, window)) if count == AT_LEAST_ONCE:
            return {"did_not": event} | _did_document(where, count, window)
        case Not(InCohort(cohort)):
            return {"not_in_cohort": cohort}
        case Not(part):
            return {"not": rule_document(part)}
        case Did(event, where, count, window):
            return {"did": event} | _did_document(where, count, window)
        case UserProperty(name, operator, values):
            return {f"{USER}{name}": {operator.value: list(values)}}
        case InCohort(cohort):
            return {"in_cohort": cohort}


def _rule(node: Node, depth: int) -> Rule:
    if depth > DEEPEST_RULE:
        node.refuse(f"is nested deeper than {DEEPEST_RULE} rules")
    word = _word(node)
    assert isinstance(node.value, dict)
    if word.startswith(USER):
        return _user_property(node, word)
    if word in {"did", "did_not"}:
        return _did(node, word)
    entry = node.fields(required=(word,), what=f"beside '{word}'")[word]
    if word == "not":
        return Not(_rule(entry, depth + 1))
    if word in {"all", "any"}:
        rules = tuple(_rule(part, depth + 1) for part in entry.items())
        if not rules:
            entry.refuse("expected at least one rule, found an empty list")
        return All(rules) if word == "all" else AnyOf(rules)
    cohort = entry.text()
    if not _COHORT_ID.fullmatch(cohort):
        entry.refuse(f"expected the id of a cohort (lower-case letters, digits and hyphens), found {entry.described()}")
    return InCohort(cohort) if word == "in_cohort" else Not(InCohort(cohort))


def _word(node: Node) -> str:
    """The one key that says what kind of rule stands here."""
    expected = f"expected one of {', '.join(WORDS)}, user.<property>"
    if not isinstance(node.value, dict) or not node.value:
        node.refuse(f"{expected}, found {'an empty mapping' if node.value == {} else node.described()}")
    found = [key for key in node.value if key in WORDS or key.startswith(USER)]
    if len(found) > 1:
        node.refuse(f"one rule is expected here, found '{found[0]}' and '{found[1]}'; put them into the list of an 'all' or 'any'")
    if found:
        return found[0]
    key, entry = next(iter(node.value.items()))
    if key.startswith(EVENT):
        entry.refuse(f"'{key[:60]}' is a property of an event; put it under the 'where' of a 'did'")
    near = get_close_matches(key, [*WORDS, "user."], 1)
    hint = f"did you mean '{near[0]}'?" if near else expected
    return entry.refuse(f"'{key[:60]}' is not a rule; {hint}")


def _did(node: Node, word: str) -> Rule:
    assert isinstance(node.value, dict)
    if word == "did_not" and "count" in node.value:
        node.value["count"].refuse("'count' does not go with 'did_not'; write 'did' with a count such as \"< 3\"")
    optional = ("where", "count", "in") if word == "did" else ("where", "in")
    fields = node.fields(required=(word,), optional=optional, what=f"beside '{word}'")
    event = _plain(fields[word], fields[word].text())
    where = tuple(_filters(fields["where"])) if "where" in fields else ()
    count = _count(fields["count"]) if "count" in fields else AT_LEAST_ONCE
    window = _window(fields["in"]) if "in" in fields else None
    rule = Did(event, where, count, window)
    return rule if word == "did" else Not(rule)


def _filters(node: Node) -> Iterator[EventFilter]:
    """A mapping of properties to conditions, or a list of such mappings."""
    parts = node.value if isinstance(node.value, list) else [node]
    if not parts:
        node.refuse("expected at least one condition, found an empty list; leave 'where' out for none")
    for part in parts:
        if not isinstance(part.value, dict) or not part.value:
            part.refuse(f"expected conditions such as 'event.category: {{is: [shoes]}}', found {part.described()}")
        for key, entry in part.value.items():
            name = key.removeprefix(EVENT)
            if name == key or not name:
                entry.refuse(f"'{key[:60]}' is not a property of the event; expected 'event.<property>'")
            for operator, values in _conditions(entry):
                yield EventFilter(_plain(entry, name), operator, values)


def _user_property(node: Node, word: str) -> Rule:
    entry = node.fields(required=(word,), what=f"beside '{word}'")[word]
    name = word.removeprefix(USER)
    if not name:
        entry.refuse("expected 'user.<property>', found 'user.' alone")
    rules = tuple(UserProperty(_plain(entry, name), operator, values) for operator, values in _conditions(entry))
    return rules[0] if len(rules) == 1 else All(rules)


def _conditions(node: Node) -> Iterator[tuple[Operator, tuple[str, ...]]]:
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
    return _plain(node, node.written.lower() if isinstance(node.value, bool) else node.written)


def _plain(node: Node, text: str) -> str:
    if len(text) > LONGEST_TEXT:
        node.refuse(f"expected at most {LONGEST_TEXT:,} characters, found {len(text):,}")
    if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in text):
        node.refuse("holds a character that no event can hold (NUL, or half of a surrogate pair)")
    return text


def _count(node: Node) -> Count:
    match = _COUNT.fullmatch(node.value.strip()) if isinstance(node.value, str) else None
    if not match:
        node.refuse(f'expected a comparison and a whole number, such as ">= 3", found {node.described()}')
    count = Count(Comparison(match[1]), int(match[2]))
    if count == Count(Comparison.LESS, 0):
        node.refuse("'< 0' is never true; write \"= 0\" for those who never did it")
    if count == Count(Comparison.AT_LEAST, 0):
        node.refuse("'>= 0' is always true; leave the clause out, or write \">= 1\"")
    return count


def _window(node: Node) -> Window:
    expected = "expected one of {last: 30 days}, {between: [2026-01-01, 2026-02-01]}, {since: 2026-01-01}"
    if not isinstance(node.value, dict) or len(node.value) != 1:
        node.refuse(f"{expected}, found {node.described()}")
    fields = node.fields(optional=("last", "between", "since"), what="in a window")
    if "last" in fields:
        return Last(_days(fields["last"]))
    if "since" in fields:
        return Since(_date(fields["since"]))
    dates = fields["between"].items()
    if len(dates) != 2:
        fields["between"].refuse(f"expected two dates, the first day and the day after the last, found {len(dates)}")
    first, until = _date(dates[0]), _date(dates[1])
    if first >= until:
        fields["between"].refuse(f"{first} is not before {until}: no day lies between them (the second date is not included)")
    return Between(first, until)


def _days(node: Node) -> int:
    match = _LAST.fullmatch(node.value.strip()) if isinstance(node.value, str) else None
    if not match:
        node.refuse(f"expected a number of days or weeks, such as '30 days', found {node.described()}")
    days = int(match[1]) * (7 if match[2] == "week" else 1)
    if not 1 <= days <= MOST_DAYS:
        node.refuse(f"expected 1 to {MOST_DAYS:,} days, found {days:,}")
    return days


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


def _did_document(where: tuple[EventFilter, ...], count: Count, window: Window | None) -> dict[str, object]:
    document: dict[str, object] = {}
    if where:
        document["where"] = _where_document(where)
    if count != AT_LEAST_ONCE:
        document["count"] = f"{count.comparison.value} {count.number}"
    match window:
        case Last(days):
            document["in"] = {"last": f"{days} day{'' if days == 1 else 's'}"}
        case Between(first, until):
            document["in"] = {"between": [first.isoformat(), until.isoformat()]}
        case Since(first):
            document["in"] = {"since": first.isoformat()}
    return document


def _where_document(where: tuple[EventFilter, ...]) -> object:
    """One mapping where that keeps order and repetition, else a list of mappings."""
    merged: dict[str, dict[str, list[str]]] = {}
    for condition in where:
        merged.setdefault(f"{EVENT}{condition.property}", {})[condition.operator.value] = list(condition.values)
    read_back = [(name, operator) for name, entry in merged.items() for operator in entry]
    if read_back == [(f"{EVENT}{condition.property}", condition.operator.value) for condition in where]:
        return merged
    return [{f"{EVENT}{condition.property}": {condition.operator.value: list(condition.values)}} for condition in where]
