"""Scores of a ranking, for many weightings of the same images at once.

A bootstrap repeat is a weighting: how often each image was drawn. So a score takes weights
(R, N) and gives (R,) values, sorting the images once instead of R times. Weights in Fortran order
(all repeats of an image side by side) are quickest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


def ratio(above: Array, below: Array | float) -> Array:
    """The quotient, NaN where there is nothing to divide by.

    >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0]))
    array([0.5, nan])
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(np.asarray(below) > 0, above / below, np.nan))


WIDE = 64
"""From so many columns on, adding whole rows is quicker than NumPy's own running sum."""


def running_sums(rows: Array) -> Array:
    """Sums of the first 0, 1, … n rows, (n + 1, R).

    NumPy's ``cumsum`` goes down one column after the other; with many columns it is up to 20 times
    as slow as adding row by row.

    >>> running_sums(np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[0.0, 0.0], [1.0, 2.0], [4.0, 6.0]]
    """
    sums = np.zeros((len(rows) + 1, rows.shape[1]))
    if rows.shape[1] < WIDE:
        np.cumsum(rows, axis=0, out=sums[1:])
        return sums
    for i, row in enumerate(rows):
        np.add(sums[i], row, out=sums[i + 1])
    return sums


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
    found = s.yes.sum(0) - running_sums(s.yes)[s.first_equal]  # (P, R), at least as high
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

    Sums over negatives are kept only where a positive asks for them: with few positives that is a
    small part of the images, and the time goes with what is written.

    Attributes:
        yes: Weights of the positives, (P, R).
        lower: Weight of the negatives below each place that is asked for, by rising score, (B, R);
            the last row is the weight of all.
        first_lower: For each positive the row of the negatives that are strictly below, (P,).
        last_lower: For each positive the row of the negatives that are not above, (P,).
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
        high, low = scores[yes], scores[no]
        asked = [np.searchsorted(low, high, side) for side in ("left", "right")]
        breaks, rows = np.unique(np.concatenate([*asked, [len(no)]]), return_inverse=True)  # (B,)
        between = np.searchsorted(breaks, np.arange(len(no)), "right")  # (Q,)
        ones = np.ones(len(no))
        sums = sparse.csr_matrix((ones, (between, no)), shape=(len(breaks), len(scores)))
        return cls(
            yes=by_image[yes],
            lower=running_sums(sums @ by_image)[1:],
            first_lower=rows[: len(yes)],
            last_lower=rows[len(yes) : 2 * len(yes)],
            first_equal=np.searchsorted(high, high, "left"),
        )
