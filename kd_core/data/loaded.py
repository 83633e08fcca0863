"""What training and evaluation see of a data set: decoded parts at one size.

Everything before this (formats, windows, splits, caches) ends here, and everything after it
(loops, losses, metrics) starts here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kd_core.data.windows import Window

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Part:
    """One part of a data set, in a fixed order.

    Attributes:
        images: uint8 (N, C, S, S); usually memory-mapped, so slice it, never copy it whole.
        targets: int64 (N,) for ``classification``; float32 (N, L) in {0, 1} for ``multilabel``,
            where NaN means "unknown, ignore".
        ids: One stable name an image.
        patients: Patient names (N,), or ``None`` where they are not known.
        groups: Subgroup columns (site, scanner, sex, …), each (N,).
    """

    images: NDArray[np.uint8]
    targets: NDArray[np.int64] | NDArray[np.float32]
    ids: tuple[str, ...]
    patients: NDArray[np.str_] | None = None
    groups: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class LoadedData:
    """A data set decoded at one size.

    Attributes:
        name: Name in the data library.
        hash: Content hash of the data set (independent of the size).
        task: Entry of ``TASKS``.
        classes: Class or label names, in the order of the outputs.
        size: Side of the square images in pixels.
        mean: Channel means of the training part in [0, 1], (C,).
        std: Channel standard deviations of the training part, (C,), never 0.
        parts: ``train``, ``val``, ``test``; an external test set has only ``test``.
        augment: Default entry of ``AUGMENTATIONS`` for this kind of image.
        interpolation: How images were resized, e.g. ``bilinear-antialias-stretch``.
        synthetic: True for images that a generator made.
        fold: Which part of a cross-validation this is; empty for the data set's own split.
        window: How images with more than 256 grey levels were read; uploads are read likewise.
    """

    name: str
    hash: str
    task: str
    classes: tuple[str, ...]
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    parts: Mapping[str, Part]
    augment: str = "none"
    interpolation: str = "bilinear-antialias"
    synthetic: bool = False
    fold: str = ""
    window: Window = field(default_factory=Window)

    @property
    def identity(self) -> str:
        """The content with its split: what stored outputs of the training part belong to."""
        return f"{self.hash} {self.fold}".strip()

    @property
    def channels(self) -> int:
        """1 (grey) or 3 (colour)."""
        return len(self.mean)
