"""Cohorts: a named, versioned rule over people, and the frozen nodes a behavioural rule is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
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
    """The last `days` full days of the project's zone and the elapsed part of the day of the instant."""

    days: int


@dataclass(frozen=True)
class Between:
    """From the start of `first` to the start of `until` (half-open), in the project's zone."""

    first: date
    until: date


@dataclass(frozen=True)
class Since:
    """From the start of `first` on, in the project's zone."""

    first: date


Window = Last | Between | Since


@dataclass(frozen=True)
class Count:
    """A comparison with a number of events."""

    comparison: Comparison
    number: int


AT_LEAST_ONCE = Count(Comparison.AT_LEAST, 1)


@dataclass(frozen=True)
class EventFilter:
    """A condition on one property of the event itself. All filters of a clause must hold."""

    property: str
    operator: Operator
    values: tuple[str, ...]


@dataclass(frozen=True)
class Did:
    """The person performed `event`, filtered by `where`, so many times, in the window (None: any time)."""

    event: str
    where: tuple[EventFilter, ...] = ()
    count: Count = AT_LEAST_ONCE
    window: Window | None = None


@dataclass(frozen=True)
class UserProperty:
    """The person's property, as last stated before the instant."""

    property: str
    operator: Operator
    values: tuple[str, ...]


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


Rule = Did | UserProperty | InCohort | All | AnyOf | Not


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
