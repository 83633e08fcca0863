"""Resampling: how far a figure could have come out otherwise with other patients.

Images of one patient are alike, so patients are drawn where they are known, images otherwise
(Efron & Tibshirani 1993, ch. 8; Field & Welsh 2007 for clusters).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEVEL = 0.95
DEFINED = 0.9
"""An interval is given when the figure exists in at least this share of the repeats."""

CHUNK = 4_000_000
"""Weights held at once: 32 MB."""


def units(patients: NDArray[np.str_] | None, n: int) -> NDArray[np.int64]:
    """The unit that is drawn, by number, of each image: its patient, or itself; (N,)."""
    if patients is None:
        return np.arange(n)
    return np.unique(patients, return_inverse=True)[1].astype(np.int64)


def draws(n_units: int, repeats: int, rng: np.random.Generator) -> Array:
    """How often each unit was drawn in each repeat, (R, U); every row sums to U."""
    return rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=repeats).astype(float)


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
