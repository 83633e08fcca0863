"""Platt scaling: a slope and a shift of the log-odds (Platt 1999).

``p = σ(a · z + b)``, for each label, or for the second of two classes with z its log-odds. The
targets are moved a little from 0 and 1, as Platt has it, so that a and b stay finite where a label
is told apart without error: ``t₊ = (n₊ + 1) / (n₊ + 2)``, ``t₋ = 1 / (n₋ + 2)``. In a file's
contract it stands as ``{"method": "platt", "a": 1.3, "b": -0.2}``, with one value a label for
several labels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from kd_core.errors import ConfigError
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.temperature import FEWEST

Array = NDArray[np.float64]
METHOD = "platt"


def fit_platt(predictions: Predictions) -> dict[str, Any] | None:
    """Slope and shift of least cross-entropy; ``None`` for fewer than 50 images.

    A label that has only one kind of known image keeps its probabilities (a = 1, b = 0).

    Args:
        predictions: On the validation part.

    Raises:
        ConfigError: ``platt_classes`` for more than two classes.

    >>> few = Predictions(("a",), np.array([0]), np.zeros((1, 2), np.float32), "val", 0, ("x", "y"))
    >>> fit_platt(few) is None
    True
    """
    logits = predictions.logits.astype(np.float64)  # (N, K)
    if predictions.task != "multilabel" and logits.shape[1] != 2:
        raise ConfigError("platt_classes", classes=logits.shape[1])
    if len(predictions) < FEWEST:
        return None
    if predictions.task != "multilabel":
        a, b = fit_line(logits[:, 1] - logits[:, 0], predictions.targets == 1)
        return {"method": METHOD, "a": a, "b": b}
    known = ~np.isnan(predictions.targets)
    lines = [
        fit_line(logits[rows, k], predictions.targets[rows, k] == 1)
        for k, rows in enumerate(known.T)
    ]
    return {"method": METHOD, "a": [a for a, _ in lines], "b": [b for _, b in lines]}


def fit_line(z: Array, positive: NDArray[np.bool_]) -> tuple[float, float]:
    """The a and b of one label; (1, 0) where one side is empty.

    Args:
        z: Log-odds (N,).
        positive: (N,).
    """
    n_yes, n_no = int(positive.sum()), int((~positive).sum())
    if not n_yes or not n_no:
        return 1.0, 0.0
    target = np.where(positive, (n_yes + 1) / (n_yes + 2), 1 / (n_no + 2))  # (N,)

    def loss(ab: Array) -> tuple[float, Array]:
        odds = ab[0] * z + ab[1]
        gap = special.expit(odds) - target
        value = float(np.mean(np.logaddexp(0, odds) - target * odds))
        return value, np.array([float(np.mean(gap * z)), float(np.mean(gap))])

    start = np.array([1.0, 0.0])
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-14})
    return float(found.x[0]), float(found.x[1])
