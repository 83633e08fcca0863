"""What an operating point does on other images, with intervals over patients."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kd_core.evaluate.bootstrap import NOTHING_SEEN, SAME, share_interval, units, weightings
from kd_core.evaluate.operating import OperatingPoint, Side, sides
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.ranking import ratio
from kd_core.evaluate.scores import Method, Score
from kd_core.text import Msg

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
OfWeights = Callable[[Array], Array]

AT_THRESHOLD = ("sensitivity", "specificity", "ppv", "npv")


def at_threshold(
    predictions: Predictions,
    points: Sequence[OperatingPoint],
    repeats: int = 1000,
    seed: int = 0,
) -> dict[str, Score]:
    """Sensitivity, specificity and both predictive values at given thresholds, by label.

    Formula: ``sensitivity = TP / (TP + FN)``, ``specificity = TN / (TN + FP)``,
    ``ppv = TP / (TP + FP)``, ``npv = TN / (TN + FN)``. Predictive values hold for the share of
    positives of these images; elsewhere they are others.

    Args:
        predictions: On any part; the thresholds come from validation.
        points: From :func:`kd_core.evaluate.operating.fit_threshold`.
        repeats: Bootstrap repeats over patients, else images; 0 gives values only.
        seed: Of the draws.

    Returns:
        Scores by ``<name>:<label>``; undefined ones say why.
    """
    found: dict[str, Score] = {}
    for point in points:
        side = sides(predictions, point.label)[0]
        said, yes = side.scores >= point.threshold, side.positive
        shares = {
            "sensitivity": (said & yes, yes),
            "specificity": (~said & ~yes, ~yes),
            "ppv": (said & yes, said),
            "npv": (~said & ~yes, ~said),
        }
        for name, (above, below) in shares.items():
            key = f"{name}:{point.label}"
            if math.isnan(point.threshold):
                found[key] = _undefined(len(yes), Msg("score.undefined.threshold"))
                continue
            why = Msg(f"score.undefined.{name}", {"class": point.label})
            found[key] = _bootstrap(
                predictions, side, _share(above, below), below, why, repeats, seed
            )
    return found


def sensitivity_at(
    predictions: Predictions,
    specificity: float,
    positive: str | None = None,
    repeats: int = 1000,
    seed: int = 0,
) -> dict[str, Score]:
    """The largest sensitivity at no less than this specificity, by label.

    The threshold is found on these images, and anew in each repeat; so this compares models and is
    no promise for a threshold that was fixed before.

    Args:
        predictions: Of one model.
        specificity: In [0, 1].
        positive: As in :func:`kd_core.evaluate.operating.sides`.
        repeats: Bootstrap repeats.
        seed: Of the draws.

    Raises:
        ConfigError: ``class_unknown``, ``positive_needed``.
    """
    return _at(predictions, specificity, positive, repeats, seed, turned=False)


def specificity_at(
    predictions: Predictions,
    sensitivity: float,
    positive: str | None = None,
    repeats: int = 1000,
    seed: int = 0,
) -> dict[str, Score]:
    """The largest specificity at no less than this sensitivity; see :func:`sensitivity_at`."""
    return _at(predictions, sensitivity, positive, repeats, seed, turned=True)


def _at(
    predictions: Predictions,
    least: float,
    positive: str | None,
    repeats: int,
    seed: int,
    turned: bool,
) -> dict[str, Score]:
    found = {}
    for side in sides(predictions, positive):
        scores, yes = (-side.scores, ~side.positive) if turned else (side.scores, side.positive)
        why = Msg("score.undefined.one_sided", {"classes": [side.label]})
        of_weights = _rate_at(scores, yes, least)
        found[side.label] = _bootstrap(predictions, side, of_weights, yes, why, repeats, seed)
    return found


def _share(above: Bools, below: Bools) -> OfWeights:
    """A share of images, for many weightings (R, n) at once."""
    return lambda w: ratio(w @ above.astype(float), w @ below.astype(float))


def _rate_at(scores: Array, positive: Bools, least: float) -> OfWeights:
    """Largest true positive rate with a true negative rate of at least ``least``, (R,)."""
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], True)) + 1  # ties go together

    def of_weights(w: Array) -> Array:
        cumulated = []
        for on_side in (positive, ~positive):
            by_image = np.cumsum((w * on_side).T[order], axis=0)  # (n, R)
            cumulated.append(np.vstack([np.zeros((1, len(w))), by_image[ends - 1]]))  # (G + 1, R)
        true, false = cumulated
        left = 1 - ratio(false, false[-1])  # falls from 1 to 0, NaN without negatives
        last = (left >= least - 1e-12).sum(0) - 1  # (R,)
        found = np.take_along_axis(true, np.maximum(last, 0)[None], 0)[0]
        return np.where(last >= 0, ratio(found, true[-1]), np.nan)

    return of_weights


def _bootstrap(
    predictions: Predictions,
    side: Side,
    of_weights: OfWeights,
    rests_on: Bools,
    why: Msg,
    repeats: int,
    seed: int,
) -> Score:
    """A figure of one label with its interval; all figures of one seed see the same draws.

    Args:
        predictions: Of one model.
        side: The label.
        of_weights: The figure for weightings (R, n) of the images that know the label.
        rests_on: Those of them that the figure is a share of, (n,).
        why: Said where it is undefined.
        repeats: Bootstrap repeats.
        seed: Of the draws.
    """
    n = int(side.rows.sum())
    value = float(of_weights(np.ones((1, n)))[0]) if n else math.nan
    if math.isnan(value):
        return _undefined(n, why)
    of_image = units(predictions.patients, len(predictions))
    rng = np.random.default_rng(seed)
    drawn = [of_weights(w.T[side.rows].T) for w in weightings(of_image, repeats, rng)]
    values = np.concatenate(drawn) if drawn else np.empty(0)
    n_units = len(np.unique(of_image[side.rows][rests_on]))
    low, high = share_interval(value, values, n_units) if drawn else (math.nan, math.nan)
    method: Method = "bootstrap_images" if predictions.patients is None else "bootstrap_patients"
    if math.isnan(low):
        method = "none"
    elif math.isclose(low, high, abs_tol=SAME):
        reach = min(1.0, NOTHING_SEEN / max(n_units, 1))
        low, high = max(0.0, value - reach), min(1.0, value + reach)
        method = "nothing_seen"
    return Score(value, low, high, n, method=method)


def _undefined(n: int, why: Msg) -> Score:
    return Score(math.nan, math.nan, math.nan, n, undefined=why)
