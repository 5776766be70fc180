"""What a lookalike has learned: features of behaviour, a model over them, and the card that says how good it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class FeatureKind(StrEnum):
    """What is counted or looked up of a person."""

    EVENTS = "events"
    DAYS_ACTIVE = "days_active"
    KINDS = "kinds"
    SINCE_LAST = "since_last"
    SINCE_FIRST = "since_first"
    EVENT = "event"
    EVENT_VALUE = "event_value"
    EVENT_NUMBER = "event_number"
    USER_VALUE = "user_value"
    USER_NUMBER = "user_number"


_MORE = {
    FeatureKind.EVENTS: ("did much", "did little"),
    FeatureKind.DAYS_ACTIVE: ("active on many days", "active on few days"),
    FeatureKind.KINDS: ("did many different things", "did few different things"),
    FeatureKind.SINCE_LAST: ("not seen for long", "seen lately"),
    FeatureKind.SINCE_FIRST: ("there for long", "new"),
}


@dataclass(frozen=True)
class Feature:
    """One number about a person: of an event type or a property `name`, and of one of its values where the kind says so."""

    kind: FeatureKind
    name: str = ""
    value: str = ""

    def words(self, *, more: bool) -> str:
        """What is said of people in whom it is higher, or lower, than in others."""
        match self.kind:
            case FeatureKind.EVENT:
                return f"did {self.name} {'often' if more else 'seldom or never'}"
            case FeatureKind.EVENT_VALUE:
                return f"did things with {self.name} {self.value} {'often' if more else 'seldom or never'}"
            case FeatureKind.EVENT_NUMBER:
                return f"{'high' if more else 'low'} {self.name} at its highest"
            case FeatureKind.USER_VALUE:
                return f"{self.name} is {'' if more else 'not '}{self.value}"
            case FeatureKind.USER_NUMBER:
                return f"{'high' if more else 'low'} {self.name}"
            case _:
                return _MORE[self.kind][0 if more else 1]


@dataclass(frozen=True)
class Apart:
    """How behaviour is kept apart from what defines a seed: only what lies before `cut_off` is learned from, and none of these.

    `known` is False where not all can be kept apart: a seed that is defined elsewhere, or by anything that was done at all.
    """

    cut_off: datetime
    events: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    known: bool = True


@dataclass(frozen=True)
class Weight:
    """A feature that matters, in words that say of whom it is true, and by how much: log-odds for one standard deviation."""

    words: str
    weight: float


@dataclass(frozen=True)
class Bin:
    """People whom the model gives about the same chance: how many, the share expected to be in the seed, and the share that is."""

    people: int
    expected: float
    observed: float


@dataclass(frozen=True)
class Card:
    """How a model was made and how good it is, judged by people whom it did not learn from.

    `seed` counts the members of the seed at `trained_as_of`, `seed_known` those of them with behaviour from `since` to before the
    cut-off, `others` everybody else with any. `auc` is how often a member is ranked before somebody else, with its 95 percent interval;
    `baseline` is the same of ranking people by how much they did. Where the seed of the cut-off is another than that of the training day,
    `came` counts those who came into it between, and `auc_came` ranks them among all who were outside: None where they are too few.
    """

    trained_as_of: datetime
    since: datetime
    apart: Apart
    seed: int
    seed_known: int
    others: int
    auc: float
    auc_low: float
    auc_high: float
    baseline: float
    came: int
    auc_came: float | None
    bins: tuple[Bin, ...]
    weights: tuple[Weight, ...]


@dataclass(frozen=True)
class Model:
    """A logistic regression: the chance of a person is that of `intercept` plus the sum of weight times (feature - mean) / scale.

    Features that count are taken as log(1 + n) first. A value that is missing counts as the mean. `days` is how far back behaviour counts.
    """

    features: tuple[Feature, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    days: int
    card: Card
