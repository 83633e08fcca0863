"""A model file as a function from masked pictures to how much it says for one class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from kd_core.export import OnnxModel
from kd_core.tasks import TASKS

Score = Callable[[NDArray[np.uint8]], NDArray[np.float64]]
"""Pictures uint8 (n, C, S, S) to one number each, (n,)."""


def class_score(model: OnnxModel, target: int) -> Score:
    """The probability of a class or label, by the file; calibration plays no part."""
    task = TASKS[model.contract.task]

    def score(images: NDArray[np.uint8]) -> NDArray[np.float64]:
        logits = torch.from_numpy(model.predict_uint8(images)[task.output].astype(np.float64))
        return np.asarray(task.probabilities(logits)[:, target].numpy())

    return score


def filling_of(model: OnnxModel) -> NDArray[np.uint8]:
    """What covers a part of a picture: the training images' mean colour, uint8 (C, 1, 1)."""
    mean = np.asarray(model.contract.mean)[:, None, None]
    return np.asarray((mean * 255).round(), np.uint8)
