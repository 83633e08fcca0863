"""Classes and labels that hardly anybody has: they are left out of means over classes, by name.

A figure of a label rests on its smaller side. With four patients on it, one in 50 bootstrap draws
has none of them, and with two, one in seven; the area under a ROC curve of four patients is known
to about ± 0.3 only (``python -m benchmarks.statistics`` simulates it; on intervals of areas from
few cases: Obuchowski & Lieber 1998, Academic Radiology 5, 561-571). One such label would take the
interval of a mean over all labels, or make it as wide as itself. So a mean over classes or labels
leaves out those that fewer than :data:`SCARCE` patients (images, where patients are not known)
have, or have not, in the part. It goes by the true labels alone, so it is the same for every model.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.evaluate.bootstrap import n_sides, units
from kd_core.evaluate.predictions import Predictions

Bools = NDArray[np.bool_]

SCARCE = 5
"""Patients (or images) that a class must have on each side, to count in a mean over classes."""


def counted(
    targets: NDArray[Any], n_classes: int, patients: NDArray[np.str_] | None = None
) -> Bools:
    """Which classes or labels count in a mean, (K,); all where none has enough.

    Args:
        targets: (N,), or (N, L) with NaN for what is not known.
        n_classes: K.
        patients: Patient of each image, (N,), or ``None``.

    >>> counted(np.array([[1, 1]] * 5 + [[0, 0]] * 5 + [[0, 1]] * 3 + [[np.nan, 1]]), 2).tolist()
    [True, True]
    >>> counted(np.array([[1, 1]] * 5 + [[0, 1]] * 5), 2).tolist()
    [True, False]
    """
    enough = _smaller(targets, n_classes, patients) >= SCARCE
    return enough if enough.any() else np.ones(n_classes, bool)


def counted_in(predictions: Predictions) -> Bools:
    """Which classes or labels of these predictions count in a mean, (K,)."""
    return counted(predictions.targets, len(predictions.classes), predictions.patients)


def left_out(predictions: Predictions) -> tuple[str, ...]:
    """Classes or labels that do not count in a mean."""
    found = zip(predictions.classes, counted_in(predictions), strict=True)
    return tuple(name for name, counts in found if not counts)


def scarce(predictions: Predictions) -> tuple[str, ...]:
    """Classes or labels that too few have, or have not, whether or not they can be left out."""
    n = _smaller(predictions.targets, len(predictions.classes), predictions.patients)
    return tuple(name for name, k in zip(predictions.classes, n, strict=True) if k < SCARCE)


def _smaller(
    targets: NDArray[Any], n_classes: int, patients: NDArray[np.str_] | None
) -> NDArray[np.int64]:
    return np.minimum(*n_sides(targets, n_classes, units(patients, len(targets))))
