"""Response knowledge at three levels: each image, each pair of images, each pair of classes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor

from kd_core.errors import ConfigError
from kd_core.losses.response import STANDARDISE, bernoulli_kl, logits_of, precise, softmax_kl
from kd_core.losses.spec import LOSSES, Inputs, LossSpec
from kd_core.registry import Param

SPREAD = (0.5, 0.75, 1.0, 1.25, 1.5)
"""Temperatures over the middle one: for the paper's 4 they are 2, 3, 4, 5 and 6."""


def multi_level(student: Tensor, teacher: Tensor, temperature: float, several: bool) -> Tensor:
    """Multi-level logit distillation (MLKD); a sum over five temperatures and three levels.

    Formula: ``Σ_T [T² · KL(p ‖ q) + 1/N · ‖p pᵀ − q qᵀ‖² + 1/K · ‖pᵀ p − qᵀ q‖²]`` with
    ``p = softmax(z_t / T)`` and ``q = softmax(z_s / T)`` as N × K matrices: what is said of each
    image, how alike images are, and how classes go together (Jin et al. 2023). With several labels
    p and q are ``σ(z / T)`` and the first part is Bernoulli's. The paper also shows every image
    twice and leaves out images of which the teacher is unsure; neither is done here.

    Args:
        student: Logits z_s, (N, K).
        teacher: Logits z_t, (N, K).
        temperature: The middle of the five temperatures.
        several: Whether an image may have several labels.

    >>> import torch
    >>> z = torch.tensor([[2.0, -1.0, 0.5], [0.0, 1.0, -1.0]])
    >>> multi_level(z, z, 4.0, several=False).item()
    0.0
    """
    kl = bernoulli_kl if several else softmax_kl
    total = precise(student).new_zeros(())
    for factor in SPREAD:
        heat = factor * temperature
        z_s, z_t = (precise(z) / heat for z in (student, teacher))
        q, p = (z.sigmoid() if several else z.softmax(1) for z in (z_s, z_t))  # (N, K)
        images = (p @ p.T - q @ q.T).square().sum() / len(p)
        classes = (p.T @ p - q.T @ q).square().sum() / p.shape[1]
        total = total + kl(student, teacher, heat) + images + classes
    return total


def _levels(inputs: Inputs, params: Mapping[str, Any], several: bool = False) -> Tensor:
    if several and params.get("standardise"):
        raise ConfigError("standardise_labels", loss="mlkd")
    return multi_level(*logits_of(inputs, params), params["T"], several)


LOSSES.add(
    "mlkd",
    LossSpec(
        family="response",
        forms={"classification": _levels, "multilabel": partial(_levels, several=True)},
        source="Jin et al. 2023",
        params=(Param("T", "float", 4.0, low=0.2, high=50.0, step=0.5), STANDARDISE),
    ),
)
