"""How networks learn: a mode owns networks, optimisers and loaders, and the loop owns the rest.

The loop asks a mode for the batches of an epoch and for one step at a time. It never asks which
mode it is, so that two networks can learn from each other, or labelled and unlabelled images
share a step, without a change outside the mode's own file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kd_core.config import RunSettings, TrainSettings
from kd_core.data.loaded import LoadedData
from kd_core.events import Stage
from kd_core.registry import Entry, Registry
from kd_core.tasks import TaskSpec
from kd_core.train.batch import Batches
from kd_core.train.optim import Learner

Tick = Callable[[Stage, int, int], None]
"""(stage, done, total): reports progress, and raises JobError when the run is to stop."""


@dataclass(frozen=True)
class Setup:
    """What a mode is made from.

    Attributes:
        run: The frozen configuration.
        data: The data set, decoded.
        task: Entry of ``TASKS``.
        network: The network to train, with its initial weights.
        teacher: A trained network, or ``None``.
        device: Where to train.
        cache: Folder for what can be computed again.
        tick: To be called now and then by anything that takes long outside a step.
    """

    run: RunSettings
    data: LoadedData
    task: TaskSpec
    network: nn.Module
    teacher: nn.Module | None
    device: torch.device
    cache: Path
    tick: Tick


@dataclass
class Costs:
    """What a mode spent on its teacher.

    Attributes:
        teacher_seconds: Wall time of filling the cache; live teachers are part of the step.
        teacher_images: Images that a teacher was run on.
    """

    teacher_seconds: float = 0.0
    teacher_images: int = 0


class Mode(ABC):
    """One way of training; subclasses set the attributes and write :meth:`step`.

    Attributes:
        learners: The networks that are trained, by name.
        steps_per_epoch: Optimiser steps in an epoch.
        total_steps: The budget.
        costs: What was spent on a teacher so far.
    """

    learners: dict[str, Learner]
    steps_per_epoch: int
    total_steps: int

    def __init__(self) -> None:
        self.costs = Costs()

    def begin_epoch(self, epoch: int) -> None:
        """Prepare an epoch (from 0); anything slow in here calls ``tick``."""
        for learner in self.learners.values():
            learner.network.train()

    @abstractmethod
    def batches(self, epoch: int, first: int) -> Iterator[Batches]:
        """The batches of an epoch (from 0), from step ``first`` of it on."""

    @abstractmethod
    def step(self, batches: Batches) -> dict[str, Tensor]:
        """One optimiser step; the loss parts by name, with ``total`` as their weighted sum."""

    @abstractmethod
    def deployed(self) -> nn.Module:
        """The network that is evaluated, kept and exported."""

    @property
    def lr(self) -> float:
        """Learning rate of the first learner, for the curves."""
        return next(iter(self.learners.values())).lr

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on: tensors and plain values."""
        learners = {name: learner.state_dict() for name, learner in self.learners.items()}
        return {"learners": learners, "costs": vars(self.costs).copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up where :meth:`state_dict` was taken."""
        for name, learner in self.learners.items():
            learner.load_state_dict(state["learners"][name])
        self.costs = Costs(**state["costs"])


@dataclass(frozen=True, kw_only=True)
class ModeSpec(Entry):
    """One entry of ``MODES``.

    Attributes:
        build: Makes the mode for a run.
        needs_teacher: True if a trained teacher has to be there.
    """

    build: Callable[[Setup], Mode]
    needs_teacher: bool = False


MODES: Registry[ModeSpec] = Registry("mode")


def budget(train: TrainSettings, steps_per_epoch: int) -> int:
    """Optimiser steps of a recipe; epochs are derived from them.

    >>> budget(TrainSettings(epochs=3), 10), budget(TrainSettings(steps=25), 10)
    (30, 25)
    """
    return train.epochs * steps_per_epoch if train.steps is None else train.steps
