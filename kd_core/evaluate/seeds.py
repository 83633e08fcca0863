"""Which models are other seeds of one method, and which are folds of one and the same seed.

On a test part every fold of a cross-validation has its own model, and all of them answer the same
images. They are no further seeds: what they have in common, their seed, would be counted once a
fold, and three folds of two seeds would pass for six independent trainings. So the figures of the
folds are averaged first, and the seeds' means are what a spread or an interval is made from.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kd_core.evaluate.predictions import Predictions

Array = NDArray[np.float64]
Rows = tuple[NDArray[np.int64], ...]


def rows_of_seeds(first: Sequence[Predictions], second: Sequence[Predictions] = ()) -> Rows:
    """Places of each seed's models; a model that is no fold's stands alone.

    Args:
        first: Models of an arm.
        second: What they are paired with, in the same order; empty: nothing.

    >>> z = np.zeros((1, 2), np.float32)
    >>> def fold(seed, k):
    ...     return Predictions(("a",), np.array([0]), z, "test", seed, ("x", "y"), fold=k)
    >>> [rows.tolist() for rows in rows_of_seeds([fold(0, 0), fold(1, 0), fold(0, 1)])]
    [[0, 2], [1]]
    >>> [rows.tolist() for rows in rows_of_seeds([fold(0, None), fold(0, None)])]
    [[0], [1]]
    """
    found: dict[tuple[int, ...], list[int]] = {}
    for place, models in enumerate(zip(first, *([second] if second else []), strict=True)):
        alone = all(one.fold is None for one in models)
        key = (-1, place) if alone else tuple(one.seed for one in models)
        found.setdefault(key, []).append(place)
    return tuple(np.array(rows) for rows in found.values())


def seed_means(values: Array, rows: Rows, axis: int = 0) -> Array:
    """Figures of models as figures of seeds: means over the folds of each.

    Args:
        values: With the models along ``axis``.
        rows: From :func:`rows_of_seeds`.
        axis: Which axis they are on.

    >>> seed_means(np.array([0.5, 0.9, 0.7]), (np.array([0, 2]), np.array([1]))).tolist()
    [0.6, 0.9]
    """
    return np.stack([np.take(values, places, axis).mean(axis) for places in rows], axis)


def n_folds(models: Sequence[Predictions]) -> int:
    """Folds whose models answered; 0 where there are none."""
    return len({one.fold for one in models if one.fold is not None})
