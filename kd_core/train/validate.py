"""What a network is worth on validation data while it is being trained.

This is the curve that chooses a checkpoint. The figures of record come later, from the exported
file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from kd_core.config import RunSettings
from kd_core.data.loaded import LoadedData
from kd_core.errors import ConfigError, TrainError
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.rare import counted
from kd_core.tasks import TASKS, Weighting
from kd_core.train.loader import Pixels, normalisation

BATCH = 128
"""Images in one forward pass; fixed, because the batch size changes the last bits."""


class Validator:
    """Scores a network on the validation part.

    Raises:
        ConfigError: ``select_metric`` where the chosen metric does not fit the task.
        TrainError: ``part_empty`` where there are no validation images.
    """

    def __init__(self, run: RunSettings, data: LoadedData, device: torch.device) -> None:
        part = data.parts.get("val")
        if part is None or not len(part):
            raise TrainError("part_empty", part="val")
        self.task = TASKS[data.task]
        self.select = selecting_metric(run, data.task)
        self.names = tuple(dict.fromkeys((self.select, *self.task.metrics)))
        mean, std = normalisation(data, run.data)
        self._pixels = Pixels(part, mean, std, device)
        self._targets = part.targets
        self._counts = counted(part.targets, len(data.classes), part.patients)

    @torch.no_grad()
    def __call__(
        self, network: nn.Module, beat: Callable[[], None] = lambda: None
    ) -> dict[str, float]:
        """``val.loss`` (unweighted task loss) and ``val.<metric>``; NaN where undefined.

        Of a network whose answers are no numbers, only ``val.loss`` is said.

        Args:
            network: Left in evaluation mode.
            beat: Called after every batch.
        """
        network.eval()
        logits = []
        for index in self._batches():
            outputs = network(self._pixels(index, view=None))
            logits.append(outputs[self.task.output].float().cpu())
            beat()
        return self._scores(torch.cat(logits))

    def _batches(self) -> Iterator[np.ndarray]:
        n = len(self._targets)
        return (np.arange(start, min(start + BATCH, n)) for start in range(0, n, BATCH))

    def _scores(self, logits: Tensor) -> dict[str, float]:
        targets = self.task.collate(self._targets)
        loss = self.task.loss({self.task.output: logits}, targets, Weighting()).item()
        if not math.isfinite(loss):
            return {"val.loss": loss}
        probabilities = self.task.probabilities(logits).numpy()
        scores = {
            f"val.{name}": float(METRICS[name].fn(probabilities, self._targets, None, self._counts))
            for name in self.names
        }
        return {"val.loss": loss, **scores}


def selecting_metric(run: RunSettings, task: str) -> str:
    """Name of the validation metric that chooses the checkpoint.

    Raises:
        ConfigError: ``select_metric`` where the chosen metric does not fit the task or has one
            value a class, ``entry_unknown`` where it is none.
    """
    name = run.train.select_metric
    if name == "auto":
        return TASKS[task].select_metric
    if METRICS[name].per_class or task not in METRICS[name].tasks:
        known = [n for n, spec in METRICS.items() if task in spec.tasks and not spec.per_class]
        raise ConfigError("select_metric", metric=name, task=task, known=known)
    return name


@dataclass(frozen=True, order=True)
class Rank:
    """How good an epoch is: by the chosen metric, then by a lower validation loss.

    An equal rank does not replace the epoch that came first.

    >>> Rank.of(0.9, 0.5, True) > Rank.of(0.9, 0.6, True) > Rank.of(float("nan"), 0.1, True)
    True
    """

    metric: float
    minus_loss: float

    @classmethod
    def of(cls, metric: float, loss: float, higher_is_better: bool) -> Rank:
        """The rank of one validation; what is undefined ranks below all."""
        signed = metric if higher_is_better else -metric
        return cls(*(-math.inf if math.isnan(x) else x for x in (signed, -loss)))
