"""Several teachers whose answers are one (Buciluă et al. 2006, the first distillation of all).

    teacher-s0, teacher-s1, …        the study's teacher by several seeds
    <arm>-teacher1-s0, …             further architectures, by the teacher's recipe
    run:<id>                         finished runs

The answer of the committee is the mean of its members' logits (the geometric mean of their
probabilities) or of their probabilities (the arithmetic one; Hinton et al. 2015 name both). Members
count equally, by their validation score, or image by image by how sure each is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kd_core.config import RUN_PREFIX, RunSettings
from kd_core.errors import ConfigError
from kd_core.registry import Param
from kd_core.tasks import TaskSpec
from kd_core.text import Msg
from kd_core.train.batch import Batch
from kd_core.train.modes import MODES, ModeSpec, Planning, Setup
from kd_core.train.offline import Offline
from kd_core.train.online import SEEDS_APART
from kd_core.train.teaching import Knowledge
from kd_core.train.validate import Validator

SMALLEST = 1e-6
"""A probability or a weight below this is taken for it, so that no logarithm is infinite."""


class Committee(nn.Module):
    """Several networks with one answer.

    Args:
        members: Trained networks of the same task.
        task: What their answers are.
        several: Labels are independent: probabilities are sigmoids.
        weights: One weight a member, summing to 1; ``None``: image by image, by certainty.
        average: ``logits`` or ``probabilities``.
    """

    def __init__(
        self,
        members: Sequence[nn.Module],
        task: TaskSpec,
        several: bool,
        weights: Sequence[float] | None,
        average: str,
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.task, self.several, self.average = task, several, average
        self.weights: Tensor | None
        fixed = None if weights is None else torch.tensor(list(weights))  # (M,)
        self.register_buffer("weights", fixed)

    def extra_repr(self) -> str:
        """What the answer depends on beside the members: part of the key of stored answers."""
        return f"average={self.average}, fixed={self.weights is not None}"

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """The common answer as logits (N, K): their softmax, or sigmoid, is its probability."""
        each = [member(images)[self.task.output].float() for member in self.members]
        logits = torch.stack(each)  # (M, N, K)
        weights = self._weights(logits)  # (M, N, 1)
        if self.average == "logits":
            return {self.task.output: (weights * logits).sum(0)}
        p = (weights * self.task.probabilities(logits.flatten(0, 1)).view_as(logits)).sum(0)
        p = p.clamp(SMALLEST, 1 - SMALLEST)  # (N, K)
        return {self.task.output: p.logit() if self.several else p.log()}

    def _weights(self, logits: Tensor) -> Tensor:
        """Weights of the members for each image, (M, N, 1)."""
        if self.weights is not None:
            return self.weights.to(logits).view(-1, 1, 1).expand(-1, logits.shape[1], 1)
        sure = certainty(logits, self.several).clamp(min=SMALLEST)  # (M, N)
        return (sure / sure.sum(0)).unsqueeze(-1)


def certainty(logits: Tensor, several: bool) -> Tensor:
    """How sure answers are: 1 − entropy / largest entropy, in [0, 1].

    Args:
        logits: (…, K).
        several: Labels are independent; their certainties are averaged.

    >>> certainty(torch.tensor([[0.0, 0.0], [50.0, 0.0]]), several=False).tolist()
    [0.0, 1.0]
    """
    if several:
        p, log_p, log_not = logits.sigmoid(), F.logsigmoid(logits), F.logsigmoid(-logits)
        entropy = -(p * log_p + (1 - p) * log_not).mean(-1)
        return 1 - entropy / math.log(2)
    log_p = logits.log_softmax(-1)
    return 1 + (log_p.exp() * log_p).sum(-1) / math.log(logits.shape[-1])


class Ensemble(Offline):
    """Offline distillation from a committee; each of its members looks at every image.

    Raises:
        ConfigError: ``ensemble_other_classes``.
    """

    def __init__(self, setup: Setup) -> None:
        members = members_of(setup.outside.teachers)
        _check_answers(setup, members)
        weights = _weights(setup, members)
        average, several = setup.params["average"], setup.data.task == "multilabel"
        committee = Committee(list(members.values()), setup.task, several, weights, average)
        super().__init__(replace(setup, teacher=committee))
        self.facts["teachers"] = len(members)
        if weights is not None:
            self.facts["teacher_weights"] = [round(weight, 4) for weight in weights]
        setup.say(Msg("ensemble.members", {"n": len(members)}))

    def begin_epoch(self, epoch: int) -> None:
        """As offline, counting every member's passes."""
        before = self.costs.teacher_images
        super().begin_epoch(epoch)
        self._count(before)

    def knowledge(self, batch: Batch) -> Knowledge:
        """As offline, counting every member's passes."""
        before = self.costs.teacher_images
        said = super().knowledge(batch)
        self._count(before)
        return said

    def _count(self, before: int) -> None:
        self.costs.teacher_images += (self.costs.teacher_images - before) * (
            self.facts["teachers"] - 1
        )


@torch.no_grad()
def _check_answers(setup: Setup, members: Mapping[str, nn.Module]) -> None:
    """Refuse a member that answers for another number of classes."""
    data, need = setup.data, setup.task.n_outputs(setup.data.classes)
    image = torch.zeros(1, data.channels, data.size, data.size, device=setup.device)
    for name, member in members.items():
        got = member.to(setup.device).eval()(image)[setup.task.output].shape[1]
        if got != need:
            raise ConfigError("ensemble_other_classes", teacher=name, got=got, need=need)


def members_of(teachers: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    """The teachers of a run in the order of their numbers."""
    return dict(sorted(teachers.items(), key=lambda item: (len(item[0]), item[0])))


def _weights(setup: Setup, members: Mapping[str, nn.Module]) -> list[float] | None:
    """Fixed weights of the members; ``None`` where each image has its own.

    By validation, a weight is proportional to the member's score in the metric that chooses
    checkpoints.
    """
    kind = setup.params["weights"]
    if kind == "confidence":
        return None
    if kind == "equal":
        return [1 / len(members)] * len(members)
    validator = Validator(setup.run, setup.data, setup.device)
    scores = []
    for done, member in enumerate(members.values()):
        setup.tick("teacher_outputs", done, len(members))
        score = validator(member.to(setup.device))[f"val.{validator.select}"]
        scores.append(max(score, SMALLEST) if math.isfinite(score) else SMALLEST)
    return [score / sum(scores) for score in scores]


def committee_runs(planning: Planning) -> tuple[RunSettings, ...]:
    """The teachers that are not there yet, and the student."""
    study, run, params = planning.study, planning.run, planning.params
    keys, new = [planning.teacher], []
    if not study.teacher.run:
        first = run.seed if study.teacher.per_seed else study.seeds[0]
        apart = SEEDS_APART if study.teacher.per_seed else 1
        for number in range(1, params["teachers"]):
            seed = (first + apart * number) % 2**31
            new.append(planning.teachers(study.teacher.model, seed, "teacher"))
    seed = run.seed if study.teacher.per_seed else study.seeds[0]
    for number, model in enumerate(planning.distil.peers, start=1):
        new.append(planning.teachers(model, seed, f"{planning.arm}-teacher{number}"))
    keys += [one.key for one in new]
    keys += [RUN_PREFIX + name.strip() for name in params["runs"].split(",") if name.strip()]
    needs = {"teacher" if n == 1 else f"teacher-{n}": key for n, key in enumerate(keys, start=1)}
    return (*new, run.change(needs=needs))


MODES.add(
    "ensemble",
    ModeSpec(
        build=Ensemble,
        needs_teacher=True,
        source="Buciluă et al. 2006",
        params=(
            Param("teachers", "int", 3, low=1, high=10),
            Param("weights", "choice", "equal", choices=("equal", "validation", "confidence")),
            Param("average", "choice", "logits", choices=("logits", "probabilities")),
            Param("runs", "text", "", advanced=True),
        ),
        features=False,
        peers=(0, 8),
        plan=committee_runs,
    ),
)
