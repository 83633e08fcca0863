"""What can spoil an image between the patient and the model, in five graded severities.

The idea of Hendrycks & Dietterich 2019, with changes that happen in a clinic: out of focus, little
light, another scanner, a poor file, another batch of stain. An image is spoilt in the same way
whatever else is in the batch, and at every severity in the same direction, so that curves of
several models can be compared image by image.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from kd_core.data.draws import Draws
from kd_core.errors import ConfigError
from kd_core.registry import Entry, Registry

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Apply = Callable[[Pixels, float, NDArray[np.int64], int], Pixels]

SEVERITIES = (1, 2, 3, 4, 5)
CHUNK = 256
"""Images spoilt at once; at 64 px their floats take about 13 MB."""


@dataclass(frozen=True, kw_only=True)
class CorruptionSpec(Entry):
    """One way to spoil images.

    Attributes:
        apply: (uint8 (n, C, S, S), strength, number of each image, seed) to uint8 of that shape.
        strengths: One for each severity, rising in effect.
        unit: What a strength is.
        colour_only: Whether it needs three channels.
    """

    apply: Apply
    strengths: tuple[float, ...]
    unit: str
    colour_only: bool = False


CORRUPTIONS: Registry[CorruptionSpec] = Registry("corruption")


def corrupt(
    images: Pixels,
    name: str,
    severity: int,
    index: NDArray[np.integer] | None = None,
    seed: int = 0,
) -> Pixels:
    """The images, spoilt; severity 0 leaves them as they are.

    Args:
        images: uint8 (n, C, S, S).
        name: Entry of ``CORRUPTIONS``.
        severity: 0 to 5.
        index: Number of each image in its part, (n,); 0, 1, … where left out.
        seed: Of the random part.

    Returns:
        uint8 (n, C, S, S).

    Raises:
        ConfigError: ``entry_unknown``; ``corruption_severity``; ``corruption_colour`` for a change
            of stain in grey images.

    >>> images = np.full((2, 3, 8, 8), 100, np.uint8)
    >>> bool((corrupt(images, "blur", 3) == images).all())  # nothing to blur
    True
    """
    spec = CORRUPTIONS[name]
    if severity not in (0, *SEVERITIES):
        raise ConfigError("corruption_severity", got=severity, most=SEVERITIES[-1])
    if spec.colour_only and images.shape[1] != 3:
        raise ConfigError("corruption_colour", name=name)
    if severity == 0 or not len(images):
        return images
    numbers = np.arange(len(images)) if index is None else np.asarray(index, np.int64)
    strength = spec.strengths[severity - 1]
    parts = [
        spec.apply(images[start : start + CHUNK], strength, numbers[start : start + CHUNK], seed)
        for start in range(0, len(images), CHUNK)
    ]
    return np.concatenate(parts)


def fitting(channels: int) -> tuple[str, ...]:
    """Names of the corruptions for images of so many channels.

    >>> "stain" in fitting(3), "stain" in fitting(1)
    (True, False)
    """
    return tuple(n for n, spec in CORRUPTIONS.items() if channels == 3 or not spec.colour_only)


# ---------------------------------------------------------------- kernels


def _rounded(values: NDArray[Any]) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def blur(images: Pixels, strength: float, index: NDArray[np.int64], seed: int) -> Pixels:
    """A Gaussian of ``strength`` · S pixels, mirrored at the edges."""
    sigma = strength * images.shape[-1]
    return _rounded(ndimage.gaussian_filter(images.astype(np.float32), (0, 0, sigma, sigma)))


def noise(images: Pixels, strength: float, index: NDArray[np.int64], seed: int) -> Pixels:
    """Gaussian noise with an sd of ``strength`` · 255, its own in each image."""
    drawn = [
        np.random.default_rng([seed, int(i)]).standard_normal(images.shape[1:], np.float32)
        for i in index
    ]  # (n)(C, S, S)
    return _rounded(images + np.float32(255 * strength) * np.stack(drawn))


def jpeg(images: Pixels, strength: float, index: NDArray[np.int64], seed: int) -> Pixels:
    """Saved as JPEG of quality ``strength`` and read again."""
    return np.stack([_through_jpeg(image, int(strength)) for image in images])


def _through_jpeg(image: Pixels, quality: int) -> Pixels:
    buffer = io.BytesIO()
    grey = image.shape[0] == 1
    Image.fromarray(image[0] if grey else image.transpose(1, 2, 0)).save(
        buffer, "JPEG", quality=quality
    )
    with Image.open(buffer) as opened:
        found = np.asarray(opened)
    return np.ascontiguousarray(found[None] if grey else found.transpose(2, 0, 1))


def brightness(images: Pixels, strength: float, index: NDArray[np.int64], seed: int) -> Pixels:
    """Lighter or darker by ``strength`` · 255, half of the images each."""
    shift = 255 * strength * Draws(seed, index, 0).sign()  # (n,)
    return _rounded(images + shift[:, None, None, None])


def contrast(images: Pixels, strength: float, index: NDArray[np.int64], seed: int) -> Pixels:
    """Distances from the image's own mean are multiplied by ``1 − strength``."""
    mean = images.mean((1, 2, 3), keepdims=True)  # (n, 1, 1, 1)
    return _rounded(mean + (1 - strength) * (images - mean))


# Optical densities of haematoxylin, eosin and DAB in red, green and blue (Ruifrok & Johnston 2001).
RGB_FROM_HED = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
HED_FROM_RGB = np.linalg.inv(RGB_FROM_HED)


def stain(images: Pixels, strength: float, index: NDArray[np.int64], seed: int) -> Pixels:
    """Each stain is stronger or weaker, and its ground darker or lighter, at random.

    ``c′ = c · (1 + s u) + s v / 4`` for each stain's density c, with u and v in [−1, 1] drawn for
    the image (after Tellez et al. 2018), and density −ln((x + 1) / 256).
    """
    draws = Draws(seed, index, 0)
    scale = np.stack([draws.uniform(-1, 1) for _ in range(3)], 1)  # (n, 3)
    shift = np.stack([draws.uniform(-1, 1) for _ in range(3)], 1)
    density = -np.log((images.astype(np.float64) + 1) / 256)  # (n, 3, S, S)
    stains = np.einsum("nchw,cd->ndhw", density, HED_FROM_RGB)
    stains = stains * (1 + strength * scale)[..., None, None]
    stains = stains + (strength * shift / 4)[..., None, None]
    density = np.einsum("ndhw,dc->nchw", stains, RGB_FROM_HED)
    return _rounded(256 * np.exp(-density) - 1)


# ---------------------------------------------------------------- entries

_HENDRYCKS = "Hendrycks & Dietterich 2019"
CORRUPTIONS.add(
    "blur",
    CorruptionSpec(
        apply=blur,
        strengths=(0.012, 0.018, 0.025, 0.034, 0.045),
        unit="share of the side",
        source=_HENDRYCKS,
    ),
)
CORRUPTIONS.add(
    "noise",
    CorruptionSpec(
        apply=noise,
        strengths=(0.02, 0.04, 0.08, 0.12, 0.18),
        unit="share of the range",
        source=_HENDRYCKS,
    ),
)
CORRUPTIONS.add(
    "jpeg",
    CorruptionSpec(apply=jpeg, strengths=(60, 40, 25, 15, 8), unit="quality", source=_HENDRYCKS),
)
CORRUPTIONS.add(
    "brightness",
    CorruptionSpec(
        apply=brightness,
        strengths=(0.05, 0.1, 0.15, 0.2, 0.3),
        unit="share of the range",
        source=_HENDRYCKS,
    ),
)
CORRUPTIONS.add(
    "contrast",
    CorruptionSpec(
        apply=contrast,
        strengths=(0.2, 0.35, 0.5, 0.65, 0.8),
        unit="share that is lost",
        source=_HENDRYCKS,
    ),
)
CORRUPTIONS.add(
    "stain",
    CorruptionSpec(
        apply=stain,
        strengths=(0.05, 0.1, 0.2, 0.3, 0.45),
        unit="share of a stain's density",
        colour_only=True,
        source="Ruifrok & Johnston 2001; Tellez et al. 2018",
    ),
)
