"""Occlusion: how far the class's probability falls when a patch is covered (Zeiler & Fergus 2014).

Each place gets the mean fall over all patches that cover it. Slower to say less than RISE, but
without chance, and its numbers mean something: points of probability.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kd_core.explain.answering import class_score, filling_of
from kd_core.explain.maps import HeatMap
from kd_core.explain.progress import Tick, tell
from kd_core.export import OnnxModel

PATCHES = 10  # patches along a side without overlap decide the patch's size
BATCH = 64


def occlusion(
    model: OnnxModel,
    image: NDArray[np.uint8],
    target: int,
    patch: int | None = None,
    step: int | None = None,
    tick: Tick | None = None,
    name: str = "",
) -> HeatMap:
    """A map (S, S) of one picture for one class, in points of probability; falls only.

    Args:
        model: The file.
        image: uint8 (C, S, S), as :func:`kd_core.data.images.prepare_image` gives it.
        target: Index of the class or label.
        patch: Side of the covered square in pixels; a fifth of the picture when ``None``.
        step: From one square to the next; half a patch when ``None``.
        tick: Called after each batch with (patches done, all).
        name: Of the model.

    Raises:
        JobError: ``explain_stopped``.
        ExportError: As :meth:`OnnxModel.predict`.
    """
    side = image.shape[1]
    patch = max(2, side * 2 // PATCHES) if patch is None else patch
    step = max(1, patch // 2) if step is None else step
    score, filling = class_score(model, target), filling_of(model)
    whole = float(score(image[None])[0])
    starts = [*range(0, side - patch, step), side - patch]
    places = [(y, x) for y in starts for x in starts]
    fall, covered = np.zeros((side, side)), np.zeros((side, side))
    for first in range(0, len(places), BATCH):
        some = places[first : first + BATCH]
        images = np.repeat(image[None], len(some), axis=0)  # (b, C, S, S)
        for covering, (y, x) in zip(images, some, strict=True):
            covering[:, y : y + patch, x : x + patch] = filling
        for (y, x), value in zip(some, score(images), strict=True):
            fall[y : y + patch, x : x + patch] += whole - value
            covered[y : y + patch, x : x + patch] += 1
        tell(tick, first + len(some), len(places))
    values = np.maximum(fall / np.maximum(covered, 1), 0).astype(np.float32)
    return HeatMap(values, target, "occlusion", model=name)
