"""Relation knowledge: how far apart images are, and at which angles, instead of where each is.

The student's vectors may have another width than the teacher's, since only images are compared
with images. All of these need some images in a batch, and cost their square (angles: their cube).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kd_core.losses.shapes import over_pairs, pooled
from kd_core.losses.spec import LOSSES, Inputs, LossSpec
from kd_core.registry import Param

SMALLEST = 1e-12
"""Smallest squared distance: the root has no finite slope at 0."""


def distances(vectors: Tensor) -> Tensor:
    """Euclidean distances between images, in units of their mean, (N, N), from (N, D).

    >>> distances(torch.tensor([[0.0], [1.0], [3.0]])).tolist()
    [[0.0, 0.5, 1.5], [0.5, 0.0, 1.0], [1.5, 1.0, 0.0]]
    """
    n = len(vectors)
    squares = vectors.square().sum(1)  # (N,)
    squared = squares[:, None] + squares[None, :] - 2 * vectors @ vectors.T  # (N, N)
    other = ~torch.eye(n, dtype=torch.bool, device=vectors.device)
    apart = torch.where(other, squared.clamp(min=SMALLEST).sqrt(), 0)
    return apart / (apart.sum() / max(1, n * (n - 1)))


def rkd_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Relational distillation of distances (RKD-D); a mean over pairs of images.

    Formula: ``1/N² · Σ_ij l(ψ_s(i, j), ψ_t(i, j))`` with ψ the distance over the batch's mean
    distance and l Huber's loss with δ = 1 (Park et al. 2019).

    Args:
        student: Vectors, (N, D).
        teacher: Vectors, (N, D').

    >>> x = torch.tensor([[0.0], [1.0], [3.0]])
    >>> rkd_distance(5 * x, x).item()  # size does not matter
    0.0
    """
    return F.smooth_l1_loss(distances(student), distances(teacher))


def angles(vectors: Tensor) -> Tensor:
    """Cosine of the angle at image i between images j and k, (N, N, N), from (N, D)."""
    rays = F.normalize(vectors[None, :, :] - vectors[:, None, :], dim=2)  # (N, N, D)
    return rays @ rays.transpose(1, 2)


def rkd_angle(student: Tensor, teacher: Tensor) -> Tensor:
    """Relational distillation of angles (RKD-A); a mean over triples of images.

    Formula: ``1/N³ · Σ_ijk l(∠_s(i, j, k), ∠_t(i, j, k))`` with ∠ the cosine of the angle and l
    Huber's loss with δ = 1 (Park et al. 2019).

    Args:
        student: Vectors, (N, D).
        teacher: Vectors, (N, D').

    >>> x = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> rkd_angle(2 * x + 7, x).item() < 1e-12
    True
    """
    return F.smooth_l1_loss(angles(student), angles(teacher))


def correlation(student: Tensor, teacher: Tensor, gamma: float, order: int) -> Tensor:
    """Correlation congruence (CC); a mean over pairs of images.

    Formula: ``1/N² · ‖C_s − C_t‖²`` with ``C_ij = e^(−2γ) · Σ_p (2γ)^p / p! · (x_i · x_j)^p`` for
    p = 0 … P, the Taylor series of a Gaussian kernel for vectors of length 1 (Peng et al. 2019).

    Args:
        student: Vectors, (N, D); brought to length 1 here.
        teacher: Vectors, (N, D').
        gamma: γ > 0, one over the kernel's width.
        order: P, the order of the series.

    >>> x = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    >>> correlation(3 * x, x, 0.4, 2).item()
    0.0
    """

    def kernel(vectors: Tensor) -> Tensor:
        unit = F.normalize(vectors, dim=1)
        cosine = unit @ unit.T  # (N, N)
        terms = [(2 * gamma) ** p / math.factorial(p) * cosine**p for p in range(order + 1)]
        return math.exp(-2 * gamma) * torch.stack(terms).sum(0)

    return (kernel(student) - kernel(teacher)).square().mean()


def _distance(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    return over_pairs(inputs, lambda _, s, t: rkd_distance(pooled(s), pooled(t)))


def _angle(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    return over_pairs(inputs, lambda _, s, t: rkd_angle(pooled(s), pooled(t)))


def _correlation(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    kernel = params["gamma"], params["order"]
    return over_pairs(inputs, lambda _, s, t: correlation(pooled(s), pooled(t), *kernel))


LOSSES.add(
    "rkd_distance",
    LossSpec(
        family="relation",
        forms={"classification": _distance, "multilabel": _distance},
        source="Park et al. 2019",
        needs="features",
        pooled=True,
        range=(1.0, 25.0),
    ),
)
LOSSES.add(
    "rkd_angle",
    LossSpec(
        family="relation",
        forms={"classification": _angle, "multilabel": _angle},
        source="Park et al. 2019",
        needs="features",
        pooled=True,
        range=(2.0, 50.0),
    ),
)
LOSSES.add(
    "correlation",
    LossSpec(
        family="relation",
        forms={"classification": _correlation, "multilabel": _correlation},
        source="Peng et al. 2019",
        params=(
            Param("gamma", "float", 0.4, low=0.01, high=10.0),
            Param("order", "int", 2, low=1, high=10),
        ),
        needs="features",
        pooled=True,
        range=(0.02, 0.02),
    ),
)
