"""Short real trainings of a study's student in several modes: what the lesson on modes replays.

Each begins with the same weights and takes the same steps on the same images; who teaches is all
that differs. The budget is small, so the curves show how a mode goes, not what it is worth.

Work is counted in multiply-accumulates and not in seconds, so that it is the same everywhere: a
step of a network that learns counts as three passes forward (one forward, two back), an answer of
a fixed teacher as one.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from kd_core.config import ComputeSettings, DistilSettings, LossTerm, ModelSettings, RunSettings
from kd_core.errors import ConfigError
from kd_core.events import Event
from kd_core.events import Progress as Told
from kd_core.lessons.material import MATERIALS, Material, MaterialSpec, Progress
from kd_core.lessons.short_runs import (
    heads_macs,
    images_for,
    known,
    past_curve,
    some_images,
    taught_with,
    teacher_over_baseline,
)
from kd_core.models import TaskModel
from kd_core.models.profile import profile
from kd_core.study.model_files import load_teacher
from kd_core.study.records import Job
from kd_core.study.training import network_builder
from kd_core.train import FitResult, Outside, fit
from kd_core.train.loop import HISTORY
from kd_core.train.validate import selecting_metric

FILE = "modes.json"
EPOCHS = 8
VIEWS = 2
"""Stored views of each image; the teacher answers each once."""

BACK = 3
"""Passes forward that one step of learning counts as."""

OFFLINE, EARLIER = "offline", "born_again"
PARAMS: dict[str, dict[str, Any]] = {
    "alone": {},
    OFFLINE: {},
    "mutual": {"students": 2},
    "exits": {"exits": 2},
    EARLIER: {"generations": 1},
}
"""The modes that are shown, in order, with their parameters."""


@dataclass(frozen=True)
class Course:
    """One mode as it went.

    Attributes:
        curves: Validation metric after each epoch by network: ``student``, ``peer-1``,
            ``exit-1``, and of what had to be trained before, ``teacher`` or ``earlier``;
            ``None`` where it is not defined.
        work: Multiply-accumulates over those of the student alone, by what they are for:
            ``student``, ``beside`` (networks or exits that learn with it), ``answers`` (of a
            teacher that is fixed), ``before`` (training that teacher).
        refused: Why the networks of this study do not allow it, as JSON; ``None`` if they do.
    """

    curves: Mapping[str, Sequence[float | None]]
    work: Mapping[str, float]
    refused: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Modes:
    """What was found.

    Attributes:
        metric: Entry of ``METRICS``.
        images: Training images that each network saw in an epoch.
        steps: Optimiser steps of each network.
        alpha: Weight of the true labels.
        T: Temperature.
        macs: Multiply-accumulates for one image, of ``student``, ``teacher`` and ``exits``.
        teacher: What the study's teacher reaches by the metric.
        courses: By mode.
    """

    metric: str
    images: int
    steps: int
    alpha: float
    T: float
    macs: Mapping[str, int]
    teacher: float | None
    courses: Mapping[str, Course]


def make(material: Material, folder: Path, progress: Progress) -> None:
    """Train in each mode and write ``modes.json``."""
    with tempfile.TemporaryDirectory() as aside:
        found = _Lesson(material, Path(aside), progress).run()
    text = json.dumps(asdict(found), indent=1, allow_nan=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> Modes:
    """What :func:`make` wrote."""
    plain = json.loads((folder / FILE).read_text(encoding="utf-8"))
    courses = {name: Course(**course) for name, course in plain.pop("courses").items()}
    return Modes(**plain, courses=courses)


class _Lesson:
    """The trainings of one study, one after the other."""

    def __init__(self, material: Material, aside: Path, progress: Progress) -> None:
        self.material, self.aside, self.progress = material, aside, progress
        settings = material.settings
        self.alpha, self.T = taught_with(material)
        student = self.build(settings.student, settings.seeds[0])
        channels, size = material.data.channels, material.data.size
        self.macs = {"student": profile(student, channels, size).macs}
        self.macs["teacher"] = self._teacher_macs()
        self.macs["exits"] = heads_macs(student, material.data, PARAMS["exits"]["exits"])
        self.data = some_images(material.data, images_for(self.macs["student"]), settings.seeds[0])
        train = settings.train.change(epochs=EPOCHS, steps=None)
        self.run_settings = RunSettings(
            key="lesson",
            role="student",
            data=material.data_settings,
            model=settings.student,
            train=train,
            views=VIEWS,
            seed=settings.seeds[0],
            compute=ComputeSettings(device="cpu", threads=1),
        )
        self.metric = selecting_metric(self.run_settings, material.data.task)
        self.alone: FitResult | None = None
        self.done = 0

    def run(self) -> Modes:
        """All modes; a mode that these networks do not allow is said to be refused."""
        courses: dict[str, Course] = {}
        images = steps = 0
        for number, mode in enumerate(PARAMS):
            try:
                fitted = self._fit(mode, number)
            except ConfigError as error:
                courses[mode] = Course({}, {}, error.msg.to_json())
                continue
            self.alone = self.alone or fitted
            steps = fitted.steps
            images = steps // EPOCHS * min(self.run_settings.train.batch_size, self._n)
            courses[mode] = Course(self._curves(mode, fitted), self._work(mode))
        self.progress(100 * len(PARAMS), 100 * len(PARAMS))
        said = self.material.voice("teacher").result.scores.get(self.metric)
        return Modes(
            metric=self.metric,
            images=images,
            steps=steps,
            alpha=self.alpha,
            T=self.T,
            macs=self.macs,
            teacher=None if said is None else said.value,
            courses=courses,
        )

    @property
    def _n(self) -> int:
        return len(self.data.parts["train"])

    def build(self, settings: ModelSettings, seed: int) -> TaskModel:
        """A network of this study with its starting weights."""
        job = Job("lesson", self.aside, self.material.home)
        return network_builder(self.material.data, job)(settings, seed)

    def _fit(self, mode: str, number: int) -> FitResult:
        run = self.run_settings.change(distil=distil_of(mode, self.alpha, self.T))
        return fit(
            run,
            self.data,
            self.build(run.model, run.seed),
            self._teacher(mode),
            folder=self.aside / mode,
            cache=self.aside / "cache",
            outside=Outside(make=self.build),
            emit=self._teller(number),
        )

    def _teacher(self, mode: str) -> nn.Module | None:
        if mode == OFFLINE:
            return load_teacher(self.material.voice("teacher").result.folder)
        return self.alone.network if mode == EARLIER and self.alone else None

    def _teller(self, number: int) -> Callable[[Event], None]:
        def told(event: Event) -> None:
            if isinstance(event, Told) and event.stage == "train" and event.total:
                hundredth = 100 * number + 100 * event.done // event.total
                self.progress(hundredth, 100 * len(PARAMS))

        return told

    def _teacher_macs(self) -> int:
        return int(self.material.voice("teacher").result.model.macs or 0)

    def _curves(self, mode: str, fitted: FitResult) -> dict[str, list[float | None]]:
        column = f"val.{self.metric}"
        names = {"student": column} | {f"{n}": f"{n}/{column}" for n in fitted.others}
        own = {n: [known(row[c]) for row in fitted.history] for n, c in names.items()}
        if mode == OFFLINE:
            before = past_curve(self.material.voice("teacher").result.folder / HISTORY, column)
            return {**({"teacher": before} if before else {}), **own}
        if mode == EARLIER and self.alone is not None:
            return {"earlier": [known(row[column]) for row in self.alone.history], **own}
        return own

    def _work(self, mode: str) -> dict[str, float]:
        learnt = BACK * self.macs["student"] * EPOCHS  # for each image, and so below
        work = {"student": 1.0, "beside": 0.0, "answers": 0.0, "before": 0.0}
        if mode == OFFLINE:
            work["answers"] = VIEWS * self.macs["teacher"] / learnt
            work["before"] = teacher_over_baseline(self.material)
        if mode == "mutual":
            work["beside"] = float(PARAMS[mode]["students"] - 1)
        if mode == "exits":
            work["beside"] = self.macs["exits"] / self.macs["student"]
        if mode == EARLIER:
            work["answers"] = VIEWS * self.macs["student"] / learnt
            work["before"] = 1.0
        return work


def distil_of(mode: str, alpha: float, T: float) -> DistilSettings:
    """The settings of a mode, with the same α and T in all that have a teacher."""
    if mode == "alone":
        return DistilSettings(mode="alone", losses=())
    return DistilSettings(
        mode=mode,
        alpha=alpha,
        losses=(LossTerm(name="kd", params={"T": T}),),
        views=VIEWS,
        params=PARAMS[mode],
    )


MATERIALS.add("modes", MaterialSpec(make=make, read=read, version=1, minutes=4.0))
