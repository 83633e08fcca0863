"""One objective from its parts: ``w_task · L_task + Σ wᵢ · Lᵢ``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch import Tensor

from kd_core.config import DistilSettings, LossTerm
from kd_core.errors import ConfigError
from kd_core.losses.schedule import is_moving, settings_at
from kd_core.losses.spec import LOSSES, Inputs, LossFn, Needs, needs_teacher, why_not


@dataclass(frozen=True)
class Term:
    """One distillation loss, ready to be computed.

    Attributes:
        name: Entry of ``LOSSES``; the part's name in curves and records.
        weight: wᵢ.
        fn: The entry's function for this task.
        params: Checked parameters.
        needs: What it reads, see :class:`~kd_core.losses.spec.LossSpec`.
    """

    name: str
    weight: float
    fn: LossFn
    params: Mapping[str, Any]
    needs: Needs = "logits"


@dataclass(frozen=True)
class Objective:
    """What a student minimises; calling it gives every part by name.

    >>> import torch
    >>> parts = Objective()(torch.tensor(0.7), Inputs({}, {}))
    >>> sorted(parts), round(parts["total"].item(), 6)
    (['task', 'total'], 0.7)
    """

    task_weight: float = 1.0
    terms: tuple[Term, ...] = ()

    @property
    def needs_teacher(self) -> bool:
        """True unless every term is content with the labels and the student itself."""
        return any(needs_teacher(term.needs) for term in self.terms)

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each part by name, ``task`` first."""
        return {"task": self.task_weight, **{term.name: term.weight for term in self.terms}}

    def __call__(
        self,
        task_loss: Tensor | None,
        inputs: Inputs,
        own: Mapping[str, Inputs] = MappingProxyType({}),
    ) -> dict[str, Tensor]:
        """The unweighted parts by name, and ``total``, their weighted sum.

        Args:
            task_loss: L_task, or ``None`` for images without labels.
            inputs: What the distillation losses look at.
            own: What a term looks at instead, by its name: features and helpers are its own.
        """
        parts = {term.name: term.fn(own.get(term.name, inputs), term.params) for term in self.terms}
        weighted = [term.weight * parts[term.name] for term in self.terms]
        if task_loss is not None:
            parts = {"task": task_loss, **parts}
            weighted.insert(0, self.task_weight * task_loss)
        return {**parts, "total": sum(weighted[1:], start=weighted[0])}


def objective(distil: DistilSettings | None, task: str) -> Objective:
    """The objective of a configuration; without distillation it is the task loss alone.

    What changes over the budget has its first value, and weights are what they are after the
    warm-up; :func:`~kd_core.losses.schedule.settings_at` gives the settings of a step.

    α sets ``w_task = α`` when a response loss is chosen, else ``w_task = 1``, unless
    ``task_weight`` says otherwise; a response loss without a weight of its own has ``1 − α``.

    Args:
        distil: Distillation settings, or ``None`` for training alone.
        task: Entry of ``TASKS``.

    Raises:
        ConfigError: ``loss_task`` where a loss is not defined for the task, ``loss_weight`` where
            a feature or relation loss has no weight, ``loss_repeats`` where one is named twice,
            ``ramp_unknown`` and ``ramp_repeats``.

    >>> both = objective(DistilSettings(alpha=0.3), "classification")
    >>> both.task_weight, [(term.name, term.weight) for term in both.terms]
    (0.3, [('kd', 0.7)])
    >>> objective(DistilSettings(alpha=1.0), "classification").weights  # plain training
    {'task': 1.0, 'kd': 0.0}
    """
    if distil is None:
        return Objective()
    names = [term.name for term in distil.losses]
    if len(set(names)) != len(names):
        raise ConfigError("loss_repeats", names=names)
    if is_moving(distil):
        objective(settings_at(distil, 1, 2), task)  # where the ramps end is legal too
    responds = any(LOSSES[name].family == "response" for name in names)
    usual = distil.alpha if responds else 1.0
    return Objective(
        task_weight=usual if distil.task_weight is None else distil.task_weight,
        terms=tuple(_term(term, distil.alpha, task) for term in distil.losses),
    )


def _term(term: LossTerm, alpha: float, task: str) -> Term:
    spec = LOSSES[term.name]
    if task not in spec.forms:
        raise ConfigError("loss_task", loss=term.name, why=why_not(term.name, task).to_json())
    if term.weight is None and spec.family != "response":
        raise ConfigError("loss_weight", loss=term.name)
    weight = 1 - alpha if term.weight is None else term.weight
    return Term(term.name, weight, spec.forms[task], spec.check(term.params), spec.needs)
