"""Online: networks that learn at the same time, from the labels and from each other.

    mutual   every network is a student to all others        (Zhang et al. 2018)
    joint    a teacher learns from the labels, and the student from labels and teacher

All see the same batch. Their answers are computed first, then each takes a step of its own, with
the others' answers as fixed targets: a step of one never changes what the others learn from in the
same step. (The paper updates one after the other, with new answers in between, at twice the cost.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from kd_core.config import RunSettings
from kd_core.errors import ConfigError
from kd_core.registry import Param
from kd_core.text import Msg
from kd_core.train.batch import Batch, Batches
from kd_core.train.effort import Effort
from kd_core.train.loader import Loader
from kd_core.train.modes import MODES, Mode, ModeSpec, Other, Planning, Setup, budget
from kd_core.train.optim import Learner
from kd_core.train.teaching import Knowledge, Teaching, look

STUDENT = "student"

SEEDS_APART = 1000
"""Between the initial weights of the networks of one run; a study has at most 100 seeds."""


class Online(Mode):
    """Several networks, each with its own optimiser.

    L_i = w_task · L_task + Σ w · mean over the networks j that i learns from of L(i, j), and the
    task loss alone where i learns from none.

    Args:
        setup: What the mode is made from.
        peers: The further networks, with their initial weights.
        learns_from: Names of the teachers of each network; the run's own is ``student``, the
            others are ``peer-1``, ``peer-2``, ….
    """

    def __init__(
        self,
        setup: Setup,
        peers: Mapping[str, nn.Module],
        learns_from: Mapping[str, tuple[str, ...]],
    ) -> None:
        super().__init__()
        self.task = setup.task
        self.loader = Loader(setup.run, setup.data, setup.task, setup.device)
        self.steps_per_epoch = self.loader.steps
        self.total_steps = budget(setup.run.train, self.steps_per_epoch)
        n_outputs = setup.task.n_outputs(setup.data.classes)
        weighting = setup.task.weighting(self.loader.targets, n_outputs, setup.run.train)
        self.weighting = weighting.to(setup.device)
        networks = {STUDENT: setup.network, **peers}
        self.teachings = {
            name: {other: self._teaching(setup, networks, name, other) for other in others}
            for name, others in learns_from.items()
        }
        own = (setup.run.train, self.total_steps, setup.device)
        self.learners = {
            name: Learner(network, *own, self._helpers(name)) for name, network in networks.items()
        }

    def _teaching(
        self, setup: Setup, networks: Mapping[str, nn.Module], name: str, other: str
    ) -> Teaching:
        return Teaching(
            setup.distil,
            setup,
            self.loader.targets,
            self.total_steps,
            student=networks[name],
            teacher=networks[other],
            who=f"{name} from {other}",
        )

    def _helpers(self, name: str) -> nn.ModuleDict:
        pairs = self.teachings[name].items()
        return nn.ModuleDict({other: teaching.helpers for other, teaching in pairs})

    def batches(self, epoch: int, first: int) -> Iterator[Batches]:
        """One labelled batch a step, for all networks."""
        return ({"train": batch} for batch in self.loader.epoch(epoch, first))

    def step(self, batches: Batches) -> dict[str, Tensor]:
        """One step of each network; the parts of a peer are ``peer-1/task``, …."""
        batch = batches["train"]
        said = {name: self._look(name, batch) for name in self.learners}
        parts = {name: self._parts(name, said, batch) for name in self.learners}
        self._weigh(parts[STUDENT])
        for name, learner in self.learners.items():
            learner.update(parts[name]["total"])
        self.costs.teacher_images += len(batch) * (len(self.learners) - 1)
        peers = {f"{n}/{part}": v for n in parts if n != STUDENT for part, v in parts[n].items()}
        return {**parts[STUDENT], **peers}

    def _weigh(self, parts: dict[str, Tensor]) -> None:
        teaching = next(iter(self.teachings[STUDENT].values()))
        self.weigh(parts, self.learners[STUDENT], teaching.objective.weights)

    def _look(self, name: str, batch: Batch) -> Knowledge:
        """What a network says, read where it or one of its students needs it."""
        own = [teaching.student_places for teaching in self.teachings[name].values()]
        taught = [others[name] for others in self.teachings.values() if name in others]
        wanted = own + [teaching.teacher_places for teaching in taught]
        places = tuple(dict.fromkeys(place for some in wanted for place in some))
        with self.learners[name].autocast():
            return look(self.learners[name].network, batch.images, places)

    def _parts(self, name: str, said: Mapping[str, Knowledge], batch: Batch) -> dict[str, Tensor]:
        """The parts of one network: the mean over those that it learns from."""
        assert batch.targets is not None  # the training part is labelled
        loss = self.task.loss(said[name].outputs, batch.targets, self.weighting)
        step = self.learners[name].step
        each = [
            teaching.parts(step, loss, said[name], said[other].detached(), batch)
            for other, teaching in self.teachings[name].items()
        ]
        if not each:
            return {"task": loss, "total": loss}
        return {part: torch.stack([one[part] for one in each]).mean() for part in each[0]}

    def settings(self) -> dict[str, float]:
        """What changes over the budget, as it was at the student's last step."""
        teaching = next(iter(self.teachings[STUDENT].values()))
        return teaching.moving(max(0, self.learners[STUDENT].step - 1))

    def deployed(self) -> nn.Module:
        """The run's own network."""
        return self.learners[STUDENT].network

    def others(self) -> dict[str, Other]:
        """The networks that learn beside it."""
        peers = {name: one for name, one in self.learners.items() if name != STUDENT}
        return {name: Other(learner.network, "peer") for name, learner in peers.items()}


def peer_seed(seed: int, number: int) -> int:
    """Seed of the initial weights of the n-th network beside the student.

    >>> peer_seed(3, 2)
    2003
    """
    return (seed + SEEDS_APART * number) % 2**31


def _peers(setup: Setup, count: int) -> dict[str, nn.Module]:
    """Listed networks, or so many copies of the student's architecture."""
    settings = setup.distil.peers or (setup.run.model,) * count
    return {
        f"peer-{number}": setup.outside.make(one, peer_seed(setup.run.seed, number))
        for number, one in enumerate(settings, start=1)
    }


def _mutual(setup: Setup) -> Online:
    peers = _peers(setup, setup.params["students"] - 1)
    names = (STUDENT, *peers)
    return Online(setup, peers, {n: tuple(o for o in names if o != n) for n in names})


def _joint(setup: Setup) -> Online:
    peers = _peers(setup, 0)
    if len(peers) != 1:
        title = Msg(MODES.text_id("joint", "title")).to_json()
        raise ConfigError("mode_peers", mode=title, n=len(peers), low=1, high=1)
    return Online(setup, peers, {STUDENT: tuple(peers), **dict.fromkeys(peers, ())})


def _with_the_studys_teacher(planning: Planning) -> tuple[RunSettings, ...]:
    """The run itself; the network that teaches is the study's teacher, untrained."""
    run, distil = planning.run, planning.distil
    if not distil.peers:
        if planning.study.teacher.run:
            raise ConfigError("joint_teacher_run", arm=planning.arm)
        model = planning.study.teacher.model
        run = run.change(distil=distil.change(peers=(model,)))
    return (run,)


MODES.add(
    "mutual",
    ModeSpec(
        build=_mutual,
        source="Zhang et al. 2018",
        params=(Param("students", "int", 2, low=2, high=4),),
        peers=(0, 3),
        effort=lambda distil, params: Effort(distil.peers or (None,) * (params["students"] - 1)),
    ),
)
MODES.add(
    "joint",
    ModeSpec(
        build=_joint,
        source="Zhou et al. 2018",
        peers=(0, 1),
        plan=_with_the_studys_teacher,
        effort=lambda distil, params: Effort(distil.peers),
    ),
)
