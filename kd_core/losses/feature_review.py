"""Feature knowledge across stages: coarse stages of the student help its finer ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kd_core.losses.shapes import layout, maps, meet, need_grid
from kd_core.losses.spec import LOSSES, Inputs, LossSpec, Shapes

WIDEST = 512
"""Most channels in the middle of a fusion, as the authors have it."""
LEVELS = (4, 2, 1)
"""Sides of the pooled maps that are compared beside the full ones."""


class Fusion(nn.Module):
    """Attention-based fusion (ABF): a stage of the student, and what its coarser stages gave.

    Args:
        mine: Channels of the student's stage.
        middle: Channels in between.
        theirs: Channels of the teacher's stage.
        fuse: Whether there is a coarser stage.
    """

    def __init__(self, mine: int, middle: int, theirs: int, fuse: bool) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.Conv2d(mine, middle, 1, bias=False), nn.BatchNorm2d(middle))
        self.leave = nn.Sequential(
            nn.Conv2d(middle, theirs, 3, padding=1, bias=False), nn.BatchNorm2d(theirs)
        )
        self.attend = nn.Conv2d(2 * middle, 2, 1) if fuse else None

    def forward(self, stage: Tensor, coarser: Tensor | None) -> tuple[Tensor, Tensor]:
        """What is compared with the teacher, and what goes on to the next finer stage."""
        x = self.enter(stage)
        if self.attend is not None and coarser is not None:
            y = F.interpolate(coarser, x.shape[2:], mode="nearest")
            share = self.attend(torch.cat([x, y], 1)).sigmoid()  # (N, 2, H, W)
            x = x * share[:, :1] + y * share[:, 1:]
        return self.leave(x), x


def hierarchical(student: Tensor, teacher: Tensor) -> Tensor:
    """Hierarchical context loss (HCL) of one stage; a mean over everything.

    Formula: ``Σ_l w_l · MSE(pool_l(F_s), pool_l(F_t)) / Σ_l w_l`` over the full maps (w = 1) and
    those pooled to sides 4, 2 and 1 (w = ½, ¼, ⅛) where that is smaller (Chen et al. 2021).

    Args:
        student: (N, C, H, W).
        teacher: The same shape.

    >>> hierarchical(torch.zeros(1, 2, 8, 8), torch.full((1, 2, 8, 8), 2.0)).item()
    4.0
    """
    loss = F.mse_loss(student, teacher)
    weight = whole = 1.0
    for side in LEVELS:
        if side < student.shape[2]:
            weight /= 2
            whole += weight
            s, t = (F.adaptive_avg_pool2d(x, side) for x in (student, teacher))
            loss = loss + weight * F.mse_loss(s, t)
    return loss / whole


def _helper(shapes: Shapes, params: Mapping[str, Any]) -> nn.Module:
    need_grid((*shapes.student, *shapes.teacher))
    mine = [layout(shape)[0] for shape in shapes.student]
    theirs = [layout(shape)[0] for shape in shapes.teacher]
    middle, last = min(WIDEST, max(mine)), len(mine) - 1
    return nn.ModuleList(
        Fusion(s, middle, t, fuse=number < last)
        for number, (s, t) in enumerate(zip(mine, theirs, strict=True))
    )


def review(
    student: Sequence[Tensor], teacher: Sequence[Tensor], fusions: Sequence[nn.Module]
) -> Tensor:
    """Knowledge review (ReviewKD); a sum over stages.

    From the coarsest stage to the finest, each stage of the student is fused with what the coarser
    ones gave, and compared with the teacher's by :func:`hierarchical` (Chen et al. 2021).

    Args:
        student: Features, finest first.
        teacher: The same of the teacher.
        fusions: A :class:`Fusion` a stage.
    """
    total, coarser = maps(student[0]).new_zeros(()), None
    for mine, theirs, fusion in reversed(list(zip(student, teacher, fusions, strict=True))):
        made, coarser = fusion(maps(mine), coarser)
        total = total + hierarchical(*meet(made, maps(theirs)))
    return total


def _review(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    fusions = list(cast(nn.ModuleList, inputs.helper))
    return review(inputs.student_features, inputs.teacher_features, fusions)


LOSSES.add(
    "review",
    LossSpec(
        family="feature",
        forms={"classification": _review, "multilabel": _review},
        source="Chen et al. 2021 (ReviewKD)",
        needs="features",
        layers="stages",
        helper=_helper,
        range=(1.0, 5.0),
    ),
)
