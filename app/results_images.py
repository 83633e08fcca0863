"""Images of a study's parts by their names, for pages that show single answers."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from app.readings import Reading
from app.services import services
from kd_core.data import cache
from kd_core.data.loaded import Part
from kd_core.study.pipeline import load_data


def images_by_id(reading: Reading, names: Collection[str]) -> dict[str, NDArray[np.uint8]]:
    """Pixels (H, W) or (H, W, 3) of these images of the part that is looked at.

    Raises:
        DataError: The data set is not here, or has changed.
    """
    wanted = set(names)
    found: dict[str, NDArray[np.uint8]] = {}
    for part in _parts(reading):
        for row, name in enumerate(part.ids):
            if name in wanted:
                found[name] = part.images[row].transpose(1, 2, 0).squeeze()
    return found


def _parts(reading: Reading) -> list[Part]:
    """Where the images can be; those of a cross-validation are in two parts."""
    settings = reading.study.settings.data
    root = services().store.home.root
    if reading.part.startswith("external-"):
        name = reading.part.removeprefix("external-")
        return [
            cache.load(services().library.get(name), settings.size, root / "cache").parts["test"]
        ]
    data = load_data(settings, root)
    if reading.part == "test":
        return [data.parts["test"]]
    names = ("train", "val") if reading.study.settings.folds else ("val",)
    return [data.parts[name] for name in names if name in data.parts]
