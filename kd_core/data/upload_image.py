"""One image file from outside: what it is, judged by its content and before it is decoded."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from PIL import BmpImagePlugin, ImageFile, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from kd_core.data.upload_common import Limits, Source, check_size, name_of, opened
from kd_core.errors import UploadError

# The format's own reader instead of Image.open: the content alone decides, no other reader is
# ever tried, and Pillow's process-wide warning about large images stays out of the way.
_READERS: tuple[tuple[str, bytes, type[ImageFile.ImageFile]], ...] = (
    ("PNG", b"\x89PNG\r\n\x1a\n", PngImagePlugin.PngImageFile),
    ("JPEG", b"\xff\xd8\xff", JpegImagePlugin.JpegImageFile),
    ("TIFF", b"II*\x00", TiffImagePlugin.TiffImageFile),
    ("TIFF", b"MM\x00*", TiffImagePlugin.TiffImageFile),
    ("TIFF", b"II+\x00", TiffImagePlugin.TiffImageFile),  # BigTIFF
    ("BMP", b"BM", BmpImagePlugin.BmpImageFile),
)
FORMATS = tuple(dict.fromkeys(name for name, _, _ in _READERS))
_TIFF_BITS_PER_SAMPLE = 258
_PNG_BIT_DEPTH = 24  # offset in the file: signature 8, chunk head 8, width 4, height 4


@dataclass(frozen=True)
class ImageHeader:
    """What the header of an image says.

    Attributes:
        format: One of ``FORMATS``.
        width: Pixels.
        height: Pixels.
        mode: Pillow's mode, such as ``L``, ``RGB`` or ``I;16``.
        bits: Bits of one sample in the file; Pillow's mode can have fewer.
    """

    format: str
    width: int
    height: int
    mode: str
    bits: int


def check_image(
    source: Source | bytes, limits: Limits | None = None, decode: bool = True, name: str = ""
) -> ImageHeader:
    """Refuse what is not one whole PNG, JPEG, TIFF or BMP image of a sane size.

    Args:
        source: The image; its name plays no part in what it is.
        limits: Bounds; the defaults when ``None``.
        decode: Also decode it, which finds a file that ends too early; leave it out where the
            image is decoded right afterwards.
        name: Shown in messages; the file's own name when empty.

    Raises:
        UploadError: ``file_empty``, ``file_too_large``, ``image_format``, ``image_broken``,
            ``image_too_large`` or ``image_pages``.
    """
    limits = limits or Limits()
    if isinstance(source, bytes):
        source = io.BytesIO(source)
    name = name or name_of(source)
    with opened(source) as file:
        check_size(file, name, limits.image_bytes)
        head = file.read(_PNG_BIT_DEPTH + 1)
        file.seek(0)
        with _broken_is_told(name):
            kind, image = _read_header(file, head, name)
            _check_pixels(image, name, limits)
            if getattr(image, "is_animated", False):  # Pillow's word for several pages, too
                raise UploadError("image_pages", name=name)
            bits = _bits(kind, image, head)
            if decode:
                image.load()
    return ImageHeader(kind, image.width, image.height, image.mode, bits)


@contextmanager
def _broken_is_told(name: str) -> Iterator[None]:
    """Turn what Pillow's readers raise on damaged files into ``image_broken``."""
    try:
        yield
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError) as error:
        raise UploadError("image_broken", name=name, detail=str(error)[:120]) from None
    except (struct.error, zlib.error, OverflowError) as error:
        raise UploadError("image_broken", name=name, detail=str(error)[:120]) from None


def _read_header(file: BinaryIO, head: bytes, name: str) -> tuple[str, ImageFile.ImageFile]:
    for kind, magic, reader in _READERS:
        if head.startswith(magic):
            return kind, reader(file)
    raise UploadError("image_format", name=name, formats=list(FORMATS))


def _check_pixels(image: ImageFile.ImageFile, name: str, limits: Limits) -> None:
    width, height = image.size
    if width * height > limits.pixels:
        raise UploadError(
            "image_too_large", name=name, width=width, height=height, limit=limits.pixels
        )
    if width < 1 or height < 1:
        raise UploadError("image_broken", name=name, detail=f"{width} x {height}")


def _bits(kind: str, image: ImageFile.ImageFile, head: bytes) -> int:
    if kind == "PNG":
        return head[_PNG_BIT_DEPTH]
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return int(image.tag_v2.get(_TIFF_BITS_PER_SAMPLE, (1,))[0])
    return 8
