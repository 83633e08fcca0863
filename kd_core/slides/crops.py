"""Cells cut out of a field as the training crops were: same window, same shape, same size.

A crop of the embedded sample is a window of 80 px around a cell, with whatever lies beside it;
a crop of the NIH malaria set is a cell's own bounding box with everything else black. Which of
the two a data set has, and how much lies around the cell, is read off its training images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from kd_core.data.images import prepare_image
from kd_core.data.loaded import LoadedData
from kd_core.data.smear.crops import CROP_PX, REDUCTION
from kd_core.errors import DataError
from kd_core.export import FileContract
from kd_core.slides.cells import Cell

EXAMPLES = 64  # training images from which a window is measured
BLACK = 5  # grey level up to which a pixel counts as masked
MASKED_SHARE = 0.05  # of an image's pixels that are black where cells were cut out
_RATIOS = (1.0, 4.0)  # a window smaller than its cell, or with a cell lost in it, is no window
_USUAL = 1.5


@dataclass(frozen=True)
class CropWindow:
    """How much of a field a crop shows.

    Attributes:
        side_px: Side of the square window in pixels of the field; ``None`` follows the cells.
        ratio: Side over the typical diameter of the field's cells, where ``side_px`` is None.
        masked: True where a crop is the cell's bounding box with all else black.
    """

    side_px: float | None = None
    ratio: float = _USUAL
    masked: bool = False

    def side(self, cells: Sequence[Cell]) -> int:
        """Side in pixels for these cells, at least 2."""
        if self.side_px is not None:
            return max(2, round(self.side_px))
        diameter = 2 * float(np.median([cell.radius for cell in cells])) if cells else 1.0
        return max(2, round(self.ratio * diameter))


SAMPLE_WINDOW = CropWindow(side_px=CROP_PX * REDUCTION, ratio=1.55)
"""Of the embedded sample and its fields."""


def window_for(data: LoadedData, embedded_field: bool = False) -> CropWindow:
    """The window of a data set's crops.

    Args:
        data: The data set that the models were trained on.
        embedded_field: True for the sample's own fields, whose scale is known; on any other
            picture the window follows the size of its cells.

    Raises:
        DataError: ``crops_no_cells`` where the training images do not show one cell each.
    """
    if data.name in ("sample", "sample_binary"):
        return SAMPLE_WINDOW if embedded_field else replace(SAMPLE_WINDOW, side_px=None)
    return measure_window(data.parts["train"].images, data.name)


def measure_window(images: NDArray[np.uint8], name: str = "") -> CropWindow:
    """The window that crops were cut with, from crops, uint8 (N, C, S, S).

    Raises:
        DataError: ``crops_no_cells``.
    """
    chosen = np.linspace(0, len(images) - 1, min(len(images), EXAMPLES)).astype(int)
    crops = np.stack([images[i] for i in chosen])  # (n, C, S, S)
    dark = (crops <= BLACK).all(1).mean((1, 2))  # (n,)
    if np.median(dark) > MASKED_SHARE:
        return CropWindow(ratio=1.0, masked=True)
    ratios = [ratio for crop in crops if (ratio := _ratio(crop)) is not None]
    if len(ratios) < len(crops) / 2:
        raise DataError("crops_no_cells", name=name)
    return CropWindow(ratio=float(np.clip(np.median(ratios), *_RATIOS)))


def _ratio(crop: NDArray[np.uint8]) -> float | None:
    """Side of a crop over the diameter of what lies in its middle; ``None`` if nothing does."""
    green = crop[min(1, len(crop) - 1)].astype(np.float32)  # (S, S)
    side = len(green)
    if green.min() == green.max():
        return None
    labels, _ = ndimage.label(ndimage.binary_fill_holes(green < threshold_otsu(green)))
    centre = slice(side * 3 // 8, side * 5 // 8)
    inside = labels[centre, centre][labels[centre, centre] > 0]
    if inside.size < (side // 4) ** 2 / 2:
        return None
    depth = ndimage.distance_transform_edt(np.pad(labels == np.bincount(inside).argmax(), 1))
    radius = float(depth[1:-1, 1:-1][centre, centre].max())  # neighbours that touch add nothing
    return side / (2 * radius + 1)  # the circle inside a disc of pixels is half a pixel too small


def crop_cells(
    image: NDArray[np.uint8],
    cells: Sequence[Cell],
    contract: FileContract,
    window: CropWindow = SAMPLE_WINDOW,
) -> NDArray[np.uint8]:
    """One crop a cell as a network wants it, uint8 (n, C, S, S).

    Beyond the edge of the field lies its own background.

    Args:
        image: uint8 (H, W, C).
        cells: In the picture's pixels.
        contract: Of the model file: size and channels.
        window: How much of the field a crop shows.
    """
    result = np.empty((len(cells), contract.channels, contract.size, contract.size), np.uint8)
    for i, cut in enumerate(cut_cells(image, cells, window)):
        result[i] = prepare_image(cut, contract.size, contract.channels)
    return result


def cut_cells(
    image: NDArray[np.uint8], cells: Sequence[Cell], window: CropWindow
) -> list[NDArray[np.uint8]]:
    """One piece a cell at the field's own resolution, uint8 (h, w, C)."""
    if window.masked:
        return [_cut_out(image, cell) for cell in cells]
    side = window.side(cells)
    filling = _filling(image)
    return [_square(image, cell, side, filling) for cell in cells]


def _filling(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The colour of the empty background: the median of the brighter half, (C,)."""
    some = image[::8, ::8].reshape(-1, image.shape[2])
    light = some.sum(1, dtype=int)
    colour: NDArray[np.uint8] = np.median(some[light >= np.median(light)], 0).astype(np.uint8)
    return colour


def _square(
    image: NDArray[np.uint8], cell: Cell, side: int, filling: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    left, top = round(cell.x - side / 2), round(cell.y - side / 2)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + side, width), min(top + side, height)
    if (x0, y0, x1, y1) == (left, top, left + side, top + side):
        return image[y0:y1, x0:x1]
    result = np.empty((side, side, image.shape[2]), np.uint8)
    result[:] = filling
    if x1 > x0 and y1 > y0:
        result[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    return result


def _cut_out(image: NDArray[np.uint8], cell: Cell) -> NDArray[np.uint8]:
    """The cell's box with all else black."""
    height, width = image.shape[:2]
    piece = image[max(cell.y0, 0) : min(cell.y1, height), max(cell.x0, 0) : min(cell.x1, width)]
    if cell.mask is None or cell.mask.shape != piece.shape[:2]:
        return piece
    return np.where(cell.mask[..., None], piece, 0).astype(np.uint8)
