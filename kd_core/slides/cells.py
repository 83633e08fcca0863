"""Red cells in a field of a thin blood smear, by a classical method.

    green light ──even out──► density ──Otsu──► foreground ──distance──► one peak a cell ──watershed

Haemoglobin and the stains of parasites absorb green light most, so density in green is high in a
cell whatever is in it. Cells that touch or overlap a little are told apart because each has its
own peak of the distance to the background (Meyer & Beucher 1990).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.measure import find_contours, regionprops
from skimage.segmentation import watershed

from kd_core.data.images import is_grey
from kd_core.text import Msg

Float = NDArray[np.float32]

WORKING_PX = 800
"""Longer side in pixels at which a field is segmented first; a finer one is reduced."""
WORKING_RADIUS_PX = 20.0
"""Cells much larger than this at the working size are reduced further: nothing is gained."""
BLOCKS = 8  # per shorter side, from which the light of the empty background is found
BLUR_PX = 1.0
OPENING = 2  # steps; bridges and specks of up to four pixels go
SMOOTH = 0.08  # of a cell's radius: the distance map's own wrinkles
APART = 0.45  # of a cell's radius: two peaks that are closer belong to one cell
DEEP = 0.4  # of a cell's radius: a peak that is nearer to the background is no cell's middle
SMALLEST = 0.4  # of the median area: platelets, dirt, and slivers at the edge are smaller
LARGEST = 3.5  # of the median area: clumps that were not told apart, white cells
DENSEST = 1.0  # natural logarithm; what is denser says nothing about where cells end
VERTICES = 24  # of an outline

# What makes a picture a field of cells; all of it is far from what fields look like.
FEWEST = 6  # cells
BIGGEST = 0.25  # diameter of a cell over the shorter side
TINIEST_PX = 5.0  # radius at which a parasite could still be seen as a dot
ROUNDEST = 0.86  # median share of a cell's convex hull that the cell fills
LEAST_COLOUR = 12.0  # median difference between the channels inside cells, of 255
DARKEST = 90.0  # median green light of the empty background, of 255
LEAST_EVEN = 0.12  # spread of the background's green light between its quartiles, as a share
LEAST_EMPTY = 0.02  # share of the picture that is background
BLACK, BLACK_SHARE, CUT_OUT_PX = 5, 0.02, 300  # a small picture with black around one cell
JUDGED = 60  # cells whose shape is looked at


@dataclass(frozen=True)
class Cell:
    """A red cell in a picture; lengths in its pixels, pixel i reaching from i to i + 1.

    Attributes:
        x0: Left edge of the bounding box.
        y0: Upper edge.
        x1: Right edge, exclusive.
        y1: Lower edge, exclusive.
        x: Middle.
        y: Middle.
        radius: Of a circle with the same area.
        cut: True where the edge of the picture cuts the cell.
        mask: Which pixels of the box are the cell's, bool (y1 − y0, x1 − x0).
    """

    x0: int
    y0: int
    x1: int
    y1: int
    x: float
    y: float
    radius: float
    cut: bool = False
    mask: NDArray[np.bool_] | None = field(default=None, repr=False, compare=False)

    def moved(self, x: int, y: int) -> Cell:
        """The cell with its place counted from another corner."""
        return replace(
            self,
            x0=self.x0 + x,
            y0=self.y0 + y,
            x1=self.x1 + x,
            y1=self.y1 + y,
            x=self.x + x,
            y=self.y + y,
        )

    def outline(self) -> tuple[tuple[float, float], ...]:
        """A closed polygon around the cell, (x, y) in pixels."""
        if self.mask is None:
            corners = ((self.x0, self.y0), (self.x1, self.y0), (self.x1, self.y1))
            return (*corners, (self.x0, self.y1), (self.x0, self.y0))
        coarse = max(1, min(self.mask.shape) // VERTICES)  # contours of large masks are slow
        mask = np.pad(self.mask[::coarse, ::coarse], 1).astype(float)
        rim = max(find_contours(mask, 0.5), key=len)
        chosen = rim[np.linspace(0, len(rim) - 1, min(len(rim), VERTICES)).astype(int)]
        places = (chosen - 0.5) * coarse + (self.y0, self.x0)  # (n, 2): row and column
        return tuple((round(float(x), 1), round(float(y), 1)) for y, x in places)


@dataclass(frozen=True)
class Field:
    """What was found in a picture.

    Attributes:
        cells: From top to bottom.
        radius: Median radius in pixels; 0 without cells.
        problem: Why the picture is no field of cells; ``None`` where it is one.
    """

    cells: tuple[Cell, ...]
    radius: float
    problem: Msg | None = None


def find_cells(image: NDArray[np.uint8]) -> list[Cell]:
    """The cells of a picture, uint8 (H, W, C), from top to bottom; see :func:`read_field`."""
    return list(read_field(image).cells)


def read_field(image: NDArray[np.uint8]) -> Field:
    """Cells of a field of a thin smear, and whether it is one.

    Args:
        image: uint8 (H, W, C); grey is no field, for a stained smear has colour.
    """
    height, width = image.shape[:2]
    if is_grey(image):
        return Field((), 0.0, Msg("cells.problem.grey"))
    if min(height, width) < CUT_OUT_PX and (image <= BLACK).all(2).mean() > BLACK_SHARE:
        return Field((), 0.0, Msg("cells.problem.cut_out"))
    labels, scale = segment(image[..., 1])
    found = regionprops(labels)
    if not found:
        return Field((), 0.0, Msg("cells.problem.few", {"n": 0, "least": FEWEST}))
    typical = float(np.median([region.area for region in found]))
    kept = [r for r in found if SMALLEST * typical < r.area < LARGEST * typical]
    cells = [_cell(region, scale, width, height) for region in kept]
    radius = float(np.median([cell.radius for cell in cells]))
    some = kept[:: max(1, len(kept) // JUDGED)]
    solid = float(np.median([region.solidity for region in some])) if some else 0.0
    problem = _problem_of_cells(image, cells, radius, solid)
    problem = problem or _problem_of_background(image[..., 1], labels, scale)
    return Field(tuple(cells), radius, problem)


def segment(green: NDArray[np.uint8]) -> tuple[NDArray[np.int32], int]:
    """One number a cell on every pixel of a picture that is ``scale`` times smaller.

    Args:
        green: The green channel, (H, W).

    Returns:
        Labels (H // scale, W // scale) with 0 for the background, and the scale.
    """
    scale = max(1, round(max(green.shape) / WORKING_PX))
    foreground, distance, radius = _foreground(green, scale)
    if radius > 1.5 * WORKING_RADIUS_PX:
        scale = max(scale + 1, round(scale * radius / WORKING_RADIUS_PX))
        foreground, distance, radius = _foreground(green, scale)
    distance = ndimage.gaussian_filter(distance, radius * SMOOTH)
    peaks = peak_local_max(
        distance,
        min_distance=max(2, int(radius * APART)),
        threshold_abs=radius * DEEP,
        exclude_border=False,
    )
    markers = np.zeros(foreground.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return watershed(-distance, markers, mask=foreground).astype(np.int32), scale


def _foreground(green: NDArray[np.uint8], scale: int) -> tuple[NDArray[np.bool_], Float, float]:
    """Where cells are, the distance to where none is, and a typical radius in pixels."""
    density = _density(_reduced(green, scale))
    foreground = density > _threshold(density)
    foreground = ndimage.binary_opening(foreground, iterations=OPENING)
    foreground = ndimage.binary_fill_holes(foreground)  # pale middles
    distance = ndimage.distance_transform_edt(foreground).astype(np.float32)
    clumps, n = ndimage.label(foreground)
    if n == 0:
        return foreground, distance, 0.0
    deepest = ndimage.maximum(distance, clumps, np.arange(1, n + 1))  # (n,)
    return foreground, distance, float(np.median(deepest[deepest > 0.3 * deepest.max()]))


def _reduced(green: NDArray[np.uint8], scale: int) -> Float:
    height, width = (side // scale * scale for side in green.shape)
    blocks = green[:height, :width].reshape(height // scale, scale, width // scale, scale)
    return blocks.mean((1, 3), dtype=np.float32)


def _density(light: Float) -> Float:
    """Natural logarithm of the background's light over the picture's, at least 0."""
    density = np.log(_background(light) / (light + 1))
    return ndimage.gaussian_filter(density.clip(min=0), BLUR_PX)


def _background(light: Float) -> Float:
    """What the light would be without cells, from 1: the bright end of each block, smoothed."""
    height, width = light.shape
    side = max(16, min(height, width) // BLOCKS)
    rows = np.array_split(np.arange(height), max(1, height // side))
    columns = np.array_split(np.arange(width), max(1, width // side))
    blocks = np.array(
        [[np.percentile(light[np.ix_(r, c)], 90) for c in columns] for r in rows], np.float32
    )
    smooth = ndimage.median_filter(blocks, 3, mode="nearest")  # a block that is full of cells
    grown = Image.fromarray(smooth).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(grown) + 1  # never 0


def _threshold(density: Float) -> float:
    """Otsu's, then once more without what is denser than most cells.

    A white cell or a clump of stain is so dense that the first threshold may fall between it and
    the red cells.
    """
    values = density[density < DENSEST]
    if not values.size or values.min() == values.max():
        return float("inf")
    first = threshold_otsu(values)
    empty, cells = np.median(values[values <= first]), np.percentile(values[values > first], 25)
    return float(min(first, threshold_otsu(np.minimum(values, empty + (cells - empty)))))


def _cell(region: Any, scale: int, width: int, height: int) -> Cell:
    """A region of the reduced picture as a cell of the whole one."""
    top, left, bottom, right = (int(value) * scale for value in region.bbox)
    mask = region.image.repeat(scale, axis=0).repeat(scale, axis=1)
    y, x = ((value + 0.5) * scale for value in region.centroid)
    near = scale  # the last rows that the reduction left out
    cut = min(left, top) == 0 or right >= width - near or bottom >= height - near
    return Cell(
        left, top, right, bottom, x, y, scale * float(np.sqrt(region.area / np.pi)), cut, mask
    )


def _problem_of_cells(
    image: NDArray[np.uint8], cells: list[Cell], radius: float, solid: float
) -> Msg | None:
    """Why this is no field of a thin smear."""
    if len(cells) < FEWEST:
        return Msg("cells.problem.few", {"n": len(cells), "least": FEWEST})
    if 2 * radius > BIGGEST * min(image.shape[:2]):
        return Msg("cells.problem.large")
    if radius < TINIEST_PX:
        return Msg("cells.problem.small", {"radius": radius})
    if solid < ROUNDEST:
        return Msg("cells.problem.shape")
    inside = np.concatenate(
        [image[c.y0 : c.y1 : 4, c.x0 : c.x1 : 4].reshape(-1, 3) for c in cells[:200]]
    )
    colour = float(np.median(inside.max(1).astype(int) - inside.min(1)))
    if colour < LEAST_COLOUR:
        return Msg("cells.problem.grey")
    return None


def _problem_of_background(
    green: NDArray[np.uint8], labels: NDArray[np.int32], scale: int
) -> Msg | None:
    """A smear's empty background is bright and even; tissue and noise have none."""
    light = _reduced(green, scale)
    even = light / _background(light)  # shading of the whole picture is no unevenness
    outside = ~ndimage.binary_dilation(labels > 0, iterations=2)
    if outside.mean() < LEAST_EMPTY:
        return Msg("cells.problem.crowded")
    low, high = np.percentile(even[outside], (25, 75))
    if np.median(light[outside]) < DARKEST or high - low > LEAST_EVEN:
        return Msg("cells.problem.background")
    return None
