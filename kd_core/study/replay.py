"""What a network said of a few images while it learned: stored small, to be stepped through.

    <run>/replay.npz    steps (L,) int32, rows (n,) int32, logits (L, n, …) float16

Looking changes nothing: the network goes back into training mode, and no random number is drawn.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from kd_core.config import RunSettings
from kd_core.data.disk import full_disk_is_told
from kd_core.data.loaded import LoadedData
from kd_core.tasks import TASKS
from kd_core.train.loader import Pixels, normalisation

FILE = "replay.npz"
IMAGES = 48
"""Images that are asked about: a look then takes a few hundredths of a second."""


@dataclass(frozen=True)
class Looks:
    """What was kept.

    Attributes:
        steps: Optimiser steps done at each look, (L,).
        rows: Places of the images in the validation part, (n,).
        logits: Raw answers, (L, n, …).
    """

    steps: NDArray[np.int32]
    rows: NDArray[np.int32]
    logits: NDArray[np.float32]


class Replay:
    """Looks at a network while it learns; see ``RunSettings.replay``.

    Args:
        run: Of it.
        data: Its validation part is asked about.
        folder: The run's folder.
    """

    def __init__(self, run: RunSettings, data: LoadedData, folder: Path) -> None:
        part = data.parts["val"]
        self.rows = spread(len(part), IMAGES)
        mean, std = normalisation(data, run.data)
        self._pixels = Pixels(part, mean, std, torch.device("cpu"))
        self._images = self._pixels(self.rows.astype(np.int64), view=None)  # (n, C, S, S)
        self._output = TASKS[data.task].output
        self._path, self._looks = folder / FILE, run.replay
        found = read_looks(folder)
        self._steps = [] if found is None else found.steps.tolist()
        self._logits = [] if found is None else list(found.logits)

    def __call__(self, step: int, total: int, network: nn.Module) -> None:
        """Look, where it is time to; a run that goes on from an older step looks again."""
        if step not in look_steps(total, self._looks):
            return
        kept = [number for number, at in enumerate(self._steps) if at < step]
        self._steps = [*(self._steps[number] for number in kept), step]
        self._logits = [*(self._logits[number] for number in kept), self._ask(network)]
        self._write()

    @torch.no_grad()
    def _ask(self, network: nn.Module) -> NDArray[np.float16]:
        learning = [module for module in network.modules() if module.training]
        network.eval()
        device = next(network.parameters()).device
        said = network(self._images.to(device))[self._output].float().cpu().numpy()
        for module in learning:
            module.training = True
        return np.asarray(said, np.float16)

    def _write(self) -> None:
        content = io.BytesIO()
        np.savez_compressed(
            content,
            steps=np.asarray(self._steps, np.int32),
            rows=self.rows,
            logits=np.stack(self._logits).astype(np.float16),
        )
        with full_disk_is_told(self._path):
            aside = self._path.with_name(f".{FILE}")
            aside.write_bytes(content.getvalue())
            aside.replace(self._path)


def look_steps(total: int, looks: int) -> tuple[int, ...]:
    """Steps after which a network is asked: evenly over the budget, the last always.

    >>> look_steps(120, 4), look_steps(2, 5)
    ((30, 60, 90, 120), (1, 2))
    """
    return tuple(sorted({max(1, round(total * (i + 1) / looks)) for i in range(looks)}))


def spread(n: int, most: int) -> NDArray[np.int32]:
    """At most so many places, evenly over a part.

    >>> spread(10, 4).tolist(), spread(2, 4).tolist()
    ([0, 3, 6, 9], [0, 1])
    """
    return np.unique(np.linspace(0, n - 1, min(n, most)).round()).astype(np.int32)


def read_looks(folder: Path) -> Looks | None:
    """What a run kept; ``None`` where it kept nothing."""
    path = folder / FILE
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as file:
        return Looks(file["steps"], file["rows"], np.asarray(file["logits"], np.float32))
