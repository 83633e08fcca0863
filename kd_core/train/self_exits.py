"""Be your own teacher: exits on the way through a network learn from its last answer.

    images ─► stage 1 ─► stage 2 ─► … ─► last answer      learns from the labels
                 └► exit-1   └► exit-2                    learn from labels and last answer

    L = L_task(last) + Σ_exits (w_task · L_task + Σ w · L(exit, last) + λ · ‖F_exit − F_last‖²)

F are the features that each classifier sees, pooled over positions; the squared distance is a sum
over channels and a mean over images. The network that is deployed has no trace of the exits; each
exit is a smaller model of its own (Zhang et al. 2019).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from kd_core.config import DistilSettings
from kd_core.errors import ConfigError
from kd_core.models import TaskModel
from kd_core.models.build import private_generator
from kd_core.models.exits import ExitHead, make_exit, pool
from kd_core.models.pairing import shapes, stages
from kd_core.registry import Param
from kd_core.train.alone import Alone
from kd_core.train.batch import Batch, Batches
from kd_core.train.effort import Effort
from kd_core.train.modes import MODES, ModeSpec, Other, Setup
from kd_core.train.optim import Learner
from kd_core.train.teaching import Knowledge, Teaching, look

EFFORT = 0.3
"""Exits take about a third of a small network's step beside it."""


class Exits(Alone):
    """One network with exits.

    Raises:
        ConfigError: ``exits_no_stages`` for a network that has no stage before its last.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(_labels_only(setup))
        data, network = setup.data, setup.network
        found = [path for path, _ in stages(network, data.channels, data.size)]
        layers = found[-setup.params["exits"] - 1 :]
        if len(layers) < 2:
            raise ConfigError("exits_no_stages", model=setup.run.model.name)
        self.paths, self.last = layers[:-1], layers[-1]
        self._shapes = shapes(network, layers, data.channels, data.size)
        self.heads = self._heads(setup.task.n_outputs(data.classes), setup.run.seed)
        self.distance_weight = float(setup.params["feature_weight"])
        self.exits = {
            name: Teaching(
                setup.distil,
                setup,
                self.loader.targets,
                self.total_steps,
                teacher=network,
                who=name,
            )
            for name in self.heads
        }
        of_losses = {name: teaching.helpers for name, teaching in self.exits.items()}
        helpers = nn.ModuleDict({"heads": self.heads, **of_losses})
        own = (setup.run.train, self.total_steps, setup.device, helpers)
        self.student = Learner(network, *own)
        self.learners = {"student": self.student}

    def _heads(self, n_outputs: int, seed: int) -> nn.ModuleDict:
        """Heads by name, the exit with the least work first; nobody else's draws are touched."""
        with private_generator(seed):
            return nn.ModuleDict(
                {
                    f"exit-{number}": ExitHead(shape, self._shapes[-1], n_outputs)
                    for number, shape in enumerate(self._shapes[:-1], start=1)
                }
            )

    def losses(self, batches: Batches) -> dict[str, Tensor]:
        """Parts of the last answer by their name, those of an exit as ``exit-1/<part>``."""
        batch = batches["train"]
        with self.student.autocast():
            said = look(self.student.network, batch.images, (*self.paths, self.last))
            goal = pool(said.features[self.last]).detach()  # (N, C)
            answers = [
                head(said.features[path])
                for path, head in zip(self.paths, self.heads.values(), strict=True)
            ]
        assert batch.targets is not None  # the training part is labelled
        loss = self.task.loss(said.outputs, batch.targets, self.weighting)
        parts, total = {"task": loss}, loss
        for name, (pooled, logits) in zip(self.heads, answers, strict=True):
            own = self._of_exit(name, logits, said, batch)
            distance = (pooled.float() - goal.float()).square().sum(1).mean()
            own = {**own, "feature": distance}
            own["total"] = own["total"] + self.distance_weight * distance
            total = total + own["total"]
            parts |= {f"{name}/{part}": value for part, value in own.items()}
        return {**parts, "total": total}

    def _of_exit(
        self, name: str, logits: Tensor, said: Knowledge, batch: Batch
    ) -> dict[str, Tensor]:
        outputs = {self.task.output: logits}
        loss = self.task.loss(outputs, batch.targets, self.weighting)  # type: ignore[arg-type]
        teacher = Knowledge(said.outputs).detached()
        return self.exits[name].parts(self.student.step, loss, Knowledge(outputs), teacher, batch)

    def pulling(self, parts: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, float]]:
        """Each part summed over the exits; the labels of the last answer are with theirs."""
        weights = next(iter(self.exits.values())).objective.weights
        weights = {**weights, "feature": self.distance_weight}
        sums = {
            part: torch.stack([parts[f"{name}/{part}"] for name in self.heads]).sum()
            for part in weights
        }
        labels = parts["task"] + weights["task"] * sums["task"]
        return {**sums, "task": labels}, {**weights, "task": 1.0}

    def settings(self) -> dict[str, float]:
        """What changes over the budget, as it was at the last step."""
        return next(iter(self.exits.values())).moving(max(0, self.student.step - 1))

    def others(self) -> dict[str, Other]:
        """Each exit as a model of its own, a copy of the network up to there."""
        return {
            name: Other(self._cut(path, head, shape), "exit")
            for (name, head), path, shape in zip(
                self.heads.items(), self.paths, self._shapes[:-1], strict=True
            )
        }

    def _cut(self, path: str, head: nn.Module, shape: Sequence[int]) -> TaskModel:
        network, own = self.student.network, copy.deepcopy(head)
        assert isinstance(network, TaskModel)  # what build_model made
        assert isinstance(own, ExitHead)
        with torch.no_grad():
            return make_exit(copy.deepcopy(network), path, own, shape, self._shapes[-1])

    def kept(self) -> dict[str, nn.Module]:
        """The heads; the trunk is the student itself."""
        return {"heads": self.heads}


def _labels_only(setup: Setup) -> Setup:
    """The setup of the last answer, which nobody teaches."""
    alone = DistilSettings(mode="alone", losses=())
    return replace(setup, run=setup.run.change(distil=alone))


MODES.add(
    "exits",
    ModeSpec(
        build=Exits,
        source="Zhang et al. 2019",
        params=(
            Param("exits", "int", 3, low=1, high=4),
            Param("feature_weight", "float", 0.03, low=0.0, high=100.0, step=0.01),
        ),
        features=False,
        effort=lambda distil, params: Effort(steps=EFFORT),
    ),
)
