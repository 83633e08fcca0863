"""Relation knowledge between layers: how a network gets from one layer to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kd_core.losses.shapes import maps, need_places, project, projections
from kd_core.losses.spec import LOSSES, Inputs, LossSpec, Shapes


def flow(first: Tensor, second: Tensor) -> Tensor:
    """The matrix of a step from one layer to another, (N, C, C').

    Formula: ``G_ij = 1/(H · W) · Σ_hw F_i(h, w) · F'_j(h, w)``; the larger of two maps is first
    brought to the size of the smaller by max pooling (Yim et al. 2017).

    Args:
        first: F, (N, C, H, W).
        second: F', (N, C', H', W').

    >>> flow(torch.ones(1, 2, 4, 4), torch.full((1, 1, 2, 2), 3.0)).tolist()
    [[[3.0], [3.0]]]
    """
    size = [min(a, b) for a, b in zip(first.shape[2:], second.shape[2:], strict=True)]
    f, g = (F.adaptive_max_pool2d(x, size).flatten(2) for x in (first, second))  # (N, C, H · W)
    return f @ g.transpose(1, 2) / f.shape[2]


def flow_of_solution(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
    """Flow of solution procedure (FSP); a mean over images and entries, summed over steps.

    Formula: ``Σ_i mean (G_t,i − G_s,i)²`` with G_i of :func:`flow` from layer i to the next (Yim et
    al. 2017, with a mean for the paper's sum of squares, as libraries have it). One layer alone is
    held against itself.

    Args:
        student: r(F_s) of each layer, (N, C, H, W), with the teacher's channels.
        teacher: F_t of each layer.

    >>> x = [torch.ones(1, 2, 4, 4), torch.ones(1, 3, 2, 2)]
    >>> flow_of_solution(x, x).item()
    0.0
    """

    def steps(layers: Sequence[Tensor]) -> list[Tensor]:
        return [flow(a, b) for a, b in pairwise(layers if len(layers) > 1 else [*layers] * 2)]

    gaps = zip(steps(student), steps(teacher), strict=True)
    return torch.stack([(mine - theirs).square().mean() for mine, theirs in gaps]).sum()


def _helper(shapes: Shapes, params: Mapping[str, Any]) -> nn.Module | None:
    need_places((*shapes.student, *shapes.teacher), "fsp")
    return projections(shapes.student, shapes.teacher)


def _fsp(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    mine = [project(inputs.helper, i, maps(f)) for i, f in enumerate(inputs.student_features)]
    return flow_of_solution(mine, [maps(f) for f in inputs.teacher_features])


LOSSES.add(
    "fsp",
    LossSpec(
        family="relation",
        forms={"classification": _fsp, "multilabel": _fsp},
        source="Yim et al. 2017",
        needs="features",
        layers="stages",
        helper=_helper,
        range=(50.0, 50.0),
    ),
)
