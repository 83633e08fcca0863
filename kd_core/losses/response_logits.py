"""Response knowledge by plain differences, of logits or probabilities, or at one scale."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor

from kd_core.losses.response import precise, softmax_kl, standardise
from kd_core.losses.spec import LOSSES, Inputs, LossSpec
from kd_core.registry import Param


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
    >>> one, two = torch.tensor([[2.0, -1.0, -1.0]]), torch.tensor([[0.0, 1.0, -1.0]])  # centred
    >>> hot = softmax_kl(one.double(), two.double(), 1e4)
    >>> round(2 * hot.item(), 3), round(logit_mse(one, two).item(), 3)
    (2.667, 2.667)
    """
    return (precise(student) - precise(teacher)).square().mean()


def prob_mse(student: Tensor, teacher: Tensor, temperature: float, several: bool) -> Tensor:
    """Squared difference of the softened probabilities; a mean over images and outputs.

    Formula: ``T² · 1/K · Σ_k (p_k − q_k)²`` with ``p = softmax(z_t / T)`` and
    ``q = softmax(z_s / T)``, or σ in place of the softmax. It is bounded by T², so a student that
    is surely wrong is corrected far less than by a divergence.

    Args:
        student: Logits z_s, (N, K).
        teacher: Logits z_t, (N, K).
        temperature: T > 0.
        several: Whether an image may have several labels, so that σ is used.

    >>> import torch
    >>> sure = torch.tensor([[100.0, 0.0]])
    >>> prob_mse(sure, -sure, 1.0, several=False).item()
    1.0
    """
    z_s, z_t = (precise(z) / temperature for z in (student, teacher))
    p, q = (z.sigmoid() if several else z.softmax(1) for z in (z_t, z_s))
    return temperature**2 * (p - q).square().mean()


def standardised_kl(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Soft targets of standardised logits, in nats; a mean over images.

    A student need not reach the teacher's range of logits, only its order and proportions.
    Formula: :func:`~kd_core.losses.response.softmax_kl` of
    :func:`~kd_core.losses.response.standardise`, T² included
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


def _prob_mse(inputs: Inputs, params: Mapping[str, Any], several: bool = False) -> Tensor:
    logits = inputs.student["logits"], inputs.teacher["logits"]
    return prob_mse(*logits, params["T"], several)


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
    "prob_mse",
    LossSpec(
        family="response",
        forms={"classification": _prob_mse, "multilabel": partial(_prob_mse, several=True)},
        source="Shah et al. 2020 (KD_Lib)",
        params=(Param("T", "float", 4.0, low=0.1, high=100.0, step=0.5),),
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
