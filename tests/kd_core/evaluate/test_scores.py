import math

import numpy as np
import pytest
from scipy import special

from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.scores import score
from tests.helpers_statistics import two_classes


def make(n: int = 60, k: int = 3, seed: int = 0, **changes) -> Predictions:
    rng = np.random.default_rng(seed)
    targets = np.arange(n) % k
    fields = {
        "ids": tuple(f"i{i}" for i in range(n)),
        "targets": targets,
        "logits": (np.eye(k)[targets] + rng.normal(0, 0.8, (n, k))).astype(np.float32),
        "part": "val",
        "seed": 4,
        "classes": tuple("abcdef"[:k]),
        "patients": np.array([f"p{i // 6}" for i in range(n)]),
        "groups": {"site": np.array(["x", "y"] * (n // 2))},
    }
    return Predictions(**{**fields, **changes})


def test_all_metrics_have_values_inside_their_intervals() -> None:
    scores = score(make(), repeats=200)
    assert {"accuracy", "macro_auc", "auc:a", "sensitivity:c", "ece"} <= set(scores)
    for name, found in scores.items():
        assert found.low <= found.value <= found.high, name
        assert found.method == "bootstrap_patients"
        assert found.n == 60


def test_patients_give_wider_intervals_than_their_images() -> None:
    right = np.repeat(np.random.default_rng(1).random(30) < 0.6, 20)  # whole patients are wrong
    images = score(binary(right), ["accuracy"])["accuracy"]
    patients = np.repeat([f"p{i}" for i in range(30)], 20)
    grouped = score(binary(right, patients), ["accuracy"])["accuracy"]
    assert (images.method, grouped.method) == ("bootstrap_images", "bootstrap_patients")
    assert grouped.high - grouped.low > 2 * (images.high - images.low)


def test_what_is_undefined_is_named() -> None:
    scores = score(make(targets=np.zeros(60, np.int64)), ["macro_auc", "sensitivity"], repeats=20)
    assert math.isnan(scores["macro_auc"].value)
    assert scores["macro_auc"].undefined.id == "score.undefined.one_sided"
    assert scores["sensitivity:b"].undefined.params["classes"] == ["b"]
    assert scores["macro_auc"].method == "none"


def test_the_same_seed_gives_the_same_intervals() -> None:
    assert score(make(), repeats=50, seed=3) == score(make(), repeats=50, seed=3)


def binary(right: np.ndarray, patients: np.ndarray | None = None) -> Predictions:
    """Sure answers that are right where ``right`` says so."""
    y = np.arange(len(right)) % 2
    logits = 9 * np.eye(2, dtype=np.float32)[np.where(right, y, 1 - y)]
    return make(len(right), 2, targets=y, logits=logits, patients=patients, groups={})


@pytest.mark.parametrize("each", [1, 5])
def test_intervals_cover_the_truth_about_as_often_as_they_say(each) -> None:
    rng, truth, trials = np.random.default_rng(0), 0.8, 300
    names = np.repeat([f"p{i}" for i in range(120)], each) if each > 1 else None
    hits = 0
    for _ in range(trials):  # images of a patient are all right or all wrong
        p = binary(np.repeat(rng.random(120) < truth, each), names)
        found = score(p, ["accuracy"], repeats=200)["accuracy"]
        hits += found.low <= truth <= found.high
    # three sd of the simulation: 3 · √(0.95 · 0.05 / 300) = 0.038; the percentile method is a
    # little short at n = 120
    assert 0.90 <= hits / trials <= 0.99


def test_an_interval_of_the_calibration_error_is_around_it() -> None:
    rng, held = np.random.default_rng(0), 0
    for seed in range(40):  # as sure as it is right: resampling alone makes gaps
        p = rng.uniform(0.5, 1, 300)
        y = (rng.random(300) > p).astype(np.int64)
        logits = np.stack([np.log(p), np.log(1 - p)], 1).astype(np.float32)
        made = make(300, 2, targets=y, logits=logits, patients=None, groups={})
        found = score(made, ["ece"], repeats=100, seed=seed)["ece"]
        held += found.low <= found.value <= found.high
        assert found.low >= 0
    assert held == 40


def test_a_perfect_model_is_not_perfect_for_sure() -> None:
    scores = score(binary(np.ones(60, bool)), repeats=50)
    accuracy, one, macro = (scores[n] for n in ("accuracy", "sensitivity:a", "balanced_accuracy"))
    assert (accuracy.low, accuracy.high) == pytest.approx((1 - 3 / 60, 1))
    assert one.low == macro.low == pytest.approx(1 - 3 / 30)
    assert accuracy.method == "nothing_seen"
    patients = np.repeat(["p", "q", "r", "s", "t", "u"], 10)
    assert score(binary(np.ones(60, bool), patients))["accuracy"].low == pytest.approx(0.5)
    assert score(binary(np.zeros(60, bool)))["accuracy"].high == pytest.approx(3 / 60)


def test_the_images_of_the_others_carry_a_specificity() -> None:
    y = np.array([0] * 10 + [1] * 90)
    p = make(100, 2, targets=y, logits=9 * np.eye(2, dtype=np.float32)[y], groups={}, patients=None)
    scores = score(p, repeats=50)
    assert scores["specificity:a"].low == pytest.approx(1 - 3 / 90)
    assert scores["sensitivity:a"].low == pytest.approx(1 - 3 / 10)


def test_one_patient_says_nothing_of_others() -> None:
    found = score(make(patients=None), ["accuracy"])["accuracy"]
    alone = score(make(patients=np.array(["p"] * 60)), ["accuracy"])["accuracy"]
    assert alone.value == found.value
    assert (alone.low, alone.high) == (0, 1)


def test_chosen_metrics_have_the_same_figures_as_all_of_them() -> None:
    every, chosen = score(make(), repeats=30), score(make(), ["macro_auc", "ece"], repeats=30)
    assert set(chosen) == {"macro_auc", "ece"}
    assert all(chosen[name] == every[name] for name in chosen)


def test_without_repeats_there_are_values_only() -> None:
    found = score(make(), ["accuracy"], repeats=0)["accuracy"]
    assert math.isfinite(found.value)
    assert math.isnan(found.low)
    assert found.method == "none"


def test_a_part_without_images_has_no_figure() -> None:
    none = make(0, 3, targets=np.zeros(0, np.int64), groups={}, patients=None)
    for found in score(none).values():
        assert found.undefined.id == "score.undefined.empty"


def test_multilabel_scores() -> None:
    y = (np.arange(180).reshape(60, 3) % 2).astype(np.float32)
    y[0, 0] = np.nan
    scores = score(make(targets=y, task="multilabel"), repeats=50)
    assert "mcc" not in scores
    assert math.isfinite(scores["macro_auc"].value)


def test_intervals_of_an_area_near_1_cover_it_with_few_correlated_patients() -> None:
    rng, hits, n_patients, each = np.random.default_rng(1), 0, 24, 5
    of_image = np.repeat(np.arange(n_patients), each)
    truth = (np.arange(n_patients) % 2)[of_image]
    true = float(special.ndtr(2.7 / np.sqrt(2)))  # 0.972
    for _ in range(120):
        noise = rng.normal(0, 0.5**0.5, n_patients)[of_image] + rng.normal(0, 0.5**0.5, 120)
        p = special.expit(2.7 * (truth - 0.5) + noise)
        found = score(two_classes(p, truth, patients=of_image.astype(str)), ["macro_auc"], 120)
        hits += found["macro_auc"].low <= true <= found["macro_auc"].high
    assert hits / 120 >= 0.95  # with Wilson's of as many images: 0.933


def test_a_perfect_area_of_two_classes_is_as_unsure_for_both() -> None:
    truth = np.array([0] * 100 + [1] * 10)
    found = score(two_classes(truth, truth), ["auc"], 50)
    assert found["auc:healthy"].method == found["auc:ill"].method == "nothing_seen"
    assert found["auc:healthy"].low == found["auc:ill"].low == 0.7
