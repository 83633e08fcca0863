"""Which models are not beaten in everything by another, and figures over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats


def pareto(points: Sequence[Sequence[float]], higher: Sequence[bool]) -> list[bool]:
    """Whether each point is on the front: no other is as good in all and better in one.

    Args:
        points: One row a model; a row with NaN is never on the front.
        higher: For each column whether more is better.

    >>> pareto([(0.9, 10), (0.8, 5), (0.7, 7)], (True, False))
    [True, True, False]
    """
    signed = np.asarray(points, float).reshape(len(points), len(higher))
    signed = signed * np.where(higher, 1.0, -1.0)
    front = []
    for row in signed:
        beaten = ((signed >= row).all(1) & (signed > row).any(1)).any()
        front.append(bool(not beaten and np.isfinite(row).all()))
    return front


def front_of_two(value: NDArray[np.float64], cost: NDArray[np.float64]) -> NDArray[np.bool_]:
    """:func:`pareto` for more of one and less of another, in n log n; all finite.

    Args:
        value: More is better, (n,).
        cost: Less is better, (n,).

    >>> front_of_two(np.array([0.9, 0.8, 0.7]), np.array([10.0, 5.0, 7.0])).tolist()
    [True, True, False]
    """
    order = np.lexsort((-value, cost))
    v, c = value[order], cost[order]
    before = np.concatenate([[-np.inf], np.maximum.accumulate(v)])[:-1]  # best at no higher cost
    better = v > before
    if not len(v):
        return np.zeros(0, bool)
    first = np.concatenate([[True], (c[1:] != c[:-1]) | (v[1:] != v[:-1])])
    group = np.cumsum(first) - 1  # equal points share their first one's answer
    front = np.empty(len(value), bool)
    front[order] = better[first][group]
    return front


@dataclass(frozen=True)
class Spread:
    """A figure over seeds.

    Attributes:
        mean: Mean over seeds.
        sd: Sample sd over seeds; NaN for one seed.
        n: Seeds.
        low: Low end of the 95 % interval of the mean, were more seeds run (Student's t; it takes
            seeds to vary normally, and knows nothing of images); NaN for one seed.
        high: High end.
        sd_low: Low end of the 95 % interval of the sd itself; NaN for one seed.
        sd_high: High end; with three seeds it is six times the sd.
    """

    mean: float
    sd: float
    n: int
    low: float = math.nan
    high: float = math.nan
    sd_low: float = math.nan
    sd_high: float = math.nan


def sd_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Interval of the sd that more seeds would show; NaN for fewer than two.

    Formula: ``s √((n − 1) / χ²)`` at both tails of χ² with n − 1 degrees of freedom; it takes the
    values to vary normally (Snedecor & Cochran 1989, § 5.11).

    Args:
        values: One a seed.
        level: Share of intervals that hold the true sd.

    >>> [round(end, 2) for end in sd_interval([1.0, 2.0, 3.0])]
    [0.52, 6.28]
    """
    n = len(values)
    if n < 2:
        return math.nan, math.nan
    sd, tail = float(np.std(values, ddof=1)), (1 - level) / 2
    low, high = (
        sd * math.sqrt((n - 1) / float(stats.chi2.ppf(q, n - 1))) for q in (1 - tail, tail)
    )
    return low, high


def over_seeds(values: Sequence[float]) -> Spread:
    """Mean, sample sd (n − 1) and the mean's interval; NaN where a seed has no value.

    >>> spread = over_seeds([1.0, 3.0])
    >>> spread.mean, round(spread.sd, 4), round(spread.high, 1)
    (2.0, 1.4142, 14.7)
    """
    n = len(values)
    mean = float(np.mean(values)) if n else math.nan
    if n < 2:
        return Spread(mean, math.nan, n)
    sd = float(np.std(values, ddof=1))
    reach = float(stats.t.ppf(0.975, n - 1)) * sd / math.sqrt(n)
    return Spread(mean, sd, n, mean - reach, mean + reach, *sd_interval(values))
