"""Images that are drawn, to compare two ways of running a model: nobody's data leaves with them.

Raw files of every kind that a device may meet (odd sizes, grey, transparent, a palette, 16 bits, a
photograph that lies on its side), and pixels that are ready for a network.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SEED = 20
ORIENTATION = 0x0112  # EXIF tag
ON_ITS_SIDE = 6


def golden_images(deep: bool = True) -> dict[str, bytes]:
    """Raw image files by name, the same bytes with the same Pillow.

    Args:
        deep: Also one with 16 bits, which some sets' windows cannot read.

    >>> sorted(golden_images(deep=False))[:3]
    ['colour.png', 'grey.png', 'on_its_side.jpg']
    """
    photo = Image.fromarray(drawn(101, 150))
    exif = Image.Exif()
    exif[ORIENTATION] = ON_ITS_SIDE
    clear = drawn(75, 64)
    alpha = np.linspace(0, 255, 75 * 64).reshape(75, 64, 1).astype(np.uint8)
    images = {
        "colour.png": _file(Image.fromarray(drawn(97, 61)), "PNG"),
        "photo.jpg": _file(photo, "JPEG", quality=90),
        "on_its_side.jpg": _file(photo, "JPEG", quality=90, exif=exif),
        "grey.png": _file(Image.fromarray(drawn(143, 131)).convert("L"), "PNG"),
        "transparent.png": _file(Image.fromarray(np.concatenate([clear, alpha], 2)), "PNG"),
        "palette.png": _file(Image.fromarray(drawn(50, 83)).quantize(32), "PNG"),
        "tiny.png": _file(Image.fromarray(drawn(5, 7)), "PNG"),
        "scan.tif": _file(Image.fromarray(drawn(211, 160)), "TIFF"),
    }
    if deep:
        levels = drawn(120, 90).astype(np.uint16).mean(2) * 170  # 12 bits in 16, as of an X-ray
        images["deep.png"] = _file(Image.fromarray(levels.astype(np.uint16)), "PNG")
    return images


def golden_pixels(n: int, size: int, channels: int) -> NDArray[np.uint8]:
    """Pixels that are ready for a network, (n, C, S, S)."""
    images = np.stack([drawn(size, size, seed) for seed in range(n)])  # (n, S, S, 3)
    return np.ascontiguousarray(images[..., :channels].transpose(0, 3, 1, 2))


def drawn(height: int, width: int, seed: int = SEED) -> NDArray[np.uint8]:
    """Smooth colours with a dark round thing on them and some grain, (H, W, 3)."""
    rng = np.random.default_rng([seed, height, width])
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    waves = rng.uniform(2, 9, (3, 2))
    shift = rng.uniform(0, 6, 3)
    colour = [np.sin(a * x + b * y + c) for (a, b), c in zip(waves, shift, strict=True)]
    image = 150 + 70 * np.stack(colour, 2)  # (H, W, 3)
    centre = rng.uniform(0.2, 0.5, 2)
    image[np.hypot(y - centre[0], x - centre[1]) < rng.uniform(0.08, 0.2)] *= 0.5
    return (image + rng.normal(0, 8, image.shape)).clip(0, 255).astype(np.uint8)


def _file(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
