"""What must be said about a PNG, JPEG or BMP file, and PNG colour with 16 bits a channel."""

from __future__ import annotations

import io
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kd_core.data.uploads import FORMATS
from kd_core.errors import UploadError
from kd_core.text import Msg

_ORIENTATION = 0x0112  # EXIF tag; 1 is upright
_DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


def notes_of(content: bytes) -> tuple[str, list[Msg]]:
    """Kind, and what was done to make a plain picture of a file that has been decoded before.

    Only the header is read again; metadata other than the orientation are looked at nowhere.
    """
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        turned = image.getexif().get(_ORIENTATION, 1) not in (0, 1)
        notes = [
            ("slide.note.turned", turned),
            ("slide.note.cmyk", image.mode == "CMYK"),
            ("slide.note.palette", image.mode in ("P", "PA")),
            ("slide.note.alpha", image.mode in ("RGBA", "LA", "PA") or _transparent(image)),
        ]
        found = [Msg(text_id) for text_id, applies in notes if applies]
        if image.mode in _DEEP_MODES:
            found.append(Msg("slide.note.windowed", {"bits": 32 if image.mode == "F" else 16}))
        return str(image.format).lower(), found


def _transparent(image: Image.Image) -> bool:
    return "transparency" in image.info


def read_deep_png(content: bytes, name: str) -> NDArray[np.uint8]:
    """Colour or grey-with-alpha of 16 bits a channel as uint8 (H, W, 3); its size was checked.

    Raises:
        UploadError: ``image_broken``.
    """
    try:
        values = imagecodecs.png_decode(content)
    except (imagecodecs.PngError, ValueError) as error:
        raise UploadError("image_broken", name=name, detail=str(error)[:120]) from None
    if values.ndim == 2:
        values = values[..., None]
    return over_black(eight_bits(values))


def eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Whole-range 16-bit values as 8-bit ones: 65,535 becomes 255.

    >>> eight_bits(np.array([0, 257, 65535], np.uint16)).tolist()
    [0, 1, 255]
    """
    if values.dtype == np.uint8:
        return values
    return np.asarray((values.astype(np.uint32) + 128) // 257, np.uint8)


def over_black(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey or colour (H, W, 1 to 4) as colour or grey without its alpha, laid over black.

    As in training, where transparent parts become black.
    """
    if pixels.shape[2] in (1, 3):
        return pixels
    colour = pixels[..., :-1].astype(np.uint16) * pixels[..., -1:]  # (H, W, 1 or 3)
    opaque = ((colour + 127) // 255).astype(np.uint8)
    return np.repeat(opaque, 3, axis=2) if opaque.shape[2] == 1 else opaque
