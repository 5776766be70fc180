"""What was found of one person for a clause, in plain English: how often and when last, which value, in which cohort."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from tradewind.cohorts import phrases
from tradewind.cohorts.clauses.did import said
from tradewind.cohorts.explain import phrase
from tradewind.model.cohort import All, AnyOf, Did, InCohort, Not, Rule, Told, UserProperty


def because(
    rule: Rule, *, holds: bool, times: int | None, last: datetime | None, value: str | None, names: Mapping[str, str], zone: ZoneInfo
) -> str:
    """A phrase after "this person", such as `did Buy 3 times, last on 2026-07-01 at 11:00`; empty for a rule of rules.

    `last` is aware and is told in `zone`; `names` are the names of the project's cohorts by id.
    """
    match rule:
        case Did() if times and last:
            often = "once" if times == 1 else f"{times:,} times"
            return f"did {_counted(rule)} {often}, last on {last.astimezone(zone):%Y-%m-%d at %H:%M}"
        case Did():
            return f"did not do {_counted(rule)}"
        case UserProperty(name, told=Told.NOW):
            return f"has no {name}" if value is None else f"has {name} {value or 'as an empty text'}"
        case InCohort(cohort):
            return f"is {'' if holds else 'not '}in the cohort '{names.get(cohort, cohort)}'"
        case All() | AnyOf() | Not():
            return ""
        case _:
            return f"is {'' if holds else 'not '}one of those {phrase(rule, names)}"


def _counted(deed: Did) -> str:
    """What a clause counts, such as `Buy in the last 30 days, where price is greater than 9`."""
    return f"{said(deed)}{phrases.when(deed.window)}{phrases.conditions(deed.where)}"
