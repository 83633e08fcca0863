"""The difference of two models with its interval, over patients and seeds.

A paired hierarchical bootstrap: patients are drawn (images, where patients are not known), both
models see the same draws, so what they share cancels; and seeds are drawn too, since another seed
would have given another student. Few patients widen it, as
:func:`kd_core.evaluate.bootstrap.widened` says; those of its class, or of the smaller side of an
area, count there.

Few seeds cannot be drawn with replacement like many patients: three differences of the same sign
are then enough to exclude 0, and chance gives those in one of four comparisons. So the seeds'
part is drawn from a normal distribution of which the variance is itself drawn, as known from
S − 1 degrees of freedom (σ² = (S − 1) s² / χ², Jeffreys' prior), less what images already explain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from kd_core.evaluate.bootstrap import SAME, interval, two_sided, units, weightings, widened
from kd_core.evaluate.metrics import METRICS, MetricSpec
from kd_core.evaluate.pairs import check_pairs
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.rare import counted_in
from kd_core.evaluate.scores import reach_unseen, rests_on
from kd_core.evaluate.seeds import rows_of_seeds, seed_means

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Gap:
    """A difference in one figure.

    Attributes:
        first: The first model's figure, a mean over seeds.
        second: The second's.
        difference: First less second, turned so that positive means the first is better.
        low: Low end of its 95 % interval.
        high: High end.
        p: Two-sided, of the same repeats; NaN where there is no interval.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float


def gaps(
    first: Sequence[Predictions],
    second: Sequence[Predictions],
    metric: str,
    repeats: int = 2000,
    seed: int = 0,
) -> tuple[Gap, ...]:
    """Differences of paired models: one, or one a class for a metric that has one a class.

    Args:
        first: One model a seed; models of a seed's folds count as one, by their mean figure.
        second: The model to compare with, in the same order.
        metric: Entry of ``METRICS``.
        repeats: Bootstrap repeats.
        seed: Of the draws.

    Raises:
        ConfigError: ``entry_unknown``.
        DataError: ``pairs_empty``; ``pairs_differ`` where numbers of models or images do not
            match; ``pairs_other_truth`` where images have other labels or patients.
    """
    check_pairs(first, second)
    spec = METRICS[metric]
    rows = rows_of_seeds(first, second)
    values = seed_means(_values(first, second, metric), rows, axis=1)  # (2, S, C)
    drawn, rng = _drawn(first, second, metric, repeats, seed)
    drawn = seed_means(drawn, rows, axis=1)  # (R, S, C)
    of_image = units(first[0].patients, len(first[0]))
    found = []
    for column in range(values.shape[2]):
        one, two = values[:, :, column]  # (S,), (S,)
        own = column if spec.per_class else None
        n_units = rests_on(first[0], spec, of_image, own)
        wide = widened(one - two, drawn[:, :, column], n_units)  # (R, S)
        sign = 1.0 if spec.higher_is_better else -1.0
        spread = sign * with_seeds(one - two, wide, rng)  # (R,)
        point = sign * float((one - two).mean())
        low, high = interval(spread)
        p = two_sided(spread) if not math.isnan(low) else math.nan
        if n_units < 2 or math.isclose(low, high, abs_tol=SAME):
            reach = _reach(first[0], spec, own, point)
            low, high = point - reach, point + reach
            p = 1.0 if low <= 0 <= high else p
        if spec.share:  # seeds that vary much would reach beyond what a difference can be
            low, high = max(low, -1.0), min(high, 1.0)
        found.append(Gap(float(one.mean()), float(two.mean()), point, low, high, p))
    return tuple(found)


def _reach(predictions: Predictions, spec: MetricSpec, column: int | None, point: float) -> float:
    """How far off a difference may be that was the same in all repeats.

    Where no image makes a difference, how many there are is all that is known; not how many
    patients, one image is enough for one. A difference is no more sure than its patients are many,
    and one patient says nothing of others.
    """
    of_image = units(predictions.patients, len(predictions))
    if abs(point) < SAME and of_image.any():
        of_image = np.arange(len(predictions))
    return reach_unseen(predictions, spec, of_image, column)


def _drawn(
    first: Sequence[Predictions],
    second: Sequence[Predictions],
    metric: str,
    repeats: int,
    seed: int,
) -> tuple[Array, np.random.Generator]:
    """Differences of each pair where other patients had been seen, (R, pairs, C)."""
    rng = np.random.default_rng(seed)
    of_image = units(first[0].patients, len(first[0]))
    parts = []
    for weights in weightings(of_image, repeats, rng):
        one, two = _values(first, second, metric, weights)  # (r, S, C)
        parts.append(one - two)
    return np.concatenate(parts), rng


def with_seeds(points: Array, drawn: Array, rng: np.random.Generator) -> Array:
    """Mean differences (R,) where other patients and other seeds had been seen.

    Args:
        points: The differences that were seen, (S,).
        drawn: The same for drawn patients, (R, S).
        rng: Source of the seeds' part.
    """
    mean = drawn.mean(1)  # (R,)
    n_seeds, repeats = len(points), len(drawn)
    if n_seeds == 1 or np.isnan(points).any():  # an undefined figure has no spread
        return np.asarray(mean)
    between = points.var(ddof=1)
    from_images = np.nanvar(drawn - mean[:, None], axis=0).sum() / (n_seeds - 1)
    # evenly spread draws in random order: far tails, which few seeds have, then hardly depend on
    # the random numbers
    level = (np.arange(repeats) + 0.5) / repeats
    total = (n_seeds - 1) * between / rng.permutation(stats.chi2.ppf(level, n_seeds - 1))  # (R,)
    of_seeds = np.maximum(0.0, total - from_images)
    return np.asarray(mean + rng.permutation(stats.norm.ppf(level)) * np.sqrt(of_seeds / n_seeds))


def _values(
    first: Sequence[Predictions],
    second: Sequence[Predictions],
    metric: str,
    weights: Array | None = None,
) -> Array:
    """Figures of both sides, (2, S, C), or (2, r, S, C) for r weightings; C = 1 or classes."""
    spec = METRICS[metric]
    done: dict[int, Array] = {}
    counts = counted_in(first[0])
    for p in (*first, *second):  # a teacher that stands in every pair is scored once
        if id(p) not in done:
            value = np.asarray(spec.fn(spec.seen(p), p.targets, weights, counts))
            done[id(p)] = value if spec.per_class else value[..., None]
    return np.stack([np.stack([done[id(p)] for p in side], -2) for side in (first, second)])
