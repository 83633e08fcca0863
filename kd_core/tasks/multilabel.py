"""Several findings an image: one sigmoid a label, and labels that are not known."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from kd_core.tasks.spec import TASKS, Outputs, TaskSpec, Weighting

THRESHOLD = 0.5


def collate(targets: NDArray[np.generic]) -> Tensor:
    """Labels as float32 (N, L) in {0, 1}; NaN stays NaN and means "not known"."""
    return torch.from_numpy(targets.astype(np.float32))  # astype copies: a memory map is read-only


def binary_cross_entropy(outputs: Outputs, targets: Tensor, weighting: Weighting) -> Tensor:
    """Binary cross-entropy in nats; a mean over the known labels of all images.

    Formula, with p the sigmoid, y the (smoothed) label and w the label's positive weight:
    ``−w y (1 − p)^γ log p − (1 − y) p^γ log(1 − p)``; γ = 0 is plain binary cross-entropy,
    γ = 2 the focal loss of Lin et al. 2017. A batch without a known label gives 0.

    >>> unknown = torch.full((2, 3), torch.nan)
    >>> binary_cross_entropy({"logits": torch.ones(2, 3)}, unknown, Weighting()).item()
    0.0
    """
    logits = outputs["logits"].float()  # (N, L); half precision is too coarse for a log
    known = ~targets.isnan()  # (N, L)
    y = targets.nan_to_num() * (1 - weighting.label_smoothing) + weighting.label_smoothing / 2
    log_p, log_not_p = F.logsigmoid(logits), F.logsigmoid(-logits)
    positive, negative = y * log_p, (1 - y) * log_not_p
    if weighting.gamma:
        positive = positive * log_not_p.exp() ** weighting.gamma
        negative = negative * log_p.exp() ** weighting.gamma
    if weighting.class_weights is not None:
        positive = positive * weighting.class_weights
    return ((-positive - negative) * known).sum() / known.sum().clamp(min=1)


def class_weights(targets: Tensor, n_outputs: int) -> Tensor:
    """``pos_weight``: known negatives over known positives of each label, (L,).

    A label without a positive (or negative) image counts as having one.

    >>> class_weights(torch.tensor([[1.0], [0.0], [0.0], [torch.nan]]), 1).tolist()
    [2.0]
    """
    positives = (targets == 1).sum(0).clamp(min=1)
    negatives = (targets == 0).sum(0).clamp(min=1)
    return negatives.float() / positives


def sample_weights(targets: Tensor) -> Tensor:
    """One over the frequency of the image's rarest finding, (N,); no finding is a class too."""
    positive = targets == 1  # (N, L)
    nothing = ~positive.any(1, keepdim=True)  # (N, 1)
    member = torch.cat([positive, nothing], 1)  # (N, L + 1)
    rarity = 1 / member.sum(0).clamp(min=1).double()  # (L + 1,)
    return (member * rarity).amax(1)


TASKS.add(
    "multilabel",
    TaskSpec(
        output="logits",
        n_outputs=len,
        collate=collate,
        loss=binary_cross_entropy,
        class_weights=class_weights,
        sample_weights=sample_weights,
        probabilities=torch.sigmoid,
        decode=lambda probabilities: (probabilities >= THRESHOLD).float(),
        metrics=("macro_auc", "average_precision", "f1"),
        select_metric="macro_auc",
        knowledge=frozenset({"response", "feature", "relation"}),
    ),
)
