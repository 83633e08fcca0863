"""Tests of two models on the same images, as supplements of the verdict.

McNemar's test (here) and DeLong's (:mod:`kd_core.evaluate.delong`) take every image for a draw of
its own. Where a patient has several images, such a test finds differences that are not there, in up
to a third of all comparisons; its record then carries a caution. :func:`sign_flip` draws patients.
None of them knows of other seeds: they judge the models at hand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from kd_core.errors import ConfigError
from kd_core.evaluate.bootstrap import units
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.pairs import check_pairs
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.rare import counted_in
from kd_core.text import Msg

Test = Literal["mcnemar", "mcnemar_exact", "delong", "sign_flip", "sign_flip_exact"]
Unit = Literal["image", "patient"]
Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

EXACT_BELOW = 25
"""Discordant images below which McNemar's test counts coins instead of using χ² (Edwards 1948)."""

EXACT_UNITS = 12
"""Units that differ up to which all 2ⁿ signs are tried: 4096."""

CHUNK = 2_000_000
"""Weights held at once: 16 MB."""


@dataclass(frozen=True)
class PairedTest:
    """What one test says of two models; see :attr:`msg`.

    Attributes:
        test: Which one.
        statistic: χ², the smaller count of disagreements, z, or the difference itself.
        p: Two-sided; NaN where undefined.
        n: Units that the test rests on.
        unit: What was taken for a draw of its own.
        difference: First minus second.
        low: Low end of the difference's 95 % interval, where the test has one.
        high: High end.
        label: Class or label that it is about; empty for the whole answer.
        undefined: Why there is no p.
        caution: Why the p is not to be trusted: patients with several images.
    """

    test: Test
    statistic: float
    p: float
    n: int
    unit: Unit
    difference: float
    low: float = math.nan
    high: float = math.nan
    label: str = ""
    undefined: Msg | None = None
    caution: Msg | None = None

    @property
    def msg(self) -> Msg:
        """One sentence with the numbers."""
        if self.undefined is not None:
            return self.undefined
        return Msg(
            f"paired.{self.test}",
            {
                "p": p_msg(self.p),
                "statistic": self.statistic,
                "difference": self.difference,
                "basis": Msg(f"verdict.n_{self.unit}s", {"n": self.n}),
            },
        )


def p_msg(p: float) -> Msg:
    """A p in words: its value, or that it is below 0.001."""
    return Msg("p.below" if p < 0.001 else "p.is", {"p": p})


def independent(predictions: Predictions) -> bool:
    """Whether no patient is known to have two images."""
    patients = predictions.patients
    return patients is None or len(np.unique(patients)) == len(predictions)


def caution_of(predictions: Predictions) -> Msg | None:
    """Why a test that counts images is not to be trusted here; ``None`` where it is."""
    if predictions.patients is None or independent(predictions):
        return None
    patients = len(np.unique(predictions.patients))
    return Msg("paired.caution.patients", {"images": len(predictions), "patients": patients})


# --- McNemar -----------------------------------------------------------------------------------


def mcnemar(first: Predictions, second: Predictions) -> tuple[PairedTest, ...]:
    """McNemar's test on which images each model answers rightly; for several labels, one a label.

    Formula: with b images right by the first only and c by the second only,
    ``χ² = (|b − c| − 1)² / (b + c)`` with one degree of freedom (McNemar 1947, corrected as by
    Edwards 1948); with fewer than 25 of them, twice the binomial tail of min(b, c) in b + c tosses.

    Args:
        first: One model on one part.
        second: The other on the same images.

    Returns:
        One record; for ``multilabel`` one a label, on the images that know it.

    Raises:
        DataError: ``pairs_differ``, ``pairs_other_truth``, ``pairs_empty``.

    >>> truth = np.zeros(10, int)
    >>> logits = np.eye(2, dtype=np.float32)[[0] * 9 + [1]], np.eye(2, dtype=np.float32)[[0] * 10]
    >>> ids = tuple("abcdefghij")
    >>> a, b = (Predictions(ids, truth, z, "val", 0, ("x", "y")) for z in logits)
    >>> mcnemar(a, b)[0].p
    1.0
    """
    check_pairs([first], [second])
    right = first.predicted() == first.targets, second.predicted() == second.targets
    caution = caution_of(first)
    if first.task != "multilabel":
        return (_mcnemar(*right, caution),)
    known = ~np.isnan(first.targets)
    return tuple(
        _mcnemar(right[0][rows, k], right[1][rows, k], caution, name)
        for k, (name, rows) in enumerate(zip(first.classes, known.T, strict=True))
    )


def _mcnemar(right_1: Bools, right_2: Bools, caution: Msg | None, label: str = "") -> PairedTest:
    n = len(right_1)
    if not n:
        nothing = Msg("score.undefined.empty")
        return PairedTest("mcnemar", math.nan, math.nan, 0, "image", math.nan, undefined=nothing)
    b, c = int((right_1 & ~right_2).sum()), int((~right_1 & right_2).sum())
    difference = (b - c) / n
    if b + c < EXACT_BELOW:
        p = min(1.0, 2 * float(stats.binom.cdf(min(b, c), b + c, 0.5)))
        test: Test = "mcnemar_exact"
        statistic = float(min(b, c))
    else:
        test, statistic = "mcnemar", (abs(b - c) - 1) ** 2 / (b + c)
        p = float(stats.chi2.sf(statistic, 1))
    return PairedTest(test, statistic, p, n, "image", difference, label=label, caution=caution)


# --- sign flips --------------------------------------------------------------------------------


def sign_flip(
    first: Sequence[Predictions],
    second: Sequence[Predictions],
    metric: str = "accuracy",
    repeats: int = 9999,
    seed: int = 0,
) -> PairedTest:
    """Permutation test: two equally good models could swap their answers to any patient.

    All of a patient's images swap together, at all seeds (images, where patients are not known).
    ``p`` is the share of swaps with a difference at least as large as the one that was seen; all
    2ⁿ of them where at most 12 patients have different answers, else ``repeats`` at random and
    ``p = (1 + as large) / (1 + repeats)`` (Good 2005; Phipson & Smyth 2010).

    Args:
        first: One model a seed.
        second: The other, in the same order of seeds.
        metric: Entry of ``METRICS`` with one value.
        repeats: Random swaps.
        seed: Of the draws.

    Raises:
        ConfigError: ``entry_unknown``, ``metric_per_class``.
        DataError: As :func:`kd_core.evaluate.verdict.compare`.

    >>> ids, truth = tuple("abcdefgh"), np.arange(8) % 2
    >>> right, wrong = (np.eye(2, dtype=np.float32)[z] for z in (truth, 1 - truth))
    >>> a, b = (Predictions(ids, truth, z, "val", 0, ("x", "y")) for z in (right, wrong))
    >>> sign_flip([a], [b]).p == 2 / 2**8
    True
    """
    if METRICS[metric].per_class:
        raise ConfigError("metric_per_class", metric=metric)
    check_pairs(first, second)
    of_image = units(first[0].patients, len(first[0]))
    n_units = int(of_image.max()) + 1
    unit: Unit = "image" if first[0].patients is None else "patient"
    pairs = list(zip(first, second, strict=True))
    sign = 1.0 if METRICS[metric].higher_is_better else -1.0
    seen = sign * float(_swapped(pairs, metric, np.zeros((1, n_units), bool), of_image)[0])
    moving = np.unique(of_image[_differ(pairs)])
    exact = len(moving) <= EXACT_UNITS
    swaps = _all_swaps(moving, n_units) if exact else _swaps(moving, n_units, repeats, seed)
    values = np.concatenate([_swapped(pairs, metric, some, of_image) for some in swaps])  # (R,)
    test: Test = "sign_flip_exact" if exact else "sign_flip"
    if math.isnan(seen) or np.isnan(values).any():
        nothing = Msg("paired.undefined", {"metric": Msg(f"metric.{metric}.title")})
        return PairedTest(test, math.nan, math.nan, n_units, unit, seen, undefined=nothing)
    as_large = int((np.abs(values) >= abs(seen) - 1e-12).sum())
    p = as_large / len(values) if exact else (1 + as_large) / (1 + len(values))
    return PairedTest(test, seen, p, n_units, unit, seen)


def _differ(pairs: list[tuple[Predictions, Predictions]]) -> Bools:
    """Images on which some pair answers differently, (N,)."""
    gaps = [a.probabilities() != b.probabilities() for a, b in pairs]
    return np.asarray(np.any(gaps, axis=(0, 2)))


def _all_swaps(moving: NDArray[np.int64], n_units: int) -> list[Bools]:
    """Every choice of units that swap; (2ⁿ, U) in one piece."""
    bits = (np.arange(2 ** len(moving))[:, None] >> np.arange(len(moving))) & 1  # (2ⁿ, n)
    swaps = np.zeros((len(bits), n_units), bool)
    swaps[:, moving] = bits.astype(bool)
    step = max(1, CHUNK // n_units)
    return [swaps[start : start + step] for start in range(0, len(swaps), step)]


def _swaps(moving: NDArray[np.int64], n_units: int, repeats: int, seed: int) -> list[Bools]:
    rng = np.random.default_rng(seed)
    step = max(1, CHUNK // n_units)
    found = []
    for start in range(0, repeats, step):
        swaps = np.zeros((min(step, repeats - start), n_units), bool)
        swaps[:, moving] = rng.random((len(swaps), len(moving))) < 0.5
        found.append(swaps)
    return found


def _swapped(
    pairs: list[tuple[Predictions, Predictions]],
    metric: str,
    swaps: Bools,
    of_image: NDArray[np.int64],
) -> Array:
    """Mean differences (R,) where the units of each row (R, U) have swapped their answers.

    Both models' images stand one after the other; a weight of 1 takes an answer, 0 leaves it.
    """
    spec = METRICS[metric]
    both = [
        (np.concatenate([spec.seen(a), spec.seen(b)]), np.concatenate([a.targets, b.targets]))
        for a, b in pairs
    ]  # (2N, K), (2N,)
    step, counts = max(1, CHUNK // (2 * len(of_image))), counted_in(pairs[0][0])
    found = []
    for start in range(0, len(swaps), step):
        swap = swaps[start : start + step][:, of_image]  # (r, N)
        weights = np.asfortranarray(np.concatenate([~swap, swap], 1), float)  # (r, 2N)
        sides = weights, 1 - weights
        gaps = [np.subtract(*(spec.fn(p, y, w, counts) for w in sides)) for p, y in both]  # (r,)
        found.append(np.mean(gaps, axis=0))
    return np.concatenate(found)
