"""Scores of a ranking, for many weightings of the same images at once.

A bootstrap repeat is a weighting: how often each image was drawn. So a score takes weights
(R, N) and gives (R,) values, sorting the images once instead of R times.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


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
    yes, no = _by_score(scores, positive, weights)  # (R, G), lowest score first
    below = np.cumsum(no, axis=1) - no
    return _ratio((yes * (below + no / 2)).sum(1), yes.sum(1) * no.sum(1))


def average_precision(scores: Array, positive: Bools, weights: Array) -> Array:
    """Average precision, (R,); NaN without positives.

    Formula: Σ_g (recall_g − recall_{g−1}) · precision_g over falling thresholds, ties together, as
    scikit-learn has it; its value for a ranking at random is the prevalence.

    Args:
        scores: Higher means positive, (N,).
        positive: True class, (N,).
        weights: (R, N), not negative.
    """
    yes, no = (side[:, ::-1] for side in _by_score(scores, positive, weights))
    true, false = np.cumsum(yes, axis=1), np.cumsum(no, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(true + false > 0, true / (true + false), 0.0)
    return _ratio((yes * precision).sum(1), yes.sum(1))


def roc_curve(scores: Array, positive: Bools) -> tuple[Array, Array, Array]:
    """False and true positive rates at each threshold, highest first, from (0, 0) to (1, 1).

    Returns:
        False positive rates, true positive rates and thresholds, each (G + 1,); the first
        threshold is infinite. Rates are NaN where their side is empty.
    """
    yes, no = (side[0, ::-1] for side in _by_score(scores, positive, np.ones((1, len(scores)))))
    true, false = (np.concatenate([[0.0], np.cumsum(side)]) for side in (yes, no))
    thresholds = np.concatenate([[np.inf], np.unique(scores)[::-1]])
    return _ratio(false, false[-1]), _ratio(true, true[-1]), thresholds


def _by_score(scores: Array, positive: Bools, weights: Array) -> tuple[Array, Array]:
    """Weights of positives and negatives at each distinct score, rising; both (R, G)."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.nan) != 0)
    ordered, side = weights[:, order], positive[order]
    if not len(starts):
        return np.zeros((len(weights), 1)), np.zeros((len(weights), 1))
    return (
        np.add.reduceat(ordered * side, starts, axis=1),
        np.add.reduceat(ordered * ~side, starts, axis=1),
    )


def _ratio(above: Array, below: Array | float) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(np.asarray(below) > 0, above / below, np.nan))
