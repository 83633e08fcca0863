"""A slide as tiles: which level, where there is tissue, and one tile after the other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from kd_core.errors import ConfigError
from kd_core.explain.progress import Tick, tell
from kd_core.slides.slide import Slide

MASK_PX = 2048
"""Longer side of the picture in which tissue is looked for; a slide without smaller levels has
to be read once for it."""
LEAST_CONTRAST = 8.0  # grey levels between tissue and background; less is an empty slide


@dataclass(frozen=True)
class Tile:
    """A square piece of a slide.

    Attributes:
        x: Left edge in pixels of the finest level.
        y: Upper edge in pixels of the finest level.
        side: In pixels of the finest level.
        level: From which it was read.
        tissue: Share of it that is not background.
        image: uint8 (h, w, C) at the level's resolution.
    """

    x: int
    y: int
    side: int
    level: int
    tissue: float
    image: NDArray[np.uint8] = field(repr=False, compare=False)


@dataclass(frozen=True)
class Grid:
    """Where tiles lie.

    Attributes:
        level: From which they are read.
        side: Of a tile in pixels of that level.
        step: From one tile to the next, in pixels of that level.
        places: Upper left corners in pixels of that level, with the share of tissue; row by row.
        skipped: Places without tissue.
    """

    level: int
    side: int
    step: int
    places: tuple[tuple[int, int, float], ...]
    skipped: int

    def __len__(self) -> int:
        return len(self.places)


def choose_level(slide: Slide, um_per_px: float | None = None, downsample: float = 1.0) -> int:
    """The level whose pixels are nearest to those of the training images, and not coarser.

    Args:
        slide: The slide.
        um_per_px: µm on a pixel of the training images, if known; used where the slide says its
            own.
        downsample: Pixels of the finest level on a pixel of the training images, otherwise.
    """
    if um_per_px is not None and slide.um_per_px is not None:
        downsample = um_per_px / slide.um_per_px
    return slide.level_for(max(1.0, downsample))


def tissue_mask(slide: Slide) -> tuple[NDArray[np.bool_], float]:
    """Where something lies on the glass, (h, w), and pixels of the finest level on one of it.

    Otsu's threshold of how far each pixel is from the background's colour; everything is kept
    where there is too little contrast to tell, and in grey pictures, which have no glass.
    """
    small = slide.thumbnail(MASK_PX)
    scale = max(slide.width, slide.height) / max(small.shape[:2])
    if slide.channels == 1:
        return np.ones(small.shape[:2], np.bool_), scale
    pixels = small.astype(np.int16)
    some = pixels[::4, ::4] if min(pixels.shape[:2]) > 64 else pixels  # a percentile takes memory
    glass = np.percentile(some.reshape(-1, 3), 95, axis=0).astype(
        np.int16
    )  # (3,), each's brightest
    away = np.abs(pixels - glass).max(2)  # (h, w)
    if np.ptp(away) < LEAST_CONTRAST:
        return np.full(away.shape, bool(glass.min() < 200)), scale
    # two pixels of room, for what the reduction has thinned out
    return ndimage.binary_dilation(away > threshold_otsu(away), iterations=2), scale


def grid(
    slide: Slide,
    side: int,
    step: int | None = None,
    level: int = 0,
    least_tissue: float = 0.05,
) -> Grid:
    """The places of all tiles that hold tissue; the last ones in a row or column lie at its end.

    Args:
        slide: The slide.
        side: Of a tile in pixels of the level.
        step: From one tile to the next; ``side`` when ``None``, less for an overlap.
        level: Index into the slide's levels.
        least_tissue: Tiles with a smaller share of tissue are skipped; 0 keeps all.

    Raises:
        ConfigError: ``tiles_size``.
    """
    step = side if step is None else step
    if side < 1 or not 1 <= step <= side:
        raise ConfigError("tiles_size", side=side, step=step)
    size = slide.levels[level]
    columns, rows = _starts(size.width, side, step), _starts(size.height, side, step)
    if least_tissue <= 0:
        places = [(x, y, 1.0) for y in rows for x in columns]
    else:
        mask, scale = tissue_mask(slide)
        scale /= size.downsample  # pixels of the level on one of the mask
        places = [(x, y, _share(mask, x, y, side, scale)) for y in rows for x in columns]
    kept = tuple(place for place in places if place[2] >= least_tissue)
    return Grid(level, side, step, kept, len(places) - len(kept))


def _starts(length: int, side: int, step: int) -> list[int]:
    """Where tiles begin so that they cover a length.

    >>> _starts(10, 4, 4), _starts(3, 4, 4)
    ([0, 4, 6], [0])
    """
    last = max(0, length - side)
    starts = list(range(0, last + 1, step))
    return starts if starts[-1] == last else [*starts, last]


def _share(mask: NDArray[np.bool_], x: int, y: int, side: int, scale: float) -> float:
    top, left = int(y / scale), int(x / scale)
    bottom, right = math.ceil((y + side) / scale), math.ceil((x + side) / scale)
    piece = mask[top:bottom, left:right]
    return float(piece.mean()) if piece.size else 0.0


def tiles(slide: Slide, places: Grid, tick: Tick | None = None) -> Iterator[Tile]:
    """The tiles one after the other; each is read when it is asked for, and not kept.

    Args:
        slide: The slide.
        places: From :func:`grid`.
        tick: Called after each tile with (done, all).

    Raises:
        DataError: ``image_broken`` for a damaged part of the file.
        JobError: ``explain_stopped``.
    """
    downsample = slide.levels[places.level].downsample
    for done, (x, y, tissue) in enumerate(places.places, 1):
        image = slide.region(x, y, places.side, places.side, places.level)
        yield Tile(
            x=round(x * downsample),
            y=round(y * downsample),
            side=round(places.side * downsample),
            level=places.level,
            tissue=tissue,
            image=image,
        )
        tell(tick, done, len(places))
