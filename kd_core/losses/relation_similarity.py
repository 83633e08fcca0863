"""Relation knowledge as a matrix of similarities between the images of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from kd_core.losses.response import precise
from kd_core.losses.shapes import over_pairs, pooled
from kd_core.losses.spec import LOSSES, Inputs, LossSpec

EPS = 1e-7
"""Keeps logarithms and quotients of vectors without any length finite."""


def similarity(student: Tensor, teacher: Tensor) -> Tensor:
    """Similarity preserving (SP); a mean over pairs of images.

    Formula: ``1/N² · ‖G_s − G_t‖²`` with G the rows of ``Q Qᵀ`` brought to length 1, and Q the
    flattened features of each image (Tung & Mori 2019). Widths and sizes of the
    two networks may differ.

    Args:
        student: Features, (N, …).
        teacher: Features, (N, …).

    >>> import torch
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    >>> similarity(3 * x, x).item()
    0.0
    """

    def matrix(feature: Tensor) -> Tensor:
        q = precise(feature).flatten(1)  # (N, D)
        return F.normalize(q @ q.T, dim=1)  # (N, N)

    return (matrix(student) - matrix(teacher)).square().mean()


def pkt(student: Tensor, teacher: Tensor) -> Tensor:
    """Probabilistic knowledge transfer (PKT), in nats; a mean over pairs of images.

    Formula: ``1/N² · Σ_ij p_ij log(p_ij / q_ij)`` with p and q the rows, brought to sum 1, of
    ``(cos(x_i, x_j) + 1) / 2`` (Passalis & Tefas 2018). A mean, not the paper's
    sum: hence published weights of 30,000.

    Args:
        student: Vectors, (N, D).
        teacher: Vectors, (N, D').

    >>> import torch
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    >>> abs(pkt(3 * x, x).item()) < 1e-7
    True
    """

    def probabilities(vectors: Tensor) -> Tensor:
        unit = vectors / (vectors.norm(dim=1, keepdim=True) + EPS)
        near = (unit @ unit.T + 1) / 2  # (N, N)
        return near / near.sum(1, keepdim=True)

    p, q = probabilities(teacher), probabilities(student)
    return (p * ((p + EPS) / (q + EPS)).log()).mean()


def cka(student: Tensor, teacher: Tensor) -> Tensor:
    """One minus linear centred kernel alignment, between 0 and 1.

    Formula: ``1 − ‖Y_sᵀ Y_t‖² / (‖Y_sᵀ Y_s‖ · ‖Y_tᵀ Y_t‖)`` with Y the vectors minus their mean
    over the batch (Kornblith et al. 2019; as a loss Saha et al. 2022). It does not see a rotation
    or a common factor. From few images it is biased towards 0.

    Args:
        student: Vectors, (N, D).
        teacher: Vectors, (N, D').

    >>> import torch
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 1.0]])
    >>> round(cka(5 * x.flip(1) + 1, x).item(), 6)
    0.0
    """

    def gram(vectors: Tensor) -> Tensor:
        centred = vectors - vectors.mean(0)
        return F.normalize((centred @ centred.T).flatten(), dim=0)  # (N · N,)

    # ‖AᵀB‖² = ⟨A Aᵀ, B Bᵀ⟩: N × N matrices instead of D × D'
    return 1 - gram(student) @ gram(teacher)


def _similarity(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    return over_pairs(inputs, lambda _, s, t: similarity(s, t))


def _pkt(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    return over_pairs(inputs, lambda _, s, t: pkt(pooled(s), pooled(t)))


def _cka(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    return over_pairs(inputs, lambda _, s, t: cka(pooled(s), pooled(t)))


LOSSES.add(
    "similarity",
    LossSpec(
        family="relation",
        forms={"classification": _similarity, "multilabel": _similarity},
        source="Tung & Mori 2019",
        needs="features",
        range=(3000.0, 3000.0),
    ),
)
LOSSES.add(
    "pkt",
    LossSpec(
        family="relation",
        forms={"classification": _pkt, "multilabel": _pkt},
        source="Passalis & Tefas 2018",
        needs="features",
        pooled=True,
        range=(30_000.0, 30_000.0),
    ),
)
LOSSES.add(
    "cka",
    LossSpec(
        family="relation",
        forms={"classification": _cka, "multilabel": _cka},
        source="Kornblith et al. 2019, Saha et al. 2022",
        needs="features",
        pooled=True,
    ),
)
