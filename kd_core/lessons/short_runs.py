"""What short trainings of a study are made of: fewer images, and its work counted by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from kd_core.data.loaded import LoadedData, Part
from kd_core.lessons.material import Material
from kd_core.models import TaskModel
from kd_core.models.exits import ExitHead
from kd_core.models.pairing import shapes, stages
from kd_core.study.records import RunRecord
from kd_core.tasks import TASKS

MOST_IMAGES, FEWEST_IMAGES = 1_600, 200
WORK_MACS = 3.6e11
"""Of the student on one epoch's images, forward; larger students see fewer images."""


def taught_with(material: Material) -> tuple[float, float]:
    """α and T of the study's first arm with soft targets; else 0.5 and 4."""
    for arm in material.settings.arms:
        for term in arm.distil.losses:
            if term.name == "kd":
                return arm.distil.alpha, float(term.params.get("T", 4.0))
    return 0.5, 4.0


def images_for(macs: int) -> int:
    """Training images for a student of so much work.

    >>> images_for(3_000_000), images_for(1_800_000_000)
    (1600, 200)
    """
    return int(min(MOST_IMAGES, max(FEWEST_IMAGES, WORK_MACS // max(1, macs))))


def some_images(data: LoadedData, n: int, seed: int) -> LoadedData:
    """The same data with at most ``n`` images to learn from, drawn by seed, in stored order."""
    part = data.parts["train"]
    if len(part) <= n:
        return data
    rows = np.sort(np.random.default_rng(seed).choice(len(part), n, replace=False))
    few = Part(part.images[rows], part.targets[rows], tuple(part.ids[row] for row in rows))
    return replace(data, parts={**data.parts, "train": few})


def heads_macs(student: TaskModel, data: LoadedData, exits: int) -> int:
    """Multiply-accumulates for one image of the heads of a student's last exits; 0 without any."""
    paths = [path for path, _ in stages(student, data.channels, data.size)][-exits - 1 :]
    found = shapes(student, paths, data.channels, data.size)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        for shape in found[:-1]:
            head = ExitHead(shape, found[-1], TASKS[data.task].n_outputs(data.classes)).eval()
            head(torch.zeros(1, *shape))
    return int(counter.get_total_flops()) // 2


def past_curve(history: Path, column: str) -> list[float | None]:
    """A column of a finished run's history; empty where there is none."""
    if not history.is_file():
        return []
    lines = history.read_text(encoding="utf-8").splitlines()
    names = lines[0].split(",")
    if column not in names:
        return []
    place = names.index(column)
    return [known(float(line.split(",")[place])) for line in lines[1:]]


def known(value: float) -> float | None:
    """The value; ``None`` where it is not defined."""
    return float(value) if math.isfinite(value) else None


def teacher_over_baseline(material: Material) -> float:
    """Work of training the study's teacher over that of its baseline, as their records say."""
    works = []
    for role in ("teacher", "baseline"):
        result = material.voice(role).result
        record = RunRecord.read(result.folder)
        steps = 0 if record.training is None else record.training.steps
        works.append((result.model.macs or 0) * steps * record.settings.train.batch_size)
    return works[0] / works[1] if works[1] else 0.0
