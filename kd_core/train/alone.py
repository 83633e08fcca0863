"""Training without a teacher.

Teachers themselves are trained so, the baseline of every study, and students of losses that need
the labels only.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from kd_core.train.batch import Batch, Batches
from kd_core.train.loader import Loader
from kd_core.train.modes import MODES, Mode, ModeSpec, Setup, budget
from kd_core.train.optim import Learner
from kd_core.train.teaching import Knowledge, Teaching, look


class Alone(Mode):
    """One network and its labels.

    Raises:
        ConfigError: ``loss_needs_teacher`` for a loss that only a teacher can feed.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        self.task = setup.task
        self.loader = Loader(setup.run, setup.data, setup.task, setup.device)
        self.steps_per_epoch = self.loader.steps
        self.total_steps = budget(setup.run.train, self.steps_per_epoch)
        n_outputs = setup.task.n_outputs(setup.data.classes)
        weighting = setup.task.weighting(self.loader.targets, n_outputs, setup.run.train)
        self.weighting = weighting.to(setup.device)
        self.teaching = self.teach(setup)
        own = (setup.run.train, self.total_steps, setup.device, self.teaching.helpers)
        self.student = Learner(setup.network, *own)
        self.learners = {"student": self.student}

    def teach(self, setup: Setup) -> Teaching:
        """What the network learns by; the loader and the budget are known."""
        return Teaching(setup.distil, setup, self.loader.targets, self.total_steps)

    def batches(self, epoch: int, first: int) -> Iterator[Batches]:
        """One labelled batch a step."""
        return ({"train": batch} for batch in self.loader.epoch(epoch, first))

    def step(self, batches: Batches) -> dict[str, Tensor]:
        """Parts ``task``, one for each distillation loss, and ``total``."""
        parts = self.losses(batches)
        pulling, weights = self.pulling(parts)
        self.weigh(pulling, self.student, weights)
        self.student.update(parts["total"])
        return parts

    def pulling(self, parts: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, float]]:
        """The parts that pull at the network, and the weight of each."""
        return parts, self.teaching.objective.weights

    def losses(self, batches: Batches) -> dict[str, Tensor]:
        """The parts of a step with their gradient, before anything is learned from them."""
        batch = batches["train"]
        taught = self.knowledge(batch)
        with self.student.autocast():
            said = look(self.student.network, batch.images, self.teaching.student_places)
        targets = batch.targets
        loss = None if targets is None else self.task.loss(said.outputs, targets, self.weighting)
        return self.teaching.parts(self.student.step, loss, said, taught, batch)

    def knowledge(self, batch: Batch) -> Knowledge:
        """What a teacher says about these images: nothing, without a teacher."""
        return Knowledge()

    def settings(self) -> dict[str, float]:
        """What changes over the budget, as it was at the last step."""
        return self.teaching.moving(max(0, self.student.step - 1))

    def deployed(self) -> nn.Module:
        """The network that learns; a teacher is never part of it."""
        return self.student.network


MODES.add("alone", ModeSpec(build=Alone))
