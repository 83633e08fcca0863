"""Where two models answer differently, image by image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kd_core.errors import DataError
from kd_core.evaluate.predictions import Predictions


@dataclass(frozen=True)
class Agreement:
    """Two models on the same images.

    Attributes:
        share: Share of images with the same answer.
        lost: Positions where the first is right and the second wrong.
        gained: Positions where the first is wrong and the second right.
        both_wrong: Positions where both are wrong, differently.
    """

    share: float
    lost: NDArray[np.int64]
    gained: NDArray[np.int64]
    both_wrong: NDArray[np.int64]


def agreement(first: Predictions, second: Predictions) -> Agreement:
    """Compare answers; the most confident wrong answers of the second model come first.

    For ``multilabel`` an answer is right when every known label is.

    Raises:
        DataError: ``pairs_differ``.
    """
    if first.ids != second.ids:
        raise DataError("pairs_differ", first=len(first), second=len(second))
    right_1, right_2 = _right(first), _right(second)
    same = first.predicted() == second.predicted()
    same = same.all(1) if same.ndim == 2 else same
    sure = second.probabilities()
    surest = sure.max(1) if first.task == "classification" else np.abs(sure - 0.5).max(1)
    order = np.argsort(-surest, kind="stable")

    def at(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        return order[mask[order]].astype(np.int64)

    return Agreement(
        share=float(same.mean()),
        lost=at(right_1 & ~right_2),
        gained=at(~right_1 & right_2),
        both_wrong=at(~right_1 & ~right_2 & ~same),
    )


def _right(predictions: Predictions) -> NDArray[np.bool_]:
    hit = predictions.predicted() == predictions.targets
    if hit.ndim == 2:
        return np.asarray((hit | np.isnan(predictions.targets)).all(1))
    return np.asarray(hit)
