"""Feature knowledge, place by place: the teacher's maps themselves, or where it looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from kd_core.losses.shapes import (
    maps,
    meet,
    need_grid,
    need_places,
    over_pairs,
    project,
    projections,
)
from kd_core.losses.spec import LOSSES, Inputs, LossSpec, Shapes
from kd_core.registry import Param


def hint(student: Tensor, teacher: Tensor) -> Tensor:
    """Squared difference of two maps of one shape; a mean over everything.

    Formula: ``1/(C · H · W) · ‖F_t − r(F_s)‖²``, a mean over images, with r the regressor (Romero
    et al. 2015, without its ½ and as a mean, as libraries have it).

    Args:
        student: r(F_s), (N, C, H, W).
        teacher: F_t, (N, C, H, W).

    >>> import torch
    >>> hint(torch.zeros(1, 2, 2, 2), torch.full((1, 2, 2, 2), 3.0)).item()
    9.0
    """
    return (student - teacher).square().mean()


def _hint(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    def one(number: int, mine: Tensor, theirs: Tensor) -> Tensor:
        s, t = meet(maps(mine), maps(theirs))
        return hint(project(inputs.helper, number, s), t)

    return over_pairs(inputs, one)


def _hint_helper(shapes: Shapes, params: Mapping[str, Any]) -> nn.Module | None:
    need_grid((*shapes.student, *shapes.teacher))
    return projections(shapes.student, shapes.teacher)


def attention_map(feature: Tensor, power: float) -> Tensor:
    """Where a network looks, one vector of length 1 an image, (N, H · W).

    Formula: ``Q / ‖Q‖₂`` with ``Q = 1/C · Σ_c |F_c|^p`` (Zagoruyko & Komodakis 2017).

    Args:
        feature: F, (N, C, H, W).
        power: p, at least 1; a higher one looks at the strongest channels only.

    >>> import torch
    >>> attention_map(torch.ones(1, 3, 2, 2), 2.0)
    tensor([[0.5000, 0.5000, 0.5000, 0.5000]])
    """
    return F.normalize(feature.abs().pow(power).mean(1).flatten(1), dim=1)


def attention(student: Tensor, teacher: Tensor, power: float) -> Tensor:
    """Attention transfer of one pair of layers; a mean over images and places.

    Formula: ``1/(H · W) · ‖Q_s/‖Q_s‖ − Q_t/‖Q_t‖‖²``. The mean over places is why published
    weights are near 1000: the paper's β/2 stands before a mean like this one.

    Args:
        student: F_s, (N, C, H, W).
        teacher: F_t, (N, C', H, W).
        power: p of :func:`attention_map`.
    """
    a, b = (attention_map(x, power) for x in (student, teacher))
    return (a - b).square().mean()


def _attention(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    return over_pairs(
        inputs, lambda _, mine, theirs: attention(*meet(maps(mine), maps(theirs)), params["power"])
    )


def _attention_helper(shapes: Shapes, params: Mapping[str, Any]) -> None:
    need_places((*shapes.student, *shapes.teacher), "attention")


LOSSES.add(
    "hint",
    LossSpec(
        family="feature",
        forms={"classification": _hint, "multilabel": _hint},
        source="Romero et al. 2015",
        needs="features",
        helper=_hint_helper,
        range=(0.25, 100.0),
    ),
)
LOSSES.add(
    "attention",
    LossSpec(
        family="feature",
        forms={"classification": _attention, "multilabel": _attention},
        source="Zagoruyko & Komodakis 2017",
        params=(Param("power", "float", 2.0, low=1.0, high=8.0),),
        needs="features",
        layers="stages",
        helper=_attention_helper,
        range=(500.0, 1000.0),
    ),
)
