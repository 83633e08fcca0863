"""Training with the true labels only: the teacher itself, and the baseline of every study."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from kd_core.losses import Inputs, objective
from kd_core.tasks import Outputs
from kd_core.train.batch import Batch, Batches
from kd_core.train.loader import Loader
from kd_core.train.modes import MODES, Mode, ModeSpec, Setup, budget
from kd_core.train.optim import Learner


class Alone(Mode):
    """One network and its labels."""

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        self.task = setup.task
        self.loader = Loader(setup.run, setup.data, setup.task, setup.device)
        self.steps_per_epoch = self.loader.steps
        self.total_steps = budget(setup.run.train, self.steps_per_epoch)
        n_outputs = setup.task.n_outputs(setup.data.classes)
        weighting = setup.task.weighting(self.loader.targets, n_outputs, setup.run.train)
        self.weighting = weighting.to(setup.device)
        self.objective = objective(None, setup.data.task)
        self.student = Learner(setup.network, setup.run.train, self.total_steps, setup.device)
        self.learners = {"student": self.student}

    def batches(self, epoch: int, first: int) -> Iterator[Batches]:
        """One labelled batch a step."""
        return ({"train": batch} for batch in self.loader.epoch(epoch, first))

    def step(self, batches: Batches) -> dict[str, Tensor]:
        """Parts ``task``, one for each distillation loss (there is none here), and ``total``."""
        batch = batches["train"]
        taught = self.knowledge(batch)
        with self.student.autocast():
            outputs = self.student.network(batch.images)  # {"logits": (N, K)}
        targets = batch.targets
        loss = None if targets is None else self.task.loss(outputs, targets, self.weighting)
        parts = self.objective(loss, Inputs(outputs, taught, targets, batch.index))
        self.student.update(parts["total"])
        return parts

    def knowledge(self, batch: Batch) -> Outputs:
        """What a teacher says about these images: nothing, without a teacher."""
        return {}

    def deployed(self) -> nn.Module:
        """The network that learns; a teacher is never part of it."""
        return self.student.network


MODES.add("alone", ModeSpec(build=Alone))
