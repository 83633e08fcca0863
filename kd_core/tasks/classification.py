"""One label an image: softmax over K classes."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from kd_core.tasks.spec import TASKS, Outputs, TaskSpec, Weighting


def collate(targets: NDArray[np.generic]) -> Tensor:
    """Class numbers as int64 (N,)."""
    return torch.from_numpy(targets.astype(np.int64))  # astype copies: a memory map is read-only


def cross_entropy(outputs: Outputs, targets: Tensor, weighting: Weighting) -> Tensor:
    """Cross-entropy, in nats; a mean over images, weighted by class where weights are given.

    Formula: ``−Σ_k q_k (1 − p_k)^γ log p_k`` with p the softmax and q the (smoothed) one-hot
    target; γ = 0 is plain cross-entropy, γ = 2 the focal loss of Lin et al. 2017. With class
    weights the mean is divided by the batch's sum of weights, as PyTorch does, so the size of
    the loss does not depend on which classes a batch happened to hold.

    >>> sure = {"logits": torch.tensor([[100.0, 0.0]])}
    >>> cross_entropy(sure, torch.tensor([0]), Weighting()).item()
    0.0
    """
    logits = outputs["logits"].float()  # (N, K); half precision is too coarse for a log
    if not weighting.gamma:
        return F.cross_entropy(
            logits,
            targets,
            weight=weighting.class_weights,
            label_smoothing=weighting.label_smoothing,
        )
    k = logits.shape[1]
    log_p = logits.log_softmax(1)  # (N, K)
    q = F.one_hot(targets, k) * (1 - weighting.label_smoothing) + weighting.label_smoothing / k
    return -(q * (1 - log_p.exp()) ** weighting.gamma * log_p).sum(1).mean()


def class_weights(targets: Tensor, n_outputs: int) -> Tensor:
    """Inverse class frequency ``N / (K · n_k)``; an absent class counts as one image.

    >>> class_weights(torch.tensor([0, 0, 0, 1]), 2).tolist()
    [0.6666666865348816, 2.0]
    """
    counts = torch.bincount(targets, minlength=n_outputs).clamp(min=1)  # (K,)
    return len(targets) / (n_outputs * counts.float())


def sample_weights(targets: Tensor) -> Tensor:
    """One over the size of the image's class, (N,)."""
    return 1 / torch.bincount(targets)[targets].double()


TASKS.add(
    "classification",
    TaskSpec(
        output="logits",
        n_outputs=len,
        collate=collate,
        loss=cross_entropy,
        class_weights=class_weights,
        sample_weights=sample_weights,
        probabilities=lambda logits: logits.softmax(1),
        decode=lambda probabilities: probabilities.argmax(1),
        metrics=("balanced_accuracy", "accuracy", "macro_auc"),
        select_metric="balanced_accuracy",
        knowledge=frozenset({"response", "feature", "relation"}),
    ),
)
