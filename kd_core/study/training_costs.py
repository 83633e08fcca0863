"""What a way of training costs beside the student alone, from the records of both."""

from __future__ import annotations

from dataclasses import dataclass

from kd_core.study.records import TrainingRecord
from kd_core.text import Msg

ALIKE = 1.05
"""Up to this ratio two trainings took the same time, as far as a shared machine can tell."""


@dataclass(frozen=True)
class CostRatio:
    """Ratios to the baseline of the same seed; ``None`` where one of both is not known.

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
        return Msg(f"train.cost.{known}", {"ratio": float(f"{self.time:.2g}")})


def cost_ratio(record: TrainingRecord, baseline: TrainingRecord) -> CostRatio:
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
    if mine is None or theirs is None or theirs <= 0:
        return None
    return mine / theirs
