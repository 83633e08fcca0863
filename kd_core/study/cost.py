"""What a study will cost, from a few steps of its own networks on this machine.

``python -m kd_core.study.cost`` reads a study's settings as JSON from standard input and prints a
:class:`Cost`, in a process of its own so that a page that asks stays quick.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from kd_core import repro
from kd_core.config import Chain, ModelSettings, Settings, StudySettings, TrainSettings
from kd_core.errors import KDLabError, TrainError, error_from_json
from kd_core.models import build_model
from kd_core.study.graph import expand, stored_views
from kd_core.train.modes import budget

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
        student_s: One distilled student, the teacher's answers included.
    """

    runs: dict[str, float]
    total_s: float
    teacher_s: float
    student_s: float


def estimate(study: StudySettings, work: Workload) -> Cost:
    """Expected seconds of each run.

    Formula: steps × median seconds a training step + images answered × seconds a teacher's
    answer + a constant for export, evaluation and latency. The teacher answers each stored
    view once (all seeds share them), or every image of every epoch when it is live.

    Args:
        study: What will run.
        work: Size of its training data.
    """
    repro.prepare(study.compute, seed=0)
    device = repro.resolve_device(study.compute.device)
    student_step, _ = _times(study.student, study, work, study.train, device)
    if study.teacher.run:
        teacher_step, answer = 0.0, 0.0
    else:
        teacher_step, answer = _times(study.teacher.model, study, work, study.teacher.train, device)
    batches = max(1, work.n_train // study.train.batch_size)
    epochs = study.train.epochs
    views = stored_views(study)
    asked = epochs if views is None else min(views, epochs)
    teach = asked * work.n_train / study.train.batch_size * answer
    alone = epochs * batches * student_step
    teacher = study.teacher.train.epochs * batches * teacher_step + OVERHEAD_S
    runs: dict[str, float] = {}
    for run in expand(study):
        if run.chain is not None:
            step_s = teacher_step if run.chain.origin == "teacher" else student_step
            runs[run.key] = round(chain_seconds(run.chain, step_s, work.n_train), 1)
            continue
        seconds = {"teacher": teacher, "imported": OVERHEAD_S}.get(run.role, alone + OVERHEAD_S)
        if run.role == "student" and (views is None or run.seed == study.seeds[0]):
            seconds += teach
        runs[run.key] = round(seconds, 1)
    return Cost(
        runs=runs,
        total_s=sum(runs.values()),
        teacher_s=0.0 if study.teacher.run else teacher,
        student_s=alone + teach + OVERHEAD_S,
    )


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
    steps, answers = [], []
    for _ in range(STEPS):
        began = time.perf_counter()
        sum(out.float().pow(2).mean() for out in model(images).values()).backward()
        steps.append(time.perf_counter() - began)
        model.zero_grad()
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
