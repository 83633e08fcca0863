import numpy as np
import pytest

from kd_core.evaluate.decision_curve import THRESHOLDS, decision_curve
from tests.helpers_statistics import labels, two_classes

RNG = np.random.default_rng(0)
TRUTH = RNG.random(200) < 0.25
P = np.clip(0.25 + 0.4 * (TRUTH - 0.25) + RNG.normal(0, 0.15, 200), 0.01, 0.99)


def test_net_benefit_agrees_with_counting() -> None:
    curve = decision_curve(two_classes(P, TRUTH))[0]
    shown = two_classes(P, TRUTH).probabilities()[:, 1]
    for t, value, everybody in zip(THRESHOLDS, curve.net_benefit, curve.treat_all, strict=True):
        said = shown >= t
        true, false = (said & TRUTH).sum(), (said & ~TRUTH).sum()
        assert value == pytest.approx(true / 200 - false / 200 * t / (1 - t), abs=1e-9)
        assert everybody == pytest.approx(TRUTH.mean() - (1 - TRUTH.mean()) * t / (1 - t), abs=1e-9)


def test_at_very_low_thresholds_a_model_treats_all() -> None:
    curve = decision_curve(two_classes(P, TRUTH), thresholds=[0.001])[0]
    assert curve.net_benefit == pytest.approx(curve.treat_all)


def test_a_perfect_model_has_the_prevalence_at_every_threshold() -> None:
    curve = decision_curve(two_classes(np.where(TRUTH, 0.9999, 0.0001), TRUTH))[0]
    assert set(np.round(curve.net_benefit, 9)) == {round(float(TRUTH.mean()), 9)}
    assert curve.prevalence == pytest.approx(TRUTH.mean())


def test_intervals_hold_the_curve_and_patients_widen_them() -> None:
    patients = np.repeat([f"p{i}" for i in range(20)], 10)
    few = np.repeat(RNG.random(20) < 0.3, 10)
    p = np.where(few, 0.8, 0.2)
    at = [0.3, 0.5]
    wide = decision_curve(two_classes(p, few, patients=patients), thresholds=at, repeats=300)[0]
    narrow = decision_curve(two_classes(p, few), thresholds=at, repeats=300)[0]
    for curve in (wide, narrow):
        assert all(a <= v <= b for a, v, b in
                   zip(curve.low, curve.net_benefit, curve.high, strict=True))  # fmt: skip
    assert wide.high[0] - wide.low[0] > 2 * (narrow.high[0] - narrow.low[0])


def test_labels_and_a_label_that_nobody_knows() -> None:
    y = np.column_stack([TRUTH, np.full(200, np.nan)]).astype(float)
    first, second = decision_curve(labels(np.column_stack([P, P]), y), repeats=10)
    assert first.n == 200
    assert second.undefined.id == "score.undefined.one_sided"
