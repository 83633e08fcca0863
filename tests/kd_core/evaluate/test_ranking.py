import numpy as np
import pytest
import torch
from sklearn import metrics as sk
from torchmetrics.functional import classification as tm

from kd_core.evaluate.ranking import (
    WIDE,
    average_precision,
    ratio,
    roc_auc,
    roc_curve,
    running_sums,
)

RNG = np.random.default_rng(1)
CASES = {
    "distinct": RNG.normal(size=80),
    "ties": np.round(RNG.normal(size=80), 1),
    "heavy ties": RNG.integers(0, 3, 80).astype(float),
    "constant": np.zeros(80),
}
POSITIVE = RNG.random(80) < 0.3
WEIGHTS = RNG.multinomial(80, np.full(80, 1 / 80), size=5).astype(float)


@pytest.mark.parametrize("name", CASES)
def test_weighted_areas_agree_with_scikit_learn(name) -> None:
    scores = CASES[name]
    pairs = ((roc_auc, sk.roc_auc_score), (average_precision, sk.average_precision_score))
    for ours, theirs in pairs:
        expected = [theirs(POSITIVE, scores, sample_weight=w) for w in WEIGHTS]
        np.testing.assert_allclose(ours(scores, POSITIVE, WEIGHTS), expected, atol=1e-9)
        fortran = np.asfortranarray(WEIGHTS)
        np.testing.assert_allclose(ours(scores, POSITIVE, fortran), expected, atol=1e-9)


def test_many_repeats_are_summed_as_few_are() -> None:
    many = RNG.multinomial(80, np.full(80, 1 / 80), size=WIDE).astype(float)
    for scores in CASES.values():
        for area in (roc_auc, average_precision):
            few = [area(scores, POSITIVE, w[None])[0] for w in many]
            np.testing.assert_allclose(area(scores, POSITIVE, many), few, atol=1e-12)
    rows = RNG.random((9, WIDE))
    np.testing.assert_allclose(running_sums(rows)[1:], rows.cumsum(0))


@pytest.mark.parametrize("name", CASES)
def test_a_curve_agrees_with_scikit_learn_and_with_its_area(name) -> None:
    scores = CASES[name]
    false, true, thresholds = roc_curve(scores, POSITIVE)
    theirs = sk.roc_curve(POSITIVE, scores, drop_intermediate=False)
    for ours, other in zip((false, true, thresholds), theirs, strict=True):
        np.testing.assert_allclose(ours, other)
    area = roc_auc(scores, POSITIVE, np.ones((1, 80)))[0]
    assert np.trapezoid(true, false) == pytest.approx(area)


def test_areas_agree_with_torchmetrics() -> None:
    p = torch.from_numpy(np.round(RNG.random(80), 1))
    y, ones = torch.from_numpy(POSITIVE).long(), np.ones((1, 80))
    area = roc_auc(p.numpy(), POSITIVE, ones)[0]
    precision = average_precision(p.numpy(), POSITIVE, ones)[0]
    assert area == pytest.approx(tm.binary_auroc(p, y).item(), abs=1e-6)
    assert precision == pytest.approx(tm.binary_average_precision(p, y).item(), abs=1e-6)


@pytest.mark.parametrize("positive", [np.zeros(5, bool), np.ones(5, bool)])
def test_one_side_only_has_no_curve(positive) -> None:
    scores, ones = np.arange(5.0), np.ones((1, 5))
    assert np.isnan(roc_auc(scores, positive, ones)).all()
    assert np.isnan(roc_curve(scores, positive)[0 if positive.all() else 1]).all()
    assert np.isnan(average_precision(scores, positive, ones)).all() != positive.all()


def test_a_repeat_that_drew_no_positive_is_undefined_alone() -> None:
    weights = np.array([[1.0, 1, 1], [0, 3, 0]])
    values = roc_auc(np.array([0.9, 0.5, 0.1]), np.array([True, False, False]), weights)
    assert values[0] == 1.0
    assert np.isnan(values[1])


def test_nothing_divided_by_nothing_is_undefined() -> None:
    np.testing.assert_array_equal(ratio(np.array([0.0, 2.0]), np.array([0.0, 4.0])), [np.nan, 0.5])
