"""Response knowledge: the student learns what the teacher answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kd_core.errors import ConfigError
from kd_core.losses.spec import LOSSES, Inputs, LossSpec
from kd_core.registry import Param

TINY = 1e-7
"""Keeps equal logits, whose deviation is 0, from a division by 0."""


def precise(logits: Tensor) -> Tensor:
    """At least 32 bits: T² would turn the rounding of half precision into a visible error."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def standardise(logits: Tensor) -> Tensor:
    """Each image's logits with mean 0 and deviation 1 over the classes, (N, K).

    Formula: ``(z − mean(z)) / sd(z)``, with the sample's sd (Sun et al. 2024, algorithm 1).

    >>> import torch
    >>> standardise(torch.tensor([[1.0, 2.0, 3.0]])).round(decimals=3)
    tensor([[-1.,  0.,  1.]])
    """
    z = precise(logits)
    return (z - z.mean(1, keepdim=True)) / (z.std(1, keepdim=True) + TINY)


def softmax_kl(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Soft targets for one label an image, in nats; a mean over images.

    Formula: ``T² · Σ_k p_k (log p_k − log q_k)`` with ``p = softmax(z_t / T)`` and
    ``q = softmax(z_s / T)``. T² keeps the size of the gradient when T changes
    (Hinton et al. 2015, section 2).

    Args:
        student: Logits z_s, (N, K).
        teacher: Logits z_t, (N, K).
        temperature: T > 0, dimensionless; 1 leaves the probabilities as they are.

    >>> logits = torch.tensor([[2.0, -1.0, 0.5]])
    >>> softmax_kl(logits, logits, 4.0).item()
    0.0
    """
    log_p = (precise(teacher) / temperature).log_softmax(1)  # (N, K)
    log_q = (precise(student) / temperature).log_softmax(1)  # (N, K)
    kl = (log_p.exp() * (log_p - log_q)).sum(1)  # (N,)
    return temperature**2 * kl.mean()


def bernoulli_kl(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Soft targets for several labels an image, in nats; a mean over images and labels.

    Formula: ``T² · [p log(p / q) + (1 − p) log((1 − p) / (1 − q))]`` with ``p = σ(z_t / T)`` and
    ``q = σ(z_s / T)`` for each label. Labels are independent, so a softmax over them would be
    wrong: it would force a patient's findings to compete. An unknown label is distilled like any
    other, since the teacher's answer needs no label.

    Args:
        student: Logits z_s, (N, L).
        teacher: Logits z_t, (N, L).
        temperature: T > 0, dimensionless.

    >>> logits = torch.tensor([[2.0, -1.0]])
    >>> bernoulli_kl(logits, logits, 4.0).item()
    0.0
    """
    z_t, z_s = (precise(z) / temperature for z in (teacher, student))  # (N, L)
    log_p, log_not_p = F.logsigmoid(z_t), F.logsigmoid(-z_t)
    log_q, log_not_q = F.logsigmoid(z_s), F.logsigmoid(-z_s)
    kl = log_p.exp() * (log_p - log_q) + log_not_p.exp() * (log_not_p - log_not_q)  # (N, L)
    return temperature**2 * kl.mean()


def logits_of(inputs: Inputs, params: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """The student's and the teacher's logits, (N, K), standardised where that is asked for."""
    student, teacher = inputs.student["logits"], inputs.teacher["logits"]
    if params.get("standardise"):
        return standardise(student), standardise(teacher)
    return student, teacher


def _kd_classes(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    return softmax_kl(*logits_of(inputs, params), params["T"])


def _kd_labels(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    if params.get("standardise"):
        raise ConfigError("standardise_labels", loss="kd")
    return bernoulli_kl(inputs.student["logits"], inputs.teacher["logits"], params["T"])


STANDARDISE = Param("standardise", "bool", False)
"""Logit standardisation on top of another loss (Sun et al. 2024); one label an image only."""

LOSSES.add(
    "kd",
    LossSpec(
        family="response",
        forms={"classification": _kd_classes, "multilabel": _kd_labels},
        source="Hinton et al. 2015",
        params=(Param("T", "float", 4.0, low=0.1, high=100.0, step=0.5), STANDARDISE),
    ),
)
