"""The one verdict on two models: better, worse, as good, or these data cannot tell.

A paired hierarchical bootstrap of the difference: patients are drawn (images, where patients are
not known), and seeds are drawn too, since another seed would have given another student. Both
models see the same draws, so what they share cancels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kd_core.errors import DataError
from kd_core.evaluate.bootstrap import CHUNK, draws, interval, units
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.predictions import Predictions
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
        smallest: The smallest difference that these data would have called better: half the
            width of the interval.
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
        return Msg(
            f"verdict.{self.kind}",
            {
                "difference": self.difference,
                "low": self.low,
                "high": self.high,
                "margin": self.margin,
                "smallest": self.smallest,
                "metric": Msg(f"metric.{self.metric}.title"),
                "images": self.n_images,
                "seeds": self.n_seeds,
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
        ConfigError: ``entry_unknown``.
        DataError: ``pairs_differ`` where seeds or images do not match, ``pairs_empty``.

    >>> import numpy as np
    >>> same = Predictions(("a", "b"), np.array([0, 1]), np.eye(2, dtype=np.float32), "val", 0,
    ...                    ("x", "y"))
    >>> compare([same], [same], "accuracy").kind
    'as_good'
    """
    _check_pairs(first, second)
    spec = METRICS[metric]
    sign = 1.0 if spec.higher_is_better else -1.0
    point = float(
        np.mean([sign * (_value(spec, a) - _value(spec, b)) for a, b in _pair(first, second)])
    )
    values = sign * _repeats(first, second, metric, repeats, seed)
    low, high = interval(values)
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


def _pair(
    first: Sequence[Predictions], second: Sequence[Predictions]
) -> list[tuple[Predictions, Predictions]]:
    return list(zip(first, second, strict=True))


def _value(spec: Any, predictions: Predictions) -> float:
    return float(spec.fn(predictions.probabilities(), predictions.targets))


def _repeats(
    first: Sequence[Predictions],
    second: Sequence[Predictions],
    metric: str,
    repeats: int,
    seed: int,
) -> Array:
    """Differences of bootstrap repeats, (R,)."""
    rng = np.random.default_rng(seed)
    of_image = units(first[0].patients, len(first[0]))
    n_units = int(of_image.max()) + 1
    spec = METRICS[metric]
    cache: dict[int, Array] = {id(p): p.probabilities() for p in (*first, *second)}
    step = max(1, CHUNK // len(first[0]))
    values = []
    for start in range(0, repeats, step):
        rows = min(step, repeats - start)
        weights = draws(n_units, rows, rng)[:, of_image]  # (r, N)
        done: dict[int, Array] = {}
        for p in (*first, *second):  # a teacher that stands in every pair is scored once
            if id(p) not in done:
                done[id(p)] = spec.fn(cache[id(p)], p.targets, weights)
        gaps = np.stack([done[id(a)] - done[id(b)] for a, b in _pair(first, second)], 1)  # (r, S)
        share = draws(len(first), rows, rng) / len(first)  # (r, S)
        values.append(np.where(share > 0, gaps * share, 0.0).sum(1))
    return np.concatenate(values)


def _check_pairs(first: Sequence[Predictions], second: Sequence[Predictions]) -> None:
    if not first or not second or not len(first[0]):
        raise DataError("pairs_empty")
    if len(first) != len(second):
        raise DataError("pairs_differ", first=len(first), second=len(second))
    ids = first[0].ids
    if any(p.ids != ids for p in (*first, *second)):
        raise DataError("pairs_differ", first=len(ids), second=len(second[0].ids))
