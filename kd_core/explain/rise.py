"""RISE: what the answers to randomly masked pictures say of each place (Petsiuk et al. 2018).

``S(x) = Σ_i f(I ⊙ M_i) · M_i(x) / Σ_i M_i(x)`` over N random masks, where f is the probability of
the class. Shown is how far S is above the mean of f over all masks: what it is worth that a place
can be seen, in points of probability. Each mask is a small random grid, enlarged and shifted, so
that nothing of its edges is left. Needs answers only, so it explains the file itself: quantised,
pruned or from elsewhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kd_core.explain.answering import class_score, filling_of
from kd_core.explain.maps import Float, HeatMap
from kd_core.explain.progress import Tick, tell
from kd_core.export import OnnxModel

MASKS = 1000
GRID = 7  # cells of a mask's grid, as in the paper
SHOWN = 0.5  # share of a picture that a mask leaves
BATCH = 64


def rise(
    model: OnnxModel,
    image: NDArray[np.uint8],
    target: int,
    masks: int = MASKS,
    seed: int = 0,
    grid: int = GRID,
    tick: Tick | None = None,
    name: str = "",
) -> HeatMap:
    """A map (S, S) of one picture for one class, in points of probability; gains only.

    Args:
        model: The file.
        image: uint8 (C, S, S), as :func:`kd_core.data.images.prepare_image` gives it.
        target: Index of the class or label.
        masks: N; the noise of the map falls with its root.
        seed: Equal seeds give equal masks, so teacher and student can see the same ones.
        grid: Cells of a mask's grid.
        tick: Called after each batch with (masks done, all).
        name: Of the model.

    Raises:
        JobError: ``explain_stopped``.
        ExportError: As :meth:`OnnxModel.predict`.
    """
    score, filling = class_score(model, target), filling_of(model).astype(np.float32)
    side = image.shape[1]
    rng = np.random.default_rng(seed)
    weighted, seen = np.zeros((side, side)), np.zeros((side, side))
    total = 0.0
    for start in range(0, masks, BATCH):
        some = random_masks(rng, min(BATCH, masks - start), side, grid)  # (b, S, S)
        kept = some[:, None]  # (b, 1, S, S)
        masked = (image * kept + filling * (1 - kept)).round().astype(np.uint8)  # (b, C, S, S)
        values = score(masked)  # (b,)
        total += float(values.sum())
        weighted += np.tensordot(values, some, 1)
        seen += some.sum(0)
        tell(tick, start + len(some), masks)
    gain = weighted / np.maximum(seen, 1e-6) - total / masks
    return HeatMap(np.maximum(gain, 0).astype(np.float32), target, "rise", model=name)


def random_masks(rng: np.random.Generator, n: int, side: int, grid: int = GRID) -> Float:
    """Smooth masks in [0, 1], float32 (n, S, S), each from a random grid at a random place."""
    cell = -(-side // grid)  # pixels on a cell of the grid, rounded up
    size = cell * (grid + 1)
    result = np.empty((n, side, side), np.float32)
    for i in range(n):
        cells = (rng.random((grid + 1, grid + 1)) < SHOWN).astype(np.float32)
        large = np.asarray(Image.fromarray(cells).resize((size, size), Image.Resampling.BILINEAR))
        y, x = rng.integers(0, size - side + 1, 2)
        result[i] = large[y : y + side, x : x + side]
    return result
