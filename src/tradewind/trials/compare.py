"""Two arms compared: differences in conversion and value, how sure they are, how many people it takes; pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tradewind.errors import ConfigurationError

LEVEL, POWER = 0.95, 0.8
"""How often an interval holds the true difference, and how often a true difference of the size asked about is found."""


@dataclass(frozen=True)
class Arm:
    """What the people of an arm did: how many they are, how many converted, and the sum and the sum of squares of each one's value."""

    people: int = 0
    converted: int = 0
    value: float = 0.0
    squares: float = 0.0

    @property
    def rate(self) -> float:
        """Converted of all."""
        return self.converted / self.people

    @property
    def mean(self) -> float:
        """Value of one person, nothing for who did not convert."""
        return self.value / self.people

    @property
    def deviation(self) -> float:
        """The standard deviation of that."""
        return math.sqrt(max(0.0, self.squares - self.people * self.mean**2) / (self.people - 1))


@dataclass(frozen=True)
class Difference:
    """Sent minus held out, with its 95 percent interval and the p of there being none.

    `detectable` is the smallest difference that so many people show four times in five. `growth` says how many times as many
    people it takes to show one as large as this that often: at most 1 when there are enough, None when there is no difference.
    """

    sent: float
    held_out: float
    difference: float
    low: float
    high: float
    p: float
    detectable: float
    growth: float | None

    @property
    def relative(self) -> float | None:
        """The difference as a share of what the held out did; None where they did nothing."""
        return self.difference / self.held_out if self.held_out else None


def conversion(sent: Arm, held_out: Arm) -> Difference:
    """The difference of two shares: Newcombe's interval of two Wilson intervals, and the p of the pooled score test.

    Both arms have somebody. Raises ConfigurationError without SciPy.
    """
    stats = _statistics()
    bounds = [stats.binomtest(arm.converted, arm.people).proportion_ci(LEVEL, "wilson") for arm in (sent, held_out)]
    difference = sent.rate - held_out.rate
    below = math.hypot(sent.rate - bounds[0].low, bounds[1].high - held_out.rate)
    above = math.hypot(bounds[0].high - sent.rate, held_out.rate - bounds[1].low)
    pooled = (sent.converted + held_out.converted) / (sent.people + held_out.people)
    error = math.sqrt(pooled * (1 - pooled) * (1 / sent.people + 1 / held_out.people))
    p = float(2 * stats.norm.sf(abs(difference) / error)) if error else 1.0
    return _difference(stats, sent.rate, held_out.rate, (difference - below, difference + above), p, error)


def worth(sent: Arm, held_out: Arm) -> Difference:
    """The difference of two means: Welch's t interval and test. Both arms have two people or more. Raises as `conversion` does."""
    stats = _statistics()
    spread = [arm.deviation**2 / arm.people for arm in (sent, held_out)]
    error, difference = math.sqrt(sum(spread)), sent.mean - held_out.mean
    if not error:
        return _difference(stats, sent.mean, held_out.mean, (difference, difference), 1.0 if difference == 0 else 0.0, error)
    freedom = error**4 / sum(part**2 / (arm.people - 1) for part, arm in zip(spread, (sent, held_out), strict=True))
    half = float(stats.t.ppf(0.5 + LEVEL / 2, freedom)) * error
    p = float(2 * stats.t.sf(abs(difference) / error, freedom))
    return _difference(stats, sent.mean, held_out.mean, (difference - half, difference + half), p, error)


def _difference(stats: Any, sent: float, held_out: float, interval: tuple[float, float], p: float, error: float) -> Difference:
    detectable = float(stats.norm.ppf(0.5 + LEVEL / 2) + stats.norm.ppf(POWER)) * error
    difference = sent - held_out
    growth = (detectable / difference) ** 2 if difference else None
    return Difference(sent, held_out, difference, *interval, p, detectable, growth)


def _statistics() -> Any:
    """SciPy's statistics, which only who asks for a comparison needs."""
    try:
        from scipy import stats
    except ImportError as error:
        raise ConfigurationError("statistics need the extra 'science': pip install 'tradewind[science]'") from error
    return stats
