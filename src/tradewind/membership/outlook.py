"""Until when the people in a segment stay, day by day, and how many of them a run would renew."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime

from tradewind.membership.buckets import Buckets, bucket_name
from tradewind.membership.facts import NEVER, Facts, micros, moment, removed
from tradewind.membership.files import read_facts, readable
from tradewind.membership.rows import Flags
from tradewind.model.identifier import IdType
from tradewind.model.plan import Renewal


@dataclass(frozen=True)
class Outlook:
    """Identifiers in a segment: how many, how many of them are in doubt, by the day (UTC) on which they lapse, how many are due, by type.

    `due` are those that a run would send again, of each type that has any; a request names identifiers of one type. `fresh` are those
    that stay beyond an instant that was given, because they were sent lately.
    """

    count: int
    uncertain: int
    by_day: tuple[tuple[date, int], ...]
    due: tuple[int, ...]
    by_type: tuple[tuple[IdType, int], ...] = ()
    fresh: int = 0


def outlook(held: Buckets, now: datetime, renewal: Renewal | None, beyond: datetime | None = None) -> Outlook:
    """Who has not lapsed by `now`; due is who `renewal` sends again, fresh who stays `beyond`. Reads what is believed and no identifier.

    Raises EngineError when a file is gone or damaged.
    """
    count = uncertain = fresh = 0
    days: Counter[date] = Counter()
    types: Counter[IdType] = Counter()
    due: Counter[IdType] = Counter()
    with readable(held):
        for id_type in held.types:
            for number in range(held.count):
                facts, many = read_facts(held.place(id_type) / bucket_name(number, "arrow"))
                live = (facts["expires_until"] > micros(now)) & ~removed(facts)
                facts, many = facts[live], many[live]
                doubtful = (facts["unknown_since"] != NEVER) | (facts["expires_from"] <= micros(now))
                types[id_type] += int(many.sum())
                fresh += int(many[facts["expires_until"] > micros(beyond or now)].sum())
                count, uncertain = count + int(many.sum()), uncertain + int(many[doubtful].sum())
                due[id_type] += int(many[_due(facts, renewal)].sum()) if renewal else 0
                for until, of_it in zip(facts["expires_until"].tolist(), many.tolist(), strict=True):
                    days[moment(until).date()] += of_it
    by_type = tuple((each, types[each]) for each in held.types)
    return Outlook(count, uncertain, tuple(sorted(days.items())), tuple(many for many in due.values() if many), by_type, fresh)


def _due(facts: Facts, renewal: Renewal) -> Flags:
    expires = facts["expires_from"]
    due: Flags = (expires < micros(renewal.before)) | (expires > micros(renewal.after)) | (facts["unknown_since"] != NEVER)
    return due
