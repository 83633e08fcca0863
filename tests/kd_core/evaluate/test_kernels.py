"""What kernels share; the metrics themselves are compared in test_metrics.py."""

import numpy as np
import pytest
from sklearn import metrics as sk

from kd_core.evaluate import kernels
from kd_core.evaluate.kernels import bin_of, confusion, per_label

RNG = np.random.default_rng(0)
KERNELS = [kernels.accuracy, kernels.f1, kernels.mcc, kernels.auc, kernels.ece, kernels.brier]


def test_confusion_agrees_with_scikit_learn() -> None:
    y, predicted = RNG.integers(0, 3, (2, 50))
    weights = RNG.multinomial(50, np.full(50, 0.02), size=4).astype(float)
    for ours, w in zip(confusion(predicted, y, 3, weights), weights, strict=True):
        theirs = sk.confusion_matrix(y, predicted, labels=range(3), sample_weight=w)
        np.testing.assert_allclose(ours, theirs)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_weight_of_two_is_the_same_image_twice(kernel) -> None:
    p, y = RNG.dirichlet(np.ones(3), 40), np.arange(40) % 3
    counts = RNG.integers(1, 3, 40)
    twice = np.repeat(np.arange(40), counts)
    weighted = kernel(p, y, counts[None].astype(float))
    repeated = kernel(p[twice], y[twice], np.ones((1, len(twice))))
    np.testing.assert_allclose(weighted, repeated)


def test_a_bin_has_its_upper_end_and_not_its_lower() -> None:
    assert bin_of(np.array([0.0, 1 / 15, 1 / 15 + 1e-9, 1.0])).tolist() == [0, 0, 1, 14]


def test_unknown_labels_are_left_out() -> None:
    y = np.array([[1.0, np.nan], [0.0, 1.0]], np.float32)
    seen = []
    per_label(lambda p, positive, w: (seen.append((len(p), w.shape)), np.zeros(len(w)))[1])(
        np.zeros((2, 2)), y, np.ones((3, 2))
    )
    assert seen == [(2, (3, 2)), (1, (3, 1))]
