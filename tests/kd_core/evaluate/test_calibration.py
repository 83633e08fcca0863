import dataclasses

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from kd_core.evaluate.calibration import reliability
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.predictions import Predictions

RNG = np.random.default_rng(0)


def binary(p: np.ndarray, right: np.ndarray) -> Predictions:
    """A model that answers the first class with probability p."""
    logits = np.stack([np.log(p), np.log(1 - p)], 1).astype(np.float32)
    ids = tuple(map(str, range(len(p))))
    return Predictions(ids, (~right).astype(np.int64), logits, "val", 0, ("a", "b"))


def test_a_model_that_is_as_sure_as_it_is_right() -> None:
    p = RNG.uniform(0.5, 1, 20000)
    found = reliability(binary(p, RNG.random(20000) < p))
    # sd of a bin's accuracy: at most 0.5 / √1300 = 0.014 where bins hold 20000 · 2 / 15 images
    np.testing.assert_allclose(found.accuracy, found.confidence, atol=0.042)
    assert found.count.sum() == 20000


def test_bins_agree_with_scikit_learn_and_with_the_calibration_error() -> None:
    p = RNG.uniform(0.5, 1, 500)
    predictions = binary(p, RNG.random(500) < 0.7)
    found = reliability(predictions)
    top = predictions.probabilities().max(1)
    right = predictions.predicted() == predictions.targets
    accuracy, confidence = calibration_curve(right, top, n_bins=15)
    np.testing.assert_allclose(found.accuracy, accuracy)
    np.testing.assert_allclose(found.confidence, confidence)
    error = np.average(np.abs(found.accuracy - found.confidence), weights=found.count)
    ece = METRICS["ece"].fn(predictions.probabilities(), predictions.targets)
    assert error == pytest.approx(ece)


def test_known_labels_count_one_by_one() -> None:
    y = np.array([[1, np.nan], [0, 1]], np.float32)
    logits = np.zeros((2, 2), np.float32)
    found = reliability(Predictions(("x", "y"), y, logits, "val", 0, ("a", "b"), "multilabel"))
    assert found.count.tolist() == [3]
    assert found.accuracy == pytest.approx([2 / 3])


def test_intervals_of_bins_hold_their_share_and_patients_widen_them() -> None:
    hard = np.repeat(RNG.random(40) < 0.3, 10)
    one = binary(np.full(400, 0.8), ~hard)
    narrow = reliability(one, repeats=200)
    patients = np.repeat([f"p{i}" for i in range(40)], 10)
    wide = reliability(dataclasses.replace(one, patients=patients), repeats=200)
    assert narrow.low < narrow.accuracy < narrow.high
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
    assert len(reliability(one).low) == 0


def test_a_bin_of_few_right_answers_proves_little() -> None:
    found = reliability(binary(np.full(30, 0.9), np.ones(30, bool)), repeats=50)
    assert (found.low[0], found.high[0]) == pytest.approx((0.9, 1.0))
