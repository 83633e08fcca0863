"""How much of a figure is left when images get worse, for several models on the same images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kd_core.errors import ConfigError, DataError
from kd_core.evaluate.bootstrap import interval, units, weightings
from kd_core.evaluate.metrics import METRICS, MetricSpec
from kd_core.evaluate.pairs import check_pairs
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.ranking import ratio
from kd_core.evaluate.rare import counted_in, left_out
from kd_core.evaluate.scores import ends

Array = NDArray[np.float64]
Answers = Mapping[tuple[str, int], Sequence[Predictions]]
"""One model's answers, one a seed, by corruption and severity; :data:`CLEAN` are those as is."""

CLEAN = ("clean", 0)


@dataclass(frozen=True)
class Level:
    """A figure at one severity: a mean over seeds, with its 95 % interval over patients."""

    severity: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class RobustnessCurve:
    """One model under one corruption, from severity 0 (as is) upwards."""

    model: str
    corruption: str
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; NaN where undefined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class MeanCorruption:
    """One model over all corruptions and severities.

    Attributes:
        model: Its name.
        mean: The metric, a mean over corruptions and severities (not over the clean images).
        drop: What is lost against the clean images; positive is a loss, whichever way is up.
        extra_drop: The drop less the reference's drop, of the same drawn patients.
        error_ratio: Error against the reference's error, a mean over corruptions (the mCE of
            Hendrycks & Dietterich 2019): ``mean_c Σₛ E_cs / Σₛ E_cs,ref``, with 1 − metric as the
            error where more is better. 1 for the reference.
    """

    model: str
    mean: Estimate
    drop: Estimate
    extra_drop: Estimate
    error_ratio: Estimate


@dataclass(frozen=True)
class Robustness:
    """Curves by model and corruption, and one summary a model.

    Attributes:
        metric: Entry of ``METRICS``.
        reference: Model that the others are held against.
        curves: In the order of the models, then of the corruptions.
        means: One a model.
        n_images: Images at each severity.
        n_patients: Their patients; ``None`` where they are not known.
        left_out: Classes that the metric leaves out, since hardly anybody has them.
    """

    metric: str
    reference: str
    curves: tuple[RobustnessCurve, ...]
    means: tuple[MeanCorruption, ...]
    n_images: int
    n_patients: int | None
    left_out: tuple[str, ...] = ()


def robustness(
    models: Mapping[str, Answers],
    metric: str,
    reference: str,
    repeats: int = 1000,
    seed: int = 0,
) -> Robustness:
    """Curves of a metric against severity, with intervals from the same draws for all models.

    Args:
        models: Answers by model; each has :data:`CLEAN` and the same corruptions and severities.
        metric: Entry of ``METRICS`` with one value.
        reference: Name of one of the models.
        repeats: Bootstrap repeats over patients, else images.
        seed: Of the draws.

    Raises:
        ConfigError: ``entry_unknown``, ``metric_per_class``, ``robustness_reference``.
        DataError: ``robustness_levels`` where a model lacks a severity; ``pairs_differ``,
            ``pairs_other_truth`` where images differ.
    """
    _check(models, metric, reference)
    first = models[reference][CLEAN][0]
    keys = [CLEAN, *(key for key in models[reference] if key != CLEAN)]
    one = np.ones((1, len(first)))
    seen = {name: _figures(answers, keys, metric, one) for name, answers in models.items()}
    drawn = _drawn(models, keys, metric, first, repeats, seed)
    curves = [
        curve
        for name in models
        for curve in _curves(name, keys, seen[name][0], drawn[name], first, METRICS[metric])
    ]
    means = [_mean(name, keys, seen, drawn, metric, reference) for name in models]
    patients = first.patients
    return Robustness(
        metric,
        reference,
        tuple(curves),
        tuple(means),
        len(first),
        None if patients is None else len(np.unique(patients)),
        left_out(first) if METRICS[metric].averages(first.task) else (),
    )


def _check(models: Mapping[str, Answers], metric: str, reference: str) -> None:
    if METRICS[metric].per_class:
        raise ConfigError("metric_per_class", metric=metric)
    if reference not in models:
        raise ConfigError("robustness_reference", name=reference, known=list(models))
    wanted = set(models[reference])
    for name, answers in models.items():
        if CLEAN not in answers or set(answers) != wanted or len(answers) < 2:
            raise DataError("robustness_levels", model=name, levels=len(wanted))
        for seeds in answers.values():
            check_pairs([models[reference][CLEAN][0]] * len(seeds), seeds)


def _figures(
    answers: Answers, keys: Sequence[tuple[str, int]], metric: str, weights: Array
) -> Array:
    """The metric at each key, a mean over seeds, for weightings (R, N); (R, keys)."""
    spec, counts = METRICS[metric], counted_in(answers[keys[0]][0])

    def at(seeds: Sequence[Predictions]) -> Array:
        values = [spec.fn(spec.seen(p), p.targets, weights, counts) for p in seeds]
        return np.asarray(np.mean(values, axis=0))

    return np.stack([at(answers[key]) for key in keys], axis=1)


def _drawn(
    models: Mapping[str, Answers],
    keys: Sequence[tuple[str, int]],
    metric: str,
    first: Predictions,
    repeats: int,
    seed: int,
) -> dict[str, Array]:
    """Each model's figures where other patients had been seen, (R, keys)."""
    rng = np.random.default_rng(seed)
    of_image = units(first.patients, len(first))
    parts: dict[str, list[Array]] = {name: [np.empty((0, len(keys)))] for name in models}
    for weights in weightings(of_image, repeats, rng) if repeats else ():
        for name, answers in models.items():
            parts[name].append(_figures(answers, keys, metric, weights))
    return {name: np.concatenate(chunks) for name, chunks in parts.items()}


def _curves(
    model: str,
    keys: Sequence[tuple[str, int]],
    seen: Array,
    drawn: Array,
    first: Predictions,
    spec: MetricSpec,
) -> list[RobustnessCurve]:
    levels = {
        key: Level(key[1], float(seen[k]), *ends(first, spec, float(seen[k]), drawn[:, k]))
        for k, key in enumerate(keys)
    }
    names = dict.fromkeys(name for name, _ in keys[1:])
    return [
        RobustnessCurve(
            model,
            name,
            (
                levels[CLEAN],
                *sorted((levels[k] for k in keys if k[0] == name), key=lambda at: at.severity),
            ),
        )
        for name in names
    ]


def _mean(
    model: str,
    keys: Sequence[tuple[str, int]],
    seen: Mapping[str, Array],
    drawn: Mapping[str, Array],
    metric: str,
    reference: str,
) -> MeanCorruption:
    up = METRICS[metric].higher_is_better

    def of(fn: str) -> Estimate:
        arithmetic = {"mean": _average, "drop": _drop, "extra": _extra, "ratio": _ratio}[fn]
        value = float(arithmetic(seen[model], seen[reference], keys, up)[0])
        values = arithmetic(drawn[model], drawn[reference], keys, up)
        return Estimate(value, *(interval(values) if len(values) else (math.nan, math.nan)))

    return MeanCorruption(model, of("mean"), of("drop"), of("extra"), of("ratio"))


def _average(own: Array, other: Array, keys: Sequence[tuple[str, int]], up: bool) -> Array:
    return np.asarray(own[:, 1:].mean(1))


def _drop(own: Array, other: Array, keys: Sequence[tuple[str, int]], up: bool) -> Array:
    return (own[:, 0] - own[:, 1:].mean(1)) * (1.0 if up else -1.0)


def _extra(own: Array, other: Array, keys: Sequence[tuple[str, int]], up: bool) -> Array:
    return _drop(own, other, keys, up) - _drop(other, own, keys, up)


def _ratio(own: Array, other: Array, keys: Sequence[tuple[str, int]], up: bool) -> Array:
    names = np.array([name for name, _ in keys])
    errors = [1 - x if up else x for x in (own, other)]
    return np.mean(
        [ratio(*(e[:, names == name].sum(1) for e in errors)) for name in dict.fromkeys(names[1:])],
        axis=0,
    )
