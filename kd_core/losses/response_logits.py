"""Response knowledge on the logits themselves: matched as they are, or brought to one scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from kd_core.losses.response import precise, softmax_kl
from kd_core.losses.spec import LOSSES, Inputs, LossSpec
from kd_core.registry import Param

TINY = 1e-7
"""Keeps equal logits, whose deviation is 0, from a division by 0."""


def logit_mse(student: Tensor, teacher: Tensor) -> Tensor:
    """Squared difference of the logits; a mean over images and outputs.

    Formula: ``1/K · Σ_k (z_t − z_s)²``. Soft targets tend to half of it, with both logits centred,
    as T grows (Ba & Caruana 2014; Hinton et al. 2015, section 2.1).

    Args:
        student: Logits z_s, (N, K).
        teacher: Logits z_t, (N, K).

    >>> import torch
    >>> logit_mse(torch.tensor([[1.0, 3.0]]), torch.tensor([[2.0, 3.0]])).item()
    0.5
    """
    return (precise(student) - precise(teacher)).square().mean()


def standardise(logits: Tensor) -> Tensor:
    """Each image's logits with mean 0 and deviation 1 over the classes, (N, K).

    Formula: ``(z − mean(z)) / sd(z)``, with the sample's sd (Sun et al. 2024, algorithm 1).

    >>> import torch
    >>> standardise(torch.tensor([[1.0, 2.0, 3.0]])).round(decimals=3)
    tensor([[-1.,  0.,  1.]])
    """
    z = precise(logits)
    return (z - z.mean(1, keepdim=True)) / (z.std(1, keepdim=True) + TINY)


def standardised_kl(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Soft targets of standardised logits, in nats; a mean over images.

    A student need not reach the teacher's range of logits, only its order and proportions.
    Formula: :func:`~kd_core.losses.response.softmax_kl` of :func:`standardise`, T² included
    (Sun et al. 2024). With two classes nothing but the order is left of the logits, so such data
    teach little beyond the labels.

    Args:
        student: Logits z_s, (N, K).
        teacher: Logits z_t, (N, K).
        temperature: T > 0, the base temperature of the paper.

    >>> import torch
    >>> logits = torch.tensor([[2.0, -1.0, 0.5]])
    >>> abs(standardised_kl(logits, 3 * logits + 7, 2.0).item()) < 1e-6
    True
    """
    return softmax_kl(standardise(student), standardise(teacher), temperature)


def _mse(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    return logit_mse(inputs.student["logits"], inputs.teacher["logits"])


def _standardised(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    return standardised_kl(inputs.student["logits"], inputs.teacher["logits"], params["T"])


LOSSES.add(
    "logit_mse",
    LossSpec(
        family="response",
        forms={"classification": _mse, "multilabel": _mse},
        source="Ba & Caruana 2014",
    ),
)
LOSSES.add(
    "logit_std",
    LossSpec(
        family="response",
        forms={"classification": _standardised},
        source="Sun et al. 2024",
        params=(Param("T", "float", 2.0, low=0.1, high=100.0, step=0.5),),
    ),
)
