"""Decision curves: whether acting on a model does more good than acting on all, or on none.

``NB(t) = TP / n − FP / n · t / (1 − t)``: a person who acts from a probability of t on takes a
false alarm for ``t / (1 − t)`` as bad as a missed case (Vickers & Elkin 2006). Acting on all has
``π − (1 − π) · t / (1 − t)`` at a prevalence of π, on none 0. It asks for calibrated
probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kd_core.evaluate.bootstrap import interval, units, weightings
from kd_core.evaluate.operating import Side, sides
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.ranking import ratio
from kd_core.text import Msg

Array = NDArray[np.float64]

THRESHOLDS = tuple(float(t) for t in np.round(np.arange(0.01, 1.0, 0.01), 2))
"""Threshold probabilities of a curve: 1 % to 99 %."""


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit of one label; every tuple has one value a threshold.

    Attributes:
        label: Class or label that is acted on.
        thresholds: Probabilities from which on somebody acts.
        net_benefit: Of acting by the model; true cases found for each person, less the false
            alarms at their price. At most the prevalence.
        low: Low ends of its 95 % interval over patients; NaN without repeats.
        high: High ends.
        treat_all: Of acting on everybody; of acting on nobody it is 0.
        prevalence: Share of positives.
        n: Images that know the label.
        undefined: Why there is no curve.
    """

    label: str
    thresholds: tuple[float, ...]
    net_benefit: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    treat_all: tuple[float, ...]
    prevalence: float
    n: int
    undefined: Msg | None = None


def decision_curve(
    predictions: Predictions,
    positive: str | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
    repeats: int = 0,
    seed: int = 0,
) -> tuple[DecisionCurve, ...]:
    """One curve a label.

    Args:
        predictions: Of one model; its calibrated probabilities count.
        positive: As in :func:`kd_core.evaluate.operating.sides`.
        thresholds: Each in (0, 1).
        repeats: Bootstrap repeats over patients, else images, for the interval.
        seed: Of the draws.

    Raises:
        ConfigError: ``class_unknown``, ``positive_needed``.

    >>> z = np.array([[9.0, 0.0]] * 3 + [[0.0, 9.0]], np.float32)
    >>> right = Predictions(tuple("abcd"), np.array([0, 0, 0, 1]), z, "val", 0, ("x", "y"))
    >>> decision_curve(right, thresholds=[0.5])[0].net_benefit
    (0.25,)
    """
    t = np.asarray(thresholds, float)  # (T,)
    return tuple(
        _curve(predictions, side, t, repeats, seed) for side in sides(predictions, positive)
    )


def net_benefit(side: Side, thresholds: Array, weights: Array) -> Array:
    """Net benefit for weightings (R, n) at thresholds (T,); (R, T)."""
    said = (side.scores[:, None] >= thresholds).astype(float)  # (n, T)
    price = thresholds / (1 - thresholds)  # (T,)
    true = weights @ (said * side.positive[:, None])  # (R, T)
    false = weights @ (said * ~side.positive[:, None])
    return ratio(true - false * price, weights.sum(1)[:, None])


def _curve(
    predictions: Predictions, side: Side, thresholds: Array, repeats: int, seed: int
) -> DecisionCurve:
    n = len(side.positive)
    nothing = (math.nan,) * len(thresholds)
    at = tuple(map(float, thresholds))
    if not n:
        why = Msg("score.undefined.one_sided", {"classes": [side.label]})
        return DecisionCurve(side.label, at, *(nothing,) * 4, math.nan, 0, why)
    prevalence = float(side.positive.mean())
    of_image = units(predictions.patients, len(predictions))
    rng = np.random.default_rng(seed)
    drawn = [
        net_benefit(side, thresholds, w.T[side.rows].T) for w in weightings(of_image, repeats, rng)
    ]
    ends = [interval(column) for column in np.concatenate(drawn).T] if drawn else []
    return DecisionCurve(
        label=side.label,
        thresholds=at,
        net_benefit=tuple(map(float, net_benefit(side, thresholds, np.ones((1, n)))[0])),
        low=tuple(low for low, _ in ends) or nothing,
        high=tuple(high for _, high in ends) or nothing,
        treat_all=tuple(map(float, prevalence - (1 - prevalence) * thresholds / (1 - thresholds))),
        prevalence=prevalence,
        n=n,
    )
