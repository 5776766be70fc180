"""What defines a seed, so that a model does not learn it by heart: pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain

from tradewind.cohorts.rules import leaves
from tradewind.cohorts.windows import bounds, zone_of
from tradewind.model.cohort import Behaviour, Cohort, Did, UserProperty
from tradewind.model.lookalike import Apart

BEGIN = datetime(1970, 1, 5, tzinfo=UTC).date()
"""A Monday, from which the days of training are counted: the same for everybody, whoever asks first."""


def training_day(as_of: datetime, zone: str, days: int) -> datetime:
    """The instant that the model serving at `as_of` is trained as of: midnight of every so many days in the project's zone."""
    place = zone_of(zone)
    today = as_of.astimezone(place).date()
    day = today - timedelta(days=(today - BEGIN).days % days)
    return datetime(day.year, day.month, day.day, tzinfo=place).astimezone(UTC)


def by_time(seed: Iterable[Cohort], as_of: datetime, zone: str) -> Apart:
    """Keep apart by time: what lies before every window of the seed's rules, and all cohorts they are built of, is no part of it.

    What has no window could have been at any time: it is left out by name, and so are properties.
    """
    cohorts = list(seed)
    apart = by_name(cohorts, as_of)
    begins = [bounds(deed.window, as_of, zone)[0] for deed in _deeds(cohorts)]
    timeless = sorted({deed.event for deed in _deeds(cohorts) if deed.window is None})
    return replace(apart, cut_off=min([as_of.astimezone(UTC), *(begin for begin in begins if begin)]), events=tuple(timeless))


def by_name(seed: Iterable[Cohort], as_of: datetime) -> Apart:
    """Keep apart by name: events and user properties of the seed's rules, and of all cohorts they are built of, are left out."""
    cohorts = list(seed)
    rules = [leaf for cohort in cohorts if isinstance(cohort.definition, Behaviour) for leaf in leaves(cohort.definition.who)]
    properties = sorted({leaf.property for leaf in rules if isinstance(leaf, UserProperty)})
    events = sorted({deed.event for deed in _deeds(cohorts)})
    known = all(isinstance(cohort.definition, Behaviour) for cohort in cohorts)
    return Apart(as_of.astimezone(UTC), tuple(events), tuple(properties), known)


def _deeds(cohorts: Iterable[Cohort]) -> list[Did]:
    rules = (leaves(cohort.definition.who) for cohort in cohorts if isinstance(cohort.definition, Behaviour))
    return [leaf for leaf in chain.from_iterable(rules) if isinstance(leaf, Did)]
