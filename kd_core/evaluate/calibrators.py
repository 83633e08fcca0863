"""Fitting, on validation predictions, what makes a model as sure as it is right.

How a calibration is applied stands in :mod:`kd_core.evaluate.decide`, which every page reads.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.errors import ConfigError
from kd_core.evaluate.decide import Calibration, calibrated_logits, to_probabilities
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.platt import fit_platt
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.temperature import METHOD as TEMPERATURE
from kd_core.evaluate.temperature import fit_temperature

Array = NDArray[np.float64]

METHODS = ("none", TEMPERATURE, "platt")
LEAST = 1e-15
"""Probabilities below this count as this much: a log of 0 is no number."""


def fit_calibration(predictions: Predictions, method: str = TEMPERATURE) -> dict[str, Any] | None:
    """What stands in a file's contract; ``None`` for ``none`` and for too few images.

    Args:
        predictions: On the validation part; an earlier calibration of theirs is left aside.
        method: ``none``, ``temperature`` or ``platt``.

    Raises:
        ConfigError: ``calibration_method``; ``platt_classes`` for more than two classes.
    """
    if method not in METHODS:
        raise ConfigError("calibration_method", name=method, known=list(METHODS))
    if method == TEMPERATURE:
        t = fit_temperature(predictions)
        return None if t is None else {"method": TEMPERATURE, "T": t}
    return fit_platt(predictions) if method == "platt" else None


def apply_calibration(
    logits: NDArray[np.floating], calibration: Calibration | None, task: str
) -> Array:
    """Probabilities (N, K) of logits (N, K), calibrated where a calibration is given.

    Raises:
        ExportError: ``calibration_unknown``.

    >>> apply_calibration(np.array([[0.0, 2.0]]), {"method": "platt", "a": 1, "b": -2},
    ...                   "classification").tolist()
    [[0.5, 0.5]]
    """
    return to_probabilities(calibrated_logits(logits, task, calibration), task)


@dataclass(frozen=True)
class CalibrationScores:
    """How well probabilities fit what happens; less is better.

    Attributes:
        ece: Calibration error, a mean over labels.
        brier: Brier score.
        nll: Mean negative log probability of the truth (of each known label).
    """

    ece: float
    brier: float
    nll: float


@dataclass(frozen=True)
class CalibrationEffect:
    """Scores of the raw and of the calibrated probabilities."""

    before: CalibrationScores
    after: CalibrationScores


def calibration_scores(predictions: Predictions) -> CalibrationScores:
    """Calibration error, Brier score and log loss of a model's probabilities."""
    p, y = predictions.probabilities(), predictions.targets
    ece, brier = (float(METRICS[name].fn(p, y)) for name in ("ece", "brier"))
    return CalibrationScores(ece, brier, log_loss(p, y))


def calibration_effect(predictions: Predictions, calibration: Calibration) -> CalibrationEffect:
    """What a calibration changes on these images; fitted on others, or it flatters itself."""
    raw, fitted = (
        calibration_scores(dataclasses.replace(predictions, calibration=values))
        for values in (None, calibration)
    )
    return CalibrationEffect(raw, fitted)


def log_loss(p: Array, targets: NDArray[Any]) -> float:
    """Mean of −log p of the truth; NaN for no known target.

    Args:
        p: Probabilities (N, K).
        targets: (N,), or (N, L) with NaN for what is not known.

    >>> round(log_loss(np.array([[0.5, 0.5]]), np.array([1])), 4)
    0.6931
    """
    if targets.ndim == 2:
        known = ~np.isnan(targets)
        of_truth = np.where(targets[known] == 1, p[known], 1 - p[known])
    else:
        of_truth = p[np.arange(len(p)), targets.astype(np.int64)]
    if not len(of_truth):
        return float("nan")
    return float(-np.log(np.maximum(of_truth, LEAST)).mean())
