"""Scores with intervals, from predictions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kd_core.evaluate.bootstrap import CHUNK, draws, interval, units
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.predictions import Predictions
from kd_core.text import Msg

Method = Literal["bootstrap_patients", "bootstrap_images", "none"]


@dataclass(frozen=True)
class Score:
    """One figure with its 95 % interval.

    Attributes:
        value: The figure; NaN where undefined.
        low: Low end of the interval; NaN where there is none.
        high: High end.
        n: Images that it rests on.
        undefined: Why there is no value.
        method: What the interval was drawn over.
    """

    value: float
    low: float
    high: float
    n: int
    undefined: Msg | None = None
    method: Method = "none"


def score(
    predictions: Predictions,
    metrics: Sequence[str] | None = None,
    repeats: int = 1000,
    seed: int = 0,
) -> dict[str, Score]:
    """Scores by metric; a metric with a value a class is named ``<metric>:<class>``.

    All metrics see the same draws.

    Args:
        predictions: Of one model on one part.
        metrics: Names in ``METRICS``; all that fit the task when ``None``.
        repeats: Bootstrap repeats; 0 gives values without intervals.
        seed: Of the draws.

    Raises:
        ConfigError: ``entry_unknown``.
    """
    fitting = [name for name, spec in METRICS.items() if predictions.task in spec.tasks]
    names = list(metrics) if metrics is not None else fitting
    probabilities, targets = predictions.probabilities(), predictions.targets
    method: Method = "bootstrap_images" if predictions.patients is None else "bootstrap_patients"
    repeated: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    if len(predictions):
        for weights in _weightings(predictions, repeats, seed):
            for name in names:
                repeated[name].append(METRICS[name].fn(probabilities, targets, weights))
    scores: dict[str, Score] = {}
    for name in names:
        point = METRICS[name].fn(probabilities, targets)
        values = np.concatenate(repeated[name]) if repeated[name] else None
        for key, column in _columns(name, predictions.classes):
            value = float(point if column is None else point[column])
            drawn = values if values is None or column is None else values[:, column]
            low, high = (math.nan, math.nan) if drawn is None else interval(drawn)
            if math.isnan(value):
                low = high = math.nan
            scores[key] = Score(
                value=value,
                low=low,
                high=high,
                n=len(predictions),
                undefined=_reason(predictions, column) if math.isnan(value) else None,
                method="none" if math.isnan(low) else method,
            )
    return scores


def _columns(name: str, classes: Sequence[str]) -> list[tuple[str, int | None]]:
    if not METRICS[name].per_class:
        return [(name, None)]
    return [(f"{name}:{label}", k) for k, label in enumerate(classes)]


def _weightings(predictions: Predictions, repeats: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Weights of images in chunks of repeats, (r, N)."""
    of_image = units(predictions.patients, len(predictions))
    n_units = int(of_image.max()) + 1
    rng = np.random.default_rng(seed)
    step = max(1, CHUNK // len(predictions))
    for start in range(0, repeats, step):
        yield draws(n_units, min(step, repeats - start), rng)[:, of_image]


def _reason(predictions: Predictions, column: int | None) -> Msg:
    """Why a figure does not exist: no images, or classes without images of their own or others'."""
    if not len(predictions):
        return Msg("score.undefined.empty")
    if predictions.task == "multilabel":
        positive = np.nansum(predictions.targets, 0)
        known = (~np.isnan(predictions.targets)).sum(0)
    else:
        positive = np.bincount(predictions.targets, minlength=len(predictions.classes))
        known = np.full(len(predictions.classes), len(predictions))
    bad = [
        name
        for k, name in enumerate(predictions.classes)
        if (column is None or k == column) and not 0 < positive[k] < known[k]
    ]
    return Msg("score.undefined.one_sided", {"classes": bad})
