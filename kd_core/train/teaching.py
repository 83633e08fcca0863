"""What one network learns by: its objective, what is read inside on both sides, and its helpers.

    settings ─► Teaching ─► places to read in student and teacher
                   │    └─► helpers (projections, memories), trained with the student
                   └─► parts of the loss at a step

A place is a module path (``layer4``), or a path and ``@mean`` (``layer4@mean``) where only the mean
over all positions is wanted.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from kd_core.config import DistilSettings, LossTerm
from kd_core.errors import ConfigError, ModelError
from kd_core.losses import LOSSES, Inputs, LossSpec, Objective, objective
from kd_core.losses.schedule import is_moving, moving, settings_at
from kd_core.losses.spec import Shapes, looks_inside, needs_teacher
from kd_core.models.build import private_generator
from kd_core.models.features import channels_first, features
from kd_core.models.pairing import check_pairs, propose_pairs, shapes, stages
from kd_core.tasks import Outputs
from kd_core.train.batch import Batch
from kd_core.train.modes import Setup

MEAN = "@mean"


@dataclass(frozen=True)
class Knowledge:
    """What a network says about some images, and what was read inside it.

    Attributes:
        outputs: Its named outputs.
        features: By place: (N, C, H, W), or (N, T, D) in transformers, in 32 bits at least.
    """

    outputs: Outputs = field(default_factory=dict)
    features: Mapping[str, Tensor] = field(default_factory=dict)

    def detached(self) -> Knowledge:
        """The same without gradient, for a network that is a teacher to another."""
        outputs = {name: value.detach() for name, value in self.outputs.items()}
        return Knowledge(outputs, {name: value.detach() for name, value in self.features.items()})


def look(network: nn.Module, images: Tensor, places: Sequence[str] = ()) -> Knowledge:
    """One forward pass that also reads some places; hooks are there for this pass only.

    Raises:
        ModelError: ``layer_unknown``, ``layer_no_tensor`` or ``layer_silent``.
    """
    if not places:
        return Knowledge(network(images))
    paths = list(dict.fromkeys(path_of(place) for place in places))
    with features(network, paths) as caught:
        outputs = network(images)
    silent = [path for path in paths if path not in caught]
    if silent:
        raise ModelError("layer_silent", layer=silent[0])
    return Knowledge(outputs, {place: _read(caught[path_of(place)], place) for place in places})


def path_of(place: str) -> str:
    """The module path of a place.

    >>> path_of("layer4@mean"), path_of("features.12")
    ('layer4', 'features.12')
    """
    return place.removesuffix(MEAN)


def shape_at(place: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of one image's feature at a place, from what the module gives.

    >>> shape_at("layer4@mean", (512, 4, 4)), shape_at("blocks.3@mean", (65, 192))
    ((512, 1, 1), (1, 192))
    """
    if not place.endswith(MEAN):
        return shape
    return (shape[0], 1, 1) if len(shape) == 3 else (1, shape[1])


def _read(caught: Tensor, place: str) -> Tensor:
    feature = channels_first(caught).to(torch.promote_types(caught.dtype, torch.float32))
    if not place.endswith(MEAN):
        return feature
    axes = (2, 3) if feature.ndim == 4 else (1,)
    return feature.mean(axes, keepdim=True)  # (N, C, 1, 1) or (N, 1, D)


@dataclass(frozen=True)
class Inside:
    """What a term reads inside the networks, pair by pair.

    Attributes:
        student: Places in the student, finest first.
        teacher: Their partners; none for a term that looks at the student only.
    """

    student: tuple[str, ...] = ()
    teacher: tuple[str, ...] = ()


class Teaching:
    """The objective of one network, with all that it takes.

    Helpers are made from a generator of their own, so the student's first weights and every later
    draw are those of a student without helpers.

    Args:
        distil: The settings; their losses and schedule count.
        setup: Of the mode: task, data, seed, device.
        targets: Targets of the training part as the task collates them, (N, …).
        total: The budget in steps.
        student: The network that learns; the run's own if nothing is said.
        teacher: The network it learns from; the run's teacher if nothing is said.
        who: Name of the network that learns, so that two of them have different helpers.

    Attributes:
        objective: With the weights after the warm-up and before any ramp.
        helpers: The terms' own modules by the name of the loss.
        student_places: What must be read in the student at every step.
        teacher_places: What must be read in the teacher.

    Raises:
        ConfigError: ``loss_needs_teacher``, or what is wrong with the settings.
        ModelError: Layers that are not there; see :func:`~kd_core.models.pairing.check_pairs`.
    """

    def __init__(
        self,
        distil: DistilSettings,
        setup: Setup,
        targets: Tensor,
        total: int,
        *,
        student: nn.Module | None = None,
        teacher: nn.Module | None = None,
        who: str = "student",
    ) -> None:
        self.distil, self.total = distil, total
        self._setup, self._who = setup, who
        self.objective = objective(distil, setup.data.task)
        ours = setup.network if student is None else student
        theirs = setup.teacher if teacher is None else teacher
        self.helpers = nn.ModuleDict()
        self._insides: dict[str, Inside] = {}
        for term in distil.losses:
            self._add(term, LOSSES[term.name], ours, theirs, targets)
        insides = self._insides.values()
        self.student_places = _unique(inside.student for inside in insides)
        self.teacher_places = _unique(inside.teacher for inside in insides)

    def at(self, step: int) -> Objective:
        """The objective of a step (from 0)."""
        if not is_moving(self.distil):
            return self.objective
        return objective(settings_at(self.distil, step, self.total), self._setup.data.task)

    def moving(self, step: int) -> dict[str, float]:
        """What changes over the budget, as it is at a step: ``set.alpha``, ``set.kd.T``, …."""
        values = moving(self.distil, step, self.total)
        return {f"set.{name}": value for name, value in values.items()}

    def parts(
        self,
        step: int,
        task_loss: Tensor | None,
        student: Knowledge,
        teacher: Knowledge,
        batch: Batch,
    ) -> dict[str, Tensor]:
        """The unweighted parts of the loss by name, and ``total``.

        Args:
            step: Of the network that learns, from 0.
            task_loss: L_task, or ``None`` for images without labels.
            student: What it says, read at ``student_places``.
            teacher: What is said to it, read at ``teacher_places``.
            batch: The images.
        """
        helpers = dict(self.helpers.items())
        shared = Inputs(student.outputs, teacher.outputs, batch.targets, batch.index)
        own = {
            name: replace(
                shared,
                student_features=tuple(student.features[place] for place in inside.student),
                teacher_features=tuple(teacher.features[place] for place in inside.teacher),
                helper=helpers.get(name),
            )
            for name, inside in self._insides.items()
        }
        with self._own_draws(step):
            return self.at(step)(task_loss, shared, own)

    def _add(
        self,
        term: LossTerm,
        spec: LossSpec,
        student: nn.Module,
        teacher: nn.Module | None,
        targets: Tensor,
    ) -> None:
        """Find out what a term reads, and make its helper."""
        if needs_teacher(spec.needs) and teacher is None:
            raise ConfigError("loss_needs_teacher", loss=term.name, mode=self.distil.mode)
        data = self._setup.data
        inside = Inside()
        if looks_inside(spec.needs):
            inside = _inside(term, spec, student, teacher, data.channels, data.size)
        self._insides[term.name] = inside
        if spec.helper is None:
            return
        seen = Shapes(
            student=_shapes(student, inside.student, data.channels, data.size),
            teacher=_shapes(teacher, inside.teacher, data.channels, data.size),
            targets=targets,
            outputs=self._setup.task.n_outputs(data.classes),
        )
        with private_generator(self._draw(f"{self._who} {term.name}")):
            helper = spec.helper(seen, spec.check(term.params))
        if helper is not None:
            self.helpers[term.name] = helper

    @contextlib.contextmanager
    def _own_draws(self, step: int) -> Iterator[None]:
        """Random numbers of a step that belong to the helpers alone.

        They follow from seed and step, so a run that is resumed draws the same, and what dropout
        draws in the student is the same with and without helpers.
        """
        if not self.helpers:
            yield
            return
        device = self._setup.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            seed = self._draw(f"{self._who} step {step}")
            torch.default_generator.manual_seed(seed)
            if device.type == "cuda":
                torch.cuda.manual_seed(seed)
            yield

    def _draw(self, what: str) -> int:
        return zlib.crc32(f"{self._setup.run.seed} {what}".encode())


def _inside(
    term: LossTerm,
    spec: LossSpec,
    student: nn.Module,
    teacher: nn.Module | None,
    channels: int,
    size: int,
) -> Inside:
    if not needs_teacher(spec.needs) or teacher is None:
        paths = [pair[1] for pair in term.layers]
        if paths:
            check_pairs(student, student, tuple((path, path) for path in paths), channels, size)
        else:
            paths = [path for path, _ in stages(student, channels, size)]
            paths = paths[-1:] if spec.layers == "last" else paths
        return Inside(tuple(paths))
    pairs = term.layers
    if pairs:
        check_pairs(teacher, student, pairs, channels, size)
    else:
        pairs = propose_pairs(teacher, student, channels, size, spec.layers)
    mean = MEAN if spec.pooled else ""
    return Inside(tuple(pair[1] for pair in pairs), tuple(pair[0] + mean for pair in pairs))


def _shapes(
    network: nn.Module | None, places: Sequence[str], channels: int, size: int
) -> tuple[tuple[int, ...], ...]:
    if network is None or not places:
        return ()
    found = shapes(network, [path_of(place) for place in places], channels, size)
    return tuple(shape_at(place, shape) for place, shape in zip(places, found, strict=True))


def _unique(groups: Iterator[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(place for group in groups for place in group))
