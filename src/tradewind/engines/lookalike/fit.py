"""A logistic regression over behaviour, judged on people it has not seen; scikit-learn is imported here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from tradewind.errors import EngineError
from tradewind.model.lookalike import Bin, Feature, FeatureKind, Weight

Numbers = npt.NDArray[np.float64]

FOLDS = 5
BINS = 10
SHRINK = 0.03
"""How freely weights may grow: little, so that of several features that go together none is weighed against the others."""

MOST_SHOWN = 8
LEAST_SHOWN = 0.05
"""A weight below this is not worth a word."""

DIGITS = 9
"""To which weights and scores are rounded, so that the order of a sum changes nobody's place."""

FEWEST_CAME = 10
"""People who came into the seed, without whom it is not said how well those are found who come."""

AS_THEY_ARE = {FeatureKind.USER_VALUE}
"""Features that are no counts."""


@dataclass(frozen=True)
class Sample:
    """People as rows of features, who of them is inside, who was before, their fold, and the share of each kind that the sample has."""

    rows: Numbers
    inside: npt.NDArray[np.bool_]
    before: npt.NDArray[np.bool_]
    fold: npt.NDArray[np.uint8]
    inside_share: float
    outside_share: float

    def part(self, chosen: npt.NDArray[np.bool_]) -> Sample:
        """Some of them."""
        return Sample(self.rows[chosen], self.inside[chosen], self.before[chosen], self.fold[chosen], self.inside_share, self.outside_share)


@dataclass(frozen=True)
class Line:
    """What a fit gives: see `Model`."""

    means: Numbers
    scales: Numbers
    weights: Numbers
    intercept: float

    def score(self, rows: Numbers) -> Numbers:
        """The log-odds of each row."""
        standard = np.where(np.isnan(rows), 0.0, (rows - self.means) / self.scales)
        scores: Numbers = np.round(standard @ self.weights + self.intercept, DIGITS)
        return scores


@dataclass(frozen=True)
class Judged:
    """How a model ranks and counts people it has not seen; see `Card`."""

    auc: float
    auc_low: float
    auc_high: float
    baseline: float
    came: int
    auc_came: float | None
    bins: tuple[Bin, ...]


def spread(features: Sequence[Feature], rows: Numbers) -> Numbers:
    """Counts and amounts on a scale where twice as much is one step, whatever it is twice of."""
    for place, feature in enumerate(features):
        if feature.kind not in AS_THEY_ARE:
            rows[:, place] = np.sign(rows[:, place]) * np.log1p(np.abs(rows[:, place]))
    return rows


def fit(sample: Sample) -> Line:
    """The line through a sample; its chances are those of all people, whatever share the sample has of each kind.

    Raises EngineError where scikit-learn is not installed.
    """
    try:
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise EngineError(
            "a lookalike needs scikit-learn, which is not installed; install it with: pip install 'tradewind[science]'"
        ) from error
    means, scales = _moments(sample.rows)
    standard = np.where(np.isnan(sample.rows), 0.0, (sample.rows - means) / scales)
    with threadpool_limits(1):  # the order of sums is then always the same
        found: Any = LogisticRegression(C=SHRINK, max_iter=2_000, tol=1e-6).fit(standard, sample.inside)
    intercept = float(found.intercept_[0]) + log(sample.outside_share / sample.inside_share)
    return Line(means, scales, np.round(found.coef_[0], DIGITS), round(intercept, DIGITS))


def judge(sample: Sample, popularity: int) -> Judged:
    """Each fifth judged by a model of the other four; the feature at place `popularity` is what the baseline ranks by."""
    scores = np.empty(len(sample.rows))
    for fold in range(FOLDS):
        held_out = sample.fold == fold
        if held_out.any():
            scores[held_out] = fit(sample.part(~held_out)).score(sample.rows[held_out])
    area = auc(scores, sample.inside)
    error = _error(area, int(sample.inside.sum()), int((~sample.inside).sum()))
    baseline = auc(sample.rows[:, popularity], sample.inside)
    outside = ~sample.before
    came = int(sample.inside[outside].sum())
    of_them = auc(scores[outside], sample.inside[outside]) if FEWEST_CAME <= came < outside.sum() else None
    low, high = max(0.0, area - 1.96 * error), min(1.0, area + 1.96 * error)
    return Judged(area, low, high, baseline, round(came / sample.inside_share), of_them, _bins(sample, scores))


def auc(scores: Numbers, inside: npt.NDArray[np.bool_]) -> float:
    """How often somebody inside has the higher score than somebody outside; half of the draws."""
    order, ranks = np.argsort(scores, kind="stable"), np.empty(len(scores))
    _, first, count = np.unique(scores[order], return_index=True, return_counts=True)
    ranks[order] = np.repeat(first + (count + 1) / 2, count)
    n = int(inside.sum())
    return float((ranks[inside].sum() - n * (n + 1) / 2) / (n * (len(scores) - n)))


def matters(features: Sequence[Feature], line: Line) -> tuple[Weight, ...]:
    """The features that matter most, in words."""
    order = sorted(range(len(features)), key=lambda place: (-abs(line.weights[place]), place))
    shown = [place for place in order[:MOST_SHOWN] if abs(line.weights[place]) >= LEAST_SHOWN]
    return tuple(Weight(features[place].words(more=line.weights[place] > 0), round(abs(float(line.weights[place])), 3)) for place in shown)


def _moments(rows: Numbers) -> tuple[Numbers, Numbers]:
    """Mean and deviation of each column, of the values that are there; a column that is the same for all counts for nothing."""
    there = ~np.isnan(rows)
    count = np.maximum(there.sum(axis=0), 1)
    means = np.where(there, rows, 0.0).sum(axis=0) / count
    scales = np.sqrt(np.where(there, (rows - means) ** 2, 0.0).sum(axis=0) / count)
    return means, np.where(scales < 1e-9, 1.0, scales)


def _error(area: float, inside: int, outside: int) -> float:
    """The standard error of an area under the curve, after Hanley and McNeil (1982)."""
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    spread_of = area * (1 - area) + (inside - 1) * (one - area**2) + (outside - 1) * (two - area**2)
    return sqrt(max(0.0, spread_of) / (inside * outside))


def _bins(sample: Sample, scores: Numbers) -> tuple[Bin, ...]:
    """Tenths of the people by their chance, each person of the sample standing for as many as it was taken from."""
    stands_for = np.where(sample.inside, 1 / sample.inside_share, 1 / sample.outside_share)
    order = np.argsort(scores, kind="stable")
    chances = 1 / (1 + np.exp(-scores))
    place = np.minimum((np.cumsum(stands_for[order]) / stands_for.sum() * BINS).astype(int), BINS - 1)
    found = []
    for number in range(BINS):
        rows = order[place == number]
        people = stands_for[rows].sum()
        if people:
            expected, observed = (stands_for[rows] * chances[rows]).sum() / people, stands_for[rows][sample.inside[rows]].sum() / people
            found.append(Bin(round(float(people)), round(float(expected), 6), round(float(observed), 6)))
    return tuple(found)
