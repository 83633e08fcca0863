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
from kd_core.evaluate.gap import gaps
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.rare import SCARCE, left_out, scarce
from kd_core.evaluate.seeds import n_folds, rows_of_seeds
from kd_core.text import Msg

Kind = Literal["better", "worse", "as_good", "cannot_tell"]


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
        n_images: Images compared; ``None`` where patients were.
        n_patients: Patients, ``None`` where they are not known.
        n_seeds: Pairs of models, those of the folds of one seed taken as one.
        p: Two-sided, of the same repeats as the interval: for corrections over a list.
        scarce: Where there is no interval, the classes that too few patients or images have.
        left_out: Classes that a mean over classes leaves out, since hardly anybody has them.
        n_folds: Folds over which the figure of a seed is a mean; 0 where none has its own model.
    """

    kind: Kind
    metric: str
    difference: float
    low: float
    high: float
    margin: float
    smallest: float
    n_images: int | None
    n_patients: int | None
    n_seeds: int
    p: float = math.nan
    scarce: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    n_folds: int = 0

    @property
    def msg(self) -> Msg:
        """One sentence with the numbers."""
        units = ("images", self.n_images), ("patients", self.n_patients), ("seeds", self.n_seeds)
        basis = [Msg(f"verdict.n_{name}", {"n": n}) for name, n in units if n is not None]
        basis += [Msg("verdict.n_folds", {"n": self.n_folds})] if self.n_folds else []
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
                "metric": metric_msg(self.metric, self.left_out),
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
        first: One model a seed; models of a seed's folds count as one, by their mean figure.
        second: The model to compare with, in the same order.
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
        n_images=None if first[0].of_patients else len(first[0]),
        n_patients=None if patients is None else len(np.unique(patients)),
        n_seeds=len(rows_of_seeds(first, second)),
        p=gap.p,
        scarce=scarce(first[0]) if math.isnan(gap.low) and not math.isnan(gap.first) else (),
        left_out=left_out(first[0]) if METRICS[metric].averages(first[0].task) else (),
        n_folds=n_folds([*first, *second]),
    )


def metric_msg(metric: str, left_out: Sequence[str] = ()) -> Msg:
    """What a metric is called, with the classes that it leaves out.

    Args:
        metric: Entry of ``METRICS``.
        left_out: Classes that do not count in it.
    """
    title = Msg(f"metric.{metric}.title")
    return Msg("rare.metric", {"metric": title, "classes": list(left_out)}) if left_out else title


def _kind(low: float, high: float, margin: float) -> Kind:
    if math.isnan(low):
        return "cannot_tell"
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "as_good" if low > -margin else "cannot_tell"
