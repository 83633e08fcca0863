"""Whether a model that says 80 % is right in 80 % of such cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kd_core.evaluate.kernels import ECE_BINS, bin_of
from kd_core.evaluate.predictions import Predictions

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy, by bins that hold images.

    Attributes:
        confidence: Mean confidence of each bin.
        accuracy: Share of right answers of each bin.
        count: Answers in each bin.
    """

    confidence: Array
    accuracy: Array
    count: NDArray[np.int64]


def reliability(predictions: Predictions, bins: int = ECE_BINS) -> Reliability:
    """Equal-width bins (lower end excluded) of the top class's probability.

    For ``multilabel``: of each known label's probability against its presence.
    """
    p = predictions.probabilities()
    if predictions.task == "multilabel":
        known = ~np.isnan(predictions.targets)
        sure, hit = p[known], predictions.targets[known].astype(float)
    else:
        sure, hit = p.max(1), (p.argmax(1) == predictions.targets).astype(float)
    place = bin_of(sure, bins)
    count = np.bincount(place, minlength=bins)
    full = count > 0
    return Reliability(
        confidence=np.bincount(place, sure, bins)[full] / count[full],
        accuracy=np.bincount(place, hit, bins)[full] / count[full],
        count=count[full],
    )
