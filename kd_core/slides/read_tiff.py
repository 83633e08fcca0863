"""TIFF in all its forms: which page is the picture, which are its smaller levels, what is colour.

The parser is tifffile's, on the bytes in memory. Tiles are decoded one at a time when they are
needed; a page without tiles is decoded whole if it is small enough, and refused otherwise.
"""

from __future__ import annotations

import io
import logging
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tifffile

from kd_core.data.images import apply_window, decode
from kd_core.data.raw import RawImage
from kd_core.data.uploads import Limits
from kd_core.data.windows import Window
from kd_core.errors import DataError, UploadError
from kd_core.slides.slide import ArraySlide, Slide
from kd_core.slides.tiff_pixels import Samples
from kd_core.slides.tiff_slide import TILE_PIXELS, TiffSlide
from kd_core.text import Msg

# What tifffile says of a damaged file could quote it, so it reaches no log.
logging.getLogger("tifffile").addHandler(logging.NullHandler())
logging.getLogger("tifffile").propagate = False

Page = Any
"""A ``tifffile.TiffPage``, whose attributes have no types."""

MAGICS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
MAX_PAGES = 512
_REDUCED = 1  # bit of NewSubfileType: a smaller version of another page
_ORIENTATION = 274
_ASPECT_PX = 2  # rounding of a level's sides
_UM_PER_UNIT = {2: 25_400.0, 3: 10_000.0}  # ResolutionUnit: inch, centimetre
_PLAUSIBLE_UM = (0.02, 20.0)  # a microscope's; 72 dpi is a printer's word

_DAMAGED = (
    *(tifffile.TiffFileError, OSError, ValueError, TypeError, LookupError, EOFError),
    *(RuntimeError, ArithmeticError, AttributeError, AssertionError, MemoryError),
    *(struct.error, zlib.error),
)


def is_tiff(content: bytes) -> bool:
    """True for TIFF and BigTIFF in both byte orders."""
    return content[:4] in MAGICS


def open_tiff(content: bytes, name: str, window: Window | None, limits: Limits) -> Slide:
    """The largest picture of the file, with its smaller levels.

    Raises:
        UploadError: ``image_broken``, ``image_too_large``, ``slide_pages``, ``slide_not_tiled``,
            ``slide_tile_too_large``, ``slide_colour`` or ``slide_turned``.
    """
    with _broken_is_told(name):
        file = tifffile.TiffFile(io.BytesIO(content))
        pages = _pages(file, name)
        number = max(range(len(pages)), key=lambda i: (_area(pages[i]), -i))
        page = pages[number]
        _check_size(page, name)
        levels = [page, *_smaller(page, pages)]
        notes = _page_notes(number, len(pages) - sum(p in levels[1:] for p in pages))
        if page.is_tiled and (len(levels) > 1 or _area(page) > limits.pixels):
            return _tiled(content, levels, name, window, notes)
        if _area(page) > limits.pixels:
            raise UploadError(
                "slide_not_tiled",
                name=name,
                width=page.imagewidth,
                height=page.imagelength,
                limit=limits.pixels,
            )
        return _whole(content, page, len(file.pages) == 1, name, window, limits, notes)


@contextmanager
def _broken_is_told(name: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        detail = re.sub(r"\s+", " ", str(error))[:120] or type(error).__name__
        raise UploadError("image_broken", name=name, detail=detail) from None


def _pages(file: tifffile.TiffFile, name: str) -> list[Page]:
    count = len(file.pages)
    if count > MAX_PAGES:
        raise UploadError("slide_pages", name=name, pages=count, limit=MAX_PAGES)
    return [_full(file.pages[i]) for i in range(count)]


def _full(page: Page) -> Page:
    return page.aspage() if isinstance(page, tifffile.TiffFrame) else page


def _area(page: Page) -> int:
    return int(page.imagewidth) * int(page.imagelength)


def _check_size(page: Page, name: str) -> None:
    if _area(page) < 1 or page.dtype is None or page.imagedepth != 1:
        raise UploadError(
            "image_broken", name=name, detail=f"{page.imagewidth} x {page.imagelength}"
        )


def _smaller(page: Page, pages: list[Page]) -> list[Page]:
    """The same picture at other resolutions, finest first."""
    inner = list(page.pages) if page.subifds else []  # OME and libvips keep them inside the page
    others = [*(p for p in pages if p is not page), *(_full(p) for p in inner)]
    levels: dict[int, Page] = {}
    for other in others:
        told = other in inner or other.subfiletype & _REDUCED or (page.is_tiled and other.is_tiled)
        if told and _is_smaller(page, other):
            levels.setdefault(int(other.imagewidth), other)
    return [levels[width] for width in sorted(levels, reverse=True)]


def _is_smaller(page: Page, other: Page) -> bool:
    alike = (other.samplesperpixel, other.dtype, other.photometric) == (
        page.samplesperpixel,
        page.dtype,
        page.photometric,
    )
    if not alike or not 0 < other.imagewidth < page.imagewidth:
        return False
    expected = page.imagelength * other.imagewidth / page.imagewidth
    slack = _ASPECT_PX * (1 + page.imagelength / page.imagewidth)
    return bool(abs(other.imagelength - expected) <= slack)


def _page_notes(number: int, pictures: int) -> list[Msg]:
    if pictures < 2:
        return []
    return [Msg("slide.note.page", {"page": number + 1, "pages": pictures})]


def _tiled(
    content: bytes, levels: list[Page], name: str, window: Window | None, notes: list[Msg]
) -> Slide:
    page = levels[0]
    if _orientation(page) != 1:
        raise UploadError("slide_turned", name=name)
    usable = [level for level in levels if level.is_tiled or _area(level) <= TILE_PIXELS]
    for level in usable:
        tile = (level.tilewidth, level.tilelength) if level.is_tiled else (1, 1)
        if tile[0] * tile[1] > TILE_PIXELS or min(tile) < 1:
            raise UploadError(
                "slide_tile_too_large", name=name, width=tile[0], height=tile[1], limit=TILE_PIXELS
            )
    samples = Samples.of(page, name)
    return TiffSlide(content, usable, samples, name, window, _um_per_px(page), notes)


def _whole(
    content: bytes,
    page: Page,
    alone: bool,
    name: str,
    window: Window | None,
    limits: Limits,
    notes: list[Msg],
) -> Slide:
    """A small page: by the code that read the training images, or else by tifffile."""
    scale = _um_per_px(page)
    if alone:
        try:
            raw = decode(content, name, limits)
            pixels = apply_window(raw, window or Window())
            told = notes + ([_windowed(raw.bits)] if raw.windowed else [])
            return ArraySlide(pixels, name, "tiff", scale, told)
        except DataError as error:
            if error.code not in ("image_broken", "image_deep_colour"):
                raise
    samples = Samples.of(page, name)
    values = page.asarray(maxworkers=1)
    if samples.planar and values.ndim == 3:
        values = np.moveaxis(values, 0, -1)
    values = values.reshape(page.imagelength, page.imagewidth, -1)
    if samples.windowed:
        raw = RawImage(samples.grey(values), samples.bits, windowed=True, inverted=samples.inverted)
        pixels = apply_window(raw, window or Window())
        notes = [*notes, _windowed(samples.bits)]
    else:
        pixels = samples.picture(values)
        notes = [*notes, *samples.notes()]
    return ArraySlide(_upright(pixels, _orientation(page)), name, "tiff", scale, notes)


def _windowed(bits: int) -> Msg:
    return Msg("slide.note.windowed", {"bits": bits})


def _orientation(page: Page) -> int:
    value = int(page.tags.valueof(_ORIENTATION, 1))
    return value if 1 <= value <= 8 else 1


def _upright(pixels: Any, orientation: int) -> Any:
    """Undo TIFF's Orientation: where the first row and the first column of the file lie."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _um_per_px(page: Page) -> float | None:
    """µm on a pixel by the scanner's text (Aperio's MPP) or by the resolution tags."""
    found = re.search(r"\bMPP\s*=\s*([0-9.]+)", str(page.description)[:20_000])
    if found:
        value = float(found[1])
    else:
        ratio, unit = page.tags.valueof(282), page.tags.valueof(296, 2)
        if not ratio or not ratio[0] or unit not in _UM_PER_UNIT:
            return None
        value = _UM_PER_UNIT[unit] * ratio[1] / ratio[0]
    return value if _PLAUSIBLE_UM[0] <= value <= _PLAUSIBLE_UM[1] else None
