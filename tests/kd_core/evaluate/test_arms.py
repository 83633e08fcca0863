import dataclasses

import numpy as np
import pytest

from kd_core.errors import ConfigError, DataError
from kd_core.evaluate import Predictions, score
from kd_core.evaluate.arms import score_of_arm


def models(seeds: int, spread: float, n: int = 300, seed: int = 0) -> list[Predictions]:
    """Models whose true accuracy varies by ``spread`` over seeds; two images a patient."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    patients = np.repeat(np.arange(n // 2), 2).astype(str)
    found = []
    for s in range(seeds):
        right = rng.random(n) < np.clip(0.8 + rng.normal(0, spread), 0, 1)
        logits = 4 * np.eye(2, dtype=np.float32)[np.where(right, y, 1 - y)]
        found.append(
            Predictions(
                tuple(map(str, range(n))), y, logits, "val", s, ("a", "b"), patients=patients
            )
        )
    return found


def test_one_seed_has_the_interval_of_its_score() -> None:
    (one,) = models(1, 0.0)
    assert score_of_arm([one], "accuracy") == score(one, ["accuracy"])["accuracy"]


def test_seeds_that_vary_widen_the_interval_and_equal_ones_do_not() -> None:
    steady = models(1, 0.0) * 4
    alone = score_of_arm(steady[:1], "accuracy")
    same = score_of_arm(steady, "accuracy")
    assert (same.low, same.high) == pytest.approx((alone.low, alone.high), abs=0.01)
    varying = score_of_arm(models(4, 0.1), "accuracy")
    assert varying.high - varying.low > 1.5 * (same.high - same.low)


def test_the_interval_holds_the_true_value_of_new_seeds_and_patients() -> None:
    hits = [
        found.low <= 0.8 <= found.high
        for trial in range(200)
        for found in [score_of_arm(models(3, 0.04, n=200, seed=trial), "accuracy", repeats=200)]
    ]
    assert np.mean(hits) >= 0.91  # 95 % less twice the simulation's error


def test_what_cannot_be_is_refused() -> None:
    made = models(2, 0.0)
    with pytest.raises(ConfigError, match="metric_per_class"):
        score_of_arm(made, "sensitivity")
    with pytest.raises(DataError, match="pairs_empty"):
        score_of_arm([], "accuracy")
    one_sided = [dataclasses.replace(p, targets=np.zeros_like(p.targets)) for p in made]
    assert score_of_arm(one_sided, "macro_auc").undefined is not None


def test_a_share_stays_between_0_and_1_however_much_seeds_vary() -> None:
    found = score_of_arm(models(3, 0.3, seed=1), "accuracy")
    assert found.high == 1.0
    assert found.low >= 0.0
