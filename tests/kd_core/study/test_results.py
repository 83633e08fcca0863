from types import SimpleNamespace

import numpy as np
import pytest

from kd_core.errors import StoreError
from kd_core.evaluate.predictions import Predictions, write_predictions
from kd_core.study.results import Result, arm_of, by_arm, compare_arms, predictions


def fake(folder, key: str, seed: int, rate: float) -> Result:
    """A finished model whose predictions are right at a rate, on disk as a run leaves them."""
    rng = np.random.default_rng([seed, int(rate * 100)])
    y = np.arange(200) % 2
    right = rng.random(200) < rate
    logits = np.eye(2, dtype=np.float32)[np.where(right, y, 1 - y)]
    place = folder / key / "predictions"
    place.mkdir(parents=True)
    for part in ("val", "test"):
        found = Predictions(tuple(map(str, range(200))), y, logits, part, seed, ("a", "b"))
        write_predictions(place / f"model-{part}.parquet", found)
    run = SimpleNamespace(id=key, key=key, seed=seed)
    model = SimpleNamespace(name="model", role="student", scores={})
    return Result(run, model, arm_of(run), (), folder / key)


def test_the_test_part_is_sealed_until_it_is_opened(tmp_path) -> None:
    result = fake(tmp_path, "distilled-s0", 0, 0.9)
    assert len(predictions(result, "val")) == 200
    with pytest.raises(StoreError) as caught:
        predictions(result, "test")
    assert caught.value.code == "test_sealed"
    assert len(predictions(result, "test", opened=True)) == 200


def test_missing_predictions_are_named(tmp_path) -> None:
    result = fake(tmp_path, "distilled-s0", 0, 0.9)
    with pytest.raises(StoreError) as caught:
        predictions(result, "external-other", opened=True)
    assert caught.value.code == "predictions_missing"


def test_arms_are_keys_without_seeds(tmp_path) -> None:
    made = [fake(tmp_path, f"my-arm-s{seed}", seed, 0.9) for seed in (3, 1)]
    groups = by_arm(made)
    assert [r.run.seed for r in groups["my-arm"]] == [1, 3]


def test_seeds_are_paired_and_one_teacher_stands_for_all(tmp_path) -> None:
    good = [fake(tmp_path, f"good-s{seed}", seed, 0.97) for seed in (0, 1, 2, 3)]
    poor = [fake(tmp_path, f"poor-s{seed}", seed, 0.6) for seed in (0, 1, 2)]
    teacher = [fake(tmp_path, "teacher-s0", 0, 0.99)]
    found = compare_arms(good, poor, "accuracy")
    assert (found.kind, found.n_seeds) == ("better", 3)
    assert compare_arms(poor, teacher, "accuracy").kind == "worse"
    assert compare_arms(good, teacher, "accuracy").n_seeds == 4
