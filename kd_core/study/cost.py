"""What a study will cost, from a few steps of its own networks on this machine.

``python -m kd_core.study.cost`` reads a study's settings as JSON from standard input and prints a
:class:`Cost`, in a process of its own so that a page that asks stays quick.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from kd_core import repro
from kd_core.config import (
    Chain,
    DistilSettings,
    ModelSettings,
    RunSettings,
    Settings,
    StudySettings,
    TrainSettings,
)
from kd_core.errors import KDLabError, TrainError, error_from_json
from kd_core.losses import LOSSES
from kd_core.models import build_model
from kd_core.study.graph import expand
from kd_core.train import MODES
from kd_core.train.modes import budget
from kd_core.train.optim import make_optimizer

STEPS = 4
OVERHEAD_S = 12.0
"""Seconds a run needs beside training: reading, export, evaluation, latency; a rough median."""


class Workload(Settings):
    """The part of a data set that decides the cost."""

    n_train: int
    channels: int
    outputs: int


class Cost(Settings):
    """Seconds that a study is expected to take, one run after the other.

    Attributes:
        runs: Expected seconds by graph key.
        total_s: Their sum.
        teacher_s: One teacher.
        student_s: The distilled student that takes longest, the teacher's answers included.
    """

    runs: dict[str, float]
    total_s: float
    teacher_s: float
    student_s: float


def estimate(study: StudySettings, work: Workload) -> Cost:
    """Expected seconds of each run.

    Formula: steps × (median seconds a training step of every network that learns, and of a live
    teacher's answer) + images answered × seconds a teacher's answer + a constant for export,
    evaluation and latency. The teacher answers each stored view once (all arms and seeds share
    them), or every image of every epoch when it is live, or when a loss looks inside it. What a
    mode takes beside that, such as making images, it says itself (``ModeSpec.effort``).

    Args:
        study: What will run.
        work: Size of its training data.
    """
    repro.prepare(study.compute, seed=0)
    pace = _Pace(study, work, repro.resolve_device(study.compute.device))
    runs: dict[str, float] = {}
    for run in expand(study):
        if run.chain is not None:
            model = study.teacher.model if run.chain.origin == "teacher" else study.student
            step_s = pace.step(model, study.train)
            runs[run.key] = round(chain_seconds(run.chain, step_s, work.n_train), 1)
        elif run.role in ("imported", "analysis"):
            runs[run.key] = OVERHEAD_S
        else:
            runs[run.key] = round(pace.seconds(run) + OVERHEAD_S, 1)
    students = [key for key in runs if key.startswith(tuple(f"{a.name}-s" for a in study.arms))]
    taught = [runs[key] for key in students]
    return Cost(
        runs=runs,
        total_s=sum(runs.values()),
        teacher_s=0.0 if study.teacher.run else runs.get(f"teacher-s{study.seeds[0]}", 0.0),
        student_s=max(taught, default=0.0),
    )


class _Pace:
    """Seconds a step and an answer, timed once for each network and batch size."""

    def __init__(self, study: StudySettings, work: Workload, device: torch.device) -> None:
        self.study, self.work, self.device = study, work, device
        self.models: dict[str, ModelSettings] = {}
        self._known: dict[str, tuple[float, float]] = {}
        self._stored: set[tuple[str, ...]] = set()

    def step(self, model: ModelSettings, train: TrainSettings) -> float:
        return self._times(model, train)[0]

    def seconds(self, run: RunSettings) -> float:
        """Training of one run; runs that it needs were asked for before."""
        self.models[run.key] = run.model
        batches = max(1, self.work.n_train // run.train.batch_size)
        steps = budget(run.train, batches)
        own, answer = self._times(run.model, run.train)
        if run.distil is None:
            return steps * own
        effort = MODES[run.distil.mode].efforts(run.distil)
        step_s = own * (1 + effort.steps) + answer * effort.answers
        step_s += sum(self.step(model or run.model, run.train) for model in effort.learners)
        taught = {role: key for role, key in run.needs.items() if role.startswith("teacher")}
        said = sum(self._teacher(key, run.train)[1] for key in taught.values())
        live = run.distil.teacher_outputs == "live" or looks_inside_teacher(run.distil)
        seconds = steps * (step_s + (said if live else 0.0))
        own_images = json.dumps(run.distil.params, sort_keys=True) if effort.elsewhere else ""
        stored = (*taught.values(), own_images)
        if not taught or stored in self._stored:
            return seconds
        self._stored.add(stored)
        images = self.work.n_train if effort.images is None else effort.images
        own_epochs = steps / max(1, images // run.train.batch_size)
        views = 0 if live else min(run.views or 1, math.ceil(own_epochs))
        answers = views * images + effort.asked * self.work.n_train
        forth = self._teacher(run.needs["teacher"], run.train)[0]
        passes = answers * said + effort.iterations * images * forth
        return seconds + passes / run.train.batch_size

    def _teacher(self, key: str, train: TrainSettings) -> tuple[float, float]:
        """Times of a network that is a run of this study, or an older one's, as the study's."""
        return self._times(self.models.get(key, self.study.teacher.model), train)

    def _times(self, model: ModelSettings, train: TrainSettings) -> tuple[float, float]:
        key = f"{model.to_json()} {train.batch_size}"
        if key not in self._known:
            self._known[key] = _times(model, self.study, self.work, train, self.device)
        return self._known[key]


def looks_inside_teacher(distil: DistilSettings) -> bool:
    """Whether a loss reads features of the teacher, which are not stored as a rule."""
    return any(LOSSES[t.name].needs == "features" for t in distil.losses if t.name in LOSSES)


def chain_seconds(chain: Chain, step_s: float, n_train: int) -> float:
    """Expected seconds of a chain: its fine-tuning at the pace of its origin, and the rest.

    Args:
        chain: The steps.
        step_s: Seconds of a training step of the origin; a smaller network will need less.
        n_train: Training images.

    >>> from kd_core.config import CompressStep
    >>> step = CompressStep(method="finetune", tune=TrainSettings(epochs=2, batch_size=10))
    >>> chain_seconds(Chain(name="c", origin="teacher", steps=(step,)), 0.1, 100) - OVERHEAD_S
    2.0
    """
    total = 0.0
    for step in chain.steps:
        total += OVERHEAD_S
        if step.tune is not None:
            total += budget(step.tune, max(1, n_train // step.tune.batch_size)) * step_s
    return total


def _times(
    settings: ModelSettings,
    study: StudySettings,
    work: Workload,
    train: TrainSettings,
    device: torch.device,
) -> tuple[float, float]:
    """Median seconds of a training step and of an answer, for one batch."""
    scratch = settings.change(weights={"kind": "scratch"})
    model = build_model(scratch, work.outputs, work.channels, study.data.size, seed=0).to(device)
    images = torch.randn(train.batch_size, work.channels, study.data.size, study.data.size)
    images = images.to(device)
    optimizer = make_optimizer(model, train)
    steps, answers = [], []
    for _ in range(STEPS):
        began = time.perf_counter()
        sum(out.float().pow(2).mean() for out in model(images).values()).backward()
        optimizer.step()
        steps.append(time.perf_counter() - began)
        optimizer.zero_grad()
        began = time.perf_counter()
        with torch.inference_mode():
            model(images)
        answers.append(time.perf_counter() - began)
    return statistics.median(steps[1:]), statistics.median(answers[1:])


def estimate_aside(study: StudySettings, work: Workload, timeout_s: float = 120) -> Cost:
    """:func:`estimate` in a process of its own.

    Raises:
        KDLabError: What went wrong there, e.g. a network that cannot take this image size.
    """
    request = json.dumps({"study": study.to_json(), "work": work.to_json()})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "kd_core.study.cost"],
            input=request,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            cwd=Path(__file__).parents[2],
            check=False,
        )
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        raise TrainError("cost_unknown") from None
    if "error" in answer:
        raise error_from_json(answer["error"])
    return Cost.from_json(answer)


def _main() -> None:
    request = json.load(sys.stdin)
    study, work = StudySettings.from_json(request["study"]), Workload.from_json(request["work"])
    try:
        answer = estimate(study, work).to_json()
    except KDLabError as error:
        answer = {"error": error.to_json()}
    print(json.dumps(answer))


if __name__ == "__main__":
    _main()
