"""Feature knowledge channel by channel: which channels of a layer fire together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from kd_core.losses.shapes import maps, meet, need_places, over_pairs, project, projections
from kd_core.losses.spec import LOSSES, Inputs, LossSpec, Shapes


def channel_correlation(student: Tensor, teacher: Tensor) -> Tensor:
    """Inter-channel correlation (ICKD-C); a mean over images and channels.

    Formula: ``1/C · Σ ‖g_s − g_t‖²`` over the rows g, brought to length 1, of ``F Fᵀ`` with F the
    channels of an image as vectors over places (Liu et al. 2021). Heights and
    widths may differ.

    Args:
        student: r(F_s), (N, C, H, W).
        teacher: F_t, (N, C, H', W').

    >>> import torch
    >>> x = torch.arange(8.0).reshape(1, 2, 2, 2)
    >>> channel_correlation(2 * x, x).item() < 1e-12
    True
    """

    def matrix(feature: Tensor) -> Tensor:
        f = feature.flatten(2)  # (N, C, H · W)
        return F.normalize(f @ f.transpose(1, 2), dim=2)  # (N, C, C)

    n, c = student.shape[:2]
    return (matrix(student) - matrix(teacher)).square().sum() / (n * c)


def selectivity(student: Tensor, teacher: Tensor) -> Tensor:
    """Neuron selectivity transfer (NST), a discrepancy of distributions; a mean over images.

    Formula: ``mean k(t, t') + mean k(s, s') − 2 · mean k(s, t)`` over all pairs of channels, as
    vectors over places of length 1, with ``k(x, y) = (x · y)²`` (Huang & Wang 2017). Widths may
    differ, since channels are a sample and not a list.

    Args:
        student: F_s, (N, C, H, W).
        teacher: F_t, (N, C', H, W).

    >>> import torch
    >>> x = torch.arange(8.0).reshape(1, 2, 2, 2)
    >>> selectivity(x.flip(1), x).abs().item() < 1e-6
    True
    """
    s, t = (F.normalize(x.flatten(2), dim=2) for x in (student, teacher))  # (N, C, H · W)
    kernels = ((a @ b.transpose(1, 2)).square().mean() for a, b in ((t, t), (s, s), (s, t)))
    theirs, mine, between = kernels
    return theirs + mine - 2 * between


def _nst_helper(shapes: Shapes, params: Mapping[str, Any]) -> None:
    need_places((*shapes.student, *shapes.teacher), "nst")


def _nst(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    return over_pairs(inputs, lambda _, s, t: selectivity(*meet(maps(s), maps(t))))


def _helper(shapes: Shapes, params: Mapping[str, Any]) -> nn.Module | None:
    need_places((*shapes.student, *shapes.teacher), "ickd")
    return projections(shapes.student, shapes.teacher)


def _ickd(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    def one(number: int, mine: Tensor, theirs: Tensor) -> Tensor:
        return channel_correlation(project(inputs.helper, number, maps(mine)), maps(theirs))

    return over_pairs(inputs, one)


LOSSES.add(
    "ickd",
    LossSpec(
        family="feature",
        forms={"classification": _ickd, "multilabel": _ickd},
        source="Liu et al. 2021",
        needs="features",
        helper=_helper,
        range=(2.5, 2.5),
    ),
)
LOSSES.add(
    "nst",
    LossSpec(
        family="feature",
        forms={"classification": _nst, "multilabel": _nst},
        source="Huang & Wang 2017",
        needs="features",
        layers="stages",
        helper=_nst_helper,
        range=(50.0, 50.0),
    ),
)
