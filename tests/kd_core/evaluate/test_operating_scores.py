import math

import numpy as np
import pytest
import torch
from sklearn.metrics import precision_score, recall_score
from torchmetrics.functional.classification import (
    binary_sensitivity_at_specificity,
    binary_specificity_at_sensitivity,
)

from kd_core.evaluate.operating import OperatingPoint, Rule
from kd_core.evaluate.operating_scores import at_threshold, sensitivity_at, specificity_at
from tests.helpers_statistics import labels, two_classes

RNG = np.random.default_rng(0)
TRUTH = RNG.random(240) < 0.4
P = 1 / (1 + np.exp(-(RNG.normal(size=240) + 1.5 * TRUTH - 0.7)))
ONE = two_classes(P, TRUTH)


def point(t: float, label: str = "ill") -> OperatingPoint:
    return OperatingPoint(label, Rule(), t, 0, 0, 0, 0)


def test_shares_agree_with_scikit_learn() -> None:
    found = at_threshold(ONE, [point(0.4)], repeats=200)
    said = P >= 0.4
    theirs = {
        "sensitivity": recall_score(TRUTH, said),
        "specificity": recall_score(~TRUTH, ~said),
        "ppv": precision_score(TRUTH, said),
        "npv": precision_score(~TRUTH, ~said),
    }
    for name, value in theirs.items():
        score = found[f"{name}:ill"]
        assert score.value == pytest.approx(value, abs=1e-6)
        assert score.low < score.value < score.high
        assert score.method == "bootstrap_images"


@pytest.mark.parametrize("least", [0.5, 0.8, 0.95])
def test_one_rate_at_the_other_agrees_with_torchmetrics(least) -> None:
    p, y = torch.from_numpy(P), torch.from_numpy(TRUTH.astype(int))
    theirs, _ = binary_sensitivity_at_specificity(p, y, min_specificity=least)
    found = sensitivity_at(ONE, least, repeats=100)["ill"]
    assert found.value == pytest.approx(theirs.item(), abs=1e-6)
    assert found.low <= found.value <= found.high
    theirs, _ = binary_specificity_at_sensitivity(p, y, min_sensitivity=least)
    found = specificity_at(ONE, least, repeats=0)["ill"]
    assert found.value == pytest.approx(theirs.item(), abs=1e-6)


def test_ties_go_together() -> None:
    one = two_classes([0.2, 0.5, 0.5, 0.5, 0.9], [0, 0, 1, 0, 1])
    assert sensitivity_at(one, 1.0, repeats=0)["ill"].value == 0.5
    assert sensitivity_at(one, 0.3, repeats=0)["ill"].value == 1.0


def test_patients_widen_the_interval() -> None:
    hard = np.repeat(RNG.random(24) < 0.4, 10)
    p = np.where(TRUTH ^ hard, 0.9, 0.1)
    patients = np.repeat([f"p{i}" for i in range(24)], 10)
    wide = at_threshold(two_classes(p, TRUTH, patients=patients), [point(0.5)])["sensitivity:ill"]
    narrow = at_threshold(two_classes(p, TRUTH), [point(0.5)])["sensitivity:ill"]
    assert wide.high - wide.low > 1.4 * (narrow.high - narrow.low)


def test_what_rests_on_nothing_says_so() -> None:
    found = at_threshold(two_classes([0.1, 0.2], [0, 0]), [point(0.5)], repeats=20)
    assert found["sensitivity:ill"].undefined.id == "score.undefined.sensitivity"
    assert found["ppv:ill"].undefined.id == "score.undefined.ppv"
    assert found["specificity:ill"].value == 1.0
    nowhere = at_threshold(ONE, [point(math.nan)])
    assert nowhere["npv:ill"].undefined.id == "score.undefined.threshold"
    assert sensitivity_at(two_classes([0.1, 0.2], [1, 1]), 0.9)["ill"].undefined is not None


def test_no_false_alarm_in_few_images_is_no_proof() -> None:
    one = two_classes([0.1] * 30 + [0.9] * 60, [0] * 30 + [1] * 60)
    found = at_threshold(one, [point(0.5)], repeats=50)
    assert found["specificity:ill"].low == pytest.approx(1 - 3 / 30)
    assert found["sensitivity:ill"].low == pytest.approx(1 - 3 / 60)


def test_each_label_counts_its_known_images() -> None:
    y = np.column_stack([TRUTH, TRUTH]).astype(float)
    y[:100, 1] = np.nan
    one = labels(np.column_stack([P, P]), y)
    found = at_threshold(one, [point(0.4, "a"), point(0.4, "b")], repeats=50)
    assert found["ppv:b"].n == 140
    assert found["sensitivity:b"].value == pytest.approx((P[100:] >= 0.4)[TRUTH[100:]].mean())
    assert set(sensitivity_at(one, 0.8, repeats=10)) == {"a", "b"}
