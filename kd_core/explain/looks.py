"""How an image looks, in a few numbers that a person can check by eye."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kd_core.text import Msg

Array = NDArray[np.float64]

COLOUR = ("red", "green", "blue", "contrast", "red_green", "green_blue", "detail")
GREY = ("brightness", "contrast", "detail")
"""Names of the columns of :func:`looks`, for colour and for grey images."""

TINY, HUGE, LONG = 0.5, 4.0, 1.5  # of the training images' sides and aspect


def looks(images: NDArray[np.uint8]) -> Array:
    """Statistics of uint8 images (n, C, S, S), (n, 7) for colour and (n, 3) for grey.

    Mean of each channel, standard deviation of the brightness, spread of red minus green and of
    green minus blue (how many colours there are), and mean step between neighbouring pixels (how
    sharp it is). The spreads are logarithms, so that twice and half are equally far.

    >>> looks(np.full((1, 1, 4, 4), 100, np.uint8)).tolist()
    [[100.0, 0.0, 0.0]]
    """
    values = images.astype(np.float64)  # (n, C, S, S)
    grey = values.mean(1)  # (n, S, S)
    steps = np.abs(np.diff(grey, axis=2)).mean((1, 2)) + np.abs(np.diff(grey, axis=1)).mean((1, 2))
    gaps = [(values[:, c] - values[:, c + 1]).std((1, 2)) for c in range(values.shape[1] - 1)]
    spreads = np.log1p([grey.std((1, 2)), *gaps, steps / 2])  # (2 or 4, n)
    return np.concatenate([values.mean((2, 3)), spreads.T], axis=1)


def names(channels: int) -> tuple[str, ...]:
    """Names of the columns for images with so many channels."""
    return GREY if channels == 1 else COLOUR


def readable(name: str, value: float) -> float:
    """A column's value in grey levels of 255, as a person reads it."""
    plain = name in ("red", "green", "blue", "brightness")
    return float(value if plain else np.expm1(value))


def shape_findings(width: int, height: int, shapes: Sequence[tuple[int, int]]) -> tuple[Msg, ...]:
    """What stands out in the size of an upload, before it is prepared.

    Args:
        width: Pixels of the upload.
        height: Pixels of the upload.
        shapes: Width and height of some training images as they came.

    >>> [found.id for found in shape_findings(1600, 1200, [(40, 40), (44, 40)])]
    ['familiar.size.large']
    """
    if not shapes:
        return ()
    sides = np.sqrt([w * h for w, h in shapes])  # (n,)
    low, high = float(sides.min()), float(sides.max())
    side = float(np.sqrt(width * height))
    size = {"width": width, "height": height}
    findings = []
    if side > HUGE * high:
        findings.append(Msg("familiar.size.large", {**size, "low": low, "high": high}))
    elif side < TINY * low:
        findings.append(Msg("familiar.size.small", {**size, "low": low, "high": high}))
    aspects = np.array([w / h for w, h in shapes])
    if not aspects.min() / LONG <= width / height <= aspects.max() * LONG:
        usual = round(float(np.median(aspects)), 2)
        findings.append(Msg("familiar.aspect", {**size, "usual": usual}))
    return tuple(findings)
