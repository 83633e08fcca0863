"""From logits to what is said: a model's own calibration, then its own decision threshold.

    temperature   p = softmax(z / T), or σ(z / T) for each label        (Guo et al. 2017)
    platt         p = σ(a · z + b) for each label; of two classes, z is the log-odds of the
                  second: softmax(a · z₁, a · z₂ + b)                     (Platt 1999)

Both stand in an ONNX file's contract and beside its stored predictions, so that every page reads
one and the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from kd_core.errors import ExportError

Array = NDArray[np.float64]
Calibration = Mapping[str, float | str | Sequence[float]]
Threshold = float | Sequence[float] | Array | None

_CLIP = 1e-12
"""Thresholds are kept this far from 0 and 1, where log-odds end."""


def calibrated_logits(logits: NDArray[np.floating], task: str, values: Calibration | None) -> Array:
    """Logits (N, K) after calibration; as they are where there is none.

    Raises:
        ExportError: ``calibration_unknown``.

    >>> values = {"method": "temperature", "T": 3.0}
    >>> calibrated_logits(np.array([[0.0, 3.0]]), "classification", values)
    array([[0., 1.]])
    """
    z = np.asarray(logits, np.float64)
    if not values:
        return z
    kind = values.get("method")
    try:
        if kind == "temperature":
            return z * (1 / float(values["T"]))  # type: ignore[arg-type]
        if kind == "platt":
            a, b = (np.asarray(values[name], np.float64) for name in ("a", "b"))
            shift = np.zeros(z.shape[1])
            if task == "multilabel":
                return z * a + b  # (N, K)
            shift[-1] = float(b)  # a shift of all classes would cancel
            return z * float(a) + shift
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        pass
    raise ExportError("calibration_unknown", kind=str(kind))


def to_probabilities(logits: NDArray[np.floating], task: str) -> Array:
    """Softmax over classes, or a sigmoid for each label; (N, K)."""
    z = np.asarray(logits, np.float64)
    return np.asarray(special.expit(z) if task == "multilabel" else special.softmax(z, axis=1))


def cuts(threshold: Threshold, task: str, k: int) -> Array | None:
    """One threshold a label or class, (K,), or one an image as well, (N, K).

    ``None`` where the likeliest class, or 0.5, is the rule: without a threshold, and for more than
    two classes. Of two classes the last column counts: the second is said from there on.

    >>> cuts(0.3, "multilabel", 2).tolist(), cuts(0.3, "classification", 3)
    ([0.3, 0.3], None)
    """
    if threshold is None or (task != "multilabel" and k != 2):
        return None
    given = np.asarray(threshold, np.float64)
    return given if given.ndim == 2 else np.broadcast_to(given, (k,))


def decided(probabilities: Array, task: str, threshold: Threshold) -> NDArray[np.int64]:
    """What is said: the class (N,), or each label (N, K).

    >>> decided(np.array([[0.6, 0.4]]), "classification", 0.3).tolist()
    [1]
    """
    found = cuts(threshold, task, probabilities.shape[1])
    if task == "multilabel":
        return (probabilities > 0.5 if found is None else probabilities >= found).astype(np.int64)
    if found is None:
        return probabilities.argmax(1).astype(np.int64)
    return (probabilities[:, 1] >= found[..., -1]).astype(np.int64)


def at_half(probabilities: Array, task: str, threshold: Threshold) -> Array:
    """Probabilities moved so that the threshold lies at one half, in the same order.

    Metrics that count answers take the likeliest class, or labels above 0.5; of what this returns
    they take what :func:`decided` says.

    >>> at_half(np.array([[0.6, 0.4]]), "classification", 0.4).argmax(1).tolist()
    [1]
    """
    found = cuts(threshold, task, probabilities.shape[1])
    if found is None:
        return probabilities
    several = task == "multilabel"
    columns = probabilities if several else probabilities[:, 1:]
    cut = found if several else found[..., -1:]
    odds = special.logit(np.clip(columns, _CLIP, 1 - _CLIP))
    moved = special.expit(odds - special.logit(np.clip(cut, _CLIP, 1 - _CLIP)))
    above = math.nextafter(0.5, 1)
    moved = np.where(columns >= cut, np.maximum(moved, above), np.minimum(moved, 0.5))
    return moved if several else np.hstack([1 - moved, moved])
