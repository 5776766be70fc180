"""The language in plain Python: whether a rule holds of one person, by a loop over what that person did."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from zoneinfo import ZoneInfo

from tradewind.cohorts.rules import idle
from tradewind.engines.matching import as_text, compares, is_number, meets
from tradewind.model.cohort import (
    ANY_EVENT,
    STATEMENTS,
    All,
    AnyOf,
    Between,
    Count,
    Did,
    EventFilter,
    FirstUse,
    Inactive,
    InCohort,
    InSequence,
    Interval,
    Last,
    LastHours,
    Measure,
    MoreOften,
    New,
    Not,
    Returned,
    Rule,
    Sample,
    Since,
    Step,
    Told,
    UserProperty,
    Window,
)

_NINTH = Decimal("0.000000001")
_EXACT = Context(prec=1_200)
"""Digits enough for any number and any sum of them."""


@dataclass(frozen=True)
class Event:
    """One event. `time` is aware. With `whole` it states every user property, those it does not name as having no value."""

    event_type: str
    time: datetime
    user_id: str | None = None
    device_id: str | None = None
    event_properties: Mapping[str, object] = field(default_factory=dict)
    user_properties: Mapping[str, object] = field(default_factory=dict)
    whole: bool = True

    @property
    def done(self) -> bool:
        """Whether somebody did something, and not only what is known of them was said."""
        return self.event_type not in STATEMENTS

    def says(self, name: str) -> bool:
        """Whether it states a user property, be it that it has no value."""
        return self.whole or name in self.user_properties


@dataclass(frozen=True)
class Known:
    """What a rule is judged by: the instant, the zone of its days, and who is in the cohorts it names, with what they did last there."""

    as_of: datetime
    zone: ZoneInfo
    nested: Mapping[str, Mapping[str, datetime | None]]


def key(person: str) -> bytes:
    """The 16 bytes of a member."""
    return hashlib.md5(person.encode(), usedforsecurity=False).digest()[::-1]


def holds(rule: Rule, person: str, events: Sequence[Event], known: Known) -> bool:  # noqa: C901, PLR0911 - one answer a kind of rule
    """Whether a rule holds of a person, whose events before the instant these are, in order of time."""
    match rule:
        case All(rules):
            return all(holds(part, person, events, known) for part in rules)
        case AnyOf(rules):
            return any(holds(part, person, events, known) for part in rules)
        case Not(part):
            return not holds(part, person, events, known)
        case Did():
            return _did(rule, events, known)
        case MoreOften(this, that, window):
            one, other = (counting(each.event, each.where, window, events, known) for each in (this, that))
            return len(one) > len(other)
        case InSequence():
            reached = rule.dropped_after or len(rule.steps)
            went_on = rule.dropped_after is not None and bool(_ends(rule, reached + 1, events, known))
            return bool(_ends(rule, reached, events, known)) and not went_on
        case New(window):
            first = _first(events)
            return first is not None and within(first, window, events, known)
        case Inactive(window):
            before = any(_before(event, window, known) for event in events)
            return before and not counting(ANY_EVENT, (), window, events, known)
        case Returned():
            return _returned(rule, events, known)
        case UserProperty():
            return _user_property(rule, events, known)
        case Sample(percent, salt):
            drawn = hashlib.md5(f"{salt}:{key(person).hex()}".encode(), usedforsecurity=False).hexdigest()
            return int(drawn[:8], 16) * 100 < percent * 2**32
        case InCohort(cohort):
            return person in known.nested[cohort]


def last_event(rule: Rule, person: str, events: Sequence[Event], known: Known, *, wanted: bool = True) -> datetime | None:
    """The latest event (UTC, without zone) counted by a clause that nobody meets who did nothing; `wanted` is what it must come to."""
    found: Iterable[datetime | None]
    match rule:
        case All(rules) | AnyOf(rules):
            found = [last_event(part, person, events, known, wanted=wanted) for part in rules]
        case Not(part):
            found = [last_event(part, person, events, known, wanted=not wanted)]
        case InCohort(cohort):
            found = [known.nested[cohort].get(person)] if wanted else []
        case _:
            found = [_plain(event.time) for event in events_of(rule, events, known)] if idle(rule) is (not wanted) else []
    return max((time for time in found if time is not None), default=None)


def _plain(time: datetime) -> datetime:
    """In UTC, without zone, as files of members have it."""
    return time.astimezone(UTC).replace(tzinfo=None)


def events_of(rule: Rule, events: Sequence[Event], known: Known) -> list[Event]:
    """The events that a clause looks for."""
    match rule:
        case Did(event, where, _, window):
            return counting(event, where, window, events, known)
        case MoreOften(this, _, window):
            return counting(this.event, this.where, window, events, known)
        case InSequence():
            return _ends(rule, rule.dropped_after or len(rule.steps), events, known)
        case New(window) | Returned(window):
            return counting(ANY_EVENT, (), window, events, known)
        case Inactive(window):
            return [event for event in events if _before(event, window, known)]
        case _:
            return []


def counting(event_type: str, where: Sequence[EventFilter], window: Window | None, events: Sequence[Event], known: Known) -> list[Event]:
    """The events of a type in a window that meet the conditions."""
    return [event for event in events if _is(event, event_type, where) and within(event.time, window, events, known)]


def _is(event: Event, event_type: str, where: Sequence[EventFilter]) -> bool:
    named = event.done and event_type in (ANY_EVENT, event.event_type)
    return named and all(meets(as_text(event.event_properties.get(part.property)), part.operator, part.values) for part in where)


def within(time: datetime, window: Window | None, events: Sequence[Event], known: Known) -> bool:
    """By the calendar of the zone: the day an event fell on, against the days of the window."""
    day, today = time.astimezone(known.zone).date(), known.as_of.astimezone(known.zone).date()
    ago = (today - day).days
    match window:
        case None:
            return True
        case Last(days, offset, complete):
            return max(offset, 1 if complete else 0) <= ago <= days + offset
        case LastHours(hours):
            return time >= known.as_of - timedelta(hours=hours)
        case Since(first):
            return day >= first
        case Between(first, until):
            return first <= day < until
        case FirstUse(days):
            begun = _first(events)
            return begun is not None and time - begun < timedelta(days=days)


def _first(events: Sequence[Event]) -> datetime | None:
    """When somebody first did anything."""
    return next((event.time for event in events if event.done), None)


def _before(event: Event, window: Window, known: Known) -> bool:
    """Whether something was done before a window begins."""
    if not event.done:
        return False
    day, today = event.time.astimezone(known.zone).date(), known.as_of.astimezone(known.zone).date()
    match window:
        case Last(days, offset):
            return (today - day).days > days + offset
        case LastHours(hours):
            return event.time < known.as_of - timedelta(hours=hours)
        case Since(first) | Between(first):
            return day < first
        case FirstUse():
            raise AssertionError("nothing is before a first event")


def _did(clause: Did, events: Sequence[Event], known: Known) -> bool:
    if clause.nth is not None:
        wanted = clause.nth
        ever = counting(clause.event, clause.where, None, events, known)
        inside = counting(clause.event, clause.where, clause.window, events, known)
        return any(compares(place, wanted.comparison, wanted.number) for place, event in enumerate(ever, 1) if event in inside)
    found = counting(clause.event, clause.where, clause.window, events, known)
    if clause.each is None:
        return _measures(clause, found, known)
    parts = list(_parts(clause.window, clause.each, known))
    days = [[event for event in found if first <= event.time.astimezone(known.zone).date() < until] for first, until in parts]
    return bool(parts) and all(_measures(clause, each, known) for each in days)


def _parts(window: Window | None, interval: Interval, known: Known) -> Iterable[tuple[date, date]]:
    """The first hundred whole days, or runs of seven, of a window that are over."""
    today = known.as_of.astimezone(known.zone).date()
    begun, ended = today, today
    match window:
        case Last(days, offset, _):
            begun, ended = today - timedelta(days=days + offset), min(today, today - timedelta(days=offset - 1))
        case Since(first):
            begun = first
        case Between(first, until):
            begun, ended = first, min(today, until)
        case _:
            raise AssertionError(f"{window} has no days")
    length = timedelta(days=1 if interval is Interval.DAY else 7)
    for number in range(100):
        if begun + (number + 1) * length <= ended:
            yield begun + number * length, begun + (number + 1) * length


def _measures(clause: Did, found: Sequence[Event], known: Known) -> bool:
    count = clause.count
    if clause.measure is Measure.COUNT:
        return compares(len(found), count.comparison, count.number)
    if clause.measure is Measure.DAYS:
        return compares(len({event.time.astimezone(known.zone).date() for event in found}), count.comparison, count.number)
    texts = [as_text(event.event_properties.get(clause.property or "")) for event in found]
    if clause.measure is Measure.DISTINCT:
        return compares(len({text for text in texts if text is not None}), count.comparison, count.number)
    with localcontext(_EXACT):
        return _reckoned(clause.measure, count, [number for text in texts if (number := _number(text)) is not None])


def _reckoned(measure: Measure, count: Count, numbers: Sequence[Decimal]) -> bool:
    if measure is Measure.SUM:
        return compares(sum(numbers, Decimal(0)), count.comparison, count.number)
    if not numbers:
        return False
    if measure is Measure.AVERAGE:
        return compares(sum(numbers, Decimal(0)), count.comparison, count.number * len(numbers))
    return compares((min if measure is Measure.MINIMUM else max)(numbers), count.comparison, count.number)


def _number(text: str | None) -> Decimal | None:
    """A number of nine decimals below 10^18."""
    if text is None or not is_number(text):
        return None
    rounded = Decimal(text).quantize(_NINTH, ROUND_HALF_UP, _EXACT)
    return rounded if abs(rounded) < 10**18 else None


def _ends(clause: InSequence, steps: int, events: Sequence[Event], known: Known) -> list[Event]:
    """The events that a sequence of the first so many steps ends with: every way through is walked."""
    first = clause.steps[0]
    ends: list[Event] = []
    for begun in (event for event in events if _is(event, first.event, first.where) and within(event.time, clause.window, events, known)):
        held = _held(clause, begun)
        if held is not None:
            reached = [begun]
            for step in clause.steps[1:steps]:
                reached = [event for event in events if _held(clause, event) == held and _follows(event, step, reached)]
            ends += [event for event in reached if _in_time(clause, begun, event) and not _spoilt(clause, begun, event, held, events)]
    return ends


def _held(clause: InSequence, event: Event) -> tuple[str, ...] | None:
    """The values that stay the same; None where one is missing."""
    values = [as_text(event.event_properties.get(name)) for name in clause.holding]
    return None if None in values else tuple(str(value) for value in values)


def _follows(event: Event, step: Step, before: Sequence[Event]) -> bool:
    """Whether an event is a step, later than one of those before it and near enough."""
    near = step.within or timedelta.max
    return _is(event, step.event, step.where) and any(timedelta(0) < event.time - earlier.time <= near for earlier in before)


def _in_time(clause: InSequence, begun: Event, ended: Event) -> bool:
    return clause.within is None or ended.time - begun.time <= clause.within


def _spoilt(clause: InSequence, begun: Event, ended: Event, held: tuple[str, ...], events: Sequence[Event]) -> bool:
    between = [event for event in events if begun.time < event.time < ended.time and _held(clause, event) == held]
    return any(_is(event, each.event, each.where) for event in between for each in clause.without)


def _returned(clause: Returned, events: Sequence[Event], known: Known) -> bool:
    inside = [event.time for event in counting(ANY_EVENT, (), clause.window, events, known)]
    before = [event.time for event in events if _before(event, clause.window, known)]
    return bool(inside and before) and min(inside) - max(before) >= timedelta(days=clause.away)


def _user_property(clause: UserProperty, events: Sequence[Event], known: Known) -> bool:
    stating = [event for event in events if event.says(clause.property) and within(event.time, clause.window, events, known)]
    values = [as_text(event.user_properties.get(clause.property)) for event in stating]
    if clause.told is Told.EVER:
        return any(meets(value, clause.operator, clause.values) for value in values)
    last = max((event.time for event in stating), default=None)
    latest = [value for event, value in zip(stating, values, strict=True) if event.time == last and value is not None]
    return meets(max(latest, default=None), clause.operator, clause.values)
