"""Features of any network brought to a form that two networks can be compared in.

A layer gives maps (N, C, H, W), tokens (N, T, D) or vectors (N, D). Losses that compare images take
one vector an image (:func:`pooled`); losses that look at places take maps (:func:`maps`), for which
tokens are laid out on their square grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from kd_core.errors import ConfigError
from kd_core.losses.response import precise
from kd_core.losses.spec import Inputs

EXTRA_TOKENS = 2
"""Class and distillation token, which stand before those of the image (Touvron et al. 2021)."""


def pooled(feature: Tensor) -> Tensor:
    """One vector an image, (N, C): the mean over places, or over tokens.

    Args:
        feature: (N, C, H, W), (N, T, D) or (N, D).

    Raises:
        ConfigError: ``feature_shape``.

    >>> import torch
    >>> pooled(torch.ones(2, 8, 4, 4)).shape, pooled(torch.ones(2, 5, 8)).shape
    (torch.Size([2, 8]), torch.Size([2, 8]))
    """
    layout(tuple(feature.shape[1:]))
    x = precise(feature)
    if x.ndim == 4:
        return x.mean((2, 3))
    return x.mean(1) if x.ndim == 3 else x


def layout(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(C, H, W) of a feature, its shape given without the batch; 0 × 0 where there is no grid.

    Raises:
        ConfigError: ``feature_shape`` for anything but maps, tokens and vectors.

    >>> layout((8, 4, 4)), layout((17, 8)), layout((8,)), layout((7, 8))
    ((8, 4, 4), (8, 4, 4), (8, 1, 1), (8, 0, 0))
    """
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    if len(shape) == 2:
        side = math.isqrt(shape[0])
        square = side > 0 and shape[0] - side**2 <= EXTRA_TOKENS
        return shape[1], side if square else 0, side if square else 0
    if len(shape) == 1:
        return shape[0], 1, 1
    raise ConfigError("feature_shape", shape=list(shape))


def maps(feature: Tensor) -> Tensor:
    """(N, C, H, W); tokens are laid out on their grid, without a class token before them.

    Raises:
        ConfigError: ``feature_shape``, or ``feature_tokens`` where tokens make no square.

    >>> import torch
    >>> maps(torch.ones(2, 17, 8)).shape
    torch.Size([2, 8, 4, 4])
    """
    x = precise(feature)
    channels, high, wide = layout(tuple(x.shape[1:]))
    if high == 0:
        raise ConfigError("feature_tokens", tokens=x.shape[1])
    if x.ndim == 3:
        x = x[:, -high * wide :].transpose(1, 2)  # (N, D, T)
    return x.reshape(len(x), channels, high, wide)


def need_grid(shapes: tuple[tuple[int, ...], ...]) -> None:
    """Refuse tokens that make no square, for losses that compare place by place.

    Args:
        shapes: Shapes of features without the batch.

    Raises:
        ConfigError: ``feature_tokens``.
    """
    for shape in shapes:
        if layout(shape)[1] == 0:
            raise ConfigError("feature_tokens", tokens=shape[0])


def need_places(shapes: tuple[tuple[int, ...], ...], loss: str) -> None:
    """Refuse layers of one place too, for losses that compare where networks look.

    Args:
        shapes: Shapes of features without the batch.
        loss: Entry of ``LOSSES``.

    Raises:
        ConfigError: ``feature_tokens``, or ``feature_places``.
    """
    need_grid(shapes)
    for shape in shapes:
        _, high, wide = layout(shape)
        if high * wide == 1:
            raise ConfigError("feature_places", loss=loss)


def meet(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Two maps at the smaller of their heights and widths, by adaptive average pooling.

    >>> import torch
    >>> [tuple(x.shape) for x in meet(torch.ones(1, 2, 8, 4), torch.ones(1, 3, 4, 4))]
    [(1, 2, 4, 4), (1, 3, 4, 4)]
    """
    high, wide = (min(a, b) for a, b in zip(first.shape[2:], second.shape[2:], strict=True))

    def resized(x: Tensor) -> Tensor:
        there = tuple(x.shape[2:]) == (high, wide)
        return x if there else F.adaptive_avg_pool2d(x, (high, wide))

    return resized(first), resized(second)


def projections(
    student: tuple[tuple[int, ...], ...], teacher: tuple[tuple[int, ...], ...]
) -> nn.ModuleList | None:
    """A 1 × 1 convolution a pair from the student's width to the teacher's, where they differ.

    Args:
        student: Shape of each of the student's features without the batch.
        teacher: The same of the teacher.

    Returns:
        One module a pair, ``nn.Identity`` where the widths are equal; ``None`` if all are.
    """
    widths = [(layout(s)[0], layout(t)[0]) for s, t in zip(student, teacher, strict=True)]
    if all(mine == theirs for mine, theirs in widths):
        return None
    return nn.ModuleList(
        nn.Identity() if mine == theirs else nn.Conv2d(mine, theirs, 1) for mine, theirs in widths
    )


def project(helper: nn.Module | None, number: int, feature: Tensor) -> Tensor:
    """A feature through its pair's projection, where the term has projections."""
    if not isinstance(helper, nn.ModuleList):
        return feature
    projected: Tensor = helper[number](feature)
    return projected


def over_pairs(inputs: Inputs, measure: Callable[[int, Tensor, Tensor], Tensor]) -> Tensor:
    """The sum of a measure over all pairs of layers, as published weights expect.

    Args:
        inputs: What the loss looks at.
        measure: (number of the pair, student's feature, teacher's feature) to a scalar.
    """
    pairs = zip(inputs.student_features, inputs.teacher_features, strict=True)
    values = [measure(number, mine, theirs) for number, (mine, theirs) in enumerate(pairs)]
    return sum(values[1:], start=values[0])
