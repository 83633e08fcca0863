"""Be your own teacher over time: the network of the epoch before softens the labels.

Progressive self-knowledge distillation (Kim et al. 2021): in epoch t of T the target of an image x
with label y is ``(1 − α_t) y + α_t p_{t−1}(x)`` with ``α_t = α_T · t / T`` and p_{t−1} the answer
of the network as it was after epoch t − 1. Cross-entropy is linear in its target, so this is

    L = (1 − α_t) · L_task + α_t · KL(p_{t−1} ‖ p_t)

up to a number that does not depend on the network. For several labels an image the two terms are
the Bernoulli forms. The first epoch has no past and learns from the labels alone.
"""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from kd_core.config import DistilSettings
from kd_core.losses.spec import LOSSES, Inputs
from kd_core.registry import Param
from kd_core.train.alone import Alone
from kd_core.train.batch import Batches
from kd_core.train.effort import Effort
from kd_core.train.modes import MODES, ModeSpec, Setup


class Past(Alone):
    """One network, its labels, and itself an epoch ago."""

    def __init__(self, setup: Setup) -> None:
        alone = DistilSettings(mode="alone", losses=())
        super().__init__(replace(setup, run=setup.run.change(distil=alone)))
        self.last_weight = float(setup.params["alpha_T"])
        self.epochs = math.ceil(self.total_steps / self.steps_per_epoch)
        self.loss = LOSSES["kd"].forms[setup.data.task]
        self.past: nn.Module | None = None
        self.epoch = 0

    @property
    def weight(self) -> float:
        """α_t of the present epoch; 0 in the first."""
        return 0.0 if self.epoch == 0 else past_weight(self.epoch, self.epochs, self.last_weight)

    def begin_epoch(self, epoch: int) -> None:
        """Keep the network as it is now, unless the epoch goes on after a stop."""
        if epoch != self.epoch:
            self._remember(self.student.network.state_dict())
        self.epoch = epoch
        super().begin_epoch(epoch)

    def _remember(self, weights: dict[str, Any]) -> None:
        if self.past is None:
            self.past = copy.deepcopy(self.student.network).eval().requires_grad_(False)
        self.past.load_state_dict(weights)

    def losses(self, batches: Batches) -> dict[str, Tensor]:
        """Parts ``task`` and ``past``, and ``total``."""
        batch = batches["train"]
        with self.student.autocast():
            outputs = self.student.network(batch.images)
        assert batch.targets is not None  # the training part is labelled
        loss = self.task.loss(outputs, batch.targets, self.weighting)
        if self.past is None:
            return {"task": loss, "past": torch.zeros_like(loss), "total": loss}
        with torch.no_grad(), self.student.autocast():
            before = self.past(batch.images)
        self.costs.teacher_images += len(batch)
        apart = self.loss(Inputs(outputs, before), {"T": 1.0})
        return {"task": loss, "past": apart, "total": loss + self.weight * (apart - loss)}

    def settings(self) -> dict[str, float]:
        """α_t, as the weight of the labels."""
        return {"set.alpha": 1 - self.weight}

    def state_dict(self) -> dict[str, Any]:
        """With the network of the epoch before."""
        past = None if self.past is None else self.past.state_dict()
        return {**super().state_dict(), "epoch": self.epoch, "past": past}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up where :meth:`state_dict` was taken."""
        super().load_state_dict(state)
        self.epoch = state["epoch"]
        if state["past"] is not None:
            self._remember(state["past"])


def past_weight(epoch: int, epochs: int, last: float) -> float:
    """α_t of an epoch (from 0): grows linearly to ``last`` in the last one.

    >>> [past_weight(epoch, 4, 0.8) for epoch in range(4)]
    [0.2, 0.4, 0.6000000000000001, 0.8]
    """
    return last * (epoch + 1) / epochs


MODES.add(
    "ps_kd",
    ModeSpec(
        build=Past,
        source="Kim et al. 2021",
        params=(Param("alpha_T", "float", 0.8, low=0.0, high=1.0, step=0.05),),
        losses=False,
        effort=lambda distil, params: Effort(answers=1),
    ),
)
