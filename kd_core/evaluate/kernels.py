"""The arithmetic of the metrics, for many weightings of the same images at once.

A kernel takes probabilities (N, K), targets and weights (R, N), and gives (R,) values, or (R, K)
where it has one a class. What is undefined is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from kd_core.evaluate.ranking import average_precision, ratio, roc_auc

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Kernel = Callable[[Array, NDArray[Any], Array], Array]

ECE_BINS = 15
"""Equal-width bins of the calibration error (Guo et al. 2017)."""

THRESHOLD = 0.5
"""A label is answered when its probability is above this."""


# --- one label an image ------------------------------------------------------------------------


def confusion(predicted: NDArray[Any], targets: NDArray[Any], k: int, weights: Array) -> Array:
    """Weighted confusion matrices, (R, K, K): rows are true classes, columns predicted ones.

    >>> confusion(np.array([0, 1, 1]), np.array([0, 0, 1]), 2, np.ones((1, 3)))[0].tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """
    cells = targets.astype(np.int64) * k + predicted
    return _sums(np.ones(len(cells)), cells, k * k, weights).reshape(len(weights), k, k)


def _sums(values: Array, places: NDArray[np.int64], n_places: int, weights: Array) -> Array:
    """Weighted sums of values by place, (R, n_places)."""
    n = len(values)
    table = sparse.csr_matrix((values, (np.arange(n), places)), shape=(n, n_places))
    return np.asarray((table.T @ weights.T).T)


def _matrix(p: Array, y: NDArray[Any], w: Array) -> Array:
    return confusion(p.argmax(1), y, p.shape[1], w)


def accuracy(p: Array, y: NDArray[Any], w: Array) -> Array:
    """Share of right answers, (R,)."""
    return ratio(w @ (p.argmax(1) == y).astype(float), w.sum(1))


def sensitivity(p: Array, y: NDArray[Any], w: Array) -> Array:
    """Share of each class's images that are found, (R, K)."""
    c = _matrix(p, y, w)
    return ratio(np.einsum("rkk->rk", c), c.sum(2))


def specificity(p: Array, y: NDArray[Any], w: Array) -> Array:
    """Share of the other classes' images that are not taken for this one, (R, K)."""
    c = _matrix(p, y, w)
    others = c.sum((1, 2))[:, None] - c.sum(2)
    false = c.sum(1) - np.einsum("rkk->rk", c)
    return ratio(others - false, others)


def f1(p: Array, y: NDArray[Any], w: Array) -> Array:
    """2 TP / (2 TP + FP + FN) of each class, (R, K)."""
    c = _matrix(p, y, w)
    return ratio(2 * np.einsum("rkk->rk", c), c.sum(1) + c.sum(2))


def mcc(p: Array, y: NDArray[Any], w: Array) -> Array:
    """Correlation of answers and truth (Gorodkin 2004), (R,).

    NaN where the truth has one class only; 0 where the answers have, as scikit-learn has it.
    """
    c = _matrix(p, y, w)
    total, true, predicted = c.sum((1, 2)), c.sum(2), c.sum(1)  # (R,), (R, K), (R, K)
    together = np.einsum("rkk->r", c) * total - (true * predicted).sum(1)
    spread_true = total**2 - (true**2).sum(1)
    spread_predicted = total**2 - (predicted**2).sum(1)
    spread = np.sqrt(np.maximum(spread_true * spread_predicted, 0))
    constant = (spread_predicted <= 0) & (spread_true > 0)
    return np.where(constant, 0.0, ratio(together, spread))


def kappa(p: Array, y: NDArray[Any], w: Array) -> Array:
    """(observed − chance) / (1 − chance) agreement of answers and truth (Cohen 1960), (R,)."""
    c = _matrix(p, y, w)
    total = c.sum((1, 2))
    observed = ratio(np.einsum("rkk->r", c), total)
    chance = ratio((c.sum(2) * c.sum(1)).sum(1), total**2)
    return ratio(observed - chance, 1 - chance)


def auc(p: Array, y: NDArray[Any], w: Array) -> Array:
    """Area under the ROC curve of each class against the rest, (R, K)."""
    return np.stack([roc_auc(p[:, k], y == k, w) for k in range(p.shape[1])], 1)


def ap(p: Array, y: NDArray[Any], w: Array) -> Array:
    """Average precision of each class against the rest, (R, K)."""
    return np.stack([average_precision(p[:, k], y == k, w) for k in range(p.shape[1])], 1)


def ece(p: Array, y: NDArray[Any], w: Array) -> Array:
    """Calibration error of the answered class's probability, (R,)."""
    return _calibration_error(p.max(1), (p.argmax(1) == y).astype(float), w)


def brier(p: Array, y: NDArray[Any], w: Array) -> Array:
    """Mean squared distance of the probabilities from the truth, a sum over classes, (R,)."""
    truth = np.eye(p.shape[1])[y.astype(np.int64)]  # (N, K)
    return ratio(w @ ((p - truth) ** 2).sum(1), w.sum(1))


def bin_of(confidence: Array, bins: int = ECE_BINS) -> NDArray[np.int64]:
    """Equal-width bin of each probability; a bin has its upper end, not its lower.

    >>> bin_of(np.array([0.0, 0.1, 0.11, 1.0]), 10).tolist()
    [0, 0, 1, 9]
    """
    return np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)


def _calibration_error(confidence: Array, correct: Array, w: Array) -> Array:
    """Σ_b |Σ_{i in b} w_i (correct_i − confidence_i)| / Σ w over equal-width bins."""
    gaps = _sums(correct - confidence, bin_of(confidence), ECE_BINS, w)  # (R, bins)
    return ratio(np.abs(gaps).sum(1), w.sum(1))


# --- several labels an image; NaN targets are left out -----------------------------------------


def per_label(fn: Callable[[Array, Bools, Array], Array]) -> Kernel:
    """A kernel over (probability, positive, weights) of each label on the images that know it."""

    def kernel(p: Array, y: NDArray[Any], w: Array) -> Array:
        known = ~np.isnan(y)  # (N, L)
        columns = [
            fn(p[rows, k], y[rows, k] == 1, w if rows.all() else w.T[rows].T)
            for k, rows in enumerate(known.T)
        ]
        return np.stack(columns, 1)

    return kernel


def label_accuracy(p: Array, y: Bools, w: Array) -> Array:
    """Share of right answers to one label, (R,)."""
    return ratio(w @ ((p > THRESHOLD) == y).astype(float), w.sum(1))


def label_sensitivity(p: Array, y: Bools, w: Array) -> Array:
    """Share of one label's positives that are found, (R,)."""
    return ratio(w @ ((p > THRESHOLD) & y).astype(float), w @ y.astype(float))


def label_specificity(p: Array, y: Bools, w: Array) -> Array:
    """Share of one label's negatives that are left alone, (R,)."""
    return ratio(w @ ((p <= THRESHOLD) & ~y).astype(float), w @ (~y).astype(float))


def label_balanced(p: Array, y: Bools, w: Array) -> Array:
    """Mean of one label's sensitivity and specificity, (R,)."""
    return (label_sensitivity(p, y, w) + label_specificity(p, y, w)) / 2


def label_f1(p: Array, y: Bools, w: Array) -> Array:
    """2 TP / (2 TP + FP + FN) of one label, (R,)."""
    both = w @ ((p > THRESHOLD) & y).astype(float)
    return ratio(2 * both, w @ (p > THRESHOLD).astype(float) + w @ y.astype(float))


def label_ece(p: Array, y: Bools, w: Array) -> Array:
    """Calibration error of one label's probability, (R,)."""
    return _calibration_error(p, y.astype(float), w)


def label_brier(p: Array, y: Bools, w: Array) -> Array:
    """Mean squared distance of one label's probability from the truth, (R,)."""
    return ratio(w @ (p - y) ** 2, w.sum(1))


def exact_match(p: Array, y: NDArray[Any], w: Array) -> Array:
    """Share of images of which every known label is answered rightly, (R,).

    An image without a known label is left out.
    """
    known = ~np.isnan(y)  # (N, L)
    right = (((p > THRESHOLD) == (y == 1)) | ~known).all(1)
    some = known.any(1).astype(float)
    return ratio(w @ (right * some), w @ some)
