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
    "kappa": lambda w: sk.cohen_kappa_score(Y, PRED, sample_weight=w),
    "macro_specificity": lambda w: specificity(w).mean(),
    "ap": lambda w: ovr(sk.average_precision_score, w),
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
    "kappa": lambda p, y: tm.multiclass_cohen_kappa(p, y, K),
    "macro_specificity": lambda p, y: tm.multiclass_specificity(p, y, K),
    "ece": lambda p, y: tm.multiclass_calibration_error(p, y, K, n_bins=15, norm="l1"),
}


@pytest.mark.parametrize("name", sorted(TORCHMETRICS))
def test_classification_agrees_with_torchmetrics(name) -> None:
    theirs = TORCHMETRICS[name](torch.from_numpy(PROBS), torch.from_numpy(Y)).item()
    assert METRICS[name].fn(PROBS, Y) == pytest.approx(theirs, abs=1e-6)


CLASS_TORCHMETRICS = {
    "auc": lambda p, y: tm.multiclass_auroc(p, y, K, average=None),
    "ap": lambda p, y: tm.multiclass_average_precision(p, y, K, average=None),
    "sensitivity": lambda p, y: tm.multiclass_recall(p, y, K, average=None),
    "specificity": lambda p, y: tm.multiclass_specificity(p, y, K, average=None),
}


@pytest.mark.parametrize("name", sorted(CLASS_TORCHMETRICS))
def test_values_by_class_agree_with_torchmetrics(name) -> None:
    theirs = CLASS_TORCHMETRICS[name](torch.from_numpy(PROBS), torch.from_numpy(Y)).numpy()
    np.testing.assert_allclose(METRICS[name].fn(PROBS, Y), theirs, atol=1e-6)


def label_scores(score) -> np.ndarray:
    known = ~np.isnan(LABELS)
    return np.array([score(LABELS[m, k], SIGMA[m, k]) for k, m in enumerate(known.T)])


MULTILABEL = {
    "macro_auc": sk.roc_auc_score,
    "average_precision": sk.average_precision_score,
    "accuracy": lambda y, p: sk.accuracy_score(y, p > 0.5),
    "f1": lambda y, p: sk.f1_score(y, p > 0.5),
    "balanced_accuracy": lambda y, p: sk.balanced_accuracy_score(y, p > 0.5),
    "macro_specificity": lambda y, p: sk.recall_score(1 - y, p <= 0.5),
    "brier": sk.brier_score_loss,
    "ece": lambda y, p: tm.binary_calibration_error(
        torch.from_numpy(p), torch.from_numpy(y).long(), n_bins=15
    ).item(),
}
BY_LABEL = {
    "auc": sk.roc_auc_score,
    "ap": sk.average_precision_score,
    "sensitivity": lambda y, p: sk.recall_score(y, p > 0.5),
    "specificity": lambda y, p: sk.recall_score(1 - y, p <= 0.5),
}


@pytest.mark.parametrize("name", sorted(MULTILABEL))
def test_multilabel_agrees_on_known_labels(name) -> None:
    value = label_scores(MULTILABEL[name]).mean()
    assert METRICS[name].fn(SIGMA, LABELS) == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("name", sorted(BY_LABEL))
def test_values_by_label_agree_on_known_labels(name) -> None:
    theirs = label_scores(BY_LABEL[name])
    np.testing.assert_allclose(METRICS[name].fn(SIGMA, LABELS), theirs, atol=1e-6)


def test_exact_match_asks_for_every_known_label() -> None:
    y = np.array([[1, 0], [1, np.nan], [0, 1], [np.nan, np.nan]], np.float32)
    p = np.array([[0.9, 0.1], [0.8, 0.9], [0.4, 0.3], [0.9, 0.9]])
    assert METRICS["exact_match"].fn(p, y) == pytest.approx(2 / 3)
    full = np.nan_to_num(LABELS)
    theirs = sk.accuracy_score(full, SIGMA > 0.5)
    assert METRICS["exact_match"].fn(SIGMA, full) == pytest.approx(theirs)


def test_every_metric_is_compared_with_another_implementation() -> None:
    one, several = {*REFERENCE, *TORCHMETRICS}, {*MULTILABEL, *BY_LABEL, "exact_match"}
    for name, spec in METRICS.items():
        assert name in one or "classification" not in spec.tasks
        assert name in several or "multilabel" not in spec.tasks


def test_two_classes_have_the_binary_values_of_the_stated_positive() -> None:
    p, y = PROBS[:, :2] / PROBS[:, :2].sum(1, keepdims=True), (Y > 1).astype(np.int64)
    answers = p.argmax(1)
    assert METRICS["auc"].fn(p, y)[1] == pytest.approx(sk.roc_auc_score(y, p[:, 1]))
    assert METRICS["sensitivity"].fn(p, y)[1] == pytest.approx(sk.recall_score(y, answers))
    negatives = sk.recall_score(y, answers, pos_label=0)
    assert METRICS["specificity"].fn(p, y)[1] == pytest.approx(negatives)
    # scikit-learn's binary Brier score counts one class, ours both
    assert METRICS["brier"].fn(p, y) == pytest.approx(2 * sk.brier_score_loss(y, p[:, 1]))


@pytest.mark.parametrize(("name", "spec"), METRICS.items())
def test_weights_of_one_are_no_weights(name, spec) -> None:
    for task in spec.tasks:
        p, y = (PROBS, Y) if task == "classification" else (SIGMA, LABELS)
        np.testing.assert_allclose(spec.fn(p, y), spec.fn(p, y, np.ones(N)), atol=1e-12)


@pytest.mark.parametrize("name", ["balanced_accuracy", "macro_auc", "average_precision"])
def test_a_class_that_never_occurs_leaves_the_mean_undefined(name) -> None:
    assert np.isnan(METRICS[name].fn(PROBS[Y < K - 1], Y[Y < K - 1]))


def test_f1_of_an_absent_class_is_zero_if_it_is_answered_and_undefined_if_not() -> None:
    absent = Y < K - 1
    assert METRICS["f1"].fn(PROBS[absent], Y[absent]) < 1
    never = absent & (PRED < K - 1)
    assert np.isnan(METRICS["f1"].fn(PROBS[never], Y[never]))


def test_one_true_class_only_is_undefined_and_not_an_error() -> None:
    y = np.zeros(N, np.int64)
    for name in ("macro_auc", "mcc", "macro_specificity"):
        assert np.isnan(METRICS[name].fn(PROBS, y)), name
    assert np.isnan(METRICS["kappa"].fn(np.eye(K)[y], y))


def test_one_answer_only_is_chance() -> None:
    constant = np.eye(K)[np.zeros(N, np.int64)]
    assert METRICS["mcc"].fn(constant, Y) == 0.0
    assert METRICS["kappa"].fn(constant, Y) == pytest.approx(0.0)


def test_no_image_is_undefined_and_not_an_error() -> None:
    for spec in map(METRICS.__getitem__, METRICS):
        for task in spec.tasks:
            y = np.zeros((0, K), np.float32) if task == "multilabel" else np.zeros(0, np.int64)
            assert np.isnan(spec.fn(np.zeros((0, K)), y)).all()
