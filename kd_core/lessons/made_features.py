"""A real training with hints, looked into at every epoch: what the lesson on features replays.

A student of the study's architecture learns from labels and from its teacher's maps at matching
stages (Romero et al. 2015), through the ordinary loop; the checkpoint of each epoch is opened
again, and teacher and student look at validation images.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import torch
from torch import nn

from kd_core.config import ComputeSettings, DistilSettings, LossTerm, RunSettings
from kd_core.events import Event, Metric
from kd_core.events import Progress as Told
from kd_core.lessons.made_modes import images_for, some_images
from kd_core.lessons.maps import Features, read, write
from kd_core.lessons.maps_reading import HINT, Reading
from kd_core.lessons.material import MATERIALS, Material, MaterialSpec, Progress
from kd_core.models import TaskModel
from kd_core.models.pairing import Pairs, propose_pairs
from kd_core.models.profile import profile
from kd_core.study.model_files import load_teacher
from kd_core.study.records import Job
from kd_core.study.training import network_builder
from kd_core.tasks import TASKS
from kd_core.text import Msg
from kd_core.train import Setup, checkpoint, fit
from kd_core.train.loop import CHECKPOINT
from kd_core.train.offline import Offline
from kd_core.train.validate import Validator

WEIGHT = 1.0  # of the hints, where the labels have 1
EPOCHS = 8
VIEWS = 2  # stored views of each training image; the teacher looks at each once
STAGES = 3  # the coarsest; finer maps are large, and nearly the image itself


def make(material: Material, folder: Path, progress: Progress) -> None:
    """Train, look inside at every epoch, and write the files of :mod:`kd_core.lessons.maps`."""
    with tempfile.TemporaryDirectory() as aside:
        write(_Lesson(material, Path(aside), progress).run(), folder)


class _Lesson:
    """One training and its checkpoints."""

    def __init__(self, material: Material, aside: Path, progress: Progress) -> None:
        self.material, self.aside, self.progress = material, aside, progress
        settings, data = material.settings, material.data
        self.teacher = load_teacher(material.voice("teacher").result.folder)
        student = self._student()
        macs = profile(student, data.channels, data.size).macs
        self.data = some_images(data, images_for(macs), settings.seeds[0])
        pairs = propose_pairs(self.teacher, student, data.channels, data.size, "stages")[-STAGES:]
        self.run_settings = RunSettings(
            key="lesson",
            role="student",
            data=material.data_settings,
            model=settings.student,
            train=settings.train.change(epochs=EPOCHS, steps=None),
            distil=hinted(pairs),
            views=VIEWS,
            seed=settings.seeds[0],
            compute=ComputeSettings(device="cpu", threads=1),
        )
        self.reading = Reading(material, self._mode(student), pairs)

    def run(self) -> Features:
        """Everything that is kept."""
        validator = Validator(self.run_settings, self.data, torch.device("cpu"))
        select = f"val.{validator.select}"
        before = validator(self.reading.mode.deployed())[select]
        self.reading.look()
        fitted = fit(
            self.run_settings,
            self.data,
            self._student(),
            self.teacher,
            folder=self.aside / "run",
            cache=self.aside / "cache",
            emit=self._told,
        )
        scores = [before, *(row[select] for row in fitted.history)]
        return self.reading.found(
            metric=validator.select,
            scores=tuple(float(score) if math.isfinite(score) else None for score in scores),
            steps=fitted.steps // EPOCHS,
            train_images=len(self.data.parts["train"]),
        )

    def _student(self) -> TaskModel:
        """The study's student with its first weights."""
        settings, job = self.material.settings, Job("lesson", self.aside, self.material.home)
        return network_builder(self.material.data, job)(settings.student, settings.seeds[0])

    def _mode(self, student: nn.Module) -> Offline:
        """What ``fit`` makes of these settings, with the first weights of the projections."""
        return Offline(
            Setup(
                run=self.run_settings,
                data=self.data,
                task=TASKS[self.data.task],
                network=student,
                teacher=self.teacher,
                device=torch.device("cpu"),
                cache=self.aside / "cache",
                tick=lambda stage, done, total: None,
            )
        )

    def _told(self, event: Event) -> None:
        """Keep each epoch's checkpoint: it is written just before its figures are told."""
        if isinstance(event, Told) and event.stage == "train" and event.total:
            self.progress(event.done, event.total)
        if isinstance(event, Metric) and "val.loss" in event.values:
            saved = checkpoint.load(self.aside / "run" / CHECKPOINT)
            self.reading.mode.student.load_state_dict(saved["mode"]["learners"]["student"])
            self.reading.look()


def hinted(pairs: Pairs) -> DistilSettings:
    """Labels, and the teacher's maps at some pairs of layers."""
    return DistilSettings(
        losses=(LossTerm(name=HINT, weight=WEIGHT, layers=pairs),), alpha=1.0, views=VIEWS
    )


def unfit(material: Material) -> Msg | None:
    """A teacher that is only a file has no layers to look into."""
    if material.has_network(material.voice("teacher")):
        return None
    return Msg("material.unfit.layers", {"study": material.name})


MATERIALS.add("features", MaterialSpec(make=make, read=read, version=1, minutes=2.0, unfit=unfit))
