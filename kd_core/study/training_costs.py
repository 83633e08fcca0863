"""What a way of training costs beside the student alone, from the records of both.

A run is held against the baseline of its seed, an arm against the baseline's mean over seeds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from kd_core.study.records import RunRecord, TrainingRecord
from kd_core.study.results import Result
from kd_core.text import Msg, significant

ALIKE = 1.05
"""Up to this ratio two trainings took the same time, as far as a shared machine can tell."""


_HELPER = re.compile(r"(gen|ta|teacher)\d+")
"""What a mode calls further runs of an arm: an earlier generation, an assistant, a teacher."""


@dataclass(frozen=True)
class Spent:
    """What an arm took for one seed, further runs that it needed included; a mean over seeds.

    Attributes:
        seconds: Of training; NaN where no run of the arm was trained.
        teacher_seconds: Of storing what a teacher says, the most over the seeds, since whoever
            comes first fills the store for all.
        teacher_images: Images that teachers were run on, likewise the most over the seeds.
        energy_j: Joules; ``None`` where one of the runs does not know them.
        steps: Optimiser steps.
    """

    seconds: float
    teacher_seconds: float
    teacher_images: int
    energy_j: float | None
    steps: float


def spent(arm: str, arms: Mapping[str, Sequence[Result]]) -> Spent:
    """What one arm of a study took.

    Args:
        arm: Its name.
        arms: Models by arm, further runs that modes make for themselves among them.
    """
    helpers = [
        result
        for name, group in arms.items()
        if name.startswith(f"{arm}-") and _HELPER.fullmatch(name.removeprefix(f"{arm}-"))
        for result in group
    ]
    runs = {r.run.id: r for r in (*arms[arm], *helpers)}
    seeds: dict[int, list[TrainingRecord]] = {}
    for result in runs.values():
        training = RunRecord.read(result.folder).training
        if training is not None:
            seeds.setdefault(result.run.seed, []).append(training)
    each = list(seeds.values())
    if not each:
        return Spent(math.nan, 0.0, 0, None, math.nan)
    joules = [[t.energy_j for t in of] for of in each]
    known = [[j for j in of if j is not None] for of in joules]
    complete = all(len(a) == len(b) for a, b in zip(joules, known, strict=True))
    return Spent(
        seconds=fmean(sum(t.seconds for t in of) for of in each),
        teacher_seconds=max(sum(t.teacher_seconds for t in of) for of in each),
        teacher_images=max(sum(t.teacher_images for t in of) for of in each),
        energy_j=fmean(sum(of) for of in known) if complete else None,
        steps=fmean(sum(t.steps for t in of) for of in each),
    )


@dataclass(frozen=True)
class CostRatio:
    """Ratios to the student alone; ``None`` where one of both is not known.

    Attributes:
        time: Seconds of training over the baseline's, without what was stored of a teacher: the
            run that comes first stores it for all, so no single run can be charged with it.
        energy: Joules over the baseline's; storing what a teacher says is part of it.
        steps: Optimiser steps over the baseline's.
        teacher_images: Images that teachers were run on; the baseline has none.
    """

    time: float | None
    energy: float | None
    steps: float | None
    teacher_images: int

    @property
    def msg(self) -> Msg:
        """The time in a sentence, such as “2.1× the baseline's training time”."""
        if self.time is None:
            return Msg("train.cost.unknown")
        known = "alike" if 1 / ALIKE <= self.time <= ALIKE else "ratio"
        return Msg(f"train.cost.{known}", {"ratio": significant(self.time, 2)})


def cost_ratio(record: TrainingRecord | Spent, baseline: TrainingRecord | Spent) -> CostRatio:
    """What a training cost relative to the student trained alone.

    >>> alone = TrainingRecord(best_epoch=1, select_metric="accuracy", steps=10, seconds=20.0)
    >>> cost_ratio(alone.change(seconds=42.0, teacher_seconds=12.0), alone).time
    2.1
    """
    return CostRatio(
        time=_over(record.seconds, baseline.seconds),
        energy=_over(record.energy_j, baseline.energy_j),
        steps=_over(record.steps, baseline.steps),
        teacher_images=record.teacher_images,
    )


def _over(mine: float | None, theirs: float | None) -> float | None:
    if mine is None or theirs is None or not theirs > 0 or math.isnan(mine):
        return None
    return mine / theirs
