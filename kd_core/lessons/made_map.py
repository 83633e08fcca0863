"""The map of α and T: what a live run of a class would reach, computed beforehand.

One live run at each point with the class's seed, and the student that learns from the labels alone
with several seeds: as far as those lie apart, chance alone moves a point. At α = 1 the teacher has
no weight, so the whole column is that student.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev

import torch
from scipy import stats

from kd_core.config import RunSettings
from kd_core.lessons.live import ALPHAS, TEMPERATURES, live_data, live_run, live_study, unfit
from kd_core.lessons.material import MATERIALS, Material, MaterialSpec, Progress
from kd_core.models import build_model
from kd_core.study.graph import expand
from kd_core.study.grids import ALONE, Map
from kd_core.study.model_files import load_teacher
from kd_core.study.pipeline import load_data
from kd_core.tasks import TASKS
from kd_core.train import fit
from kd_core.train.validate import Validator, selecting_metric

FILE = "map.json"
SEEDS = (0, 1, 2, 3, 4)
"""Of the student alone; the points have the first."""

ONE_SEED = 1


@dataclass(frozen=True)
class LiveMap:
    """What live runs reached on the validation part.

    Attributes:
        metric: The metric that chooses a checkpoint, an entry of ``METRICS``.
        alphas: Along x.
        temperatures: Along y.
        values: By metric, one row a temperature.
        alone: By metric, the student alone, one value a seed.
        teacher: By metric, the teacher on the small images of live runs.
    """

    metric: str
    alphas: tuple[float, ...]
    temperatures: tuple[float, ...]
    values: Mapping[str, tuple[tuple[float, ...], ...]]
    alone: Mapping[str, tuple[float, ...]]
    teacher: Mapping[str, float]

    def map(self, metric: str = "") -> Map:
        """The map of one metric; the usual one where none is named."""
        name = metric or self.metric
        rows, alone = self.values[name], self.alone[name]
        points = {
            (a, t): value
            for t, row in zip(self.temperatures, rows, strict=True)
            for a, value in zip(self.alphas, row, strict=True)
            if a < 1
        }
        best = max(points, key=lambda point: points[point])
        noise = self.noise(name)
        near = tuple(
            (i, j)
            for i, row in enumerate(rows)
            for j, value in enumerate(row)
            if (self.alphas[j], self.temperatures[i]) != best and abs(value - points[best]) <= noise
        )
        return Map(
            x="alpha",
            y="kd.T",
            xs=self.alphas,
            ys=self.temperatures,
            mean=rows,
            metric=name,
            seeds=ONE_SEED,
            sd=self.sd(name),
            noise=noise,
            best=best,
            near=near,
            alone=(ALONE, fmean(alone)),
            trials=(ONE_SEED, len(points)),
        )

    def sd(self, metric: str = "") -> float:
        """Sd over seeds of the student alone."""
        return stdev(self.alone[metric or self.metric])

    def noise(self, metric: str = "") -> float:
        """Difference of two single runs that chance makes in one of twenty pairs: t · sd · √2."""
        n = len(self.alone[metric or self.metric])
        return float(stats.t.ppf(0.975, n - 1)) * self.sd(metric) * math.sqrt(2)


def make(material: Material, folder: Path, progress: Progress) -> None:
    """Train every point and write ``map.json``."""
    found = _Grid(material, progress).run()
    text = json.dumps(asdict(found), indent=1, allow_nan=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> LiveMap:
    """What :func:`make` wrote."""
    plain = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return LiveMap(
        metric=plain["metric"],
        alphas=tuple(plain["alphas"]),
        temperatures=tuple(plain["temperatures"]),
        values={name: tuple(map(tuple, rows)) for name, rows in plain["values"].items()},
        alone={name: tuple(row) for name, row in plain["alone"].items()},
        teacher=plain["teacher"],
    )


class _Grid:
    """The runs of one study's map, one after the other."""

    def __init__(self, material: Material, progress: Progress) -> None:
        self.material, self.progress = material, progress
        self.data = load_data(live_data(material), material.home)
        self.teacher = load_teacher(material.voice("teacher").result.folder)
        self.total = len(SEEDS) + len(TEMPERATURES) * sum(alpha < 1 for alpha in ALPHAS)
        self.done = 0
        self.metric = selecting_metric(live_run(material, ALPHAS[0], 1.0), self.data.task)
        self.names = tuple(dict.fromkeys((self.metric, *TASKS[self.data.task].metrics)))

    def run(self) -> LiveMap:
        """All points, and the student alone."""
        teacher = self.taught()  # before it taught: its last bits are others afterwards
        alone = [self.trained(baseline_run(self.material, seed)) for seed in SEEDS]
        rows = [
            [
                self.trained(live_run(self.material, alpha, T)) if alpha < 1 else alone[0]
                for alpha in ALPHAS
            ]
            for T in TEMPERATURES
        ]
        return LiveMap(
            metric=self.metric,
            alphas=ALPHAS,
            temperatures=TEMPERATURES,
            values={n: tuple(tuple(one[n] for one in row) for row in rows) for n in self.names},
            alone={n: tuple(one[n] for one in alone) for n in self.names},
            teacher=teacher,
        )

    def taught(self) -> dict[str, float]:
        """Validation metrics of the teacher, which looks at images of the same size."""
        run = live_run(self.material, ALPHAS[0], TEMPERATURES[0])
        scores = Validator(run, self.data, torch.device("cpu"))(self.teacher)
        return {name: scores[f"val.{name}"] for name in self.names}

    def trained(self, run: RunSettings) -> dict[str, float]:
        """Validation metrics of one run's best checkpoint; the teacher's answers are kept."""
        task = TASKS[self.data.task]
        network = build_model(
            run.model,
            task.n_outputs(self.data.classes),
            self.data.channels,
            self.data.size,
            run.seed,
            output=task.output,
        )
        teacher = self.teacher if run.distil else None
        cache = self.material.home / "cache" / "teacher"  # where live runs look for them
        with tempfile.TemporaryDirectory() as aside:
            plain = run.change(replay=0)  # nobody looks back at these
            fitted = fit(plain, self.data, network, teacher, folder=Path(aside), cache=cache)
        self.done += 1
        self.progress(self.done, self.total)
        best = fitted.history[fitted.best_epoch - 1]
        return {name: float(best[f"val.{name}"]) for name in self.names}


def store_answers(material: Material) -> None:
    """Store what the teacher says of the images of live runs, so that the first need not wait.

    One step of one run, which asks for all answers before it; they are there already after a map
    was made in this home.
    """
    run = live_run(material, ALPHAS[0], TEMPERATURES[0])
    _Grid(material, lambda done, total: None).trained(run.change(train=run.train.change(steps=1)))


def baseline_run(material: Material, seed: int) -> RunSettings:
    """The student alone, as a live study would start it with this seed."""
    runs = expand(live_study(material, 1.0, 1.0, seed))
    return next(run for run in runs if run.role == "baseline")


MATERIALS.add("map", MaterialSpec(make=make, read=read, version=2, minutes=3.0, unfit=unfit))
