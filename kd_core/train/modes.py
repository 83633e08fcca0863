"""How networks learn: a mode owns networks, optimisers and loaders, and the loop owns the rest.

The loop asks a mode for the batches of an epoch and for one step at a time. It never asks which
mode it is, so that two networks can learn from each other, or labelled and unlabelled images
share a step, without a change outside the mode's own file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kd_core.config import DistilSettings, ModelSettings, RunSettings, StudySettings, TrainSettings
from kd_core.data.loaded import LoadedData
from kd_core.errors import ConfigError
from kd_core.events import Stage
from kd_core.losses.spec import LOSSES, looks_inside
from kd_core.registry import Entry, Registry
from kd_core.tasks import TaskSpec
from kd_core.text import Msg
from kd_core.train.balance import Scales
from kd_core.train.batch import Batches
from kd_core.train.effort import Effort
from kd_core.train.optim import Learner

Tick = Callable[[Stage, int, int], None]
"""(stage, done, total): reports progress, and raises JobError when the run is to stop."""

VERSION = "version"  # from 2 on among a run's parameters, so that no older run is its equal


def _no_network(settings: ModelSettings, seed: int) -> nn.Module:
    raise ConfigError("mode_alone_here", wanted=settings.name)


def _no_data(name: str) -> LoadedData:
    raise ConfigError("mode_alone_here", wanted=name)


@dataclass(frozen=True)
class Outside:
    """What a mode may ask for beyond its own data set and network.

    Attributes:
        teachers: Trained networks by what they are to the run: ``teacher``, ``teacher-2``, ….
        make: (settings, seed) to a further network with its starting weights.
        load: Name of another data set to its images at this run's size.
    """

    teachers: Mapping[str, nn.Module] = field(default_factory=dict)
    make: Callable[[ModelSettings, int], nn.Module] = _no_network
    load: Callable[[str], LoadedData] = _no_data


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
        outside: Further teachers, networks and data.
        folder: The run's folder, for what a mode leaves there.
        say: Takes a message for a person to read.
    """

    run: RunSettings
    data: LoadedData
    task: TaskSpec
    network: nn.Module
    teacher: nn.Module | None
    device: torch.device
    cache: Path
    tick: Tick
    outside: Outside = field(default_factory=Outside)
    folder: Path = Path()
    say: Callable[[Msg], None] = lambda msg: None

    @property
    def distil(self) -> DistilSettings:
        """How the run distils; a mode is only built from settings that name it."""
        return self.run.distil or DistilSettings(mode="alone", losses=())

    @property
    def params(self) -> dict[str, Any]:
        """The mode's own parameters, checked.

        Raises:
            ConfigError: As :meth:`kd_core.registry.Entry.check`.
        """
        return MODES[self.distil.mode].check(self.distil.params)


@dataclass(frozen=True)
class Other:
    """A network that a run leaves beside the student.

    Attributes:
        network: With its weights.
        role: ``peer`` learnt beside the student, ``exit`` is a shorter way through it.
    """

    network: nn.Module
    role: str


@dataclass
class Costs:
    """What a mode spent on its teacher.

    Attributes:
        teacher_seconds: Wall time of filling the cache; live teachers are part of the step.
        teacher_images: Images that a teacher was run on.
        features: Where the teacher's features come from: ``cached`` on the disk, ``live`` at
            every step; empty where no loss looks at any.
        feature_bytes: Bytes that they take on the disk, or would take.
    """

    teacher_seconds: float = 0.0
    teacher_images: int = 0
    features: str = ""
    feature_bytes: int = 0


class Mode(ABC):
    """One way of training; subclasses set the attributes and write :meth:`step`.

    Attributes:
        learners: The networks that are trained, by name.
        steps_per_epoch: Optimiser steps in an epoch.
        total_steps: The budget.
        costs: What was spent on a teacher so far.
        facts: What else a record should say: plain values by name.
        scales: What weighs the parts of the loss in the first steps; ``None`` later.
    """

    learners: dict[str, Learner]
    steps_per_epoch: int
    total_steps: int

    def __init__(self) -> None:
        self.costs = Costs()
        self.facts: dict[str, Any] = {}
        self.scales: Scales | None = None

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

    def settings(self) -> dict[str, float]:
        """What changes over the budget, as it was at the last step: ``set.<name>``."""
        return {}

    def weigh(
        self, parts: Mapping[str, Tensor], learner: Learner, weights: Mapping[str, float]
    ) -> None:
        """To be called in a step between the losses and the update; it changes nothing.

        Args:
            parts: The unweighted parts of what the learner minimises, with their gradient.
            learner: The learner.
            weights: Weight of each part.
        """
        if self.scales is not None:
            self.scales.add(parts, learner.network, weights)

    def others(self) -> dict[str, Other]:
        """Further models of the run by name, as they are now; each is validated every epoch."""
        return {}

    def kept(self) -> dict[str, nn.Module]:
        """What :meth:`others` are made from beside the student, kept as of its best epoch."""
        return {name: other.network for name, other in self.others().items()}

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


@dataclass(frozen=True)
class Planning:
    """What a mode's plan is made from.

    Attributes:
        study: The study.
        run: The arm's run for one seed, with nothing that it needs yet.
        teacher: Graph key of the study's teacher for this seed.
        teachers: Makes the run of a teacher by the study's recipe: (its network, its seed, the
            name of its arm).
    """

    study: StudySettings
    run: RunSettings
    teacher: str
    teachers: Callable[[ModelSettings, int, str], RunSettings]

    @property
    def distil(self) -> DistilSettings:
        """How the arm distils."""
        assert self.run.distil is not None  # only arms are planned
        return self.run.distil

    @property
    def arm(self) -> str:
        """Name of the arm."""
        return self.run.key.removesuffix(f"-s{self.run.seed}")

    @property
    def params(self) -> dict[str, Any]:
        """The mode's own parameters, checked."""
        return MODES[self.distil.mode].check(self.distil.params)

    def key(self, name: str) -> str:
        """Graph key of a further run of this arm and seed."""
        return f"{self.arm}-{name}-s{self.run.seed}"


@dataclass(frozen=True, kw_only=True)
class ModeSpec(Entry):
    """One entry of ``MODES``.

    Attributes:
        build: Makes the mode for a run.
        needs_teacher: True if a trained teacher has to be there.
        tasks: Tasks that it is defined for; ``mode.<name>.refused`` says why not others.
        losses: Whether the arm's losses are part of it; else it has one of its own.
        features: Whether losses may look inside networks; else at their answers only.
        peers: How many further networks it takes, at least and at most.
        plan: The runs of one arm and one seed, the arm's own last; ``None``: that run alone, and
            the study's teacher before it where one is needed.
        effort: What it takes beside the student's own steps, from settings and checked parameters.
        version: Counts changes of the outcome under equal settings.
    """

    build: Callable[[Setup], Mode]
    needs_teacher: bool = False
    tasks: tuple[str, ...] = ("classification", "multilabel")
    losses: bool = True
    features: bool = True
    peers: tuple[int, int] = (0, 0)
    plan: Callable[[Planning], tuple[RunSettings, ...]] | None = None
    effort: Callable[[DistilSettings, Mapping[str, Any]], Effort] = lambda distil, params: Effort()
    version: int = 1

    def check(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """As :meth:`kd_core.registry.Entry.check`; a version is nobody's to choose."""
        return super().check({name: v for name, v in values.items() if name != VERSION})

    def runs(self, planning: Planning) -> tuple[RunSettings, ...]:
        """The runs of one arm and one seed, each after those that it needs."""
        if self.plan is not None:
            return self.plan(planning)
        needs = {"teacher": planning.teacher} if self.needs_teacher else {}
        params = planning.distil.params | ({VERSION: self.version} if self.version > 1 else {})
        return (planning.run.change(needs=needs, distil=planning.distil.change(params=params)),)

    def efforts(self, distil: DistilSettings) -> Effort:
        """What a run with these settings takes beside the student's own steps."""
        return self.effort(distil, self.check(distil.params))


MODES: Registry[ModeSpec] = Registry("mode")


def budget(train: TrainSettings, steps_per_epoch: int) -> int:
    """Optimiser steps of a recipe; epochs are derived from them.

    >>> budget(TrainSettings(epochs=3), 10), budget(TrainSettings(steps=25), 10)
    (30, 25)
    """
    return train.epochs * steps_per_epoch if train.steps is None else train.steps


def check_mode(distil: DistilSettings, task: str) -> ModeSpec:
    """The entry of a mode, when it fits the task and what was chosen beside it.

    Raises:
        ConfigError: ``mode_task``, ``mode_peers``, ``mode_features``, or what is wrong with a
            parameter.
    """
    spec = MODES[distil.mode]
    spec.check(distil.params)
    title = Msg(MODES.text_id(distil.mode, "title")).to_json()
    if task not in spec.tasks:
        why = Msg(MODES.text_id(distil.mode, "refused")).to_json()
        raise ConfigError("mode_task", mode=title, why=why)
    low, high = spec.peers
    if not low <= len(distil.peers) <= high:
        raise ConfigError("mode_peers", mode=title, n=len(distil.peers), low=low, high=high)
    inside = [term.name for term in distil.losses if looks_inside(LOSSES[term.name].needs)]
    if inside and spec.losses and not spec.features:
        raise ConfigError("mode_features", mode=title, losses=inside)
    return spec
