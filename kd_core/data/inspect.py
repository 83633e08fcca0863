"""One look at every image before anything is stored: can it be read, and what is in it?"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from kd_core.data.images import apply_window, is_grey
from kd_core.data.originals import Images
from kd_core.data.windows import Window
from kd_core.errors import DataError

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do."""

# Pillow and hashing let other threads run; more than this gain nothing on a disk.
MAX_THREADS = 8


def threads() -> int:
    """How many images are decoded side by side."""
    return min(MAX_THREADS, os.cpu_count() or 1)


@dataclass(frozen=True)
class ImageFacts:
    """What one image is.

    Attributes:
        sha256: Hash of the stored image.
        width: Pixels.
        height: Pixels.
        grey: One channel, or three equal ones.
        bits: Bits of one sample in the file.
        low: Smallest stored value.
        high: Largest stored value.
        windowed: True when the values need a window.
    """

    sha256: str
    width: int
    height: int
    grey: bool
    bits: int
    low: float
    high: float
    windowed: bool


def look_at(images: Images, window: Window, i: int) -> ImageFacts | DataError:
    """Facts of image ``i``, or why it cannot be read with this window."""
    try:
        digest, raw = images.open(i)
        if raw.windowed:
            apply_window(raw, window)
    except DataError as error:
        return error
    known = raw.known_values()
    height, width = raw.values.shape[:2]
    return ImageFacts(
        sha256=digest,
        width=width,
        height=height,
        grey=is_grey(raw.values),
        bits=raw.bits,
        low=float(known.min()) if known.size else 0.0,
        high=float(known.max()) if known.size else 0.0,
        windowed=raw.windowed,
    )


def inspect(
    images: Images,
    ids: Sequence[str],
    window: Window,
    known: Mapping[str, ImageFacts] | None = None,
    progress: Progress | None = None,
) -> dict[str, ImageFacts | DataError]:
    """Facts or fault of every image by id.

    Args:
        images: The originals.
        ids: Their names, in the same order.
        window: Window to try on images that need one.
        known: Facts of an earlier look at the same originals, to be used again.
        progress: Called now and then.
    """
    known = known or {}
    facts: dict[str, ImageFacts | DataError] = {i: known[i] for i in ids if i in known}
    open_rows = [row for row, i in enumerate(ids) if i not in known]
    with ThreadPoolExecutor(threads()) as pool:
        looks = pool.map(partial(look_at, images, window), open_rows)
        for done, (row, look) in enumerate(zip(open_rows, looks, strict=True), 1):
            facts[ids[row]] = look
            if progress and (done % 64 == 0 or done == len(open_rows)):
                progress(done, len(open_rows))
    return facts
