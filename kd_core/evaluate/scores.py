"""Scores with intervals, from predictions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kd_core.evaluate.bootstrap import (
    NOTHING_SEEN,
    SAME,
    area_interval,
    interval,
    n_sides,
    share_interval,
    units,
    units_of_mean,
    unseen,
    weightings,
)
from kd_core.evaluate.kernels import Kernel
from kd_core.evaluate.metrics import METRICS, MetricSpec
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.rare import counted_in, left_out
from kd_core.text import Msg

Array = NDArray[np.float64]
Method = Literal["bootstrap_patients", "bootstrap_images", "nothing_seen", "none"]


@dataclass(frozen=True)
class Score:
    """One figure with its 95 % interval.

    Attributes:
        value: The figure; NaN where undefined.
        low: Low end of the interval; NaN where there is none.
        high: High end.
        n: Images that it rests on.
        undefined: Why there is no value.
        method: What the interval was drawn over; ``nothing_seen`` where no image made a
            difference and the interval says what that many images could have missed.
        left_out: Classes that a mean over classes leaves out, since hardly anybody has them.
    """

    value: float
    low: float
    high: float
    n: int
    undefined: Msg | None = None
    method: Method = "none"
    left_out: tuple[str, ...] = ()


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
    repeated = _repeated(predictions, names, repeats, seed)
    scores: dict[str, Score] = {}
    for name in names:
        point = METRICS[name].of(predictions)
        for key, column in _columns(name, predictions.classes):
            value = float(point if column is None else point[column])
            drawn = repeated[name] if column is None else repeated[name][:, column]
            scores[key] = _score(predictions, METRICS[name], column, value, drawn)
    return scores


def _repeated(
    predictions: Predictions, names: Sequence[str], repeats: int, seed: int
) -> dict[str, Array]:
    """The metrics' bootstrap repeats, (R,) or (R, K)."""
    targets = predictions.targets
    given = {flag: spec.seen(predictions) for flag, spec in _kinds(names).items()}
    of_image, counts = units(predictions.patients, len(predictions)), counted_in(predictions)
    rng = np.random.default_rng(seed)
    empty = {n: np.empty((0, len(predictions.classes))[: 1 + METRICS[n].per_class]) for n in names}
    chunks: dict[str, list[Array]] = {name: [values] for name, values in empty.items()}
    for weights in weightings(of_image, repeats, rng) if len(predictions) else ():
        done: dict[Kernel, Array] = {}  # macro AUC and AUC by class are the same arithmetic
        for name in names:
            spec = METRICS[name]
            kernel = spec.kernel(targets)
            if kernel not in done:
                done[kernel] = kernel(given[spec.of_answers], targets, weights)
            chunks[name].append(spec.reduce(done[kernel], counts))
    return {name: np.concatenate(values) for name, values in chunks.items()}


def _kinds(names: Sequence[str]) -> dict[bool, MetricSpec]:
    """A metric that counts answers and one that reads probabilities, where both are asked for."""
    return {METRICS[name].of_answers: METRICS[name] for name in names}


def _score(
    predictions: Predictions, spec: MetricSpec, column: int | None, value: float, drawn: Array
) -> Score:
    n = len(predictions)
    if math.isnan(value):
        return Score(value, math.nan, math.nan, n, undefined=_reason(predictions, column))
    if spec.inflated and len(drawn):
        drawn = np.maximum(0.0, drawn - (np.nanmean(drawn) - value))
    of_image = units(predictions.patients, n)
    low, high = ends(predictions, spec, value, drawn, column)
    method: Method = "bootstrap_images" if predictions.patients is None else "bootstrap_patients"
    if math.isnan(low):
        method = "none"
    elif math.isclose(low, high, abs_tol=SAME):
        reach = reach_unseen(predictions, spec, of_image, column)
        # at most down to 0, and up to 1, unless the figure itself is beyond
        low, high = max(value - reach, min(value, 0.0)), min(value + reach, max(value, 1.0))
        method = "nothing_seen"
    without = left_out(predictions) if spec.averages(predictions.task) else ()
    return Score(value, low, high, n, method=method, left_out=without)


def _columns(name: str, classes: Sequence[str]) -> list[tuple[str, int | None]]:
    if not METRICS[name].per_class:
        return [(name, None)]
    return [(f"{name}:{label}", k) for k, label in enumerate(classes)]


def ends(
    predictions: Predictions,
    spec: MetricSpec,
    value: float,
    drawn: Array,
    column: int | None = None,
) -> tuple[float, float]:
    """Both ends of a figure's interval, by its repeats.

    Wilson's for a share, on the scale of log-odds for an area, percentiles else.

    Args:
        predictions: What it was computed from.
        spec: The metric.
        value: The figure.
        drawn: Its repeats, (R,).
        column: The class, for a metric with one value a class.
    """
    of_image = units(predictions.patients, len(predictions))
    if not (spec.share and len(drawn)):
        return interval(drawn)
    made = area_interval if spec.is_area else share_interval
    return made(value, drawn, rests_on(predictions, spec, of_image, column))


def rests_on(
    predictions: Predictions,
    spec: MetricSpec,
    of_image: NDArray[np.int64],
    column: int | None = None,
) -> float:
    """Units that a figure rests on: those of its class, or of the smaller side for an area.

    A mean over classes is as sure as :func:`kd_core.evaluate.bootstrap.units_of_mean` says.

    Args:
        predictions: What it is computed from.
        spec: The metric.
        of_image: The unit of each image.
        column: The class, for a metric with one value a class.
    """
    every = float(of_image.max(initial=-1) + 1)
    if column is None and not spec.averages(predictions.task):
        return every
    with_it, without = n_sides(predictions.targets, len(predictions.classes), of_image)
    own = without if spec.of_others else with_it
    own = np.minimum(with_it, without) if spec.is_area else own
    if column is not None:
        return float(own[column])
    if spec.is_area and predictions.task != "multilabel" and len(own) == 2:
        return float(own[0])  # the two areas are one
    return min(every, units_of_mean(own[counted_in(predictions)]))


def reach_unseen(
    predictions: Predictions,
    spec: MetricSpec,
    of_image: NDArray[np.int64],
    column: int | None = None,
) -> float:
    """How far off a figure may be that came out the same in all repeats.

    Args:
        predictions: What it was computed from.
        spec: The metric.
        of_image: The unit of each image; the fewer units, the further.
        column: The class, for a metric with one value a class.
    """
    sides = unseen(predictions.targets, len(predictions.classes), of_image)
    # an area rests on both sides: the smaller one says how little was seen
    reach = np.maximum(*sides) if spec.is_area else sides[1 if spec.of_others else 0]
    if column is not None:
        return float(reach[column])
    if spec.averages(predictions.task):
        return float(reach[counted_in(predictions)].mean())
    return min(1.0, NOTHING_SEEN / int(of_image.max() + 1))


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
