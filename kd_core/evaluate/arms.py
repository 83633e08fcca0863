"""One figure for several seeds, with an interval over patients and seeds at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from kd_core.errors import ConfigError, DataError
from kd_core.evaluate.bootstrap import interval, units, weightings
from kd_core.evaluate.gap import with_seeds
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.rare import counted_in
from kd_core.evaluate.scores import Score, ends, score
from kd_core.evaluate.seeds import rows_of_seeds, seed_means


def seed_figures(models: Sequence[Predictions], metric: str) -> tuple[float, ...]:
    """The figure of each seed; where each fold has its own model, the mean of their figures.

    Args:
        models: Of one arm.
        metric: Entry of ``METRICS`` with one value.
    """
    values = np.array([score(one, [metric], repeats=0)[metric].value for one in models])
    return tuple(seed_means(values, rows_of_seeds(models)).tolist())


def score_of_arm(
    models: Sequence[Predictions], metric: str, repeats: int = 1000, seed: int = 0
) -> Score:
    """The mean over seeds, with the 95 % interval that other patients and other seeds would give.

    The seeds' part is that of :mod:`kd_core.evaluate.gap`. One seed has the interval of its own
    score, and says nothing of other seeds.

    Args:
        models: One a seed, on the same images; models of a seed's folds count as one, by their
            mean figure.
        metric: Entry of ``METRICS`` with one value.
        repeats: Bootstrap repeats.
        seed: Of the draws.

    Raises:
        ConfigError: ``entry_unknown``, ``metric_per_class``.
        DataError: ``pairs_empty`` for no model.
    """
    if METRICS[metric].per_class:
        raise ConfigError("metric_per_class", metric=metric)
    if not models:
        raise DataError("pairs_empty")
    first = score(models[0], [metric], repeats, seed)[metric]
    if len(models) == 1 or math.isnan(first.value):
        return first
    spec = METRICS[metric]
    seen = [(spec.seen(one), one.targets) for one in models]
    counts = counted_in(models[0])
    rows = rows_of_seeds(models)
    points = np.array([spec.fn(p, y, None, counts) for p, y in seen])  # (models,)
    rng = np.random.default_rng(seed)
    of_image = units(models[0].patients, len(models[0]))
    drawn = np.concatenate(
        [
            np.stack([spec.fn(p, y, weights, counts) for p, y in seen], -1)
            for weights in weightings(of_image, repeats, rng)
        ]
    )  # (R, models)
    points, drawn = seed_means(points, rows), seed_means(drawn, rows, axis=1)  # (S,), (R, S)
    if spec.inflated:
        drawn = np.maximum(0.0, drawn - (np.nanmean(drawn, 0) - points))
    low, high = interval(with_seeds(points, drawn, rng))
    # what patients alone leave open is left open with seeds, too
    alone = ends(models[0], spec, float(points.mean()), drawn.mean(1))
    low, high = min(low, alone[0]), max(high, alone[1])
    if spec.share:  # seeds that vary much would reach beyond what a share can be
        low, high = max(low, 0.0), min(high, 1.0)
    method = "none" if math.isnan(low) else first.method
    if first.method == "nothing_seen" and math.isclose(low, high):
        low, high = first.low, first.high
    without = first.left_out
    return Score(float(points.mean()), low, high, len(models[0]), method=method, left_out=without)
