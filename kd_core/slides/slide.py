"""What every opened file is: a picture of known size, read region by region."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kd_core.errors import DataError
from kd_core.text import Msg

WHITE = 255
REGION_PIXELS = 40_000_000
"""Largest region in pixels; 120 MB in colour."""


@dataclass(frozen=True)
class Level:
    """One resolution of a slide.

    Attributes:
        width: Pixels.
        height: Pixels.
        downsample: Pixels of the finest level on one pixel of this one, 1 for the finest.
    """

    width: int
    height: int
    downsample: float = 1.0


class Slide(ABC):
    """A picture that is read region by region.

    Args:
        name: For messages.
        kind: ``png``, ``jpeg``, ``tiff``, ``bmp``, ``dicom`` or what OpenSlide calls it.
        levels: Finest first.
        channels: 1 (grey) or 3 (colour).
        um_per_px: µm on a pixel of the finest level, where the file says it.
        notes: What had to be decided or left out to make a picture of the file.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        levels: Sequence[Level],
        channels: int,
        um_per_px: float | None = None,
        notes: Sequence[Msg] = (),
    ) -> None:
        self.name = name
        self.kind = kind
        self.levels = tuple(levels)
        self.channels = channels
        self.um_per_px = um_per_px
        self.notes = tuple(notes)

    @property
    def width(self) -> int:
        """Pixels of the finest level."""
        return self.levels[0].width

    @property
    def height(self) -> int:
        """Pixels of the finest level."""
        return self.levels[0].height

    @property
    def whole(self) -> bool:
        """True when the picture is small enough to be looked at in one piece."""
        return self.width * self.height <= REGION_PIXELS

    @property
    def memory_bytes(self) -> int:
        """Most that the slide itself holds in memory, decoded: pixels and caches."""
        return 0

    def region(self, x: int, y: int, width: int, height: int, level: int = 0) -> NDArray[np.uint8]:
        """A rectangle as uint8 (height, width, C); what lies outside the slide is white.

        Args:
            x: Left edge in pixels of this level; may be negative.
            y: Upper edge in pixels of this level; may be negative.
            width: Pixels of this level.
            height: Pixels of this level.
            level: Index into ``levels``.

        Raises:
            DataError: ``slide_region`` for no or too many pixels, ``image_broken`` for a damaged
                part of the file.
        """
        if width < 1 or height < 1 or width * height > REGION_PIXELS:
            raise DataError(
                "slide_region", name=self.name, width=width, height=height, limit=REGION_PIXELS
            )
        size = self.levels[level]
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + width, size.width), min(y + height, size.height)
        if (left, top, right, bottom) == (x, y, x + width, y + height):
            return self._read(x, y, width, height, level)
        result = np.full((height, width, self.channels), WHITE, np.uint8)
        if right > left and bottom > top:
            inside = self._read(left, top, right - left, bottom - top, level)
            result[top - y : bottom - y, left - x : right - x] = inside
        return result

    @abstractmethod
    def _read(self, x: int, y: int, width: int, height: int, level: int) -> NDArray[np.uint8]:
        """A rectangle that lies inside the level, (height, width, C)."""

    def thumbnail(self, px: int = 1024) -> NDArray[np.uint8]:
        """The whole slide, uint8 (h, w, C), its longer side at most ``px`` pixels.

        Raises:
            DataError: As :meth:`region`.
        """
        longest = max(self.width, self.height)
        scale = min(1.0, px / longest)
        width, height = (max(1, round(side * scale)) for side in (self.width, self.height))
        return self.resized(width, height)

    def resized(self, width: int, height: int) -> NDArray[np.uint8]:
        """The whole slide at this size, read in bands from the level that fits best."""
        level = self.level_for(min(self.width / width, self.height / height))
        size = self.levels[level]
        result = np.empty((height, width, self.channels), np.uint8)
        band = max(1, int(height * REGION_PIXELS / 4 / (size.width * size.height)))
        for top in range(0, height, band):
            bottom = min(height, top + band)
            first, last = (round(row * size.height / height) for row in (top, bottom))
            piece = self.region(0, first, size.width, max(1, last - first), level)
            result[top:bottom] = resize(piece, width, bottom - top)
        return result

    def level_for(self, downsample: float) -> int:
        """The coarsest level that is still as fine as wanted, within 1 %.

        Args:
            downsample: Pixels of the finest level on a pixel of the wanted one.
        """
        fits = [i for i, level in enumerate(self.levels) if level.downsample <= downsample * 1.01]
        return max(fits, key=lambda i: self.levels[i].downsample, default=0)

    def close(self) -> None:  # noqa: B027
        """Let go of everything; the slide cannot be read afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class ArraySlide(Slide):
    """A picture that was decoded whole.

    Args:
        pixels: uint8 (H, W, 1 or 3).
        name: For messages.
        kind: See :class:`Slide`.
        um_per_px: See :class:`Slide`.
        notes: See :class:`Slide`.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        name: str = "image",
        kind: str = "array",
        um_per_px: float | None = None,
        notes: Sequence[Msg] = (),
    ) -> None:
        height, width, channels = pixels.shape
        super().__init__(name, kind, [Level(width, height)], channels, um_per_px, notes)
        self.pixels = pixels

    @property
    def memory_bytes(self) -> int:
        """Bytes of the decoded picture."""
        return self.pixels.nbytes

    def _read(self, x: int, y: int, width: int, height: int, level: int) -> NDArray[np.uint8]:
        return self.pixels[y : y + height, x : x + width]


def resize(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Pillow's antialiased bilinear filter, uint8 (h, w, C) to (height, width, C)."""
    if image.shape[:2] == (height, width):
        return image
    flat = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    resized = np.asarray(flat.resize((width, height), Image.Resampling.BILINEAR))
    return resized.reshape(height, width, image.shape[2])
