"""Whether a model that says 80 % is right in 80 % of such cases."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kd_core.evaluate.bootstrap import NOTHING_SEEN, SAME, share_interval, units, weightings
from kd_core.evaluate.kernels import ECE_BINS, bin_of
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.ranking import ratio

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy, by bins that hold images.

    Attributes:
        confidence: Mean confidence of each bin.
        accuracy: Share of right answers of each bin.
        count: Answers in each bin.
        low: Low end of the accuracy's 95 % interval in each bin; empty if none was asked for.
        high: High ends.
    """

    confidence: Array
    accuracy: Array
    count: NDArray[np.int64]
    low: Array = field(default_factory=lambda: np.empty(0))
    high: Array = field(default_factory=lambda: np.empty(0))


def reliability(
    predictions: Predictions, bins: int = ECE_BINS, repeats: int = 0, seed: int = 0
) -> Reliability:
    """Equal-width bins (lower end excluded) of the top class's probability.

    For ``multilabel``: of each known label's probability against its presence. Bins stay where they
    are in every repeat; a bin in which all answers came out alike has 3 / n as its reach.

    Args:
        predictions: Of one model.
        bins: Number of bins in [0, 1].
        repeats: Bootstrap repeats over patients, else images; 0 gives no intervals.
        seed: Of the draws.
    """
    p = predictions.probabilities()
    of_image = units(predictions.patients, len(predictions))
    if predictions.task == "multilabel":
        known = ~np.isnan(predictions.targets)
        sure, hit = p[known], predictions.targets[known].astype(float)
        image = np.nonzero(known)[0]
    else:
        sure, hit = p.max(1), (p.argmax(1) == predictions.targets).astype(float)
        image = np.arange(len(p))
    place = bin_of(sure, bins)
    count = np.bincount(place, minlength=bins)
    full = count > 0
    accuracy = np.bincount(place, hit, bins)[full] / count[full]
    low = high = np.empty(0)
    if repeats and len(sure):
        table = _BinTable(place, hit, image, bins, len(p))
        low, high = table.ends(accuracy, full, of_image, repeats, seed)
    return Reliability(
        confidence=np.bincount(place, sure, bins)[full] / count[full],
        accuracy=accuracy,
        count=count[full],
        low=low,
        high=high,
    )


class _BinTable:
    """Answers, and right ones, of each image in each bin: (N, bins) each."""

    def __init__(
        self, place: NDArray[np.int64], hit: Array, image: NDArray[np.int64], bins: int, n: int
    ) -> None:
        self.all, self.right = np.zeros((n, bins)), np.zeros((n, bins))
        np.add.at(self.all, (image, place), 1.0)
        np.add.at(self.right, (image, place), hit)

    def ends(
        self,
        accuracy: Array,
        full: NDArray[np.bool_],
        of_image: NDArray[np.int64],
        repeats: int,
        seed: int,
    ) -> tuple[Array, Array]:
        """Low and high ends of the full bins; NaN where a bin is too often empty."""
        rng = np.random.default_rng(seed)
        drawn = np.concatenate(
            [
                ratio(w @ self.right[:, full], w @ self.all[:, full])
                for w in weightings(of_image, repeats, rng)
            ]
        )  # (R, B)
        ends = []
        for value, column, rows in zip(accuracy, drawn.T, self.all[:, full].T > 0, strict=True):
            n_units = len(np.unique(of_image[rows]))
            low, high = share_interval(value, column, n_units)
            if math.isclose(low, high, abs_tol=SAME):
                reach = NOTHING_SEEN / n_units
                low, high = max(0.0, value - reach), min(1.0, value + reach)
            ends.append((low, high))
        return np.array([low for low, _ in ends]), np.array([high for _, high in ends])
