"""Which models are not beaten in everything by another, and figures over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


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


@dataclass(frozen=True)
class Spread:
    """A figure over seeds: mean, sd over seeds (NaN for one seed) and how many."""

    mean: float
    sd: float
    n: int


def over_seeds(values: Sequence[float]) -> Spread:
    """Mean and sample sd (n − 1).

    >>> over_seeds([1.0, 3.0])
    Spread(mean=2.0, sd=1.4142135623730951, n=2)
    """
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
    return Spread(float(np.mean(values)), sd, len(values))
