"""The sentence a marketer reads: who is in a cohort, in plain English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from tradewind.model.cohort import (
    AT_LEAST_ONCE,
    All,
    AnyOf,
    Behaviour,
    Between,
    Cohort,
    Comparison,
    Count,
    Did,
    EventFilter,
    InCohort,
    Last,
    Lookalike,
    Not,
    Operator,
    Pulled,
    Pushed,
    Rule,
    Select,
    Since,
    StaticList,
    UserProperty,
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
_COMPARISONS = {
    Comparison.AT_LEAST: "at least",
    Comparison.MORE: "more than",
    Comparison.AT_MOST: "at most",
    Comparison.LESS: "fewer than",
    Comparison.EQUAL: "exactly",
    Comparison.NOT_EQUAL: "any number of times but",
}


def explain(cohort: Cohort, names: Mapping[str, str]) -> str:
    """One sentence about the members of a cohort; `names` are the names of the project's cohorts by id."""
    match cohort.definition:
        case Behaviour(who):
            phrase = _top(who, names)
            return f"People except {phrase[4:]}." if phrase.startswith("not ") else f"People {phrase}."
        case StaticList(file):
            return f"The people of the list {file}."
        case Pulled(source, cohort_id):
            return f"The people of the cohort {cohort_id} in Amplitude (source '{source}')."
        case Pushed(cohort_id):
            return f"The people of the cohort {cohort_id} that Amplitude pushes."
        case Lookalike(seed, people, percent):
            taken = f"{people:,} people" if people is not None else f"{percent} percent of people"
            return f"The {taken} outside the cohort '{names.get(seed, seed)}' who behave most like its members."
        case Select(_, source, files):
            tables = _listed([name for name, _ in files] or ["the project's events"], "and")
            return f"The people that a query finds in {f'the PostgreSQL of {source}' if source else tables}."


def phrase(rule: Rule, names: Mapping[str, str]) -> str:
    """Whom a rule means, as a phrase after "people", such as `who did Buy in the last 30 days`."""
    return _top(rule, names)


def counted(deed: Did) -> str:
    """What a clause counts, such as `Buy in the last 30 days, where price is greater than 9`."""
    return f"{deed.event}{_details(deed.where, deed.window)}"


def _top(rule: Rule, names: Mapping[str, str]) -> str:
    match rule:
        case All(rules):
            return _joined(rules, "; and ", names)
        case AnyOf(rules):
            return _joined(rules, "; or ", names)
        case _:
            return _phrase(rule, names)


def _joined(rules: Sequence[Rule], word: str, names: Mapping[str, str]) -> str:
    """The parts one after another; a `who did` after another is said without its `who`."""
    phrases = [_phrase(rule, names) for rule in rules]
    told = [_is_deed(rule) for rule in rules]
    shown = [phrase.removeprefix("who ") if i and told[i] and told[i - 1] else phrase for i, phrase in enumerate(phrases)]
    return word.join(shown)


def _is_deed(rule: Rule) -> bool:
    return isinstance(rule, Did) or (isinstance(rule, Not) and isinstance(rule.rule, Did) and rule.rule.count == AT_LEAST_ONCE)


def _phrase(rule: Rule, names: Mapping[str, str]) -> str:  # noqa: PLR0911 - one answer a kind of rule
    match rule:
        case All(rules):
            return f"({_joined(rules, ', and ', names)})"
        case AnyOf(rules):
            return f"({_joined(rules, ', or ', names)})"
        case Not(Did(event, where, count, window)) if count == AT_LEAST_ONCE:
            return f"who did not do {event}{_details(where, window)}"
        case Not(InCohort(cohort)):
            return f"who are not in the cohort '{names.get(cohort, cohort)}'"
        case Not(part):
            return f"not those {_phrase(part, names)}"
        case Did(event, where, Count(Comparison.EQUAL, 0), window):
            return f"who never did {event}{_details(where, window)}"
        case Did(event, where, count, window):
            return f"who did {event}{_often(count)}{_details(where, window)}"
        case UserProperty(name, operator, values):
            return f"whose {_condition(name, operator, values)}"
        case InCohort(cohort):
            return f"who are in the cohort '{names.get(cohort, cohort)}'"


def _often(count: Count) -> str:
    if count == AT_LEAST_ONCE:
        return ""
    if count.comparison is Comparison.NOT_EQUAL:
        return f" {_COMPARISONS[count.comparison]} {count.number:,}"
    return f" {_COMPARISONS[count.comparison]} {'once' if count.number == 1 else f'{count.number:,} times'}"


def _details(where: Sequence[EventFilter], window: Window | None) -> str:
    conditions = " and ".join(_condition(part.property, part.operator, part.values) for part in where)
    return f"{_when(window)}{f', where {conditions}' if where else ''}"


def _when(window: Window | None) -> str:
    match window:
        case None:
            return ""
        case Last(days):
            return f" in the last {days:,} days" if days > 1 else " yesterday or today"
        case Since(first):
            return f" since {first}"
        case Between(first, until):
            last = until - timedelta(days=1)
            return f" on {first}" if first == last else f" from {first} to {last}"


def _condition(name: str, operator: Operator, values: Sequence[str]) -> str:
    return f"{name} {_OPERATORS[operator]} {_listed(values, 'and' if operator in _TOGETHER else 'or')}"


def _listed(values: Sequence[str], word: str) -> str:
    shown = [value or "an empty text" for value in values]
    if len(shown) > MOST_SHOWN:
        shown = [*shown[: MOST_SHOWN - 1], f"{len(shown) - MOST_SHOWN + 1:,} others"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {word} {shown[-1]}"
