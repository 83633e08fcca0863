"""Scores of a ranking, for many weightings of the same images at once.

A bootstrap repeat is a weighting: how often each image was drawn. So a score takes weights
(R, N) and gives (R,) values, sorting the images once instead of R times. Weights in Fortran order
(all repeats of an image side by side) are quickest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


def ratio(above: Array, below: Array | float) -> Array:
    """The quotient, NaN where there is nothing to divide by.

    >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0]))
    array([0.5, nan])
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(np.asarray(below) > 0, above / below, np.nan))


def roc_auc(scores: Array, positive: Bools, weights: Array) -> Array:
    """Area under the ROC curve, (R,); NaN where one side is empty.

    Formula: P(s₊ > s₋) + ½ P(s₊ = s₋), the weighted Mann-Whitney statistic (Hanley & McNeil 1982).

    Args:
        scores: Higher means positive, (N,).
        positive: True class, (N,).
        weights: (R, N), not negative.

    >>> scores, positive = np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]) > 0
    >>> roc_auc(scores, positive, np.ones((1, 4)))
    array([0.75])
    """
    s = _Sides.of(scores, positive, weights)
    below = (s.lower[s.first_lower] + s.lower[s.last_lower]) / 2  # (P, R), ties count half
    wins = np.einsum("pr,pr->r", s.yes, below)
    return ratio(wins, s.yes.sum(0) * s.lower[-1])


def average_precision(scores: Array, positive: Bools, weights: Array) -> Array:
    """Average precision, (R,); NaN without positives.

    Formula: Σ_g (recall_g − recall_{g−1}) · precision_g over falling thresholds, ties together, as
    scikit-learn has it; its value for a ranking at random is the prevalence.

    Args:
        scores: Higher means positive, (N,).
        positive: True class, (N,).
        weights: (R, N), not negative.
    """
    s = _Sides.of(scores, positive, weights)
    found = np.cumsum(s.yes[::-1], axis=0)[::-1][s.first_equal]  # (P, R), at least as high
    false = s.lower[-1] - s.lower[s.first_lower]  # (P, R)
    total = found + false
    precision = np.divide(found, total, out=np.zeros_like(found), where=total > 0)
    return ratio(np.einsum("pr,pr->r", s.yes, precision), s.yes.sum(0))


def roc_curve(scores: Array, positive: Bools) -> tuple[Array, Array, Array]:
    """False and true positive rates at each threshold, highest first, from (0, 0) to (1, 1).

    Returns:
        False positive rates, true positive rates and thresholds, each (G + 1,); the first
        threshold is infinite. Rates are NaN where their side is empty.

    >>> roc_curve(np.array([0.2, 0.9]), np.array([False, True]))[0]
    array([0., 0., 1.])
    """
    levels, place = np.unique(scores, return_inverse=True)
    sides = (np.bincount(place, side, len(levels))[::-1] for side in (~positive, positive))
    false, true = (np.concatenate([[0.0], np.cumsum(side)]) for side in sides)
    thresholds = np.concatenate([[np.inf], levels[::-1]])
    return ratio(false, false[-1]), ratio(true, true[-1]), thresholds


@dataclass(frozen=True)
class _Sides:
    """Positives by rising score, and where each stands among positives and negatives.

    Attributes:
        yes: Weights of the positives, (P, R).
        lower: ``lower[j]`` is the weight of the j lowest negatives, (Q + 1, R).
        first_lower: For each positive the number of negatives that are strictly below, (P,).
        last_lower: For each positive the number of negatives that are not above, (P,).
        first_equal: For each positive the first positive of the same score, (P,).
    """

    yes: Array
    lower: Array
    first_lower: NDArray[np.int64]
    last_lower: NDArray[np.int64]
    first_equal: NDArray[np.int64]

    @classmethod
    def of(cls, scores: Array, positive: Bools, weights: Array) -> _Sides:
        order = np.argsort(scores, kind="stable")
        yes, no = order[positive[order]], order[~positive[order]]
        by_image = weights.T  # (N, R)
        lower = np.zeros((len(no) + 1, len(weights)))
        np.cumsum(by_image[no], axis=0, out=lower[1:])
        high, low = scores[yes], scores[no]
        return cls(
            yes=by_image[yes],
            lower=lower,
            first_lower=np.searchsorted(low, high, "left"),
            last_lower=np.searchsorted(low, high, "right"),
            first_equal=np.searchsorted(high, high, "left"),
        )
