"""Maps of two numbers, such as α × T: a grid of arms as one study, and what it found.

The student alone is tuned with as many trials (learning rate × weight decay), since the best of
sixteen distilled students against a single student alone would compare luck with none. Points are
chosen on validation data. An arm's name says its numbers, ``alpha=0.3 kd.T=4``, so that a study
carries its own map.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from scipy import stats

from kd_core.config import Arm, DistilSettings, StudySettings, TrainSettings
from kd_core.evaluate.metrics import METRICS
from kd_core.losses import LOSSES
from kd_core.study.results import Result, seed_values

ALONE = "alone"
_NUMBER = re.compile(r"(\S+)=(\S+)")


def axes(distil: DistilSettings) -> dict[str, float]:
    """Numbers of an arm that a map can vary, with their present values.

    >>> axes(DistilSettings(alpha=0.3))
    {'alpha': 0.3, 'kd.T': 4.0}
    """
    found: dict[str, float] = {"alpha": distil.alpha}
    for term in distil.losses:
        spec = LOSSES[term.name]
        if term.weight is not None:
            found[f"{term.name}.weight"] = term.weight
        values = {**spec.defaults(), **term.params}
        found |= {f"{term.name}.{p.name}": values[p.name] for p in spec.params if p.kind == "float"}
    return found


def with_number(distil: DistilSettings, of: str, value: float) -> DistilSettings:
    """The settings with one number changed; ``of`` is a name of :func:`axes`.

    >>> with_number(DistilSettings(), "kd.T", 6.0).losses[0].params
    {'T': 6.0}
    """
    loss, _, number = of.rpartition(".")
    if not loss:
        return distil.change(alpha=value)
    terms = []
    for term in distil.losses:
        if term.name == loss and number == "weight":
            term = term.change(weight=value)
        elif term.name == loss:
            term = term.change(params={**term.params, number: value})
        terms.append(term)
    return distil.change(losses=tuple(terms))


def grid(
    study: StudySettings,
    x: tuple[str, Sequence[float]],
    y: tuple[str, Sequence[float]],
    seeds: Sequence[int],
    name: str,
) -> StudySettings:
    """One arm a point, and as many trials of the student alone.

    Args:
        study: Of which the first arm is varied.
        x: A name of :func:`axes`, and its values.
        y: Another, and its values.
        seeds: Of every arm.
        name: Of the study.
    """
    base = study.arms[0].distil
    points = [
        Arm(
            name=f"{x[0]}={a:g} {y[0]}={b:g}",
            distil=with_number(with_number(base, x[0], a), y[0], b),
        )
        for b in y[1]
        for a in x[1]
    ]
    trials = alone_trials(study.train, base, len(x[1]), len(y[1]))
    return study.change(
        name=name, arms=(*points, *trials), seeds=tuple(seeds), chains=(), imported=()
    )


def alone_trials(
    train: TrainSettings, like: DistilSettings, n_lr: int, n_decay: int
) -> tuple[Arm, ...]:
    """Trials of the student alone: learning rates within a factor 4, decays within a factor 10."""
    distil = like.change(
        mode=ALONE, losses=(), params={}, peers=(), ramps=(), warmup=0.0, task_weight=None
    )
    arms = []
    for decay in _around(train.weight_decay or 1e-3, 10.0, n_decay):
        for lr in _around(train.lr, 4.0, n_lr):
            recipe = train.change(lr=min(lr, 10.0), weight_decay=min(decay, 1.0))
            name = f"{ALONE} lr={lr:.3g} wd={decay:.3g}"
            arms.append(Arm(name=name, distil=distil, train=recipe))
    return tuple(arms)


def _around(middle: float, factor: float, n: int) -> list[float]:
    """N values around a middle, evenly spaced in their logarithm."""
    steps = np.linspace(-1.0, 1.0, n) if n > 1 else np.zeros(1)
    return [float(f"{middle * factor**step:.3g}") for step in steps]


# --- a study that is a map ----------------------------------------------------------------------


@dataclass(frozen=True)
class Map:
    """What a grid found.

    Attributes:
        x: Name of the number along x.
        y: Along y.
        xs: Its values.
        ys: Its values.
        mean: Mean over seeds of the validation metric, one row a y; NaN where not finished.
        metric: Entry of ``METRICS``.
        seeds: Most seeds at one point.
        sd: Pooled sd over seeds at the points; NaN with one seed.
        noise: Difference of two points that chance makes in one of twenty pairs; NaN with one
            seed.
        best: x and y of the best point.
        near: Points that the noise does not tell from the best, as (row, column).
        alone: Best trial of the student alone: the arm's name and its mean.
        trials: How many there are, of the student alone and of points.
    """

    x: str
    y: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    mean: tuple[tuple[float, ...], ...]
    metric: str
    seeds: int
    sd: float
    noise: float
    best: tuple[float, float] | None
    near: tuple[tuple[int, int], ...]
    alone: tuple[str, float] | None
    trials: tuple[int, int]

    def at(self, x: float, y: float) -> tuple[float, float, float] | None:
        """The nearest finished point, as (x, y, mean), if it is within half a step of the grid."""
        column, row = _nearest(self.xs, x), _nearest(self.ys, y)
        if column is None or row is None or math.isnan(self.mean[row][column]):
            return None
        return self.xs[column], self.ys[row], self.mean[row][column]

    @property
    def best_arm(self) -> str:
        """Name of the best point's arm; empty where nothing is finished."""
        return f"{self.x}={self.best[0]:g} {self.y}={self.best[1]:g}" if self.best else ""


def numbers(arm: str) -> dict[str, float]:
    """The numbers in an arm's name; none where it has no such form.

    >>> numbers("alpha=0.3 kd.T=4"), numbers("distilled")
    ({'alpha': 0.3, 'kd.T': 4.0}, {})
    """
    try:
        return {name: float(value) for name, value in _NUMBER.findall(arm)}
    except ValueError:
        return {}


def is_map(study: StudySettings) -> bool:
    """Whether a study is a grid of two numbers."""
    points = [n for arm in study.arms if (n := _point(arm.name))]
    return len(points) > 1 and len({tuple(point) for point in points}) == 1


def read_map(study: StudySettings, arms: Mapping[str, Sequence[Result]], metric: str) -> Map | None:
    """The map of a study, as far as it is finished; ``None`` where the study is none."""
    if not is_map(study):
        return None
    points = {arm.name: p for arm in study.arms if (p := _point(arm.name))}
    x, y = next(iter(points.values()))
    xs, ys = (tuple(sorted({p[name] for p in points.values()})) for name in (x, y))
    at = {(p[x], p[y]): _values(arms.get(name, ()), metric) for name, p in points.items()}
    mean = tuple(tuple(_mean(at.get((a, b), ())) for a in xs) for b in ys)
    sign = 1.0 if METRICS[metric].higher_is_better else -1.0
    done = {place: _mean(v) for place, v in at.items() if v}
    best = max(done, key=lambda place: sign * done[place]) if done else None
    sd, noise = _noise(list(at.values()))
    tried = {
        arm.name: _values(arms[arm.name], metric)
        for arm in study.arms
        if arm.name.startswith(ALONE) and arms.get(arm.name)
    }
    if arms.get("baseline"):
        tried["baseline"] = _values(arms["baseline"], metric)
    alone = max(tried, key=lambda name: sign * _mean(tried[name])) if tried else None
    near = [
        (row, column)
        for row, b in enumerate(ys)
        for column, a in enumerate(xs)
        if best and (a, b) in done and (a, b) != best and _close(done[a, b], done[best], noise)
    ]
    return Map(
        x=x,
        y=y,
        xs=xs,
        ys=ys,
        mean=mean,
        metric=metric,
        seeds=max((len(v) for v in at.values()), default=0),
        sd=sd,
        noise=noise,
        best=best,
        near=tuple(near),
        alone=(alone, _mean(tried[alone])) if alone else None,
        trials=(len(tried), len(done)),
    )


def answers(made: StudySettings, study: StudySettings, place: int) -> bool:
    """Whether a map says something of an arm: all but the two numbers that it varies is equal.

    Args:
        made: The study that is a map, tied to its data by hash.
        study: Another, tied as well.
        place: Which of its arms.
    """
    point, here = made.arms[0], study.arms[place]
    distil = here.distil
    for name, value in numbers(point.name).items():
        if name not in axes(distil):
            return False
        distil = with_number(distil, name, value)
    same_way = (_spelt_out(distil), here.train) == (_spelt_out(point.distil), point.train)
    return same_way and _protocol(made) == _protocol(study)


def _spelt_out(distil: DistilSettings) -> DistilSettings:
    """With the defaults of each loss, which settings may leave out."""
    terms = (
        t.change(params={**LOSSES[t.name].defaults(), **t.params}) if t.name in LOSSES else t
        for t in distil.losses
    )
    return distil.change(losses=tuple(terms))


def _protocol(study: StudySettings) -> tuple[Any, ...]:
    """What two studies share when their figures may stand beside each other, apart from arms."""
    teacher = study.teacher.run or study.teacher  # of a finished run, no more than the run counts
    images = (study.data.change(external=()), study.operating, study.folds)
    return *images, teacher, study.student, study.train, study.compute.threads


def _point(arm: str) -> dict[str, float]:
    found = numbers(arm)
    return found if len(found) == 2 and not arm.startswith(ALONE) else {}


def _values(group: Sequence[Result], metric: str) -> tuple[float, ...]:
    found = seed_values(group, metric).values()
    return tuple(value for value in found if not math.isnan(value))


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else math.nan


def _noise(groups: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Pooled sd, and ``t · sd · √(2/n)``: the difference of two means that chance makes."""
    several = [g for g in groups if len(g) > 1]
    free = sum(len(g) - 1 for g in several)
    if not free:
        return math.nan, math.nan
    squares = sum(float(np.var(g, ddof=1)) * (len(g) - 1) for g in several)
    sd = math.sqrt(squares / free)
    n = fmean(len(g) for g in several)
    return sd, float(stats.t.ppf(0.975, free)) * sd * math.sqrt(2 / n)


def _close(value: float, best: float, noise: float) -> bool:
    return not math.isnan(noise) and abs(value - best) <= noise


def _nearest(values: Sequence[float], wanted: float) -> int | None:
    """The nearest value's place, within half the distance to its neighbour."""
    place = min(range(len(values)), key=lambda i: abs(values[i] - wanted))
    others = [abs(v - values[place]) for i, v in enumerate(values) if i != place]
    reach = min(others) / 2 if others else 0.0
    return place if abs(values[place] - wanted) <= reach + 1e-9 else None
