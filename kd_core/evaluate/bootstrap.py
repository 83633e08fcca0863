"""Resampling: how far a figure could have come out otherwise with other patients.

Images of one patient are alike, so patients are drawn where they are known, images otherwise
(Efron & Tibshirani 1993, ch. 8; Field & Welsh 2007 for clusters).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Array = NDArray[np.float64]

LEVEL = 0.95
DEFINED = 0.9
"""An interval is given when the figure exists in at least this share of the repeats."""

CHUNK = 4_000_000
"""Weights held at once: 32 MB."""

NOTHING_SEEN = 3.0
"""What did not happen in n units happens in fewer than about 3 / n of all (95 %; Hanley &
Lippman-Hand 1983)."""

SAME = 1e-12
"""Two ends of an interval closer than this differ by rounding only."""


def units(patients: NDArray[np.str_] | None, n: int) -> NDArray[np.int64]:
    """The unit that is drawn, by number, of each image: its patient, or itself; (N,)."""
    if patients is None:
        return np.arange(n)
    return np.unique(patients, return_inverse=True)[1].astype(np.int64)


def draws(n_units: int, repeats: int, rng: np.random.Generator) -> Array:
    """How often each unit was drawn in each repeat, (R, U); every row sums to U.

    >>> draws(5, 2, np.random.default_rng(0)).sum(1)
    array([5., 5.])
    """
    counts = rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=repeats)
    return np.asfortranarray(counts, dtype=float)


def weightings(
    of_image: NDArray[np.int64], repeats: int, rng: np.random.Generator
) -> Iterator[Array]:
    """How often each image was drawn, in chunks of repeats, (r, N) in Fortran order.

    Args:
        of_image: The unit of each image, from :func:`units`.
        repeats: R, over all chunks.
        rng: Source of the draws.
    """
    n_units = int(of_image.max()) + 1
    step = max(1, CHUNK // len(of_image))
    for start in range(0, repeats, step):
        drawn = draws(n_units, min(step, repeats - start), rng)
        yield drawn.T[of_image].T


def interval(values: Array, level: float = LEVEL) -> tuple[float, float]:
    """Percentile interval of repeats, NaN where the figure is too often undefined.

    >>> [round(end, 6) for end in interval(np.arange(401.0))]
    [10.0, 390.0]
    """
    finite = values[np.isfinite(values)]
    if len(finite) < DEFINED * len(values) or not len(finite):
        return float("nan"), float("nan")
    tail = (1 - level) / 2 * 100
    low, high = np.percentile(finite, [tail, 100 - tail])
    return float(low), float(high)


def widened(point: Array | float, drawn: Array, n_units: float) -> Array:
    """Repeats moved away from what was seen as far as so few units ask for.

    Formula: ``d + (d* − d) · t / z · √(U / (U − 1))``: a bootstrap of U units spreads too little by
    the root, and knows its own spread no better than t with U − 1 degrees of freedom has it (the
    expanded percentile interval of Hesterberg 2015). With 50 units 4 % wider, with 1000 not at all.

    Args:
        point: What was seen; broadcasts against ``drawn``.
        drawn: Bootstrap repeats.
        n_units: U, patients or images.

    >>> round(float(widened(0.0, np.array([1.0]), 20)[0]), 3)
    1.096
    """
    if n_units < 2:
        return drawn
    root = np.sqrt(n_units / (n_units - 1))
    factor = stats.t.ppf((1 + LEVEL) / 2, n_units - 1) / stats.norm.ppf((1 + LEVEL) / 2) * root
    return np.asarray(point + (drawn - point) * factor)


def share_interval(
    value: float, drawn: Array, n_units: float, level: float = LEVEL
) -> tuple[float, float]:
    """Interval of a share in [0, 1]; NaN where it is too often undefined.

    Wilson's score interval of ``n = v (1 − v) / s²`` images, s² being the variance of the repeats:
    so many independent images would be as uncertain as these, whose patients may have several
    (Wilson 1927; Korn & Graubard 1998 for the number). Percentiles of repeats are too narrow where
    a share is near 1 and errors are few; this is not. s² and the normal quantile are corrected for
    few units as in :func:`widened`.

    Args:
        value: The share that was seen.
        drawn: Bootstrap repeats.
        n_units: Patients, or images, that it rests on.
        level: Of the interval.

    >>> repeats = np.random.default_rng(0).binomial(300, 0.99, 5000) / 300
    >>> [round(end, 3) for end in share_interval(0.99, repeats, 300)]
    [0.971, 0.997]
    """
    low, high = interval(drawn, level)
    if np.isnan(low) or n_units < 2 or high - low < SAME or not 0 < value < 1:
        return low, high
    variance = float(np.nanvar(drawn)) * n_units / (n_units - 1)
    t2 = float(stats.t.ppf((1 + level) / 2, n_units - 1)) ** 2
    n = value * (1 - value) / variance
    middle = (value + t2 / (2 * n)) / (1 + t2 / n)
    reach = np.sqrt(t2 * (variance + t2 / (4 * n**2))) / (1 + t2 / n)
    return float(max(0.0, middle - reach)), float(min(1.0, middle + reach))


def area_interval(
    value: float, drawn: Array, n_units: float, level: float = LEVEL
) -> tuple[float, float]:
    """Interval of an area under a ROC curve; NaN where it is too often undefined.

    Formula: ``logit(a) ± t · s / (a (1 − a))``, turned back, s being the standard deviation of the
    repeats (Pepe 2003, ch. 5, with the bootstrap's s). Areas near 1 lie skew, and what makes them
    high makes s small; on this scale the interval reaches further down than up. s and the quantile
    are corrected for few units as in :func:`widened`.

    Args:
        value: The area that was seen.
        drawn: Bootstrap repeats.
        n_units: Patients, or images, of its smaller side.
        level: Of the interval.

    >>> repeats = np.random.default_rng(0).normal(0.97, 0.01, 5000)
    >>> [round(end, 3) for end in area_interval(0.97, repeats, 300)]
    [0.943, 0.984]
    """
    low, high = interval(drawn, level)
    if np.isnan(low) or n_units < 2 or high - low < SAME or not 0 < value < 1:
        return low, high
    sd = float(np.nanstd(drawn)) * np.sqrt(n_units / (n_units - 1))
    reach = float(stats.t.ppf((1 + level) / 2, n_units - 1)) * sd / (value * (1 - value))
    odds = special.logit(value)
    return float(special.expit(odds - reach)), float(special.expit(odds + reach))


def two_sided(values: Array) -> float:
    """How well no difference fits: twice the smaller share of repeats beyond 0.

    Formula: ``p = 2 (1 + min(#{d ≤ 0}, #{d ≥ 0})) / (1 + R)``, at most 1 (Davison & Hinkley
    1997, ch. 4).

    >>> two_sided(np.array([1.0] * 98 + [-1.0]))
    0.04
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return float("nan")
    beyond = min(int((finite <= 0).sum()), int((finite >= 0).sum()))
    return min(1.0, 2 * (1 + beyond) / (1 + len(finite)))


def n_sides(
    targets: NDArray[Any], n_classes: int, of_image: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each class the units with images of it, and with images of the others; both (K,).

    Args:
        targets: (N,), or (N, L) with NaN for what is not known.
        n_classes: K.
        of_image: The unit of each image, from :func:`units`.

    >>> n_sides(np.array([0, 0, 1]), 2, np.array([0, 0, 1]))[0].tolist()
    [1, 1]
    """
    if targets.ndim == 1:
        targets = np.eye(n_classes)[targets]
    with_it, without = (
        np.array([len(np.unique(of_image[column == side])) for column in targets.T])
        for side in (1, 0)
    )
    return with_it, without


def units_of_mean(n: NDArray[np.int64]) -> float:
    """How many units know the spread of a mean over classes as well as each class's own do.

    Formula: ``1 + (Σ 1/nₖ)² / Σ 1/(nₖ² (nₖ − 1))``, the degrees of freedom of a sum of variances
    (Satterthwaite 1946; Welch 1947), each class's being taken as 1/nₖ. Between the smallest class
    and all units: ten patients of one class and 290 of the other say little more than ten.

    Args:
        n: Units of each class, (K,).

    >>> round(units_of_mean(np.array([10, 290])), 1), units_of_mean(np.array([1, 50]))
    (10.6, 1.0)
    """
    if not len(n) or n.min() < 2:
        return float(n.min()) if len(n) else 0.0
    share = 1 / n
    return float(1 + share.sum() ** 2 / (share**2 / (n - 1)).sum())


def unseen(
    targets: NDArray[Any], n_classes: int, of_image: NDArray[np.int64]
) -> tuple[Array, Array]:
    """How far a share may be off where no image differed: 3 / n, at most 1.

    A bootstrap repeats what was seen; where all answers are right, its interval has no width,
    however few they are.

    Args:
        targets: (N,), or (N, L) with NaN for what is not known.
        n_classes: K.
        of_image: The unit of each image, from :func:`units`.

    Returns:
        For each class, resting on the units with images of it, and with images of the others;
        both (K,).

    >>> unseen(np.array([0] * 30 + [1] * 300), 2, np.arange(330))[0].tolist()
    [0.1, 0.01]
    """
    n_with, n_without = n_sides(targets, n_classes, of_image)
    return (
        np.minimum(1.0, NOTHING_SEEN / np.maximum(n_with, 1)),
        np.minimum(1.0, NOTHING_SEEN / np.maximum(n_without, 1)),
    )
