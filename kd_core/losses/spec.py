"""What a distillation loss is: one entry a method, one function a kind of target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

from kd_core.registry import Entry, Registry
from kd_core.tasks import Outputs
from kd_core.text import Msg

Family = Literal["response", "feature", "relation"]
Needs = Literal["logits", "features", "labels", "own"]


@dataclass(frozen=True)
class Inputs:
    """All that a distillation loss may look at in one step.

    Attributes:
        student: The student's named outputs, with gradient.
        teacher: The teacher's named outputs for the same pixels, without gradient.
        targets: True labels as the task collates them; ``None`` for unlabelled images.
        index: Position of each image in its part, (N,), for losses that remember images.
        student_features: What was read in the student, one tensor a pair of layers, finest first:
            (N, C, H, W), or (N, T, D) in transformers; with gradient.
        teacher_features: The same of the teacher, without gradient.
        helper: The term's own module, see ``LossSpec.helper``.
    """

    student: Outputs
    teacher: Outputs
    targets: Tensor | None = None
    index: Tensor | None = None
    student_features: tuple[Tensor, ...] = ()
    teacher_features: tuple[Tensor, ...] = ()
    helper: nn.Module | None = None


@dataclass(frozen=True)
class Shapes:
    """What a helper is built from.

    Attributes:
        student: Shape of each of the student's features without the batch, such as (C, H, W).
        teacher: The same of the teacher.
        targets: Targets of the training part as the task collates them.
        outputs: K, the number of classes or labels.
    """

    student: tuple[tuple[int, ...], ...]
    teacher: tuple[tuple[int, ...], ...]
    targets: Tensor
    outputs: int


LossFn = Callable[[Inputs, Mapping[str, Any]], Tensor]


@dataclass(frozen=True, kw_only=True)
class LossSpec(Entry):
    """One method of distillation.

    Attributes:
        family: Which knowledge is transferred; α weighs the labels against ``response`` only.
        forms: The function for each task that the method is defined for: (inputs, parameters)
            to a scalar that already has its own T factor and reduction.
        needs: What it reads: the ``logits`` of both networks, ``features`` of both inside,
            ``labels`` and the student's logits only, or those and what is inside the student
            (``own``); the last two have no teacher.
        layers: Which features: those of the ``last`` stage, or of all ``stages`` of resolution.
        pooled: It looks at the mean of the teacher's features over their places only, so that is
            what it gets, as (N, C, 1, 1) or (N, 1, D), and all that is stored of them.
        helper: Makes the term's own module, such as projections or a memory; ``None`` where it
            needs none. Its parameters learn with the student's, its buffers are in checkpoints,
            and it is never part of the deployed student.
        range: Weights that were published for it, (low, high); ``None`` where only 1 − α is.
    """

    family: Family
    forms: Mapping[str, LossFn]
    needs: Needs = "logits"
    layers: Literal["last", "stages"] = "last"
    pooled: bool = False
    helper: Callable[[Shapes, Mapping[str, Any]], nn.Module | None] | None = None
    range: tuple[float, float] | None = None

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks that the method is defined for."""
        return tuple(self.forms)


def why_not(name: str, task: str) -> Msg:
    """Why a loss has no form for a task; every loss has either a form or this sentence.

    >>> why_not("dkd", "multilabel").id
    'loss.dkd.not.multilabel'
    """
    return Msg(f"loss.{name}.not.{task}")


def needs_teacher(needs: Needs) -> bool:
    """True for what only a teacher can give."""
    return needs in ("logits", "features")


def looks_inside(needs: Needs) -> bool:
    """True for what is read inside a network."""
    return needs in ("features", "own")


LOSSES: Registry[LossSpec] = Registry("loss")
