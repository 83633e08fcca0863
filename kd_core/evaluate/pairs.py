"""Whether two models were asked the same: what every paired comparison checks first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kd_core.errors import DataError
from kd_core.evaluate.predictions import Predictions


def check_pairs(first: Sequence[Predictions], second: Sequence[Predictions]) -> None:
    """Nothing, where both sides are the same seeds' answers to the same images.

    Raises:
        DataError: ``pairs_empty``; ``pairs_differ`` where numbers of models or images do not
            match; ``pairs_other_truth`` where images have other labels or patients.
    """
    if not first or not second or not len(first[0]):
        raise DataError("pairs_empty")
    if len(first) != len(second):
        raise DataError("pairs_differ", first=len(first), second=len(second))
    ids = first[0].ids
    if any(p.ids != ids for p in (*first, *second)):
        raise DataError("pairs_differ", first=len(ids), second=len(second[0].ids))
    if not all(_same_truth(first[0], p) for p in (*first, *second)):
        raise DataError("pairs_other_truth", images=len(ids))


def _same_truth(a: Predictions, b: Predictions) -> bool:
    """Whether two models were asked the same of the same patients."""
    floats = a.targets.dtype.kind == "f"
    patients = (a.patients is None) == (b.patients is None)
    if patients and a.patients is not None and b.patients is not None:
        patients = np.array_equal(a.patients, b.patients)
    return patients and np.array_equal(a.targets, b.targets, equal_nan=floats)
