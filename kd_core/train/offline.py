"""Distillation from a fixed, trained teacher, whose outputs are computed once or at every step.

Features are stored or not by their own rule, see :mod:`kd_core.train.teacher_features`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Literal, cast

import torch
from torch import Tensor

from kd_core.errors import ConfigError, TrainError
from kd_core.tasks import Outputs
from kd_core.train.alone import Alone
from kd_core.train.batch import Batch
from kd_core.train.loader import view_of
from kd_core.train.modes import MODES, ModeSpec, Setup
from kd_core.train.teacher_cache import FILL_BATCH, TeacherCache, Write, cache_key
from kd_core.train.teacher_features import TeacherFeatures
from kd_core.train.teaching import Knowledge, look


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
        teacher = setup.teacher.to(setup.device).to(memory_format=torch.channels_last)
        self.teacher = teacher.eval().requires_grad_(False)
        self.tick = setup.tick
        self.cache: TeacherCache | None = None
        self.features: TeacherFeatures | None = None
        if distil.teacher_outputs == "cached":
            if self.loader.views is None:
                raise ConfigError("cache_without_views")
            key = cache_key(self.teacher, setup.data, self.loader.pixels, self.task.output)
            images = len(self.loader.targets)
            self.cache = TeacherCache(setup.cache, key, images, self.loader.views)
        if self.teaching.teacher_places:
            self._plan_features(setup, None if self.cache is None else self.loader.views)

    def _plan_features(self, setup: Setup, views: int | None) -> None:
        """Decide where features come from, and say so."""
        epochs = math.ceil(self.total_steps / self.steps_per_epoch)
        seen = None if views is None else min(views, epochs)
        places, pixels = self.teaching.teacher_places, self.loader.pixels
        self.features = TeacherFeatures(self.teacher, places, setup.data, pixels, setup.cache, seen)
        setup.say(self.features.plan.msg)
        self.costs.features = self.features.plan.source
        self.costs.feature_bytes = self.features.plan.total_bytes

    def begin_epoch(self, epoch: int) -> None:
        """Compute what is to be stored of the teacher for this epoch's view, in one pass."""
        super().begin_epoch(epoch)
        view = view_of(epoch, self.loader.views)
        lacking = [] if self.features is None else self.features.lacking(view)
        cache = self.cache
        answers = cache is not None and not cache.has(view)
        if not lacking and not answers:
            return
        began = time.perf_counter()
        with ExitStack() as stack:
            writers: dict[str, Write] = {}
            if lacking and self.features is not None:
                writers = self.features.filling(view, lacking, stack)
            if cache is not None and answers:
                writers[self.task.output] = stack.enter_context(cache.filling(view))
            for said in self._all_said(view, lacking):
                for name, write in writers.items():
                    write({name: said[name]})
        self.costs.teacher_seconds += time.perf_counter() - began
        self.costs.teacher_images += len(self.loader.targets)

    @torch.no_grad()
    def _all_said(self, view: int, places: list[str]) -> Iterator[dict[str, Tensor]]:
        """What the teacher says of every image in stored order, at full precision."""
        n = len(self.loader.targets)
        for start in range(0, n, FILL_BATCH):
            self.tick("teacher_outputs", start, n)
            index = torch.arange(start, min(start + FILL_BATCH, n))
            said = look(self.teacher, self.loader.pixels(index.numpy(), view), places)
            logits = said.outputs[self.task.output]
            if not logits.isfinite().all():
                raise TrainError("teacher_nan", first=start)
            yield {self.task.output: logits, **said.features}
        self.tick("teacher_outputs", n, n)

    @torch.no_grad()
    def knowledge(self, batch: Batch) -> Knowledge:
        """What the teacher says of exactly these pixels, and what is inside it, stored or not."""
        outputs: Outputs | None = None
        if self.cache is not None:
            outputs = _on(self.cache.read(batch.view, batch.index), batch.images.device)
            if self.features is None:
                return Knowledge(outputs)
            if self.features.stored:
                stored = self.features.read(batch.view, batch.index)
                return Knowledge(outputs, _on(stored, batch.images.device))
        self.costs.teacher_images += len(batch)
        with self.student.autocast():
            seen = look(self.teacher, batch.images, self.teaching.teacher_places)
        return seen if outputs is None else replace(seen, outputs=outputs)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up where the state was taken; features come from where they came from."""
        super().load_state_dict(state)
        if self.features is not None and self.costs.features:
            self.features.stay_with(cast(Literal["cached", "live"], self.costs.features))


def _on(values: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    return {name: value.to(device) for name, value in values.items()}


MODES.add("offline", ModeSpec(build=Offline, needs_teacher=True))
