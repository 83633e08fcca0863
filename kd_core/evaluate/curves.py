"""The curves behind an area: ROC, and precision and recall with the prevalence."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kd_core.evaluate.operating import Side, sides
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.ranking import average_precision, roc_auc, roc_curve


@dataclass(frozen=True)
class RocCurve:
    """False and true positive rates from (0, 0) to (1, 1).

    Attributes:
        label: The class or label.
        false_positive: 1 − specificity.
        true_positive: Sensitivity.
        thresholds: On the calibrated probability, falling from infinity.
        area: Under the curve; NaN, with an empty curve, where one side has no image.
    """

    label: str
    false_positive: tuple[float, ...]
    true_positive: tuple[float, ...]
    thresholds: tuple[float, ...]
    area: float


@dataclass(frozen=True)
class PrecisionRecall:
    """Precision at each recall, from the highest threshold down.

    Attributes:
        label: The class or label.
        recall: Share of the positives that is found, rising.
        precision: Share of what is said that is right.
        thresholds: On the calibrated probability, falling.
        average_precision: Steps of recall times precision; NaN without positives.
        prevalence: Share of positives: the precision, and the average, of a guess.
    """

    label: str
    recall: tuple[float, ...]
    precision: tuple[float, ...]
    thresholds: tuple[float, ...]
    average_precision: float
    prevalence: float


def roc_of(predictions: Predictions, positive: str | None = None) -> tuple[RocCurve, ...]:
    """ROC curves by label.

    Args:
        predictions: Of one model.
        positive: As in :func:`kd_core.evaluate.operating.sides`.

    Raises:
        ConfigError: ``class_unknown``, ``positive_needed``.
    """
    return tuple(_roc(side) for side in sides(predictions, positive))


def _roc(side: Side) -> RocCurve:
    if side.positive.all() or not side.positive.any():
        return RocCurve(side.label, (), (), (), math.nan)
    false, true, levels = (tuple(map(float, v)) for v in roc_curve(side.scores, side.positive))
    area = roc_auc(side.scores, side.positive, np.ones((1, len(side.scores))))
    return RocCurve(side.label, false, true, levels, float(area[0]))


def precision_recall_of(
    predictions: Predictions, positive: str | None = None
) -> tuple[PrecisionRecall, ...]:
    """Precision and recall by label, with the prevalence; see :func:`roc_of`.

    >>> z = np.log(np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]], np.float32))
    >>> three = Predictions(tuple("abc"), np.array([0, 0, 1]), z, "val", 0, ("x", "y"))
    >>> precision_recall_of(three)[0].precision
    (1.0, 0.5, 0.3333333333333333)
    """
    return tuple(_precision_recall(side) for side in sides(predictions, positive))


def _precision_recall(side: Side) -> PrecisionRecall:
    n, n_yes = len(side.positive), int(side.positive.sum())
    if not n_yes:
        return PrecisionRecall(side.label, (), (), (), math.nan, 0.0 if n else math.nan)
    levels, place = np.unique(-side.scores, return_inverse=True)
    found = np.cumsum(np.bincount(place, side.positive, len(levels)))  # (G,)
    said = np.cumsum(np.bincount(place, minlength=len(levels)))
    area = average_precision(side.scores, side.positive, np.ones((1, n)))
    return PrecisionRecall(
        side.label,
        tuple(map(float, found / n_yes)),
        tuple(map(float, found / said)),
        tuple(map(float, -levels)),
        float(area[0]),
        n_yes / n,
    )
