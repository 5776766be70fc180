"""Cohorts: a named, versioned rule over people, and the frozen nodes a behavioural rule is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from tradewind.model.identifier import Mapping


class CohortKind(StrEnum):
    """Where the members of a cohort come from."""

    STATIC = "static"
    SQL = "sql"
    BEHAVIOURAL = "behavioural"
    AMPLITUDE = "amplitude"
    WEBHOOK = "webhook"
    LOOKALIKE = "lookalike"


class Comparison(StrEnum):
    """How a count is compared."""

    AT_LEAST = ">="
    MORE = ">"
    AT_MOST = "<="
    LESS = "<"
    EQUAL = "="
    NOT_EQUAL = "!="


class Operator(StrEnum):
    """How a property is compared. Several values of one filter are alternatives, except for the `set_` family."""

    IS = "is"
    IS_NOT = "is_not"
    CONTAINS = "contains"
    DOES_NOT_CONTAIN = "does_not_contain"
    STARTS_WITH = "starts_with"
    DOES_NOT_START_WITH = "does_not_start_with"
    LESS = "less"
    LESS_OR_EQUAL = "less_or_equal"
    GREATER = "greater"
    GREATER_OR_EQUAL = "greater_or_equal"
    SET_IS = "set_is"
    SET_IS_NOT = "set_is_not"
    SET_CONTAINS = "set_contains"
    SET_DOES_NOT_CONTAIN = "set_does_not_contain"
    GLOB_MATCH = "glob_match"
    GLOB_DOES_NOT_MATCH = "glob_does_not_match"


@dataclass(frozen=True)
class Last:
    """The last `days` full days of the project's zone and the elapsed part of the day of the instant.

    With `offset` it ends with the whole day that lies so many days before; `complete` leaves the elapsed part out.
    """

    days: int
    offset: int = 0
    complete: bool = False


@dataclass(frozen=True)
class LastHours:
    """The last `hours` hours before the instant, whatever the clock says."""

    hours: int


@dataclass(frozen=True)
class Between:
    """From the start of `first` to the start of `until` (half-open), in the project's zone."""

    first: date
    until: date


@dataclass(frozen=True)
class Since:
    """From the start of `first` on, in the project's zone."""

    first: date


@dataclass(frozen=True)
class FirstUse:
    """From a person's first event of all, for `days` times 24 hours."""

    days: int


Window = Last | LastHours | Between | Since | FirstUse


class Interval(StrEnum):
    """The parts of a window in each of which something is to hold, counted from its start; a rest is left out."""

    DAY = "day"
    WEEK = "week"


@dataclass(frozen=True)
class Count:
    """A comparison with a number: of events, of days, or of what a measure gives."""

    comparison: Comparison
    number: int | Decimal


AT_LEAST_ONCE = Count(Comparison.AT_LEAST, 1)


class Measure(StrEnum):
    """What is reckoned of the events of a clause: how many, on how many days, or something of a property's values."""

    COUNT = "count"
    DAYS = "days"
    SUM = "sum"
    AVERAGE = "average"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    DISTINCT = "distinct"


@dataclass(frozen=True)
class EventFilter:
    """A condition on one property of the event itself. All filters of a clause must hold."""

    property: str
    operator: Operator
    values: tuple[str, ...]


ANY_EVENT = "(any event)"
"""The literal that stands for events of every type."""

STATEMENTS = ("$identify", "$groupidentify")
"""Types of what only says something of a person or a group. Nobody does them: they are no events of the language, `(any event)` is none
of them, and nobody is new or active by one; what they say of a person counts."""


@dataclass(frozen=True)
class Did:
    """The person performed `event`, filtered by `where`, so many times, in the window (None: any time).

    `measure` says what is compared instead of how often; all but COUNT and DAYS are of the values of `property`. `nth` counts only
    events whose place among all such events of the person compares so. With `each`, it holds in each part of the window.
    """

    event: str
    where: tuple[EventFilter, ...] = ()
    count: Count = AT_LEAST_ONCE
    window: Window | None = None
    measure: Measure = Measure.COUNT
    property: str | None = None
    nth: Count | None = None
    each: Interval | None = None


@dataclass(frozen=True)
class Step:
    """One event of a sequence, at most `within` after the one before it."""

    event: str
    where: tuple[EventFilter, ...] = ()
    within: timedelta | None = None


@dataclass(frozen=True)
class MoreOften:
    """The person did the one more often than the other, both in the window."""

    this: Step
    that: Step
    window: Window | None = None


@dataclass(frozen=True)
class InSequence:
    """The person did the steps one after another, each at a later instant than the one before.

    `window` is of the first step, `within` from the first to the last. Between these is nothing of `without`. `holding` names
    event properties that have the same value in all of them. With `dropped_after`, so many steps were done but never one more.
    """

    steps: tuple[Step, ...]
    within: timedelta | None = None
    without: tuple[Step, ...] = ()
    holding: tuple[str, ...] = ()
    dropped_after: int | None = None
    window: Window | None = None


class Told(StrEnum):
    """Which of the values of a user property is meant: the last before the instant, the last in a window, or any in a window."""

    NOW = "now"
    LATEST = "latest"
    EVER = "ever"


@dataclass(frozen=True)
class UserProperty:
    """The person's property, as last stated before the instant; or as an event of the window states it."""

    property: str
    operator: Operator
    values: tuple[str, ...]
    told: Told = Told.NOW
    window: Window | None = None


@dataclass(frozen=True)
class New:
    """The person's first event of all is in the window."""

    window: Window


@dataclass(frozen=True)
class Inactive:
    """The person did something before the window, and nothing in it."""

    window: Window


@dataclass(frozen=True)
class Returned:
    """The person did something in the window, after `away` days of 24 hours or more without any event."""

    window: Window
    away: int


@dataclass(frozen=True)
class Sample:
    """So many percent of all people, by a hash of the person and `salt`: more percent are the same people and others."""

    percent: Decimal
    salt: str


@dataclass(frozen=True)
class InCohort:
    """The person is a member of another cohort of the project, at the same instant."""

    cohort: str


@dataclass(frozen=True)
class All:
    """Every rule holds."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class AnyOf:
    """At least one rule holds."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Not:
    """The rule does not hold. Written `not:`, or as `did_not:` and `not_in_cohort:`."""

    rule: Rule


Clause = Did | MoreOften | InSequence | UserProperty | New | Inactive | Returned | Sample | InCohort
"""What looks at people."""

Rule = Clause | All | AnyOf | Not


@dataclass(frozen=True)
class Behaviour:
    """Definition of kind `behavioural`."""

    who: Rule


@dataclass(frozen=True)
class StaticList:
    """Definition of kind `static`: the list as it was last replaced, added to or removed from.

    `file` names what the operator wrote (a CSV or Parquet path); `identifiers` says which columns hold which
    identifiers and is used instead of the connection's map; `people` names the column of user ids, if there is one.
    """

    file: str
    identifiers: tuple[Mapping, ...] = ()
    people: str | None = None


@dataclass(frozen=True)
class Select:
    """Definition of kind `sql`: one read-only SELECT.

    It reads the project's events (`source` None), or a PostgreSQL whose URL is in the environment variable `source`.
    `files` are CSV or Parquet paths readable as tables under the names given.
    """

    query: str
    source: str | None = None
    files: tuple[tuple[str, str], ...] = ()
    identifiers: tuple[Mapping, ...] = ()
    people: str | None = None


@dataclass(frozen=True)
class Pulled:
    """Definition of kind `amplitude`: the cohort that Amplitude keeps under the id `cohort`, downloaded through a source.

    `identifiers` says which user properties hold which identifiers and is used instead of the connection's map.
    """

    source: str
    cohort: str
    identifiers: tuple[Mapping, ...] = ()

    @property
    def people(self) -> str:
        """The column of user ids in every download."""
        return "user_id"


@dataclass(frozen=True)
class Pushed:
    """Definition of kind `webhook`: the cohort that Amplitude keeps under the id `cohort`, pushed to the webhook of the project.

    `identifiers` says which user properties hold which identifiers and is used instead of the connection's map.
    """

    cohort: str
    identifiers: tuple[Mapping, ...] = ()

    @property
    def people(self) -> str:
        """The column of user ids in every message."""
        return "user_id"


@dataclass(frozen=True)
class Lookalike:
    """Definition of kind `lookalike`: of everybody outside the cohort `seed`, those who behave most like its members.

    So many `people`, or so many `percent` of everybody else; exactly one of the two is given. A model learns from the behaviour of
    `look_back_days` and serves for `retrain_days`.
    """

    seed: str
    people: int | None = None
    percent: int | None = None
    look_back_days: int = 90
    retrain_days: int = 7


Definition = Behaviour | StaticList | Select | Pulled | Pushed | Lookalike


@dataclass(frozen=True)
class Cohort:
    """A cohort of a project. `id` is a slug chosen once; `version` counts changes of the definition."""

    project: str
    id: str
    name: str
    kind: CohortKind
    definition: Definition
    version: int = 1
