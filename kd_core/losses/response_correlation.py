"""Response knowledge as correlation: the student keeps the teacher's proportions only."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from kd_core.losses.response import precise
from kd_core.losses.spec import LOSSES, Inputs, LossSpec
from kd_core.registry import Param


def pearson_distance(first: Tensor, second: Tensor) -> Tensor:
    """``1 − ρ`` with Pearson's correlation ρ along each row, (N,), of two (N, M).

    >>> import torch
    >>> row = torch.tensor([[1.0, 2.0, 4.0]])
    >>> pearson_distance(row, -row).item()
    2.0
    """
    a, b = (values - values.mean(1, keepdim=True) for values in (first, second))
    return 1 - F.cosine_similarity(a, b, dim=1)


def dist(
    student: Tensor,
    teacher: Tensor,
    temperature: float,
    inter: float,
    intra: float,
    several: bool = False,
) -> Tensor:
    """Distillation from a stronger teacher (DIST), dimensionless.

    Formula: ``T² · (β · mean_n (1 − ρ(p_n, q_n)) + γ · mean_k (1 − ρ(p_·k, q_·k)))`` with
    ``p = softmax(z_t / T)`` and ``q = softmax(z_s / T)``: the correlation over the classes of each
    image, and over the images of a batch for each class (Huang et al. 2022, equations 8 to 10).
    With several labels an image p and q are ``σ(z / T)``, and labels stand for classes.

    Args:
        student: Logits z_s, (N, K).
        teacher: Logits z_t, (N, K).
        temperature: T > 0.
        inter: β, the weight of the relation between classes.
        intra: γ, the weight of the relation within a class.
        several: Whether an image may have several labels.

    >>> import torch
    >>> logits = torch.tensor([[2.0, -1.0, 0.5], [0.0, 1.0, -1.0]])
    >>> round(dist(logits, logits, 1.0, 2.0, 2.0).item(), 6)
    0.0
    """
    z_s, z_t = (precise(z) / temperature for z in (student, teacher))
    q, p = (z.sigmoid() if several else z.softmax(1) for z in (z_s, z_t))  # (N, K)
    between = pearson_distance(q, p).mean()
    within = pearson_distance(q.T, p.T).mean()
    return temperature**2 * (inter * between + intra * within)


def _dist(inputs: Inputs, params: Mapping[str, Any], several: bool = False) -> Tensor:
    logits = inputs.student["logits"], inputs.teacher["logits"]
    return dist(*logits, params["T"], params["inter"], params["intra"], several)


LOSSES.add(
    "dist",
    LossSpec(
        family="response",
        forms={"classification": _dist, "multilabel": partial(_dist, several=True)},
        source="Huang et al. 2022",
        params=(
            Param("T", "float", 1.0, low=0.1, high=100.0, step=0.5),
            Param("inter", "float", 2.0, low=0.0, high=100.0),
            Param("intra", "float", 2.0, low=0.0, high=100.0),
        ),
    ),
)
