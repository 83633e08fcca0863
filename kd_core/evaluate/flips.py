"""Images on which two models answer differently, the most harmful change first."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.errors import DataError
from kd_core.evaluate.predictions import Predictions


@dataclass(frozen=True)
class Harm:
    """What an error costs; the numbers are a person's choice and only their ratios count.

    Attributes:
        missed: A positive that is taken for negative.
        confused: A positive that is taken for another positive.
        alarm: A negative that is taken for positive.
    """

    missed: float = 10.0
    confused: float = 3.0
    alarm: float = 1.0


@dataclass(frozen=True)
class Flip:
    """An image on which the second model answers differently.

    Attributes:
        row: Position of the image.
        harm: Cost of the second model's answer less that of the first's: positive is worse.
        kind: ``missed``, ``confused``, ``alarm``; ``gained`` where the second is the better one.
    """

    row: int
    harm: float
    kind: str


def flips(
    first: Predictions, second: Predictions, negative: Collection[str], harm: Harm = Harm()
) -> list[Flip]:
    """Images with another answer, the most harmful change first, among equals the surest error.

    Args:
        first: The pinned model.
        second: The other one, on the same images.
        negative: Classes that count as healthy or negative. Several labels need none: a label
            that is missing is missed, a label too many is an alarm.
        harm: Cost of each kind of error.

    Raises:
        DataError: ``pairs_differ``.
    """
    if first.ids != second.ids:
        raise DataError("pairs_differ", first=len(first), second=len(second))
    other = first.predicted() != second.predicted()
    if other.ndim == 2:  # what nobody knows the truth of harms nobody
        other &= ~np.isnan(second.targets)
    before, _ = _costs(first, negative, harm, other)
    after, kinds = _costs(second, negative, harm, other)
    other = other.any(1) if other.ndim == 2 else other
    change = after - before
    sure = np.abs(second.probabilities() - 0.5).max(1)
    rows = np.flatnonzero(other)
    rows = rows[np.lexsort((-sure[rows], -change[rows]))]
    return [
        Flip(int(i), float(change[i]), "gained" if change[i] < 0 else str(kinds[i])) for i in rows
    ]


def _costs(
    predictions: Predictions, negative: Collection[str], harm: Harm, other: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Cost and kind of each image's error, (N,) each; of several labels those that change count."""
    answers, truth = predictions.predicted(), predictions.targets
    if answers.ndim == 2:
        missed, alarm = other & (truth == 1) & (answers == 0), other & (truth == 0) & (answers == 1)
        cost = missed.sum(1) * harm.missed + alarm.sum(1) * harm.alarm
        return cost.astype(float), np.where(missed.any(1), "missed", "alarm")
    healthy = np.array([name in negative for name in predictions.classes])
    was, said = healthy[truth.astype(int)], healthy[answers]
    wrong = answers != truth
    kinds = np.where(~was & said, "missed", np.where(was & ~said, "alarm", "confused"))
    weights = np.select(
        [kinds == "missed", kinds == "alarm"], [harm.missed, harm.alarm], harm.confused
    )
    return np.where(wrong, weights, 0.0), kinds
