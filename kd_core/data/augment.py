"""Augmentation by batch kernels, with each image's own draw from (seed, image, view).

torchvision's v2 transforms give all images of a batch the same draw; here one affine resampling
and one linear change of the values treat the batch at once with a matrix and a gain an image. The
result is rounded to uint8, so that it can be stored, and the pixels that a cached teacher saw are
bit for bit the pixels that its student sees, however the batches are put together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from kd_core.data.draws import Draws
from kd_core.registry import Entry, Param, Registry


@dataclass(frozen=True, kw_only=True)
class AugmentSpec(Entry):
    """One kind of augmentation.

    Attributes:
        apply: (images uint8 (n, C, S, S), draws, checked parameters) to uint8 of the same shape.
    """

    apply: Callable[[Tensor, Draws, Mapping[str, Any]], Tensor]


CPU_CHUNK = 16
"""Images treated at once on a CPU: at 64 px their floats then stay in its cache (about 1 MB), which
doubles the speed; the result does not depend on it."""

AUGMENTATIONS: Registry[AugmentSpec] = Registry("augment")


def augment_batch(
    images: Tensor,
    name: str,
    seed: int,
    index: Tensor | NDArray[np.integer],
    view: int | Tensor | NDArray[np.integer],
    params: Mapping[str, Any] | None = None,
) -> Tensor:
    """The images at one view; on the CPU bit for bit the same whatever else is in the batch.

    Args:
        images: uint8 (n, C, S, S).
        name: Entry of ``AUGMENTATIONS``.
        seed: Seed of the run.
        index: Number of each image in its part, (n,).
        view: View, one for all or one an image, (n,).
        params: The entry's parameters; its defaults where left out.

    Returns:
        uint8 (n, C, S, S) on the same device.

    Raises:
        ConfigError: ``entry_unknown``, or a parameter is not legal.

    >>> images = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    >>> bool((augment_batch(images, "none", 0, np.arange(2), 0) == images).all())
    True
    """
    spec = AUGMENTATIONS[name]
    values = spec.check(params or {})
    numbers = _numbers(index)
    views = np.broadcast_to(view if isinstance(view, int) else _numbers(view), len(numbers))
    step = CPU_CHUNK if images.device.type == "cpu" else max(len(numbers), 1)
    result = torch.empty_like(images)
    for start in range(0, len(numbers), step):
        some = slice(start, start + step)
        result[some] = spec.apply(images[some], Draws(seed, numbers[some], views[some]), values)
    return result


def _numbers(values: Tensor | NDArray[np.integer]) -> NDArray[np.integer]:
    return values.cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


# ---------------------------------------------------------------- kernels


def matrices(
    angle: NDArray[np.float64],
    zoom: NDArray[np.float64] | float = 1.0,
    shift: tuple[NDArray[np.float64] | float, NDArray[np.float64] | float] = (0.0, 0.0),
    flip: tuple[NDArray[np.float64] | float, NDArray[np.float64] | float] = (1.0, 1.0),
) -> NDArray[np.float64]:
    """Affine maps from places in the result to places in the image, (n, 2, 3).

    Places are (x, y) in [−1, 1] from the left and upper edge. The result is shifted, flipped
    (−1), enlarged by ``zoom`` and turned by ``angle`` (radians).

    >>> bool((matrices(np.zeros(1)) == [[1, 0, 0], [0, 1, 0]]).all())
    True
    """
    cos, sin = np.cos(angle) / zoom, np.sin(angle) / zoom
    rows = [
        [cos * flip[0], -sin * flip[1], shift[0] + 0 * cos],
        [sin * flip[0], cos * flip[1], shift[1] + 0 * cos],
    ]
    return np.array(rows).transpose(2, 0, 1)


def resample(images: Tensor, maps: NDArray[np.float64]) -> Tensor:
    """Images under affine maps, bilinear, mirrored at the edges; float32 (n, C, S, S).

    The grid is made by single multiplications and additions instead of ``affine_grid``, whose
    matrix product may round differently in batches of different size.
    """
    side = images.shape[-1]
    m = torch.from_numpy(maps.astype(np.float32)).to(images.device)[
        :, None, None
    ]  # (n, 1, 1, 2, 3)
    centres = (torch.arange(side, device=images.device) + 0.5) * (2 / side) - 1  # (S,)
    across = m[..., 0] * centres[:, None]  # (n, 1, S, 2)
    down = m[..., 1] * centres[:, None, None] + m[..., 2]  # (n, S, 1, 2)
    return F.grid_sample(
        images, across + down, mode="bilinear", padding_mode="reflection", align_corners=False
    )


def change_light(
    pixels: Tensor,
    mean: NDArray[np.float64],
    brightness: NDArray[np.float64],
    contrast: NDArray[np.float64],
    tint: NDArray[np.float64] | None = None,
) -> Tensor:
    """``brightness · tint · (contrast · (x − mean) + mean)``, rounded; uint8 (n, C, S, S).

    Args:
        pixels: float32 (n, C, S, S) from 0 to 255, overwritten.
        mean: Mean of each image before it was resampled, (n,).
        brightness: Factors (n,).
        contrast: Factors (n,).
        tint: Factors for each channel (n, C), or ``None``.
    """
    colour = np.ones((1, pixels.shape[1])) if tint is None else tint
    gain = (brightness * contrast)[:, None] * colour  # (n, C)
    offset = (brightness * (1 - contrast) * mean)[:, None] * colour  # (n, C)
    for factor, operation in ((gain, pixels.mul_), (offset, pixels.add_)):
        operation(torch.from_numpy(factor.astype(np.float32)).to(pixels.device)[..., None, None])
    return pixels.clamp_(0, 255).round_().to(torch.uint8)


def _transform(
    images: Tensor, maps: NDArray[np.float64], draws: Draws, p: Mapping[str, Any]
) -> Tensor:
    """Resample by the maps and change the light by the entry's parameters."""
    floats = images.float()  # (n, C, S, S)
    # Sums of whole numbers are exact, so the mean does not depend on how a batch is added up.
    total = floats.sum(3).to(torch.int64).sum((1, 2)).cpu().numpy()  # (n,)
    mean = total / images[0].numel()
    brightness = draws.uniform(1 - p["brightness"], 1 + p["brightness"])
    contrast = draws.uniform(1 - p["contrast"], 1 + p["contrast"])
    channels = images.shape[1]
    tint = None
    if channels == 3 and p.get("tint"):
        tint = np.column_stack([draws.uniform(1 - p["tint"], 1 + p["tint"]) for _ in range(3)])
    return change_light(resample(floats, maps), mean, brightness, contrast, tint)


# ---------------------------------------------------------------- entries


def none(images: Tensor, draws: Draws, p: Mapping[str, Any]) -> Tensor:
    """The images as they are."""
    return images


def cells(images: Tensor, draws: Draws, p: Mapping[str, Any]) -> Tensor:
    """Seen through a microscope nothing is up: any of eight flips and quarter turns, then a bit."""
    quarter = draws.below(4) * (np.pi / 2)
    angle = quarter + np.deg2rad(draws.uniform(-p["rotation"], p["rotation"]))
    return _transform(images, matrices(angle, flip=(draws.sign(), 1.0)), draws, p)


def upright(images: Tensor, draws: Draws, p: Mapping[str, Any]) -> Tensor:
    """Small changes of place and size that keep up and down; left and right swap on request."""
    angle = np.deg2rad(draws.uniform(-p["rotation"], p["rotation"]))
    zoom = draws.uniform(1 - p["zoom"], 1 + p["zoom"])
    # Half a side is 1 in these coordinates, hence the factor 2.
    shift = tuple(2 * draws.uniform(-p["shift"], p["shift"]) for _ in range(2))
    flip = (draws.sign() if p["hflip"] else 1.0, 1.0)
    return _transform(images, matrices(angle, zoom, (shift[0], shift[1]), flip), draws, p)


def _rotation(default: float) -> Param:
    return Param("rotation", "float", default, low=0, high=180, unit="°")


_LIGHT = (
    Param("brightness", "float", 0.1, low=0, high=0.9, step=0.05),
    Param("contrast", "float", 0.1, low=0, high=0.9, step=0.05),
)
_TINT = Param("tint", "float", 0.05, low=0, high=0.9, step=0.05)
_PLACE = (
    Param("shift", "float", 0.05, low=0, high=0.5, step=0.01),
    Param("zoom", "float", 0.1, low=0, high=0.5, step=0.01),
    Param("hflip", "bool", True),
)

AUGMENTATIONS.add("none", AugmentSpec(apply=none))
AUGMENTATIONS.add("cells", AugmentSpec(apply=cells, params=(_rotation(15.0), *_LIGHT, _TINT)))
AUGMENTATIONS.add(
    "chest",
    AugmentSpec(
        apply=upright,
        source="Rajpurkar et al. 2017 (CheXNet) for the horizontal flip",
        params=(_rotation(7.0), *_PLACE, *_LIGHT),
    ),
)
AUGMENTATIONS.add(
    "generic", AugmentSpec(apply=upright, params=(_rotation(10.0), *_PLACE, *_LIGHT, _TINT))
)
