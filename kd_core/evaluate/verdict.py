"""The one verdict on two models: better, worse, as good, or these data cannot tell.

A paired hierarchical bootstrap of the difference: patients are drawn (images, where patients are
not known), both models see the same draws, so what they share cancels; and seeds are drawn too,
since another seed would have given another student.

Few seeds cannot be drawn with replacement like many patients: three differences of the same sign
are then enough to exclude 0, and chance gives those in one of four comparisons. So the seeds'
part is drawn from a normal distribution of which the variance is itself drawn, as known from
S − 1 degrees of freedom (σ² = (S − 1) s² / χ², Jeffreys' prior), less what images already explain.
With two or more seeds, simulated false alarms stay at or below 5 % wherever the noise comes from;
the tests hold them there. One seed says nothing of others, and the sentence says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from kd_core.errors import ConfigError, DataError
from kd_core.evaluate.bootstrap import SAME, interval, units, weightings
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.scores import reach_unseen
from kd_core.text import Msg

Kind = Literal["better", "worse", "as_good", "cannot_tell"]
Array = NDArray[np.float64]


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

    @property
    def msg(self) -> Msg:
        """One sentence with the numbers."""
        units = ("images", self.n_images), ("patients", self.n_patients), ("seeds", self.n_seeds)
        basis = [Msg(f"verdict.n_{name}", {"n": n}) for name, n in units if n is not None]
        return Msg(
            "verdict.undefined" if math.isnan(self.low) else f"verdict.{self.kind}",
            {
                "difference": self.difference,
                "gap": abs(self.difference),
                "low": self.low,
                "high": self.high,
                "margin": self.margin,
                "smallest": self.smallest,
                "metric": Msg(f"metric.{self.metric}.title"),
                "basis": basis,
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
    _check_pairs(first, second)
    sign = 1.0 if METRICS[metric].higher_is_better else -1.0
    points = sign * _differences(first, second, metric)  # (S,)
    point = float(points.mean())
    low, high = interval(sign * _repeats(first, second, metric, repeats, seed))
    if math.isclose(
        low, high, abs_tol=SAME
    ):  # no image makes a difference: how many there are is all that is known
        # images count, not patients: one image is enough to make a difference
        reach = reach_unseen(first[0], METRICS[metric], np.arange(len(first[0])))
        low, high = point - reach, point + reach
    patients = first[0].patients
    return Verdict(
        kind=_kind(low, high, margin),
        metric=metric,
        difference=point,
        low=low,
        high=high,
        margin=margin,
        smallest=(high - low) / 2,
        n_images=len(first[0]),
        n_patients=None if patients is None else len(np.unique(patients)),
        n_seeds=len(first),
    )


def _kind(low: float, high: float, margin: float) -> Kind:
    if math.isnan(low):
        return "cannot_tell"
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "as_good" if low > -margin else "cannot_tell"


def _repeats(
    first: Sequence[Predictions],
    second: Sequence[Predictions],
    metric: str,
    repeats: int,
    seed: int,
) -> Array:
    """Mean differences of bootstrap repeats, (R,): patients drawn, then the seeds' part."""
    rng = np.random.default_rng(seed)
    of_image = units(first[0].patients, len(first[0]))
    gaps = np.concatenate(
        [
            _differences(first, second, metric, weights)
            for weights in weightings(of_image, repeats, rng)
        ]
    )  # (R, S)
    mean = gaps.mean(1)  # (R,)
    n_seeds = len(first)
    if n_seeds == 1:
        return mean
    between = _differences(first, second, metric).var(ddof=1)
    from_images = np.nanvar(gaps - mean[:, None], axis=0).sum() / (n_seeds - 1)
    # evenly spread draws in random order: far tails, which few seeds have, then hardly depend on
    # the random numbers
    level = (np.arange(repeats) + 0.5) / repeats
    total = (n_seeds - 1) * between / rng.permutation(stats.chi2.ppf(level, n_seeds - 1))  # (R,)
    of_seeds = np.maximum(0.0, total - from_images)
    return mean + rng.permutation(stats.norm.ppf(level)) * np.sqrt(of_seeds / n_seeds)


def _differences(
    first: Sequence[Predictions],
    second: Sequence[Predictions],
    metric: str,
    weights: Array | None = None,
) -> Array:
    """First minus second for each seed, (S,), or (r, S) for r weightings."""
    fn = METRICS[metric].fn
    done: dict[int, Array] = {}
    for p in (*first, *second):  # a teacher that stands in every pair is scored once
        if id(p) not in done:
            done[id(p)] = np.asarray(fn(p.probabilities(), p.targets, weights))
    pairs = zip(first, second, strict=True)
    return np.stack([done[id(a)] - done[id(b)] for a, b in pairs], -1)


def _check_pairs(first: Sequence[Predictions], second: Sequence[Predictions]) -> None:
    if not first or not second or not len(first[0]):
        raise DataError("pairs_empty")
    if len(first) != len(second):
        raise DataError("pairs_differ", first=len(first), second=len(second))
    ids = first[0].ids
    if any(p.ids != ids for p in (*first, *second)):
        raise DataError("pairs_differ", first=len(ids), second=len(second[0].ids))
    if not all(_same_truth(first[0], p) for p in (*first, *second)):
        raise DataError("pairs_other_truth", images=len(ids))


def _same_truth(a: Predictions, b: Predictions) -> bool:
    """Whether two models were asked the same of the same patients."""
    floats = a.targets.dtype.kind == "f"
    patients = (a.patients is None) == (b.patients is None)
    if patients and a.patients is not None and b.patients is not None:
        patients = np.array_equal(a.patients, b.patients)
    return patients and np.array_equal(a.targets, b.targets, equal_nan=floats)
