"""Feature knowledge as information: how well the teacher's features follow from the student's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kd_core.losses.shapes import layout, maps, meet, need_grid, over_pairs
from kd_core.losses.spec import LOSSES, Inputs, LossSpec, Shapes
from kd_core.registry import Param

LEAST = 1e-5
"""Smallest variance; dimensionless."""


class Guess(nn.Module):
    """A normal distribution of the teacher's features, given the student's.

    Its mean is three 1 × 1 convolutions of the student's features, its variance one number a
    channel, as the authors have it.
    """

    def __init__(self, mine: int, theirs: int, variance: float) -> None:
        super().__init__()
        self.mean = nn.Sequential(
            nn.Conv2d(mine, theirs, 1, bias=False),
            nn.ReLU(),
            nn.Conv2d(theirs, theirs, 1, bias=False),
            nn.ReLU(),
            nn.Conv2d(theirs, theirs, 1, bias=False),
        )
        start = math.log(math.expm1(variance - LEAST))  # softplus gives the variance back
        self.scale = nn.Parameter(torch.full((theirs,), start))

    def forward(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (N, C, H, W) and variance (C, 1, 1)."""
        return self.mean(feature), F.softplus(self.scale)[:, None, None] + LEAST


def gaussian_nll(teacher: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Variational information distillation (VID), in nats; a mean over everything.

    Formula: ``½ · [(F_t − μ(F_s))² / σ_c² + log σ_c²]``, the negative log-likelihood of the
    teacher's features but for a constant (Ahn et al. 2019). It may be negative.

    Args:
        teacher: F_t, (N, C, H, W).
        mean: μ(F_s), the same shape.
        variance: σ², (C, 1, 1).

    >>> one = torch.ones(1, 1, 1, 1)
    >>> gaussian_nll(3 * one, one, one[0]).item()
    2.0
    """
    return 0.5 * ((teacher - mean).square() / variance + variance.log()).mean()


def _helper(shapes: Shapes, params: Mapping[str, Any]) -> nn.Module:
    need_grid((*shapes.student, *shapes.teacher))
    widths = [
        (layout(s)[0], layout(t)[0]) for s, t in zip(shapes.student, shapes.teacher, strict=True)
    ]
    return nn.ModuleList(Guess(mine, theirs, params["variance"]) for mine, theirs in widths)


def _vid(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    guesses = cast(nn.ModuleList, inputs.helper)

    def one(number: int, mine: Tensor, theirs: Tensor) -> Tensor:
        s, t = meet(maps(mine), maps(theirs))
        return gaussian_nll(t, *guesses[number](s))

    return over_pairs(inputs, one)


LOSSES.add(
    "vid",
    LossSpec(
        family="feature",
        forms={"classification": _vid, "multilabel": _vid},
        source="Ahn et al. 2019",
        params=(Param("variance", "float", 5.0, low=0.01, high=1000.0, advanced=True),),
        needs="features",
        layers="stages",
        helper=_helper,
        range=(1.0, 1.0),
    ),
)
