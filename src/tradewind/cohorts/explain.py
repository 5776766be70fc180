"""The sentence a marketer reads: who is in a cohort, in plain English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tradewind.cohorts.clauses.registry import form_of
from tradewind.cohorts.phrases import listed
from tradewind.model.cohort import All, AnyOf, Behaviour, Cohort, Lookalike, Not, Pulled, Pushed, Rule, Select, StaticList


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
            tables = listed([name for name, _ in files] or ["the project's events"], "and")
            return f"The people that a query finds in {f'the PostgreSQL of {source}' if source else tables}."


def phrase(rule: Rule, names: Mapping[str, str]) -> str:
    """Whom a rule means, as a phrase after "people", such as `who did Buy in the last 30 days`."""
    return _top(rule, names)


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
    told = [phrase.startswith(("who did ", "who never did ")) for phrase in phrases]
    shown = [phrase.removeprefix("who ") if i and told[i] and told[i - 1] else phrase for i, phrase in enumerate(phrases)]
    return word.join(shown)


def _phrase(rule: Rule, names: Mapping[str, str]) -> str:
    match rule:
        case All(rules):
            return f"({_joined(rules, ', and ', names)})"
        case AnyOf(rules):
            return f"({_joined(rules, ', or ', names)})"
        case Not(All() | AnyOf() | Not() as part):
            return f"not those {_phrase(part, names)}"
        case Not(part):
            return form_of(part).denied(part, names) or f"not those {_phrase(part, names)}"
        case _:
            return form_of(rule).phrase(rule, names)
