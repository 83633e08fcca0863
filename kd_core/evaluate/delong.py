"""DeLong's test: are two areas under the ROC curve, of the same images, different?

``AUC = (1 / mn) Σᵢ Σⱼ ψ(xᵢ, yⱼ)`` over m positives and n negatives, ψ = 1, ½ or 0. Each image has a
structural component, its own mean of ψ, and the components' covariances give the variance of the
difference (DeLong et al. 1988). The components come from mid-ranks, in N log N (Sun & Xu 2014).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from kd_core.evaluate.paired import PairedTest, caution_of
from kd_core.evaluate.pairs import check_pairs
from kd_core.evaluate.predictions import Predictions
from kd_core.text import Msg

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEVEL = 0.95


def auc_components(scores: Array, positive: Bools) -> tuple[Array, Array]:
    """Structural components of the positives (M, m) and of the negatives (M, n).

    Args:
        scores: One row a model, (M, N); higher means positive.
        positive: (N,).

    >>> scores, positive = np.array([[0.1, 0.4, 0.35, 0.8]]), np.array([0, 0, 1, 1]) > 0
    >>> of_yes, of_no = auc_components(scores, positive)
    >>> of_yes.tolist(), of_no.tolist()
    ([[0.5, 1.0]], [[1.0, 0.5]])
    """
    yes, no = scores[:, positive], scores[:, ~positive]
    m, n = yes.shape[1], no.shape[1]
    among_all = stats.rankdata(np.concatenate([yes, no], 1), axis=1)  # (M, m + n)
    of_yes = (among_all[:, :m] - stats.rankdata(yes, axis=1)) / n  # (M, m)
    of_no = 1 - (among_all[:, m:] - stats.rankdata(no, axis=1)) / m  # (M, n)
    return of_yes, of_no


def auc_covariance(scores: Array, positive: Bools) -> tuple[Array, Array]:
    """Areas (M,) and their covariances (M, M); NaN with fewer than two images on a side.

    Formula: ``S = cov(V₁₀) / m + cov(V₀₁) / n``.
    """
    n_models = len(scores)
    of_yes, of_no = auc_components(scores, positive)
    m, n = of_yes.shape[1], of_no.shape[1]
    if min(m, n) < 2:
        return np.full(n_models, math.nan), np.full((n_models, n_models), math.nan)
    covariance = np.atleast_2d(np.cov(of_yes)) / m + np.atleast_2d(np.cov(of_no)) / n
    return of_yes.mean(1), covariance


def delong(first: Predictions, second: Predictions) -> tuple[PairedTest, ...]:
    """DeLong's test of two models' areas, one a class.

    Formula: ``z = (A₁ − A₂) / √(S₁₁ + S₂₂ − 2 S₁₂)`` against the normal distribution.

    Args:
        first: One model on one part.
        second: The other on the same images.

    Returns:
        For two classes one record, of the second class against the first; else one a class
        against the rest, or one a label on the images that know it. Equal areas without any
        difference in order have p = 1.

    Raises:
        DataError: ``pairs_differ``, ``pairs_other_truth``, ``pairs_empty``.
    """
    check_pairs([first], [second])
    p_1, p_2 = first.probabilities(), second.probabilities()
    caution = caution_of(first)
    found = []
    for k, name in enumerate(first.classes):
        if first.task != "multilabel" and len(first.classes) == 2 and k == 0:
            continue
        if first.task == "multilabel":
            known = ~np.isnan(first.targets[:, k])
            positive = first.targets[known, k] == 1
        else:
            known, positive = np.ones(len(first), bool), first.targets == k
        scores = np.stack([p_1[known, k], p_2[known, k]])  # (2, n)
        found.append(_delong(scores, positive, name, caution))
    return tuple(found)


def _delong(scores: Array, positive: Bools, label: str, caution: Msg | None) -> PairedTest:
    n, none = len(positive), math.nan
    if min(positive.sum(), (~positive).sum()) < 2:
        why = Msg("paired.one_sided", {"class": label})
        return PairedTest("delong", none, none, n, "image", none, label=label, undefined=why)
    areas, s = auc_covariance(scores, positive)
    difference = float(areas[0] - areas[1])
    sd = math.sqrt(max(0.0, float(s[0, 0] + s[1, 1] - 2 * s[0, 1])))
    if sd < 1e-12:  # the same order, or perfectly separated by both
        z, p = 0.0, 1.0 if abs(difference) < 1e-12 else 0.0
    else:
        z = difference / sd
        p = float(2 * stats.norm.sf(abs(z)))
    reach = float(stats.norm.ppf((1 + LEVEL) / 2)) * sd
    low, high = difference - reach, difference + reach
    return PairedTest("delong", z, p, n, "image", difference, low, high, label, caution=caution)
