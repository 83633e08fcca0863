"""Metrics: probabilities and true targets in, a number out.

Each entry's ``fn`` takes probabilities (N, K), targets and weights. Without weights, or with one
weight an image (N,), it gives a float, or an array (K,) where it has a value for each class. With
weights (R, N) it does that for R weightings at once, which is what a bootstrap needs.

What is undefined is NaN: a mean over classes of which one never occurs has no value, and nothing
is left out of it in silence. :mod:`kd_core.evaluate.scores` names the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from kd_core.evaluate.ranking import average_precision, roc_auc
from kd_core.registry import Entry, Registry

Array = NDArray[np.float64]
Kernel = Callable[[Array, NDArray[Any], Array], Array]

ECE_BINS = 15
"""Equal-width bins of the calibration error (Guo et al. 2017)."""


@dataclass(frozen=True, kw_only=True)
class MetricSpec(Entry):
    """One metric.

    Attributes:
        kernels: By task: (probabilities (N, K), targets, weights (R, N)) to (R,), or (R, K).
        higher_is_better: Which way is up.
        per_class: Whether there is one value a class.
    """

    kernels: dict[str, Kernel]
    higher_is_better: bool = True
    per_class: bool = False

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks that the metric is defined for."""
        return tuple(self.kernels)

    def fn(self, probabilities: NDArray[Any], targets: NDArray[Any], weights: Any = None) -> Any:
        """The value: a float, (K,), (R,) or (R, K); see the module text."""
        n = len(probabilities)
        given = np.ones((1, n)) if weights is None else np.atleast_2d(np.asarray(weights, float))
        kernel = self.kernels["multilabel" if targets.ndim == 2 else "classification"]
        values = kernel(np.asarray(probabilities, float), targets, given)
        if weights is None or np.ndim(weights) == 1:
            return values[0] if self.per_class else float(values[0])
        return values


METRICS: Registry[MetricSpec] = Registry("metric")


# --- one label an image ------------------------------------------------------------------------


def confusion(predicted: NDArray[Any], targets: NDArray[Any], k: int, weights: Array) -> Array:
    """Weighted confusion matrices, (R, K, K): rows are true classes, columns predicted ones."""
    cells = targets.astype(np.int64) * k + predicted
    n = len(cells)
    hits = sparse.csr_matrix((np.ones(n), (np.arange(n), cells)), shape=(n, k * k))
    return np.asarray((hits.T @ weights.T).T).reshape(len(weights), k, k)


def _matrix(p: Array, y: NDArray[Any], w: Array) -> Array:
    return confusion(p.argmax(1), y, p.shape[1], w)


def _ratio(above: Array, below: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(below > 0, above / below, np.nan))


def _accuracy(p: Array, y: NDArray[Any], w: Array) -> Array:
    return _ratio(w @ (p.argmax(1) == y).astype(float), w.sum(1))


def _sensitivity(p: Array, y: NDArray[Any], w: Array) -> Array:
    c = _matrix(p, y, w)
    return _ratio(np.einsum("rkk->rk", c), c.sum(2))


def _specificity(p: Array, y: NDArray[Any], w: Array) -> Array:
    c = _matrix(p, y, w)
    negatives = c.sum((1, 2))[:, None] - c.sum(2)
    false = c.sum(1) - np.einsum("rkk->rk", c)
    return _ratio(negatives - false, negatives)


def _f1_classes(p: Array, y: NDArray[Any], w: Array) -> Array:
    c = _matrix(p, y, w)
    return _ratio(2 * np.einsum("rkk->rk", c), c.sum(1) + c.sum(2))


def _mcc(p: Array, y: NDArray[Any], w: Array) -> Array:
    c = _matrix(p, y, w)
    total, true, predicted = c.sum((1, 2)), c.sum(2), c.sum(1)  # (R,), (R, K), (R, K)
    cov = np.einsum("rkk->r", c) * total - (true * predicted).sum(1)
    spread = (total**2 - (predicted**2).sum(1)) * (total**2 - (true**2).sum(1))
    return np.where(spread > 0, _ratio(cov, np.sqrt(np.maximum(spread, 0))), 0.0)


def _auc_classes(p: Array, y: NDArray[Any], w: Array) -> Array:
    return np.stack([roc_auc(p[:, k], y == k, w) for k in range(p.shape[1])], 1)


def _ap_classes(p: Array, y: NDArray[Any], w: Array) -> Array:
    return np.stack([average_precision(p[:, k], y == k, w) for k in range(p.shape[1])], 1)


def _ece(p: Array, y: NDArray[Any], w: Array) -> Array:
    return _calibration_error(p.max(1), (p.argmax(1) == y).astype(float), w)


def _brier(p: Array, y: NDArray[Any], w: Array) -> Array:
    truth = np.eye(p.shape[1])[y.astype(np.int64)]
    return _ratio(w @ ((p - truth) ** 2).sum(1), w.sum(1))


def _calibration_error(confidence: Array, correct: Array, w: Array) -> Array:
    """Σ_b |Σ_{i in b} w_i (correct_i − confidence_i)| / Σ w over equal-width bins."""
    bins = np.clip(np.ceil(confidence * ECE_BINS).astype(int) - 1, 0, ECE_BINS - 1)
    n = len(bins)
    gaps = sparse.csr_matrix((correct - confidence, (np.arange(n), bins)), shape=(n, ECE_BINS))
    return _ratio(np.abs((gaps.T @ w.T).T).sum(1), w.sum(1))


# --- several labels an image; NaN targets are left out -----------------------------------------


def _per_label(fn: Callable[[Array, NDArray[np.bool_], Array], Array]) -> Kernel:
    """A kernel over (probability, positive, weights) of each label on the images that know it."""

    def kernel(p: Array, y: NDArray[Any], w: Array) -> Array:
        known = ~np.isnan(y)
        columns = [
            fn(p[known[:, k], k], y[known[:, k], k] == 1, w[:, known[:, k]])
            for k in range(p.shape[1])
        ]
        return np.stack(columns, 1)

    return kernel


def _label_accuracy(p: Array, y: NDArray[np.bool_], w: Array) -> Array:
    return _ratio(w @ ((p > 0.5) == y).astype(float), w.sum(1))


def _label_sensitivity(p: Array, y: NDArray[np.bool_], w: Array) -> Array:
    return _ratio(w @ ((p > 0.5) & y).astype(float), w @ y.astype(float))


def _label_specificity(p: Array, y: NDArray[np.bool_], w: Array) -> Array:
    return _ratio(w @ ((p <= 0.5) & ~y).astype(float), w @ (~y).astype(float))


def _label_f1(p: Array, y: NDArray[np.bool_], w: Array) -> Array:
    both = w @ ((p > 0.5) & y).astype(float)
    return _ratio(2 * both, w @ (p > 0.5).astype(float) + w @ y.astype(float))


def _label_ece(p: Array, y: NDArray[np.bool_], w: Array) -> Array:
    return _calibration_error(p, y.astype(float), w)


def _label_brier(p: Array, y: NDArray[np.bool_], w: Array) -> Array:
    return _ratio(w @ (p - y) ** 2, w.sum(1))


def _mean(kernel: Kernel) -> Kernel:
    """The mean over classes; NaN as soon as one of them is."""
    return lambda p, y, w: kernel(p, y, w).mean(1)


# --- entries -----------------------------------------------------------------------------------


_SENS, _SPEC = _per_label(_label_sensitivity), _per_label(_label_specificity)


def _label_balanced(p: Array, y: NDArray[Any], w: Array) -> Array:
    return (_SENS(p, y, w) + _SPEC(p, y, w)) / 2


def _add(
    name: str,
    source: str,
    one: Kernel | None,
    several: Kernel | None,
    *,
    higher_is_better: bool = True,
    per_class: bool = False,
) -> None:
    kernels = {"classification": one, "multilabel": several}
    METRICS.add(
        name,
        MetricSpec(
            source=source,
            kernels={task: kernel for task, kernel in kernels.items() if kernel},
            higher_is_better=higher_is_better,
            per_class=per_class,
        ),
    )


_add("balanced_accuracy", "Brodersen et al. 2010", _mean(_sensitivity), _mean(_label_balanced))
_add("accuracy", "", _accuracy, _mean(_per_label(_label_accuracy)))
_add("macro_auc", "Hanley & McNeil 1982", _mean(_auc_classes), _mean(_per_label(roc_auc)))
_add("average_precision", "", _mean(_ap_classes), _mean(_per_label(average_precision)))
_add("f1", "", _mean(_f1_classes), _mean(_per_label(_label_f1)))
_add("mcc", "Gorodkin 2004", _mcc, None)
_add("ece", "Guo et al. 2017", _ece, _mean(_per_label(_label_ece)), higher_is_better=False)
_add("brier", "Brier 1950", _brier, _mean(_per_label(_label_brier)), higher_is_better=False)
_add("auc", "Hanley & McNeil 1982", _auc_classes, _per_label(roc_auc), per_class=True)
_add("sensitivity", "", _sensitivity, _SENS, per_class=True)
_add("specificity", "", _specificity, _SPEC, per_class=True)
