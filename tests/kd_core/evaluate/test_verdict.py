import numpy as np
import pytest

from kd_core.errors import DataError
from kd_core.evaluate.agreement import agreement
from kd_core.evaluate.calibration import reliability
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.verdict import compare


def answers(right: np.ndarray, patients: np.ndarray | None = None, seed: int = 0) -> Predictions:
    """Binary predictions that are right where ``right`` says so."""
    n = len(right)
    y = np.arange(n) % 2
    logits = 2 * np.eye(2, dtype=np.float32)[np.where(right, y, 1 - y)]
    ids = tuple(map(str, range(n)))
    return Predictions(ids, y, logits, "val", seed, ("a", "b"), patients=patients)


def random(rate: float, n: int = 400, seed: int = 0) -> Predictions:
    return answers(np.random.default_rng(seed).random(n) < rate, seed=seed)


def test_the_four_verdicts() -> None:
    good, poor = random(0.95, seed=1), random(0.6, seed=2)
    assert compare([good], [poor], "accuracy").kind == "better"
    assert compare([poor], [good], "accuracy").kind == "worse"
    assert compare([good], [good], "accuracy").kind == "as_good"
    same = [random(0.8, 60, s) for s in (3, 4)]
    unclear = compare(same[:1], same[1:], "accuracy")
    assert unclear.kind == "cannot_tell"
    assert unclear.smallest == pytest.approx((unclear.high - unclear.low) / 2)


def test_less_is_better_for_some_metrics() -> None:
    good, poor = random(0.95, seed=1), random(0.6, seed=2)
    assert compare([good], [poor], "brier").kind == "better"
    assert compare([good], [poor], "brier").difference > 0


def test_one_teacher_stands_against_every_seed() -> None:
    teacher = random(0.95, seed=1)
    students = [random(0.7, seed=s) for s in (2, 3, 4)]
    verdict = compare([teacher] * 3, students, "accuracy")
    assert verdict.n_seeds == 3
    assert verdict.kind == "better"


def test_seeds_that_disagree_widen_the_interval() -> None:
    base = [answers(np.ones(200, bool), seed=s) for s in range(4)]
    equal = [random(0.8, 200, seed=s) for s in range(4)]
    spread = [random(rate, 200, seed=s) for s, rate in enumerate((0.6, 0.7, 0.9, 1.0))]
    narrow, wide = (compare(base, x, "accuracy") for x in (equal, spread))
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_correlated_images_of_a_patient_are_not_taken_for_evidence() -> None:
    rng, alarms, trials = np.random.default_rng(5), 0, 120
    for _ in range(trials):  # two equally good models that err on whole patients
        patients = np.repeat([f"p{i}" for i in range(40)], 10)
        right = [np.repeat(rng.random(40) < 0.8, 10) for _ in range(2)]
        a, b = (answers(r, patients) for r in right)
        alarms += compare([a], [b], "accuracy", repeats=300).kind in ("better", "worse")
    # 5 % plus three sd of the simulation: 3 · √(0.05 · 0.95 / 120) = 0.06
    assert alarms / trials <= 0.11


def test_only_the_same_images_can_be_compared() -> None:
    with pytest.raises(DataError) as caught:
        compare([random(0.8, 40)], [random(0.8, 60)], "accuracy")
    assert caught.value.code == "pairs_differ"
    with pytest.raises(DataError):
        compare([], [], "accuracy")


def test_agreement_lists_flips() -> None:
    right = np.ones(10, bool)
    wrong = right.copy()
    wrong[[2, 5]] = False
    found = agreement(answers(right), answers(wrong))
    assert found.share == pytest.approx(0.8)
    assert sorted(found.lost) == [2, 5]
    assert len(found.gained) == len(found.both_wrong) == 0


def test_reliability_of_a_model_that_is_as_sure_as_it_is_right() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0.5, 1, 20000)
    logits = np.stack([np.log(p), np.log(1 - p)], 1).astype(np.float32)
    y = (rng.random(20000) > p).astype(np.int64)
    found = reliability(Predictions(tuple(map(str, range(20000))), y, logits, "val", 0, ("a", "b")))
    np.testing.assert_allclose(found.accuracy, found.confidence, atol=0.03)
    assert found.count.sum() == 20000
