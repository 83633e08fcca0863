"""From an image file to what a network is fed: the one path that every image takes.

    file ──decode──► RawImage ──window──► uint8 (H, W, C) ──prepare_image──► uint8 (C, S, S)

The decoded cache, predictions and the demo page all go this way, so an upload is prepared bit for
bit as the training images were. PNG, JPEG, TIFF and BMP are read by Pillow, DICOM by pydicom.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from kd_core.data.dicom_image import decode_dicom, is_dicom
from kd_core.data.raw import RawImage
from kd_core.data.uploads import ImageHeader, Limits, check_image
from kd_core.data.windows import Window, to_uint8
from kd_core.errors import DataError

INTERPOLATION = "bilinear-antialias-stretch"
"""How :func:`prepare_image` resizes. Images that are not square are stretched: bars beside the
image would give its shape away to the network, and cropping would lose its rim."""

_DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
_DAMAGED = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, RuntimeError)


def read_image(
    source: Path | bytes, window: Window | None = None, name: str = "", limits: Limits | None = None
) -> NDArray[np.uint8]:
    """An image file as uint8 (H, W, C) with C = 1 for grey and 3 for colour.

    Args:
        source: A file, or its bytes.
        window: For images with more than 8 bits and for DICOM; the default when ``None``.
        name: For messages; the file's own name when empty.
        limits: Largest file and image; the defaults of uploads when ``None``.

    Raises:
        DataError: Those of :func:`decode`, and ``window_not_stored``.
    """
    return apply_window(decode(source, name, limits), window or Window())


def apply_window(raw: RawImage, window: Window) -> NDArray[np.uint8]:
    """The decoded image with 256 levels, (H, W, C).

    Raises:
        DataError: ``window_not_stored``.
    """
    if raw.windowed:
        levels = to_uint8(raw.values, *window.bounds(raw.known_values(), raw.stored))
    else:
        levels = raw.values.astype(np.uint8, copy=False)
    return 255 - levels if raw.inverted else levels


def decode(source: Path | bytes, name: str = "", limits: Limits | None = None) -> RawImage:
    """An image file with its own values, upright, after its header was checked.

    Transparent parts become black, palettes and CMYK become RGB. Colour with more than 8 bits a
    channel is refused, because Pillow would keep only the upper 8 of them without a word.

    Raises:
        DataError: ``image_broken``, ``image_deep_colour``, ``image_too_large`` and the others of
            :func:`~kd_core.data.uploads.check_image`, and those of
            :func:`~kd_core.data.dicom_image.decode_dicom`.
    """
    name = name or (source.name if isinstance(source, Path) else "image")
    limits = limits or Limits()
    data = source.read_bytes() if isinstance(source, Path) else source
    if is_dicom(data):
        return decode_dicom(data, name, limits.pixels)
    header = check_image(data, limits, decode=False, name=name)
    if header.bits > 8 and header.mode not in _DEEP_MODES:
        raise DataError("image_deep_colour", name=name, bits=header.bits)
    try:
        with Image.open(io.BytesIO(data), formats=(header.format,)) as image:
            return _from_pillow(image, header)
    except _DAMAGED as error:
        raise DataError("image_broken", name=name, detail=str(error)[:120]) from None


def _from_pillow(image: Image.Image, header: ImageHeader) -> RawImage:
    image = ImageOps.exif_transpose(image)
    if image.mode in _DEEP_MODES:
        # Pillow keeps the file's byte order; numpy's own is what everything below expects.
        values = np.asarray(image)
        values = values.astype(values.dtype.newbyteorder("="))[..., None]  # (H, W, 1)
        return RawImage(values, bits=header.bits, windowed=True)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image).convert("RGB")
        grey = header.mode in ("L", "LA", "1")
    else:
        grey = image.mode in ("1", "L")
    values = np.asarray(image.convert("L" if grey else "RGB"))
    return RawImage(values.reshape(*values.shape[:2], -1), bits=8, windowed=False)


def is_grey(image: NDArray[Any]) -> bool:
    """True for one channel, or three equal ones, as many grey images are stored; (H, W, C).

    >>> is_grey(np.zeros((4, 4, 3))), is_grey(np.array([[[1, 2, 3]]]))
    (True, False)
    """
    return bool((image == image[..., :1]).all())


def to_channels(image: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """The image with 1 or 3 channels, (H, W, ``channels``).

    Colour becomes grey by ITU-R BT.601 luma, ``0.299 R + 0.587 G + 0.114 B``; equal channels
    keep their value exactly.

    >>> to_channels(np.full((1, 1, 3), 77, np.uint8), 1).tolist()
    [[[77]]]
    """
    if image.shape[2] == channels:
        return image
    if channels == 3:
        return np.repeat(image, 3, axis=2)
    return np.asarray(Image.fromarray(image).convert("L"))[..., None]


def shrink(image: NDArray[np.uint8], side: int = 160) -> NDArray[np.uint8]:
    """The image with its shape, no side longer than ``side`` pixels; for looking at."""
    height, width, channels = image.shape
    if max(height, width) <= side:
        return image
    small = Image.fromarray(image[..., 0] if channels == 1 else image)
    small.thumbnail((side, side), Image.Resampling.BILINEAR)
    return np.asarray(small).reshape(small.height, small.width, channels)


def prepare_image(image: NDArray[np.uint8], size: int, channels: int) -> NDArray[np.uint8]:
    """An image as a network of this size wants it: uint8 (C, S, S).

    Resized to a square by Pillow's antialiased bilinear filter, whose integer arithmetic gives
    the same bytes on every machine (:data:`INTERPOLATION`).

    Args:
        image: uint8 (H, W, 1 or 3), or (H, W) for grey.
        size: S in pixels.
        channels: C, 1 or 3.

    Raises:
        DataError: ``image_shape``.

    >>> prepare_image(np.full((5, 9, 3), 50, np.uint8), size=2, channels=1).tolist()
    [[[50, 50], [50, 50]]]
    """
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] not in (1, 3) or image.dtype != np.uint8:
        raise DataError("image_shape", shape=list(image.shape), dtype=str(image.dtype))
    image = to_channels(image, channels)
    if image.shape[:2] != (size, size):
        flat = Image.fromarray(image[..., 0] if channels == 1 else image)
        image = np.asarray(flat.resize((size, size), Image.Resampling.BILINEAR))
    return np.ascontiguousarray(image.reshape(size, size, channels).transpose(2, 0, 1))
