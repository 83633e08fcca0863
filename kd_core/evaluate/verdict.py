"""The one verdict on two models: better, worse, as good, or these data cannot tell.

It rests on the interval of the difference over patients and seeds, from
:mod:`kd_core.evaluate.gap`. With two or more seeds, simulated false alarms stay at or below 5 %
wherever the noise comes from; the tests hold them there. One seed says nothing of others, and the
sentence says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kd_core.errors import ConfigError
from kd_core.evaluate.bootstrap import n_sides, units
from kd_core.evaluate.gap import gaps
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.predictions import Predictions
from kd_core.text import Msg

Kind = Literal["better", "worse", "as_good", "cannot_tell"]

SCARCE = 5
"""With fewer patients (or images) on one side of a class, draws without any of them are common."""


@dataclass(frozen=True)
class Verdict:
    """What the data say of the first model against the second.

    Attributes:
        kind: ``better`` if the interval lies above 0, ``worse`` if below, ``as_good`` if above
            −margin, else ``cannot_tell``.
        metric: Entry of ``METRICS``.
        difference: First minus second, a mean over seeds; positive means the first is better,
            also for a metric of which less is better.
        low: Low end of the 95 % interval.
        high: High end.
        margin: How much worse still counts as as good.
        smallest: The smallest difference that these data could show: half the width of the
            interval.
        n_images: Images compared.
        n_patients: Patients, ``None`` where they are not known.
        n_seeds: Pairs of models.
        p: Two-sided, of the same repeats as the interval: for corrections over a list.
        scarce: Where there is no interval, the classes that too few patients or images have.
    """

    kind: Kind
    metric: str
    difference: float
    low: float
    high: float
    margin: float
    smallest: float
    n_images: int
    n_patients: int | None
    n_seeds: int
    p: float = math.nan
    scarce: tuple[str, ...] = ()

    @property
    def msg(self) -> Msg:
        """One sentence with the numbers."""
        units = ("images", self.n_images), ("patients", self.n_patients), ("seeds", self.n_seeds)
        basis = [Msg(f"verdict.n_{name}", {"n": n}) for name, n in units if n is not None]
        nothing = "verdict.scarce" if self.scarce else "verdict.undefined"
        return Msg(
            nothing if math.isnan(self.low) else f"verdict.{self.kind}",
            {
                "difference": self.difference,
                "gap": abs(self.difference),
                "low": self.low,
                "high": self.high,
                "margin": self.margin,
                "smallest": self.smallest,
                "metric": Msg(f"metric.{self.metric}.title"),
                "basis": basis,
                "classes": list(self.scarce),
                "least": SCARCE,
            },
        )


def compare(
    first: Sequence[Predictions],
    second: Sequence[Predictions],
    metric: str,
    margin: float = 0.01,
    repeats: int = 2000,
    seed: int = 0,
) -> Verdict:
    """The verdict on paired models.

    Args:
        first: One model a seed.
        second: The model to compare with, in the same order of seeds.
        metric: Entry of ``METRICS`` with one value.
        margin: In the metric's unit, at least 0.
        repeats: Bootstrap repeats.
        seed: Of the draws.

    Raises:
        ConfigError: ``entry_unknown``, ``metric_per_class``.
        DataError: ``pairs_empty``; ``pairs_differ`` where numbers of models or images do not
            match; ``pairs_other_truth`` where images have other labels or patients.

    >>> import numpy as np
    >>> ids, truth = tuple(map(str, range(900))), np.arange(900) % 2
    >>> same = Predictions(ids, truth, np.eye(2, dtype=np.float32)[truth], "val", 0, ("x", "y"))
    >>> compare([same], [same], "accuracy").kind
    'as_good'
    """
    if METRICS[metric].per_class:
        raise ConfigError("metric_per_class", metric=metric)
    gap = gaps(first, second, metric, repeats, seed)[0]
    patients = first[0].patients
    return Verdict(
        kind=_kind(gap.low, gap.high, margin),
        metric=metric,
        difference=gap.difference,
        low=gap.low,
        high=gap.high,
        margin=margin,
        smallest=(gap.high - gap.low) / 2,
        n_images=len(first[0]),
        n_patients=None if patients is None else len(np.unique(patients)),
        n_seeds=len(first),
        p=gap.p,
        scarce=_scarce(first[0]) if math.isnan(gap.low) and not math.isnan(gap.first) else (),
    )


def _scarce(predictions: Predictions) -> tuple[str, ...]:
    """Classes that fewer than ``SCARCE`` patients or images have, or have not."""
    of_image = units(predictions.patients, len(predictions))
    sides = np.minimum(*n_sides(predictions.targets, len(predictions.classes), of_image))  # (K,)
    named = zip(predictions.classes, sides, strict=True)
    return tuple(name for name, n in named if n < SCARCE)


def _kind(low: float, high: float, margin: float) -> Kind:
    if math.isnan(low):
        return "cannot_tell"
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "as_good" if low > -margin else "cannot_tell"
