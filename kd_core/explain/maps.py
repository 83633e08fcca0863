"""Heat maps side by side: one scale, differences, and overlays to look at.

Maps of different networks have no common unit, so each is brought to a share of its own largest
value before two of them are shown side by side or taken from each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Float = NDArray[np.float32]
Method = Literal["grad_cam", "rise", "occlusion"]

# Viridis at five points, and blue, white, orange: bytes of red, green and blue.
_HEAT = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
_DIVERGING = ((0, 114, 178), (245, 245, 245), (213, 94, 0))


@dataclass(frozen=True, eq=False)
class HeatMap:
    """Where a model looked for one class.

    Attributes:
        values: float32 (h, w), not negative, in the map's own unit: how much each place speaks
            for the class; stretched over the image by whoever draws it.
        target: Index of the class or label.
        method: How it was made.
        layer: Module path for ``grad_cam``; empty otherwise.
        model: Name of the network that was looked into.
        stands_for: Name of the file that it explains, where that is another one.
    """

    values: Float
    target: int
    method: Method
    layer: str = ""
    model: str = ""
    stands_for: str = ""


def same_scale(maps: Sequence[Float]) -> list[Float]:
    """Each map as a share of its own largest value, in [0, 1]; an empty map stays 0.

    >>> [m.tolist() for m in same_scale([np.float32([[0, 4]]), np.float32([[0, 0]])])]
    [[[0.0, 1.0]], [[0.0, 0.0]]]
    """
    shares = []
    for values in maps:
        positive = np.maximum(values, 0).astype(np.float32)
        high = float(positive.max(initial=0))
        shares.append(positive / np.float32(high) if high > 0 else positive)
    return shares


def difference(first: Float, second: Float) -> Float:
    """Second minus first, each as a share of its own largest value: in [−1, 1].

    The result has the larger of the two heights and widths; a map is stretched where it is smaller.
    """
    height, width = (int(side) for side in np.maximum(first.shape, second.shape))
    one, other = (stretched(values, width, height) for values in same_scale([first, second]))
    return np.asarray(other - one, np.float32)


def stretched(values: Float, width: int, height: int) -> Float:
    """A map over an image of this size, bilinear, (height, width)."""
    if values.shape == (height, width):
        return values
    image = Image.fromarray(np.asarray(values, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def coloured(values: Float, diverging: bool = False) -> NDArray[np.uint8]:
    """A map in [0, 1] (or [−1, 1] when diverging) as colours, uint8 (h, w, 3).

    >>> coloured(np.float32([[0, 1]])).tolist()
    [[[68, 1, 84], [253, 231, 37]]]
    """
    points = np.array(_DIVERGING if diverging else _HEAT, np.float32)  # (p, 3)
    place = np.linspace(-1.0 if diverging else 0.0, 1.0, len(points))
    channels = [np.interp(values, place, points[:, c]).round() for c in range(3)]
    return np.stack(channels, axis=2).astype(np.uint8)


def blended(
    image: NDArray[np.uint8], values: Float, opacity: float = 0.5, diverging: bool = False
) -> NDArray[np.uint8]:
    """A map laid over its image, uint8 (H, W, 3); a difference is clear where it is 0.

    Args:
        image: uint8 (H, W, 1 or 3).
        values: In [0, 1], or in [−1, 1] when diverging; any shape.
        opacity: 0 shows the image, 1 the map.
        diverging: True for a difference.
    """
    height, width = image.shape[:2]
    shares = stretched(values, width, height)
    heat = coloured(shares, diverging).astype(np.float32)  # (H, W, 3)
    alpha = np.full((height, width, 1), opacity, np.float32)
    if diverging:
        alpha *= np.abs(shares)[..., None]
    mixed = image.astype(np.float32) * (1 - alpha) + heat * alpha
    return np.asarray(mixed.round().clip(0, 255), np.uint8)
