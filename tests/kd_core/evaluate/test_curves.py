import math

import numpy as np
import pytest
from sklearn import metrics as sk

from kd_core.evaluate.curves import precision_recall_of, roc_of
from tests.helpers_statistics import labels, two_classes

RNG = np.random.default_rng(0)
TRUTH = RNG.random(150) < 0.3
P = np.round(RNG.random(150) * 0.6 + 0.3 * TRUTH, 2)
ONE = two_classes(P, TRUTH)
SHOWN = ONE.probabilities()[:, 1]


def test_roc_agrees_with_scikit_learn() -> None:
    curve = roc_of(ONE)[0]
    false, true, _ = sk.roc_curve(TRUTH, SHOWN, drop_intermediate=False)
    np.testing.assert_allclose(curve.false_positive, false, atol=1e-9)
    np.testing.assert_allclose(curve.true_positive, true, atol=1e-9)
    assert curve.area == pytest.approx(sk.roc_auc_score(TRUTH, SHOWN), abs=1e-9)


def test_precision_and_recall_agree_with_scikit_learn() -> None:
    curve = precision_recall_of(ONE)[0]
    precision, recall, thresholds = sk.precision_recall_curve(TRUTH, SHOWN)
    np.testing.assert_allclose(curve.precision[::-1], precision[:-1], atol=1e-9)
    np.testing.assert_allclose(curve.recall[::-1], recall[:-1], atol=1e-9)
    np.testing.assert_allclose(curve.thresholds[::-1], thresholds, atol=1e-9)
    theirs = sk.average_precision_score(TRUTH, SHOWN)
    assert curve.average_precision == pytest.approx(theirs, abs=1e-9)
    assert curve.prevalence == pytest.approx(TRUTH.mean())


def test_one_side_only() -> None:
    none, every = (two_classes([0.2, 0.7], [y, y]) for y in (0, 1))
    assert math.isnan(roc_of(none)[0].area)
    assert math.isnan(roc_of(every)[0].area)
    assert precision_recall_of(none)[0].recall == ()
    assert precision_recall_of(every)[0].average_precision == 1.0


def test_labels_have_one_curve_each() -> None:
    y = np.column_stack([TRUTH, ~TRUTH]).astype(float)
    y[:50, 1] = np.nan
    one = labels(np.column_stack([P, P]), y)
    assert [curve.label for curve in roc_of(one)] == ["a", "b"]
    theirs = sk.roc_auc_score(~TRUTH[50:], one.probabilities()[50:, 1])
    assert roc_of(one, "b")[0].area == pytest.approx(theirs)
