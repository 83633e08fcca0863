import numpy as np
import pytest

from kd_core.evaluate.gap import gaps
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.verdict import compare
from tests.helpers_statistics import answers

RNG = np.random.default_rng(0)


def three(seed: int, gain: float = 1.5, n: int = 240) -> Predictions:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    logits = (gain * np.eye(3)[y] + rng.normal(size=(n, 3))).astype(np.float32)
    return Predictions(tuple(map(str, range(n))), y, logits, "val", seed, tuple("abc"))


def test_a_metric_with_one_value_a_class_has_one_gap_a_class() -> None:
    one, two = [three(1), three(2)], [three(3, 0.5), three(4, 0.5)]
    found = gaps(one, two, "sensitivity")
    fn = METRICS["sensitivity"].fn
    seen = [np.mean([fn(p.probabilities(), p.targets) for p in side], 0) for side in (one, two)]
    np.testing.assert_allclose([g.first for g in found], seen[0])
    np.testing.assert_allclose([g.difference for g in found], seen[0] - seen[1])
    assert all(g.low < g.difference < g.high for g in found)


def test_the_verdict_rests_on_the_same_gap() -> None:
    one, two = [answers(RNG.random(200) < 0.9)], [answers(RNG.random(200) < 0.8)]
    gap, verdict = gaps(one, two, "accuracy")[0], compare(one, two, "accuracy")
    assert (gap.difference, gap.low, gap.high, gap.p) == (
        verdict.difference,
        verdict.low,
        verdict.high,
        verdict.p,
    )
    assert gap.first - gap.second == pytest.approx(gap.difference)


def test_less_is_better_turns_the_difference_but_not_the_figures() -> None:
    good, poor = [three(1, 3.0)], [three(2, 0.5)]
    gap = gaps(good, poor, "brier")[0]
    assert gap.difference == pytest.approx(gap.second - gap.first)
    assert gap.difference > 0


def test_a_difference_in_every_image_is_no_accident_and_none_is_no_difference() -> None:
    right, wrong = answers(np.ones(100, bool)), answers(np.zeros(100, bool))
    assert gaps([right], [wrong], "accuracy")[0].p < 0.01
    same = gaps([right], [right], "accuracy")[0]
    assert (same.p, same.high) == pytest.approx((1.0, 0.03))


@pytest.mark.parametrize("seeds", [1, 3])
def test_one_patient_shows_no_difference_of_two_models(seeds: int) -> None:
    alone = np.full(200, "p")
    right = [answers(np.arange(200) >= s, alone, s) for s in range(seeds)]
    wrong = [answers(np.arange(200) >= 40 + s, alone, s) for s in range(seeds)]
    gap = gaps(wrong, right, "accuracy")[0]
    assert gap.difference == pytest.approx(-0.2)
    assert gap.low < 0 < gap.high
    assert gap.p == 1.0


def test_a_class_that_never_occurs_has_no_gap_and_does_not_warn() -> None:
    some = [three(s).where(three(s).targets < 2) for s in range(4)]
    found = gaps(some[:2], some[2:], "sensitivity")
    assert [np.isnan(gap.low) for gap in found] == [False, False, True]
    areas = gaps(some[:2], some[2:], "auc")
    assert np.isnan(areas[2].p)
    without = np.mean([gap.difference for gap in areas[:2]])  # it does not count in the mean
    assert gaps(some[:2], some[2:], "macro_auc")[0].difference == pytest.approx(without)
