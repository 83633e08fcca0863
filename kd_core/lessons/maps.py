"""Feature maps as a lesson keeps them: in 256 levels, with what they are maps of.

features.json    stages, channels, images, errors and accuracy by epoch
maps.npz         maps of a few images and channels, each with its own range
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FACTS, MAPS = "features.json", "maps.npz"
LEVELS = 255


@dataclass(frozen=True)
class Stage:
    """One pair of layers.

    Attributes:
        teacher: Module path in the teacher.
        student: In the student.
        widths: Channels of the teacher's and of the student's maps.
        cells: Side of the maps that are compared.
        stored_cells: Side of the maps that are stored.
        channels: Numbers of the teacher's channels that are stored.
        own: For each epoch and each of them, the student's channel with the largest weight in
            the projection to it.
        weights: Those weights.
        variance: Mean square of the teacher's values around their channel's mean: the error of a
            student that gives this mean everywhere.
    """

    teacher: str
    student: str
    widths: tuple[int, int]
    cells: int
    stored_cells: int
    channels: tuple[int, ...]
    own: tuple[tuple[int, ...], ...]
    weights: tuple[tuple[float, ...], ...]
    variance: float


@dataclass(frozen=True)
class Levels:
    """Maps in 256 levels.

    Attributes:
        levels: (…, H, W) uint8.
        ranges: Lowest and highest value of each map, (…, 2).
    """

    levels: NDArray[np.uint8]
    ranges: NDArray[np.float32]

    @classmethod
    def of(cls, values: NDArray[np.floating]) -> Levels:
        """Maps (…, H, W), each on its own range.

        >>> Levels.of(np.array([[0.0, 0.5], [1.0, 2.0]])).at().round(2).tolist()
        [[0.0, 0.5], [1.0, 2.0]]
        """
        exact = np.asarray(values, np.float64)
        low, high = exact.min((-2, -1)), exact.max((-2, -1))  # (…)
        span = np.where(high > low, high - low, 1.0)[..., None, None]
        levels = ((exact - low[..., None, None]) / span * LEVELS).round().astype(np.uint8)
        return cls(levels, np.stack([low, high], -1).astype(np.float32))

    def at(self, *place: int) -> NDArray[np.float64]:
        """One map, (H, W), off by at most half a level of its range."""
        low, high = self.ranges[place].astype(np.float64)
        return np.asarray(low + self.levels[place] / LEVELS * (high - low), np.float64)


@dataclass(frozen=True)
class Features:
    """What was found.

    Attributes:
        metric: Entry of ``METRICS``.
        scores: Its value on the validation part before training and after each epoch; ``None``
            where it is undefined.
        mse: By epoch and stage, on ``read`` validation images.
        steps: Optimiser steps of an epoch.
        train_images: Images that the student learned from.
        read: Number of validation images behind ``mse``.
        images: Places in the validation part of the images that are shown.
        stages: The pairs of layers, finest first.
        teacher: Maps by stage, each (image, channel, H, W).
        projected: Those of the student after the projection, each (epoch, image, channel, H, W).
        own: Those of the student's strongest channel, likewise.
    """

    metric: str
    scores: tuple[float | None, ...]
    mse: tuple[tuple[float, ...], ...]
    steps: int
    train_images: int
    read: int
    images: tuple[int, ...]
    stages: tuple[Stage, ...]
    teacher: tuple[Levels, ...]
    projected: tuple[Levels, ...]
    own: tuple[Levels, ...]


STORED = ("teacher", "projected", "own")


def write(found: Features, folder: Path) -> None:
    """Both files."""
    facts = {name: value for name, value in vars(found).items() if name not in STORED}
    facts["stages"] = [asdict(stage) for stage in found.stages]
    text = json.dumps(facts, indent=1, allow_nan=False)
    (folder / FACTS).write_text(text + "\n", encoding="utf-8")
    arrays: dict[str, Any] = {
        f"{name}_{number}_{part}": array
        for name in STORED
        for number, levels in enumerate(getattr(found, name))
        for part, array in vars(levels).items()
    }
    np.savez_compressed(folder / MAPS, **arrays)


def read(folder: Path) -> Features:
    """What :func:`write` wrote."""
    plain = _tuples(json.loads((folder / FACTS).read_text(encoding="utf-8")))
    stages = tuple(Stage(**_tuples(stage)) for stage in plain.pop("stages"))
    with np.load(folder / MAPS, allow_pickle=False) as arrays:
        stored: dict[str, Any] = {
            name: tuple(
                Levels(*(arrays[f"{name}_{n}_{part}"] for part in ("levels", "ranges")))
                for n in range(len(stages))
            )
            for name in STORED
        }
    return Features(**plain, **stored, stages=stages)


def _tuples(value: Any) -> Any:
    """Lists of a JSON text as tuples, all the way down."""
    if isinstance(value, dict):
        return {name: _tuples(item) for name, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
