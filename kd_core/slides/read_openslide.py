"""Formats of slide scanners that tifffile does not read, by OpenSlide where it is installed.

OpenSlide reads from a file only: the content is written to a private temporary file, which goes
when the slide is closed or forgotten, or at the latest when the program ends.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
import weakref
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kd_core.errors import UploadError
from kd_core.slides.slide import Level, Slide
from kd_core.text import Msg

EXTRA = "openslide"
"""Name of the extra in pyproject.toml."""


def can_open() -> bool:
    """True where the optional OpenSlide is installed."""
    return importlib.util.find_spec("openslide") is not None


def open_with_openslide(content: bytes, name: str) -> Slide | None:
    """The slide, or ``None`` if OpenSlide does not know the format."""
    import openslide

    path = _private_file(content)
    try:
        handle = openslide.OpenSlide(str(path))
    except openslide.OpenSlideError:
        path.unlink(missing_ok=True)
        return None
    return _OpenSlide(handle, path, name)


def _private_file(content: bytes) -> Path:
    """A file that only this user can read; mkstemp makes it with mode 0600."""
    number, path = tempfile.mkstemp(prefix="kdlab-slide-")
    with os.fdopen(number, "wb") as file:
        file.write(content)
    return Path(path)


class _OpenSlide(Slide):
    def __init__(self, handle: "openslide.OpenSlide", path: Path, name: str) -> None:  # type: ignore[name-defined]  # noqa: F821, UP037
        levels = [
            Level(width, height, downsample)
            for (width, height), downsample in zip(
                handle.level_dimensions, handle.level_downsamples, strict=True
            )
        ]
        micron = handle.properties.get("openslide.mpp-x")
        super().__init__(
            name,
            str(handle.properties.get("openslide.vendor", EXTRA)),
            levels,
            channels=3,
            um_per_px=float(micron) if micron else None,
            notes=[Msg("slide.note.temporary_file")],
        )
        self._handle = handle
        self._remove = weakref.finalize(self, _forget, handle, path)

    def _read(self, x: int, y: int, width: int, height: int, level: int) -> NDArray[np.uint8]:
        import openslide

        scale = self.levels[level].downsample  # OpenSlide wants the corner in finest pixels
        corner = (round(x * scale), round(y * scale))
        try:
            region = self._handle.read_region(corner, level, (width, height))  # RGBA
        except openslide.OpenSlideError as error:
            raise UploadError("image_broken", name=self.name, detail=str(error)[:120]) from None
        white = Image.new("RGBA", region.size, (255, 255, 255, 255))
        return np.asarray(Image.alpha_composite(white, region).convert("RGB"))

    def close(self) -> None:
        self._remove()


def _forget(handle: "openslide.OpenSlide", path: Path) -> None:  # type: ignore[name-defined]  # noqa: F821, UP037
    handle.close()
    path.unlink(missing_ok=True)
