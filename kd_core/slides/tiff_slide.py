"""A tiled TIFF: only the tiles that a region touches are decoded, and the last ones are kept."""

from __future__ import annotations

import struct
import threading
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.data.windows import Window, to_uint8
from kd_core.errors import UploadError
from kd_core.slides.slide import WHITE, Level, Slide
from kd_core.slides.tiff_pixels import Samples
from kd_core.text import Msg

TILE_PIXELS = 4_200_000
"""Largest tile, and largest level without tiles: 2048 × 2048 with room to spare."""
CACHE_BYTES = 64_000_000
WINDOW_TILES = 64
"""Tiles of the coarsest level from which a grey slide's window is found."""

_DAMAGED: tuple[type[Exception], ...] = (
    *(OSError, ValueError, TypeError, LookupError, EOFError, RuntimeError, ArithmeticError),
    *(AttributeError, AssertionError, MemoryError, struct.error, zlib.error),
)


class TiffSlide(Slide):
    """A pyramid of tiles.

    Args:
        content: The file; tiles are cut out of it without a copy of the whole.
        pages: Its levels as ``tifffile.TiffPage``, finest first.
        samples: What their numbers mean.
        name: For messages.
        window: For grey levels of more than 8 bits; the same for all tiles.
        um_per_px: See :class:`Slide`.
        notes: See :class:`Slide`.
    """

    def __init__(
        self,
        content: bytes,
        pages: Sequence[Any],
        samples: Samples,
        name: str,
        window: Window | None,
        um_per_px: float | None,
        notes: Sequence[Msg],
    ) -> None:
        widest = int(pages[0].imagewidth)
        levels = [
            Level(int(page.imagewidth), int(page.imagelength), widest / int(page.imagewidth))
            for page in pages
        ]
        told = [*notes, *samples.notes()]
        if samples.windowed:
            told.append(Msg("slide.note.windowed", {"bits": samples.bits}))
        super().__init__(name, "tiff", levels, samples.channels, um_per_px, told)
        self._content = content
        self._pages = tuple(pages)
        self._samples = samples
        self._cache: OrderedDict[tuple[int, int], NDArray[np.uint8]] = OrderedDict()
        self._cached_bytes = 0
        self._lock = threading.RLock()
        self._bounds = self._find_bounds(window or Window()) if samples.windowed else (0.0, 0.0)

    @property
    def memory_bytes(self) -> int:
        """The cache when full, and one tile while it is decoded."""
        return CACHE_BYTES + 2 * 4 * TILE_PIXELS

    def _read(self, x: int, y: int, width: int, height: int, level: int) -> NDArray[np.uint8]:
        result = np.full((height, width, self.channels), WHITE, np.uint8)
        tile_w, tile_h = self._tile_size(level)
        for row in range(y // tile_h, (y + height - 1) // tile_h + 1):
            for column in range(x // tile_w, (x + width - 1) // tile_w + 1):
                tile = self._tile(level, row, column)
                left, top = column * tile_w, row * tile_h
                x0, y0 = max(x, left), max(y, top)
                x1 = min(x + width, left + tile_w)
                y1 = min(y + height, top + tile_h)
                result[y0 - y : y1 - y, x0 - x : x1 - x] = tile[
                    y0 - top : y1 - top, x0 - left : x1 - left
                ]
        return result

    def _tile_size(self, level: int) -> tuple[int, int]:
        """Width and height; a level without tiles is one tile."""
        page = self._pages[level]
        if page.is_tiled:
            return int(page.tilewidth), int(page.tilelength)
        return int(page.imagewidth), int(page.imagelength)

    def _tile(self, level: int, row: int, column: int) -> NDArray[np.uint8]:
        across = -(-self.levels[level].width // self._tile_size(level)[0])
        key = (level, row * across + column)
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        values = self._values(*key)
        if self._samples.windowed:
            tile = to_uint8(self._samples.grey(values), *self._bounds)
            tile = 255 - tile if self._samples.inverted else tile
        else:
            tile = self._samples.picture(values)
        with self._lock:
            self._cache[key] = tile
            self._cached_bytes = sum(kept.nbytes for kept in self._cache.values())
            while self._cached_bytes > CACHE_BYTES and len(self._cache) > 1:
                self._cached_bytes -= self._cache.popitem(last=False)[1].nbytes
        return tile

    def _values(self, level: int, index: int) -> NDArray[Any]:
        """The samples of one tile, (h, w, n); a tile that is not in the file is empty.

        Raises:
            UploadError: ``image_broken``.
        """
        page = self._pages[level]
        try:
            if not page.is_tiled:
                with self._lock:  # it moves the file's position
                    values = page.asarray(maxworkers=1)
                if self._samples.planar and values.ndim == 3:
                    values = np.moveaxis(values, 0, -1)
                return values.reshape(page.imagelength, page.imagewidth, -1)
            planes = page.samplesperpixel if self._samples.planar else 1
            per_plane = len(page.dataoffsets) // planes
            parts = [self._segment(page, index + plane * per_plane) for plane in range(planes)]
            return np.concatenate(parts, axis=2)  # (h, w, n)
        except _DAMAGED as error:
            raise UploadError("image_broken", name=self.name, detail=str(error)[:120]) from None

    def _segment(self, page: Any, index: int) -> NDArray[Any]:
        start, length = int(page.dataoffsets[index]), int(page.databytecounts[index])
        if length == 0:  # scanners leave out tiles without tissue
            n = 1 if self._samples.planar else page.samplesperpixel
            full = np.iinfo(page.dtype).max if page.dtype.kind in "ui" else 0
            fill = 0 if self._samples.inverted else full
            return np.full((page.tilelength, page.tilewidth, n), fill, page.dtype)
        data = self._content[start : start + length]
        if len(data) < length:
            raise EOFError("the file ends early")
        values, _, _ = page.decode(data, index, jpegtables=page.jpegtables, _fullsize=True)
        return np.asarray(values[0])  # (h, w, n)

    def _find_bounds(self, window: Window) -> tuple[float, float]:
        """One window for the whole slide, from tiles spread over its coarsest level."""
        if window.kind == "stored":
            window = Window()
        level = len(self._pages) - 1
        page = self._pages[level]
        n = len(page.dataoffsets) if page.is_tiled else 1
        chosen = np.unique(np.linspace(0, n - 1, min(n, WINDOW_TILES)).astype(int))
        values = np.concatenate([self._sparse(level, int(index)) for index in chosen])
        if values.dtype.kind == "f":
            values = values[np.isfinite(values)]
        return window.bounds(values)

    def _sparse(self, level: int, index: int) -> NDArray[np.generic]:
        """Every fourth pixel of a tile each way, flat; without what lies beyond the slide."""
        tile_w, tile_h = self._tile_size(level)
        size = self.levels[level]
        row, column = divmod(index, -(-size.width // tile_w))
        values = self._samples.grey(self._values(level, index))
        return values[: size.height - row * tile_h : 4, : size.width - column * tile_w : 4].ravel()

    def close(self) -> None:
        """Forget the tiles and the file."""
        with self._lock:
            self._cache.clear()
            self._content = b""
