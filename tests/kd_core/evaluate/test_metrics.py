"""Every metric against scikit-learn or torchmetrics, with ties, weights and missing labels."""

import numpy as np
import pytest
import torch
from sklearn import metrics as sk
from torchmetrics.functional import classification as tm

from kd_core.evaluate.metrics import METRICS

RNG = np.random.default_rng(3)
N, K = 200, 4
LOGITS = np.round(RNG.normal(size=(N, K)), 1)  # rounded, so that there are ties
PROBS = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
Y = RNG.integers(0, K, N)
WEIGHTS = RNG.multinomial(N, np.full(N, 1 / N), size=3).astype(float)
PRED = PROBS.argmax(1)
SIGMA = 1 / (1 + np.exp(-LOGITS))
LABELS = (RNG.random((N, K)) < 0.3).astype(np.float32)
LABELS[RNG.random((N, K)) < 0.2] = np.nan


def ovr(score, weights=None):
    return np.array([score(k == Y, PROBS[:, k], sample_weight=weights) for k in range(K)])


def specificity(weights=None):
    c = sk.confusion_matrix(Y, PRED, sample_weight=weights)
    return np.array([1 - (c[:, k].sum() - c[k, k]) / (c.sum() - c[k].sum()) for k in range(K)])


REFERENCE = {
    "accuracy": lambda w: sk.accuracy_score(Y, PRED, sample_weight=w),
    "balanced_accuracy": lambda w: sk.balanced_accuracy_score(Y, PRED, sample_weight=w),
    "macro_auc": lambda w: ovr(sk.roc_auc_score, w).mean(),
    "average_precision": lambda w: ovr(sk.average_precision_score, w).mean(),
    "f1": lambda w: sk.f1_score(Y, PRED, average="macro", sample_weight=w),
    "mcc": lambda w: sk.matthews_corrcoef(Y, PRED, sample_weight=w),
    "brier": lambda w: np.average(((PROBS - np.eye(K)[Y]) ** 2).sum(1), weights=w),
    "auc": lambda w: ovr(sk.roc_auc_score, w),
    "sensitivity": lambda w: sk.recall_score(Y, PRED, average=None, sample_weight=w),
    "specificity": specificity,
}


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_classification_agrees_with_scikit_learn(name) -> None:
    fn = METRICS[name].fn
    np.testing.assert_allclose(fn(PROBS, Y), REFERENCE[name](None), atol=1e-6)
    for row, weights in zip(fn(PROBS, Y, WEIGHTS), WEIGHTS, strict=True):
        np.testing.assert_allclose(row, REFERENCE[name](weights), atol=1e-6)


TORCHMETRICS = {
    "accuracy": lambda p, y: tm.multiclass_accuracy(p, y, K, average="micro"),
    "balanced_accuracy": lambda p, y: tm.multiclass_accuracy(p, y, K, average="macro"),
    "macro_auc": lambda p, y: tm.multiclass_auroc(p, y, K),
    "average_precision": lambda p, y: tm.multiclass_average_precision(p, y, K),
    "f1": lambda p, y: tm.multiclass_f1_score(p, y, K),
    "mcc": lambda p, y: tm.multiclass_matthews_corrcoef(p, y, K),
    "ece": lambda p, y: tm.multiclass_calibration_error(p, y, K, n_bins=15, norm="l1"),
}


@pytest.mark.parametrize("name", sorted(TORCHMETRICS))
def test_classification_agrees_with_torchmetrics(name) -> None:
    theirs = TORCHMETRICS[name](torch.from_numpy(PROBS), torch.from_numpy(Y)).item()
    assert METRICS[name].fn(PROBS, Y) == pytest.approx(theirs, abs=1e-6)


def per_label(score) -> float:
    known = ~np.isnan(LABELS)
    return float(np.mean([score(LABELS[m, k], SIGMA[m, k]) for k, m in enumerate(known.T)]))


MULTILABEL = {
    "macro_auc": sk.roc_auc_score,
    "average_precision": sk.average_precision_score,
    "accuracy": lambda y, p: sk.accuracy_score(y, p > 0.5),
    "f1": lambda y, p: sk.f1_score(y, p > 0.5),
    "balanced_accuracy": lambda y, p: sk.balanced_accuracy_score(y, p > 0.5),
    "brier": sk.brier_score_loss,
}


@pytest.mark.parametrize("name", sorted(MULTILABEL))
def test_multilabel_agrees_with_scikit_learn_on_known_labels(name) -> None:
    assert METRICS[name].fn(SIGMA, LABELS) == pytest.approx(per_label(MULTILABEL[name]), abs=1e-6)


@pytest.mark.parametrize(("name", "spec"), METRICS.items())
def test_weights_of_one_are_no_weights(name, spec) -> None:
    for task in spec.tasks:
        p, y = (PROBS, Y) if task == "classification" else (SIGMA, LABELS)
        np.testing.assert_allclose(spec.fn(p, y), spec.fn(p, y, np.ones(N)), atol=1e-12)


@pytest.mark.parametrize("name", ["balanced_accuracy", "macro_auc", "average_precision", "f1"])
def test_a_class_that_never_occurs_leaves_the_mean_undefined(name) -> None:
    present = Y[Y < K - 1]
    value = METRICS[name].fn(PROBS[Y < K - 1], present)
    # F1 is defined as long as the class is at least predicted: it is then 0.
    assert np.isnan(value) or name == "f1"


def test_one_class_only_is_undefined_and_not_an_error() -> None:
    y = np.zeros(N, np.int64)
    assert np.isnan(METRICS["macro_auc"].fn(PROBS, y))
    assert METRICS["mcc"].fn(np.eye(K)[y], y) == 0.0
