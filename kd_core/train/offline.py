"""Distillation from a fixed, trained teacher, whose outputs are computed once or at every step."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
from torch import Tensor

from kd_core.errors import ConfigError, TrainError
from kd_core.losses import objective
from kd_core.tasks import Outputs
from kd_core.train.alone import Alone
from kd_core.train.batch import Batch
from kd_core.train.loader import view_of
from kd_core.train.modes import MODES, ModeSpec, Setup
from kd_core.train.teacher_cache import FILL_BATCH, TeacherCache, cache_key


class Offline(Alone):
    """The baseline's training with a teacher's knowledge in the objective, and nothing else new.

    Raises:
        ConfigError: ``teacher_missing``, or ``cache_without_views`` when outputs are to be stored
            although every epoch has a fresh view.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        distil = setup.run.distil
        if setup.teacher is None or distil is None:
            raise ConfigError("teacher_missing", mode="offline")
        self.objective = objective(distil, setup.data.task)
        teacher = setup.teacher.to(setup.device).to(memory_format=torch.channels_last)
        self.teacher = teacher.eval().requires_grad_(False)
        self.tick = setup.tick
        self.cache: TeacherCache | None = None
        if distil.teacher_outputs == "cached":
            if self.loader.views is None:
                raise ConfigError("cache_without_views")
            key = cache_key(self.teacher, setup.data, self.loader.pixels, self.task.output)
            images = len(self.loader.targets)
            self.cache = TeacherCache(setup.cache, key, images, self.loader.views)

    def begin_epoch(self, epoch: int) -> None:
        """Compute the teacher's outputs for this epoch's view, unless they are stored."""
        super().begin_epoch(epoch)
        view = view_of(epoch, self.loader.views)
        if self.cache is not None and not self.cache.has(view):
            began = time.perf_counter()
            self.cache.fill(view, self._all_outputs(view))
            self.costs.teacher_seconds += time.perf_counter() - began
            self.costs.teacher_images += len(self.loader.targets)

    @torch.no_grad()
    def _all_outputs(self, view: int) -> Iterator[dict[str, Tensor]]:
        """The teacher's outputs for every image in stored order, at full precision."""
        n = len(self.loader.targets)
        for start in range(0, n, FILL_BATCH):
            self.tick("teacher_outputs", start, n)
            index = torch.arange(start, min(start + FILL_BATCH, n))
            logits = self.teacher(self.loader.pixels(index.numpy(), view))[self.task.output]
            if not logits.isfinite().all():
                raise TrainError("teacher_nan", first=start)
            yield {self.task.output: logits}
        self.tick("teacher_outputs", n, n)

    @torch.no_grad()
    def knowledge(self, batch: Batch) -> Outputs:
        """The teacher's outputs for exactly these pixels, from the cache or computed now."""
        if self.cache is not None:
            stored = self.cache.read(batch.view, batch.index)
            return {name: values.to(batch.images.device) for name, values in stored.items()}
        self.costs.teacher_images += len(batch)
        with self.student.autocast():
            outputs: Outputs = self.teacher(batch.images)
        return outputs


MODES.add("offline", ModeSpec(build=Offline, needs_teacher=True))
