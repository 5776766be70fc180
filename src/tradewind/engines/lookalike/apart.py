"""What defines a seed, so that a model does not learn it by heart: pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain

from tradewind.cohorts.rules import leaves
from tradewind.cohorts.windows import bounds, zone_of
from tradewind.model.cohort import (
    ANY_EVENT,
    Behaviour,
    Clause,
    Cohort,
    Did,
    Inactive,
    InSequence,
    MoreOften,
    New,
    Returned,
    UserProperty,
)
from tradewind.model.lookalike import Apart

BEGIN = datetime(1970, 1, 5, tzinfo=UTC).date()
"""A Monday, from which the days of training are counted: the same for everybody, whoever asks first."""

Deed = Did | MoreOften | InSequence | New | Inactive | Returned
"""Clauses that look at what was done, each in a window or at any time."""


def training_day(as_of: datetime, zone: str, days: int) -> datetime:
    """The instant that the model serving at `as_of` is trained as of: midnight of every so many days in the project's zone."""
    place = zone_of(zone)
    today = as_of.astimezone(place).date()
    day = today - timedelta(days=(today - BEGIN).days % days)
    return datetime(day.year, day.month, day.day, tzinfo=place).astimezone(UTC)


def by_time(seed: Iterable[Cohort], as_of: datetime, zone: str) -> Apart:
    """Keep apart by time: what lies before every window of the seed's rules, and all cohorts they are built of, is no part of it.

    What has no beginning could have been at any time: it is left out by name, and so are properties.
    """
    cohorts = list(seed)
    begins = [(clause, bounds(clause.window, as_of, zone)[0]) for clause in _deeds(cohorts)]
    cut_off = min([as_of.astimezone(UTC), *(begin for _, begin in begins if begin)])
    return _without(cohorts, [clause for clause, begin in begins if begin is None], cut_off)


def by_name(seed: Iterable[Cohort], as_of: datetime) -> Apart:
    """Keep apart by name: events and user properties of the seed's rules, and of all cohorts they are built of, are left out."""
    cohorts = list(seed)
    return _without(cohorts, _deeds(cohorts), as_of.astimezone(UTC))


def _without(cohorts: Sequence[Cohort], deeds: Iterable[Deed], cut_off: datetime) -> Apart:
    """Leave out by name what some clauses look at, and all properties. What looks at any event whatever cannot be left out."""
    named = [_events(clause) for clause in deeds]
    events = sorted({event for events in named for event in events} - {ANY_EVENT})
    properties = sorted({clause.property for clause in _clauses(cohorts) if isinstance(clause, UserProperty)})
    known = all(isinstance(cohort.definition, Behaviour) for cohort in cohorts) and not any(ANY_EVENT in events for events in named)
    return Apart(cut_off, tuple(events), tuple(properties), known)


def _events(clause: Deed) -> tuple[str, ...]:
    """The events that a clause looks at."""
    match clause:
        case Did(event):
            return (event,)
        case MoreOften(this, that):
            return (this.event, that.event)
        case InSequence(steps, _, without):
            return tuple(step.event for step in (*steps, *without))
        case New() | Inactive() | Returned():
            return (ANY_EVENT,)


def _deeds(cohorts: Iterable[Cohort]) -> list[Deed]:
    return [clause for clause in _clauses(cohorts) if isinstance(clause, Deed)]


def _clauses(cohorts: Iterable[Cohort]) -> Iterator[Clause]:
    return chain.from_iterable(leaves(each.definition.who) for each in cohorts if isinstance(each.definition, Behaviour))
