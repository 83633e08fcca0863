"""Temperature scaling: one number that makes a model as sure as it is right (Guo et al. 2017).

``p = softmax(z / T)``, or ``σ(z / T)`` for each label. T is chosen on validation predictions and
changes no answer: the order of the classes stays. In an ONNX file's contract it stands as
``{"method": "temperature", "T": 1.3}``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from kd_core.evaluate.predictions import Predictions

METHOD = "temperature"
FEWEST = 50
"""Validation images below which T would be luck."""

_LOG_RANGE = (np.log(0.05), np.log(20.0))


def fit_temperature(predictions: Predictions) -> float | None:
    """The T of least cross-entropy; ``None`` for fewer than :data:`FEWEST` images.

    >>> few = Predictions(("a",), np.array([0]), np.zeros((1, 2), np.float32), "val", 0, ("x", "y"))
    >>> fit_temperature(few) is None
    True
    """
    if len(predictions) < FEWEST:
        return None
    logits = predictions.logits.astype(np.float64)  # (N, K)
    targets = predictions.targets

    def loss(log_t: float) -> float:
        z = logits / np.exp(log_t)
        if predictions.task == "multilabel":
            known = ~np.isnan(targets)
            return float(np.mean(np.logaddexp(0, z[known]) - targets[known] * z[known]))
        log_p = special.log_softmax(z, axis=1)
        return float(-log_p[np.arange(len(z)), targets.astype(np.int64)].mean())

    found = optimize.minimize_scalar(loss, bounds=_LOG_RANGE, method="bounded")
    return float(np.exp(found.x))


def temperature_of(calibration: Mapping[str, float | str] | None) -> float | None:
    """T in a file's contract; ``None`` where the file has no calibration of this method.

    >>> temperature_of({"method": "temperature", "T": 1.3}), temperature_of(None)
    (1.3, None)
    """
    if not calibration or calibration.get("method") != METHOD:
        return None
    return float(calibration["T"])


def scaled(logits: NDArray[np.float32], task: str, temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities (N, K) of logits (N, K) at a temperature; 1 leaves them as they are.

    >>> scaled(np.array([[0.0, 0.0]], np.float32), "classification", 2.0).tolist()
    [[0.5, 0.5]]
    """
    z = np.asarray(logits, np.float64) / temperature
    return np.asarray(special.expit(z) if task == "multilabel" else special.softmax(z, axis=1))
