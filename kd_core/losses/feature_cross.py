"""Feature knowledge between all layers: each layer of the student finds its teachers by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kd_core.losses.response import precise
from kd_core.losses.shapes import layout, maps, meet, need_grid
from kd_core.losses.spec import LOSSES, Inputs, LossSpec, Shapes
from kd_core.registry import Param


def alikeness(feature: Tensor) -> Tensor:
    """How alike each image is to all others in one layer, (N, N), rows of length 1.

    >>> alikeness(torch.tensor([[1.0, 0.0], [0.0, 1.0]])).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    flat = precise(feature).flatten(1)  # (N, D)
    return F.normalize(flat @ flat.T, dim=1)


def attention(student: Sequence[Tensor], teacher: Sequence[Tensor], softness: float) -> Tensor:
    """Share of each of the teacher's layers for each layer of the student, (N, S, T), of sum 1.

    Formula: ``softmax_j(⟨a_s,i, a_t,j⟩ / softness)`` with a the image's row of :func:`alikeness`.
    """
    mine = torch.stack([alikeness(x) for x in student], 1)  # (N, S, N)
    theirs = torch.stack([alikeness(x) for x in teacher], 1)  # (N, T, N)
    return (mine @ theirs.transpose(1, 2) / softness).softmax(2)


def cross_layer(
    student: Sequence[Tensor],
    teacher: Sequence[Tensor],
    regressors: Sequence[Sequence[nn.Module]],
    softness: float,
) -> Tensor:
    """Cross-layer distillation with semantic calibration (SemCKD); a mean over images and layers.

    Formula: ``1/S · Σ_i Σ_j α_ij · MSE(F_t,j, r_ij(F_s,i))`` with α of :func:`attention` (Chen et
    al. 2021). The paper sends rows of similarities through perceptrons as wide
    as a batch; here they are compared directly, so that a batch may have any size, and a smaller
    softness takes the place of what those would learn.

    Args:
        student: Features, one a layer.
        teacher: The same of the teacher.
        regressors: r_ij, from each layer of the student to each of the teacher.
        softness: Temperature of the attention; small means one layer only.
    """
    share = attention(student, teacher, softness)
    total = share.new_zeros(())
    for i, mine in enumerate(student):
        for j, theirs in enumerate(teacher):
            s, t = meet(maps(mine), maps(theirs))
            apart = (t - regressors[i][j](s)).square().flatten(1).mean(1)  # (N,)
            total = total + (share[:, i, j] * apart).mean()
    return total / len(student)


def _helper(shapes: Shapes, params: Mapping[str, Any]) -> nn.Module:
    need_grid((*shapes.student, *shapes.teacher))
    mine = [layout(shape)[0] for shape in shapes.student]
    theirs = [layout(shape)[0] for shape in shapes.teacher]
    return nn.ModuleList(nn.ModuleList(nn.Conv2d(s, t, 1) for t in theirs) for s in mine)


def _semckd(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    regressors = [list(cast(nn.ModuleList, row)) for row in cast(nn.ModuleList, inputs.helper)]
    features = inputs.student_features, inputs.teacher_features
    return cross_layer(*features, regressors, params["softness"])


LOSSES.add(
    "semckd",
    LossSpec(
        family="feature",
        forms={"classification": _semckd, "multilabel": _semckd},
        source="Chen et al. 2021 (SemCKD)",
        params=(Param("softness", "float", 0.1, low=0.001, high=100.0),),
        needs="features",
        layers="stages",
        helper=_helper,
        range=(400.0, 400.0),
    ),
)
