"""A heat map laid over its image, and the difference of two; as pixels, so that a page is quick.

All maps of one image share one scale, 0 to the largest value of any of them; a difference has a
scale of its own around 0. Colours are ``Inferno`` (dark is little) and ``RdBu`` reversed (red: the
first map is higher), both readable for the colour-blind.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from plotly.colors import sample_colorscale

Map = NDArray[np.floating]
Pixels = NDArray[np.uint8]

SIDE_PX = 240
"""Longest side of the picture that is made."""


@dataclass(frozen=True, eq=False)
class HeatOverlay:
    """An image, a map of it, and what the ends of the colours mean.

    Attributes:
        image: uint8 (H, W, 1 or 3).
        heat: Any size (h, w); stretched over the image.
        limit: The value of the last colour.
        signed: Whether the map is a difference, from −limit to limit.
    """

    image: Pixels
    heat: Map
    limit: float
    signed: bool = False


def common_limit(maps: Sequence[Map]) -> float:
    """The largest value of several maps, 1 where all are 0.

    >>> common_limit([np.array([[0.0, 2.0]]), np.array([[3.0]])])
    3.0
    """
    return max((float(np.abs(heat).max()) for heat in maps if heat.size), default=0.0) or 1.0


def difference(image: Pixels, first: Map, second: Map) -> HeatOverlay:
    """Where the first map is higher than the second (red) or lower (blue)."""
    height, width = first.shape
    gap = first - _stretched(second, width, height)
    return HeatOverlay(image, gap, common_limit([gap]), signed=True)


def heat_picture(info: HeatOverlay, opacity: float, side: int = SIDE_PX) -> Pixels:
    """The image with the map over it: ``(1 − opacity) · image + opacity · colour``, (h, w, 3)."""
    height, width = info.image.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    flat = info.image[..., 0] if info.image.ndim == 3 and info.image.shape[2] == 1 else info.image
    base = np.asarray(Image.fromarray(flat).convert("RGB").resize(size, Image.Resampling.BICUBIC))
    heat = _stretched(info.heat, *size) / info.limit
    share = (heat + 1) / 2 if info.signed else heat
    place = (np.clip(share, 0, 1) * 255).round().astype(np.uint8)  # (h, w)
    colours = _colours("RdBu_r" if info.signed else "Inferno")[place]  # (h, w, 3)
    return ((1 - opacity) * base + opacity * colours).round().astype(np.uint8)


def colour_bar(signed: bool = False, width: int = SIDE_PX, height: int = 10) -> Pixels:
    """A strip of the colours from the lowest to the highest value."""
    place = np.linspace(0, 255, width).round().astype(np.uint8)
    colours = _colours("RdBu_r" if signed else "Inferno")[place]  # (width, 3)
    return np.repeat(colours[None], height, axis=0)


def _stretched(heat: Map, width: int, height: int) -> NDArray[np.float32]:
    picture = Image.fromarray(np.asarray(heat, np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))


@functools.cache
def _colours(name: str) -> Pixels:
    found = sample_colorscale(name, np.linspace(0, 1, 256).tolist(), colortype="tuple")
    return (np.array(found) * 255).round().astype(np.uint8)
