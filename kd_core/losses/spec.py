"""What a distillation loss is: one entry a method, one function a kind of target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from kd_core.registry import Entry, Registry
from kd_core.tasks import Outputs

Family = Literal["response", "feature", "relation"]


@dataclass(frozen=True)
class Inputs:
    """All that a distillation loss may look at in one step.

    Attributes:
        student: The student's named outputs, with gradient.
        teacher: The teacher's named outputs for the same pixels, without gradient.
        targets: True labels as the task collates them; ``None`` for unlabelled images.
        index: Position of each image in its part, (N,), for losses that remember images.
    """

    student: Outputs
    teacher: Outputs
    targets: Tensor | None = None
    index: Tensor | None = None


LossFn = Callable[[Inputs, Mapping[str, Any]], Tensor]


@dataclass(frozen=True, kw_only=True)
class LossSpec(Entry):
    """One method of distillation.

    Attributes:
        family: Which knowledge is transferred; α weighs the labels against ``response`` only.
        forms: The function for each task that the method is defined for: (inputs, parameters)
            to a scalar that already has its own T factor and reduction.
        needs: What it reads from both networks beside the task's own output.
    """

    family: Family
    forms: Mapping[str, LossFn]
    needs: Literal["logits", "features"] = "logits"

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks that the method is defined for."""
        return tuple(self.forms)


LOSSES: Registry[LossSpec] = Registry("loss")
