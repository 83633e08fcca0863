"""What a target is, as an object of its own, so that no loop ever asks which task it is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kd_core.config import TrainSettings
from kd_core.registry import Entry, Registry

Outputs = Mapping[str, Tensor]
"""What a network returns: named tensors, such as ``{"logits": (N, K)}``."""

FOCAL_GAMMA = 2.0
"""Focusing exponent that Lin et al. 2017 found best; dimensionless."""


@dataclass(frozen=True)
class Weighting:
    """How the task loss treats rare classes and certain labels; nothing by default.

    Attributes:
        class_weights: One weight a class; for multi-label one weight a label's positives, (K,).
        gamma: Focusing exponent of the focal loss, 0 is off.
        label_smoothing: Share of the target that is spread over all classes.
    """

    class_weights: Tensor | None = None
    gamma: float = 0.0
    label_smoothing: float = 0.0

    def to(self, device: torch.device) -> Weighting:
        """The same weighting with its tensor on a device."""
        if self.class_weights is None:
            return self
        return replace(self, class_weights=self.class_weights.to(device))


@dataclass(frozen=True, kw_only=True)
class TaskSpec(Entry):
    """Everything that the rest of the engine has to know about a kind of target.

    Attributes:
        output: Name of the network output that the task reads; also its name in an ONNX file.
        n_outputs: Number of outputs for these class names.
        collate: Targets of some images, as stored, to the tensor that ``loss`` takes.
        loss: (outputs, targets, weighting) to a scalar.
        class_weights: (targets, n_outputs) of the training part to weights against imbalance.
        sample_weights: Targets of the training part to one drawing weight an image, such that
            all classes are drawn equally often.
        probabilities: Logits to probabilities, same shape.
        decode: Probabilities to predicted targets.
        metrics: Names in ``METRICS`` that are followed on validation data.
        select_metric: The one that chooses the checkpoint unless the settings name another.
        knowledge: Kinds of knowledge that can be distilled.
    """

    output: str
    n_outputs: Callable[[Sequence[str]], int]
    collate: Callable[[NDArray[np.generic]], Tensor]
    loss: Callable[[Outputs, Tensor, Weighting], Tensor]
    class_weights: Callable[[Tensor, int], Tensor]
    sample_weights: Callable[[Tensor], Tensor]
    probabilities: Callable[[Tensor], Tensor]
    decode: Callable[[Tensor], Tensor]
    metrics: tuple[str, ...]
    select_metric: str
    knowledge: frozenset[str]

    def weighting(self, targets: Tensor, n_outputs: int, train: TrainSettings) -> Weighting:
        """The weighting that a recipe asks for, from the targets of the training part."""
        balanced = train.imbalance == "class_weights"
        return Weighting(
            class_weights=self.class_weights(targets, n_outputs) if balanced else None,
            gamma=FOCAL_GAMMA if train.imbalance == "focal" else 0.0,
            label_smoothing=train.label_smoothing,
        )


TASKS: Registry[TaskSpec] = Registry("task")
