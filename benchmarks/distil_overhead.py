"""What distillation costs beside training the student alone.

``python -m benchmarks.distil_overhead --json``

Three students with equal initial weights take turns, a step each, in one process, so that other
work on the machine slows all of them alike: alone, with a teacher that runs at every step, and with
the teacher's outputs from the cache. Seconds per epoch are the median step times the steps of an
epoch; filling a view is timed apart and counted in ``whole_run_ratio``. With ``--long`` both modes
are trained to the end on a data set of the library, and their validation accuracy stands beside the
times. With ``--methods`` every registered loss and mode takes part instead, and a table is printed;
see :mod:`benchmarks.distil_methods`.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kd_core import repro
from kd_core.config import (
    ComputeSettings,
    DataSettings,
    DistilSettings,
    ModelSettings,
    RunSettings,
    TrainSettings,
)
from kd_core.data import cache
from kd_core.data.library import Library
from kd_core.data.loaded import LoadedData, Part
from kd_core.models import TaskModel, build_model
from kd_core.tasks import TASKS
from kd_core.train import MODES, Batches, Mode, Outside, Setup, fit

LIMIT = 1.15
"""Largest ``cached_ratio`` that is accepted."""
WHOLE_RUN_EPOCHS = 30
TEACHERS = ("teacher", "teacher-2", "teacher-3")
"""As the graph names them; a single teacher is the first."""


def main() -> None:
    """Measure, print, and end with status 1 when the ratio is above the limit."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        if options.methods:
            from benchmarks.distil_methods import measure_methods, table

            rows = measure_methods(options, Path(folder))
            print(json.dumps(rows, indent=1) if options.json else table(rows))
            return
        figures = measure(options, Path(folder))
        if options.long:
            figures |= accuracies(options, Path(folder))
    if options.json:
        print(json.dumps(figures, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:28} {value}")
    sys.exit(figures["cached_ratio"] > LIMIT)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.distil_overhead")
    parser.add_argument("--json", action="store_true", help="one JSON object and nothing else")
    parser.add_argument("--teacher", default="densenet121")
    parser.add_argument("--student", default="mobilenet_v3_small")
    parser.add_argument("--images", type=int, default=256, help="training images")
    parser.add_argument("--size", type=int, default=64, help="side in pixels")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=4, help="timed epochs of each student")
    parser.add_argument("--views", type=int, default=8, help="K, stored views of a whole run")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--methods", action="store_true", help="every loss and mode, as a table")
    parser.add_argument("--only", nargs="*", default=[], help="with --methods: these names only")
    parser.add_argument("--long", action="store_true", help="also compare validation accuracy")
    parser.add_argument("--long-epochs", type=int, default=60)
    parser.add_argument("--long-data", default="sample", help="data set of the library")
    parser.add_argument("--long-teacher", default="resnet18")
    parser.add_argument("--seeds", type=int, default=1, help="seeds of the long comparison")
    if parser.parse_known_args()[0].methods:  # dozens of students take turns
        parser.set_defaults(teacher="resnet18", images=64, size=32, batch=32, rounds=2)
    return parser.parse_args()


# ---------------------------------------------------------------- time


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Seconds per epoch of the three students, and their ratios."""
    data = noise(options.images, options.size)
    modes = {
        "alone": mode_of(options, data, folder, None),
        "live": mode_of(options, data, folder, DistilSettings(teacher_outputs="live")),
        "cached": mode_of(options, data, folder, DistilSettings()),
    }
    fills = [fill(modes["cached"], view) for view in range(2)]
    steps: dict[str, list[float]] = {name: [] for name in modes}
    for turn in range(options.rounds + 1):
        view = turn % 2  # of the two that are filled
        for mode in modes.values():
            mode.begin_epoch(view)
        epochs = {name: mode.batches(view, 0) for name, mode in modes.items()}
        for _ in range(modes["alone"].steps_per_epoch):
            for name, mode in modes.items():
                taken = step(mode, epochs[name])
                if turn:  # the first epoch of a process also chooses kernels and memory
                    steps[name].append(taken)
    per_epoch = modes["alone"].steps_per_epoch
    alone, live, cached = (statistics.median(steps[name]) * per_epoch for name in modes)
    fill_s = statistics.median(fills)
    whole = WHOLE_RUN_EPOCHS * cached + options.views * fill_s
    return {
        "teacher": options.teacher,
        "student": options.student,
        "images": options.images,
        "size": options.size,
        "threads": options.threads,
        "student_alone_s": round(alone, 4),
        "live_teacher_s": round(live, 4),
        "cached_s": round(cached, 4),
        "fill_view_s": round(fill_s, 4),
        "cached_ratio": round(cached / alone, 4),
        "live_ratio": round(live / alone, 4),
        "whole_run_ratio": round(whole / (WHOLE_RUN_EPOCHS * alone), 4),
        "whole_run_epochs": WHOLE_RUN_EPOCHS,
        "whole_run_views": options.views,
        "limit": LIMIT,
    }


def noise(images: int, size: int) -> LoadedData:
    """Images without content: the time of a step does not depend on what they show."""
    rng = np.random.default_rng(0)
    parts = {
        name: Part(
            images=rng.integers(0, 256, (images, 3, size, size), dtype=np.uint8),
            targets=np.arange(images) % 2,
            ids=tuple(f"{name}-{i}" for i in range(images)),
        )
        for name in ("train", "val")
    }
    return LoadedData(
        name="noise",
        hash="0" * 64,
        task="classification",
        classes=("a", "b"),
        size=size,
        mean=(0.5,) * 3,
        std=(0.25,) * 3,
        parts=parts,
        augment="cells",
    )


def mode_of(
    options: argparse.Namespace, data: LoadedData, folder: Path, distil: DistilSettings | None
) -> Mode:
    """A student that is ready for its first epoch, with everything that its mode may ask for."""
    run = _run(options, options.student, distil, epochs=100, views=options.views)
    device = repro.prepare(run.compute, run.seed)

    def make(settings: ModelSettings, seed: int) -> TaskModel:
        return build_model(settings, len(data.classes), 3, options.size, seed)

    teachers = _teachers(options.teacher, len(data.classes), options.size)
    folder.mkdir(parents=True, exist_ok=True)
    setup = Setup(
        run=run,
        data=data,
        task=TASKS[data.task],
        network=make(run.model, 0),
        teacher=teachers["teacher"],
        device=device,
        cache=folder,
        tick=lambda stage, done, total: None,
        outside=Outside(teachers=teachers, make=make),
        folder=folder,
    )
    return MODES[distil.mode if distil else "alone"].build(setup)


@functools.cache
def _teachers(name: str, outputs: int, size: int) -> dict[str, TaskModel]:
    """Fixed teachers, shared by all students of a run."""
    model = ModelSettings(name=name)
    return {t: build_model(model, outputs, 3, size, seed + 1) for seed, t in enumerate(TEACHERS)}


def _run(
    options: argparse.Namespace, model: str, distil: DistilSettings | None, **more: Any
) -> RunSettings:
    train = TrainSettings(epochs=more.pop("epochs"), batch_size=options.batch)
    return RunSettings(
        key="benchmark",
        role="student" if distil else "baseline",
        data=DataSettings(dataset="benchmark", size=options.size),
        model=ModelSettings(name=model),
        train=train,
        distil=distil,
        compute=ComputeSettings(threads=options.threads),
        **more,
    )


def fill(mode: Mode, view: int) -> float:
    """Seconds to compute and store the teacher's outputs for a view."""
    began = time.perf_counter()
    mode.begin_epoch(view)
    return time.perf_counter() - began


def step(mode: Mode, epoch: Iterator[Batches]) -> float:
    """Seconds to fetch a batch and learn from it."""
    began = time.perf_counter()
    mode.step(next(epoch))["total"].item()  # a GPU has finished only when a number is asked for
    return time.perf_counter() - began


# ---------------------------------------------------------------- accuracy


def accuracies(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Validation accuracy after a long budget: alone and cached on K views, live on fresh ones."""
    data = cache.load(Library(folder).get(options.long_data), options.size, folder / "cache")
    data = dataclasses.replace(data, parts={name: data.parts[name] for name in ("train", "val")})
    epochs = options.long_epochs
    teacher_run = _run(options, options.long_teacher, None, epochs=min(epochs, 20))
    teacher = _fit(teacher_run, data, folder / "teacher", None)
    live = DistilSettings(teacher_outputs="live")
    arms = {
        "alone_accuracy": (None, options.views),
        "cached_accuracy": (DistilSettings(), options.views),
        "live_accuracy": (live, None),
    }
    figures: dict[str, Any] = {"long_data": data.name, "long_epochs": epochs}
    figures["teacher_accuracy"] = _accuracy(teacher)
    for name, (distil, views) in arms.items():
        runs = [
            _run(options, options.student, distil, epochs=epochs, views=views, seed=seed)
            for seed in range(options.seeds)
        ]
        fits = [_fit(run, data, folder / f"{name}{run.seed}", teacher.network) for run in runs]
        figures[name] = [_accuracy(result) for result in fits]
    return figures


def _fit(run: RunSettings, data: LoadedData, folder: Path, teacher: Any) -> Any:
    n_outputs = len(data.classes)
    network = build_model(run.model, n_outputs, data.channels, data.size, run.seed)
    wanted = teacher if run.distil else None
    return fit(run, data, network, wanted, folder=folder, cache=folder.parent)


def _accuracy(result: Any) -> float:
    return round(float(result.history[result.best_epoch - 1]["val.accuracy"]), 4)


if __name__ == "__main__":
    main()
