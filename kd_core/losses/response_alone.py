"""Controls without a teacher: what a fixed answer teaches, and what a student can tell itself.

A teacher that does not beat these gives no knowledge of the images, only less certainty.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kd_core.losses.response import precise
from kd_core.losses.response_target import labels_of, target_and_others
from kd_core.losses.shapes import layout, pooled
from kd_core.losses.spec import LOSSES, Inputs, LossSpec, Shapes
from kd_core.registry import Param

SMOOTHING = 0.1
"""Label smoothing of USKD's auxiliary classifier."""


def uniform_kl(student: Tensor) -> Tensor:
    """Divergence from the answer that knows nothing, in nats; a mean over images.

    Formula: ``Σ_k u log(u / q_k)`` with u = 1/K. ``α · CE + (1 − α)`` of it is label smoothing with
    ε = 1 − α (Szegedy et al. 2016), but for a constant.

    Args:
        student: Logits z_s, (N, K).

    >>> uniform_kl(torch.zeros(2, 3)).abs().item() < 1e-6
    True
    """
    log_q = precise(student).log_softmax(1)  # (N, K)
    return -log_q.mean() - math.log(student.shape[1])


def even_kl(student: Tensor) -> Tensor:
    """:func:`uniform_kl` for several labels: from ½ for each; a mean over images and labels.

    >>> even_kl(torch.zeros(2, 3)).abs().item() < 1e-6
    True
    """
    z = precise(student)
    return -(F.logsigmoid(z) + F.logsigmoid(-z)).mean() / 2 - math.log(2)


def virtual_kl(student: Tensor, targets: Tensor, temperature: float, certain: float) -> Tensor:
    """Teacher-free regularisation (Tf-KD_reg), in nats; a mean over images.

    A teacher by design is right in every image: ``p_y = a``, and ``(1 − a) / (K − 1)`` for every
    other class. Formula: ``T² · KL(p_T ‖ softmax(z_s / T))`` with p_T that teacher's softmax at T
    (Yuan et al. 2020; T² is ours, as in soft targets).

    Args:
        student: Logits z_s, (N, K), K at least 2.
        targets: True classes, (N,).
        temperature: T > 0.
        certain: a, between 1/K and 1.

    >>> virtual_kl(torch.tensor([[9.0, 1.0]]).log(), torch.tensor([0]), 4.0, 0.9).item() < 1e-7
    True
    """
    k = student.shape[1]
    wrong = math.log((1 - certain) / (k - 1))
    logits = precise(student) / temperature
    teacher = torch.full_like(logits, wrong).scatter(1, targets[:, None], math.log(certain))
    log_p = (teacher / temperature).log_softmax(1)
    log_q = logits.log_softmax(1)
    return temperature**2 * (log_p.exp() * (log_p - log_q)).sum(1).mean()


def virtual_bernoulli_kl(
    student: Tensor, targets: Tensor, temperature: float, certain: float
) -> Tensor:
    """:func:`virtual_kl` for several labels; a mean over the known labels of all images.

    >>> known = torch.tensor([[1.0, torch.nan]])
    >>> virtual_bernoulli_kl(torch.tensor([[9.0, 5.0]]).log(), known, 4.0, 0.9).item() < 1e-6
    True
    """
    known = ~targets.isnan()  # (N, L)
    sure = math.log(certain / (1 - certain)) / temperature
    z_t = torch.where(targets == 1, sure, -sure).to(precise(student).dtype)
    z_s = precise(student) / temperature
    p, log_p, log_not_p = z_t.sigmoid(), F.logsigmoid(z_t), F.logsigmoid(-z_t)
    kl = p * (log_p - F.logsigmoid(z_s)) + (1 - p) * (log_not_p - F.logsigmoid(-z_s))
    return temperature**2 * (kl * known).sum() / known.sum().clamp(min=1)


def own_soft_labels(
    student: Tensor, weak: Tensor, targets: Tensor, others: float, auxiliary: float
) -> Tensor:
    """Universal self-distillation (USKD), in nats; a mean over images.

    Formula: ``−s_y log q_y − γ · Σ_{k≠y} ẑ_k log q̂_k + μ · CE(weak, smoothed y)`` with q the
    student's probabilities and q̂ those of the other classes among themselves (Yang et al. 2023).
    ``s_y = 1 + q_y² − mean(q_y²)`` over the batch, and ẑ is Zipf's law, 1/rank brought to sum 1, by
    the rank of class k in the sum of the student's q̂ and the auxiliary classifier's. Neither has a
    gradient. The first part stands for the task loss: the published use has α = 0.

    Args:
        student: Logits z_s, (N, K), K at least 2.
        weak: Logits of the auxiliary classifier on an inner layer, (N, K).
        targets: True classes, (N,).
        others: γ, the weight of the other classes.
        auxiliary: μ, the weight with which the auxiliary classifier learns.
    """
    z, w = precise(student), precise(weak)
    log_q = z.log_softmax(1).gather(1, targets[:, None])[:, 0]  # (N,)
    surer = log_q.detach().exp().square()
    smooth = 1 + surer - surer.mean()
    log_others = target_and_others(z, targets)[1]  # (N, K − 1)
    rank_by = (log_others.exp() + target_and_others(w, targets)[1].exp()).detach()
    ranks = rank_by.argsort(1, descending=True).argsort(1)  # 0 is the likeliest
    zipf = 1 / (ranks + 1).to(z.dtype)
    zipf = zipf / zipf.sum(1, keepdim=True)
    rest = -(zipf * log_others).sum(1)
    learn = F.cross_entropy(w, targets, label_smoothing=SMOOTHING)
    return (-smooth * log_q + others * rest).mean() + auxiliary * learn


def _inner(stages: int) -> int:
    """Which stage the auxiliary classifier reads: the last but one, where there is one."""
    return max(0, stages - 2)


def _uskd_helper(shapes: Shapes, params: Mapping[str, Any]) -> nn.Module:
    channels, _, _ = layout(shapes.student[_inner(len(shapes.student))])
    return nn.Linear(channels, shapes.outputs)


def _uskd(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    assert inputs.helper is not None
    inner = inputs.student_features[_inner(len(inputs.student_features))]
    weights = params["others"], params["auxiliary"]
    weak = inputs.helper(pooled(inner))  # (N, K)
    return own_soft_labels(inputs.student["logits"], weak, labels_of(inputs, "uskd"), *weights)


def _virtual(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    targets = labels_of(inputs, "teacher_free")
    return virtual_kl(inputs.student["logits"], targets, params["T"], params["certain"])


def _virtual_labels(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    targets = labels_of(inputs, "teacher_free")
    return virtual_bernoulli_kl(inputs.student["logits"], targets, params["T"], params["certain"])


LOSSES.add(
    "smoothing",
    LossSpec(
        family="response",
        forms={
            "classification": lambda inputs, _: uniform_kl(inputs.student["logits"]),
            "multilabel": lambda inputs, _: even_kl(inputs.student["logits"]),
        },
        source="Szegedy et al. 2016",
        needs="labels",
    ),
)
LOSSES.add(
    "teacher_free",
    LossSpec(
        family="response",
        forms={"classification": _virtual, "multilabel": _virtual_labels},
        source="Yuan et al. 2020",
        params=(
            Param("T", "float", 20.0, low=0.1, high=100.0, step=0.5),
            Param("certain", "float", 0.9, low=0.51, high=0.999, step=0.01),
        ),
        needs="labels",
    ),
)
LOSSES.add(
    "uskd",
    LossSpec(
        family="response",
        forms={"classification": _uskd},
        source="Yang et al. 2023",
        params=(
            Param("others", "float", 0.1, low=0.0, high=100.0),
            Param("auxiliary", "float", 0.005, low=0.0, high=100.0),
        ),
        needs="own",
        layers="stages",
        helper=_uskd_helper,
    ),
)
