"""Cells of a slide of any size: block after block, so that only one block is in memory.

Blocks overlap by a cell or more, and a cell belongs to the block in whose core its middle lies;
so none is counted twice, and none is lost at a seam.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kd_core.explain.progress import Tick, tell
from kd_core.slides.cells import Cell, Field, read_field
from kd_core.slides.slide import Slide
from kd_core.slides.tiles import grid

BLOCK_PX = 2048
MARGIN_PX = 192
"""On each side of a block's core; a cell with a larger radius would be no red cell any more."""
LIKE = (0.6, 1.6)  # of the median radius so far


@dataclass(frozen=True)
class Block:
    """One part of a slide.

    Attributes:
        x: Left edge of ``image`` in the slide.
        y: Upper edge of ``image`` in the slide.
        image: The core and the margin around it, uint8 (h, w, C).
        cells: Whose middle lies in the core, in pixels of ``image``; none where the block is no
            field of cells.
    """

    x: int
    y: int
    image: NDArray[np.uint8] = field(repr=False, compare=False)
    cells: tuple[Cell, ...]

    def in_slide(self) -> list[Cell]:
        """The cells in pixels of the slide."""
        return [cell.moved(self.x, self.y) for cell in self.cells]


def sweep(
    slide: Slide,
    most: int | None = None,
    side: int = BLOCK_PX,
    margin: int = MARGIN_PX,
    tick: Tick | None = None,
) -> Iterator[Block]:
    """Blocks with what was found in them, row by row; each is read when it is asked for.

    Args:
        slide: At its finest level.
        most: Blocks at most, spread evenly over those with something in them; all when ``None``.
        side: Of a block's core in pixels.
        margin: Around the core, as far as the slide goes.
        tick: Called after each block with (blocks done, all).

    Raises:
        DataError: ``image_broken`` for a damaged part of the file.
        JobError: ``explain_stopped``.
    """
    side = min(side, slide.width, slide.height)
    places = grid(slide, side).places
    if most is not None and len(places) > most:
        chosen = np.linspace(0, len(places) - 1, most).round().astype(int)
        places = tuple(places[int(i)] for i in chosen)
    radii: list[float] = []
    for done, (left, top, _) in enumerate(places, 1):
        x, y = max(0, left - margin), max(0, top - margin)
        right = min(slide.width, left + side + margin)
        bottom = min(slide.height, top + side + margin)
        image = slide.region(x, y, right - x, bottom - y)
        found = read_field(image)
        # the last block of a row or column lies over the one before it, which then ends earlier
        end_x, end_y = _end(left, side, slide.width), _end(top, side, slide.height)
        cells = tuple(
            cell
            for cell in _trusted(found, radii)
            if left <= cell.x + x < end_x and top <= cell.y + y < end_y
        )
        radii += [cell.radius for cell in cells]
        yield Block(x, y, image, cells)
        tell(tick, done, len(places))


def _trusted(found: Field, radii: list[float]) -> tuple[Cell, ...]:
    """Cells of a block; at the end of a smear there are few, which must be as large as others."""
    if found.problem is None:
        return found.cells
    if found.problem.id != "cells.problem.few" or not radii:
        return ()
    low, high = (share * float(np.median(radii)) for share in LIKE)
    return tuple(cell for cell in found.cells if low <= cell.radius <= high)


def _end(start: int, side: int, length: int) -> int:
    """Where the core of the block at this start ends: at the next one's start.

    >>> _end(0, 4, 10), _end(4, 4, 10), _end(6, 4, 10)
    (4, 6, 10)
    """
    return length if start + side >= length else min(start + side, length - side)
