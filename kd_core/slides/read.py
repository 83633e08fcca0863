"""Opening a file from outside, in memory: the format is judged by content, never by name.

PNG, JPEG, BMP and DICOM are decoded whole, by the same code as the training images. A TIFF of one
small page is, too; every other TIFF (tiled, pyramidal, several pages, SVS and its relatives) is
read by tifffile, tile by tile. What tifffile cannot read is offered to OpenSlide where installed.
"""

from __future__ import annotations

import threading
import warnings

import numpy as np
from numpy.typing import NDArray

from kd_core.data.dicom_image import is_dicom
from kd_core.data.images import apply_window, decode
from kd_core.data.raw import RawImage
from kd_core.data.uploads import Limits
from kd_core.data.windows import Window
from kd_core.errors import DataError, UploadError
from kd_core.slides.read_openslide import can_open, open_with_openslide
from kd_core.slides.read_plain import notes_of, read_deep_png
from kd_core.slides.read_tiff import is_tiff, open_tiff
from kd_core.slides.slide import ArraySlide, Slide
from kd_core.text import Msg

SLIDE_LIMITS = Limits(image_bytes=2_000_000_000)
"""A tiled slide may be large as a file; what is decoded of it at once stays small."""

_quiet = threading.Lock()  # catch_warnings changes the whole process, so one at a time


BOMBS = ("slide_tile_too_large", "image_too_large", "slide_pages")
"""What asks for too much memory is given to no other reader."""


def open_slide(
    content: bytes, name: str = "", window: Window | None = None, limits: Limits | None = None
) -> Slide:
    """A picture of a file's bytes.

    Args:
        content: The file.
        name: For messages; plays no part in what it is.
        window: For DICOM and for images with more than 8 bits: how the training images were
            read. The default is the file's own window where it has one, else 1st to 99th
            percentile.
        limits: Bounds; :data:`SLIDE_LIMITS` when ``None``.

    Raises:
        UploadError: ``file_empty``, ``file_too_large``, ``image_format``, ``image_broken``,
            ``image_too_large``, ``image_pages``, ``slide_not_tiled`` and others of the readers.
        DataError: As :func:`kd_core.data.images.decode`.
    """
    limits = limits or SLIDE_LIMITS
    name = name or "image"
    if not content:
        raise UploadError("file_empty", name=name)
    if len(content) > limits.image_bytes:
        raise UploadError(
            "file_too_large", name=name, size_bytes=len(content), limit_bytes=limits.image_bytes
        )
    if is_tiff(content):
        return _open_tiff(content, name, window, limits)
    if is_dicom(content):
        return _open_dicom(content, name, window, limits)
    return _open_plain(content, name, window, limits)


def _open_plain(content: bytes, name: str, window: Window | None, limits: Limits) -> Slide:
    try:
        raw = decode(content, name, limits)
    except DataError as error:
        if error.code != "image_deep_colour":
            raise
        pixels = read_deep_png(content, name)
        note = Msg("slide.note.deep_colour", {"bits": error.fields["bits"]})
        return ArraySlide(pixels, name, "png", notes=[note])
    kind, notes = notes_of(content)
    return ArraySlide(_levels(raw, window), name, kind, notes=notes)


def _open_dicom(content: bytes, name: str, window: Window | None, limits: Limits) -> Slide:
    # A remark of pydicom may quote the file, which may name a patient: it must reach no log.
    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw = decode(content, name, limits)
    notes = [Msg("slide.note.dicom")]
    if raw.windowed:
        notes.append(Msg("slide.note.windowed", {"bits": raw.bits}))
    return ArraySlide(_levels(raw, window), name, "dicom", notes=notes)


def _levels(raw: RawImage, window: Window | None) -> NDArray[np.uint8]:
    """256 grey levels by the wanted window, or by the file's own where it has one."""
    stored = window is not None and window.kind == "stored"
    if raw.stored is None and stored:
        window = None  # the training images came with a window each, and this file has none
    if window is None:
        window = Window(kind="stored") if raw.stored is not None else Window()
    return apply_window(raw, window)


def _open_tiff(content: bytes, name: str, window: Window | None, limits: Limits) -> Slide:
    try:
        return open_tiff(content, name, window, limits)
    except DataError as error:
        if error.code in BOMBS or not can_open():
            raise
        slide = open_with_openslide(content, name)
        if slide is None:
            raise
        return slide
