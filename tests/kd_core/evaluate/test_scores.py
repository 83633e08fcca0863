import math

import numpy as np
import pytest

from kd_core.evaluate.predictions import Predictions, read_predictions, write_predictions
from kd_core.evaluate.scores import score


def make(n: int = 60, k: int = 3, seed: int = 0, patients: bool = True, **changes) -> Predictions:
    rng = np.random.default_rng(seed)
    targets = np.arange(n) % k
    fields = {
        "ids": tuple(f"i{i}" for i in range(n)),
        "targets": targets,
        "logits": (np.eye(k)[targets] + rng.normal(0, 0.8, (n, k))).astype(np.float32),
        "part": "val",
        "seed": 4,
        "classes": tuple("abcdef"[:k]),
        "patients": np.array([f"p{i // 6}" for i in range(n)]) if patients else None,
        "groups": {"site": np.array(["x", "y"] * (n // 2))},
    }
    return Predictions(**{**fields, **changes})


def test_all_metrics_have_values_inside_their_intervals() -> None:
    scores = score(make(), repeats=200)
    assert {"accuracy", "macro_auc", "auc:a", "sensitivity:c", "ece"} <= set(scores)
    for name, found in scores.items():
        assert math.isfinite(found.value), name
        # a bootstrap of a calibration error is biased upwards, so only the others are checked
        if not name.startswith("ece"):
            assert found.low <= found.value <= found.high, name
        assert found.method == "bootstrap_patients"
        assert found.n == 60


def test_patients_give_wider_intervals_than_their_images() -> None:
    n, each = 600, 20
    rng = np.random.default_rng(1)
    wrong = np.repeat(rng.random(n // each) < 0.4, each)  # whole patients are wrong
    y = np.tile([0, 1], n // 2)
    logits = np.eye(2, dtype=np.float32)[np.where(wrong, 1 - y, y)]
    patients = np.repeat([f"p{i}" for i in range(n // each)], each)
    fields = {"n": n, "k": 2, "targets": y, "logits": logits, "groups": {}}
    known = score(make(**fields, patients=None), ["accuracy"])["accuracy"]
    assert known.method == "bootstrap_images"
    grouped = score(Predictions(**{**vars(make(**fields, patients=None)), "patients": patients}))
    assert grouped["accuracy"].high - grouped["accuracy"].low > 2 * (known.high - known.low)


def test_what_is_undefined_is_named() -> None:
    scores = score(make(targets=np.zeros(60, np.int64)), ["macro_auc", "sensitivity"], repeats=20)
    assert math.isnan(scores["macro_auc"].value)
    assert scores["macro_auc"].undefined.id == "score.undefined.one_sided"
    assert scores["sensitivity:b"].undefined.params["classes"] == ["b"]
    assert scores["macro_auc"].method == "none"


def test_the_same_seed_gives_the_same_intervals() -> None:
    assert score(make(), repeats=50, seed=3) == score(make(), repeats=50, seed=3)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    rng, truth, hits, trials = np.random.default_rng(0), 0.8, 0, 300
    for _ in range(trials):
        right = rng.random(120) < truth
        y = np.tile([0, 1], 60)
        logits = np.eye(2, dtype=np.float32)[np.where(right, y, 1 - y)]
        p = make(120, 2, targets=y, logits=logits, patients=None, groups={})
        found = score(p, ["accuracy"], repeats=200)["accuracy"]
        hits += found.low <= truth <= found.high
    # three sd of the simulation: 3 · √(0.95 · 0.05 / 300) = 0.038; the percentile method is a
    # little short at n = 120
    assert 0.90 <= hits / trials <= 0.99


@pytest.mark.parametrize("multilabel", [False, True])
def test_a_file_gives_back_what_was_written(tmp_path, multilabel) -> None:
    p = make()
    if multilabel:
        y = np.array([[1, np.nan, 0]] * 60, np.float32)
        p = make(targets=y, task="multilabel", patients=None)
    write_predictions(tmp_path / "p.parquet", p)
    q = read_predictions(tmp_path / "p.parquet")
    np.testing.assert_array_equal(p.targets, q.targets)
    np.testing.assert_array_equal(p.logits, q.logits)
    assert (p.ids, p.part, p.seed, p.classes, p.task) == (q.ids, q.part, q.seed, q.classes, q.task)
    assert (p.patients is None) == (q.patients is None)
    assert list(q.groups["site"]) == list(p.groups["site"])


def test_multilabel_scores() -> None:
    y = (np.arange(180).reshape(60, 3) % 2).astype(np.float32)
    y[0, 0] = np.nan
    scores = score(make(targets=y, task="multilabel"), repeats=50)
    assert "mcc" not in scores
    assert math.isfinite(scores["macro_auc"].value)
