"""Fine-tuning inside a step of a chain: the same loop, checkpoints and curves as any training.

A step may fine-tune several times (pruning a little, tuning a little). Each time has a folder of
its own, so a chain that was stopped goes on within the epoch: what came before is found finished
there, and what has not begun begins.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from kd_core import repro
from kd_core.config import CompressStep, RunSettings, TrainSettings
from kd_core.data.loaded import LoadedData
from kd_core.errors import TrainError
from kd_core.events import Event, Metric
from kd_core.models import TaskModel
from kd_core.study.evaluation import training_record
from kd_core.study.gauges import gauges
from kd_core.study.records import Job, TrainingRecord
from kd_core.train import FitResult, fit
from kd_core.train.loop import HISTORY
from kd_core.train.modes import budget
from kd_core.train.report import write_history


def shared_recipe(train: TrainSettings, share: float, n_train: int) -> TrainSettings:
    """The recipe for a share of its budget; a whole one stays as it is.

    >>> shared_recipe(TrainSettings(epochs=4, batch_size=10), 0.5, n_train=100).steps
    20
    """
    if share == 1.0:
        return train
    steps_per_epoch = max(1, n_train // min(train.batch_size, n_train))
    return train.change(steps=max(1, round(budget(train, steps_per_epoch) * share)))


@dataclass
class Tuner:
    """What a step calls to fine-tune; see :data:`kd_core.compress.spec.Tune`.

    Attributes:
        run: The run of the chain.
        step: The step with its recipe.
        job: Where to report, and whether to stop.
        data: The data set.
        teacher: For a step that distils.
        folder: Of the step, kept until the step is done.
        epochs: Epochs that the chain had before, so that its curves go on.
        steps: Optimiser steps that it had before.
        fits: What was done, in order.
    """

    run: RunSettings
    step: CompressStep
    job: Job
    data: LoadedData
    teacher: nn.Module | None
    folder: Path
    epochs: int = 0
    steps: int = 0
    fits: list[FitResult] = field(default_factory=list)

    def __call__(self, network: TaskModel, share: float) -> TaskModel:
        """The network after a share of the step's budget; raises as :func:`kd_core.train.fit`."""
        folder = self.folder / f"tune-{len(self.fits) + 1}"
        try:
            fitted = self._fit(network, share, folder)
        except TrainError as error:
            if error.code != "checkpoint_other_run":
                raise
            # The method did not do the same as before it was stopped (a GPU's last bits).
            shutil.rmtree(folder)
            fitted = self._fit(network, share, folder)
        self.fits.append(fitted)
        assert isinstance(fitted.network, TaskModel)  # the mode deploys what it was given
        return fitted.network

    def _fit(self, network: TaskModel, share: float, folder: Path) -> FitResult:
        return fit(
            self._settings(share),
            self.data,
            network,
            self.teacher if self.step.distil else None,
            folder=folder,
            cache=self.job.home / "cache" / "teacher",
            emit=self._shifted(),
            stop=self.job.stop,
            gauges=gauges(repro.resolve_device(self.run.compute.device)),
        )

    def _settings(self, share: float) -> RunSettings:
        recipe, distil = self.step.tune, self.step.distil
        assert recipe is not None  # without a recipe a step has no tuner
        views = self.run.views
        if distil is not None:
            views = distil.views if distil.teacher_outputs == "cached" else None
        return self.run.change(
            role="student",
            train=shared_recipe(recipe, share, len(self.data.parts["train"])),
            distil=distil,
            views=views,
            chain=None,
            needs={},
        )

    def _shifted(self) -> Callable[[Event], None]:
        epochs = self.epochs + sum(len(fitted.history) for fitted in self.fits)
        steps = self.steps + sum(fitted.steps for fitted in self.fits)

        def emit(event: Event) -> None:
            if isinstance(event, Metric):
                shift = {"epoch": event.epoch + epochs, "step": event.step + steps}
                event = event.model_copy(update=shift)
            self.job.emit(event)

        return emit

    def record(self) -> TrainingRecord | None:
        """What all fine-tuning of this step did and cost; the epoch kept is that of the last."""
        if not self.fits:
            return None
        last = training_record(self.fits[-1])
        before = self.epochs + sum(len(fitted.history) for fitted in self.fits[:-1])
        sums = {
            name: sum(getattr(fitted, name) for fitted in self.fits)
            for name in ("steps", "seconds", "teacher_seconds", "teacher_images")
        }
        peaks = [fitted.peak_memory_bytes for fitted in self.fits]
        used = [fitted.energy_j for fitted in self.fits]
        return last.change(
            best_epoch=last.best_epoch + before,
            initial_sha256=self.fits[0].initial_sha256,
            energy_j=None if None in used else sum(filter(None, used)),
            peak_memory_bytes=max(filter(None, peaks), default=None),
            **sums,
        )

    def write_history(self, folder: Path) -> None:
        """One table of all that was tuned in this step."""
        if self.fits:
            write_history(folder / HISTORY, joined(self.fits, self.epochs, self.steps))


def joined(fits: Sequence[FitResult], epochs: int = 0, steps: int = 0) -> list[dict[str, float]]:
    """The histories one after the other, with epochs and steps counted on."""
    rows: list[dict[str, float]] = []
    for fitted in fits:
        rows.extend(
            {**row, "epoch": row["epoch"] + epochs, "step": row["step"] + steps}
            for row in fitted.history
        )
        epochs, steps = epochs + len(fitted.history), steps + fitted.steps
    return rows


def history_length(folder: Path) -> int:
    """Epochs in the history that a finished step left in its model's folder."""
    path = folder / HISTORY
    return max(0, len(path.read_text(encoding="utf-8").splitlines()) - 1) if path.is_file() else 0
