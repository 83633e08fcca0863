import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from kd_core.errors import ConfigError, DataError
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.verdict import Verdict, compare
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT

RNG = np.random.default_rng(0)


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
    near = answers(np.arange(4000) != 7)
    assert compare([near], [answers(np.ones(4000, bool))], "accuracy").kind == "as_good"
    unclear = compare([random(0.8, 60, 3)], [random(0.8, 60, 4)], "accuracy")
    assert unclear.kind == "cannot_tell"
    assert unclear.smallest == pytest.approx((unclear.high - unclear.low) / 2)
    assert unclear.low < unclear.difference < unclear.high


def test_the_margin_decides_what_is_as_good() -> None:
    right = np.random.default_rng(0).random(1000) < 0.9
    other = right.copy()
    other[np.flatnonzero(right)[:5]] = False
    other[np.flatnonzero(~right)[:4]] = True
    pair = [answers(right)], [answers(other)]
    assert compare(*pair, "accuracy", margin=0.03).kind == "as_good"
    assert compare(*pair, "accuracy", margin=0.001).kind == "cannot_tell"


def test_the_difference_and_its_interval_agree_with_a_plain_paired_bootstrap() -> None:
    a, b = (random(rate, 300, seed) for rate, seed in ((0.9, 1), (0.8, 2)))
    found = compare([a], [b], "accuracy", repeats=4000)
    gap = (a.predicted() == a.targets) * 1.0 - (b.predicted() == b.targets)
    assert found.difference == pytest.approx(gap.mean())
    means = [gap[RNG.integers(0, 300, 300)].mean() for _ in range(4000)]
    # an end of a 95 % interval from 4000 repeats has an sd of about 2 % of the interval's width
    np.testing.assert_allclose(
        (found.low, found.high), np.percentile(means, [2.5, 97.5]), atol=0.01
    )


def test_less_is_better_for_some_metrics() -> None:
    good, poor = random(0.95, seed=1), random(0.6, seed=2)
    verdict = compare([good], [poor], "brier")
    brier = METRICS["brier"].fn
    values = [brier(p.probabilities(), p.targets) for p in (good, poor)]
    assert verdict.kind == "better"
    assert verdict.difference == pytest.approx(values[1] - values[0])
    assert compare([poor], [good], "brier").kind == "worse"


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


TRIALS = 120
MOST_ALARMS = 0.05 + 3 * math.sqrt(0.05 * 0.95 / TRIALS)
"""5 % plus three sd of the simulation: 0.11."""


def alarms(pair) -> float:
    """Share of comparisons of equally good models that claim a difference."""
    kinds = [compare(*pair(), "accuracy", repeats=200).kind for _ in range(TRIALS)]
    return sum(kind in ("better", "worse") for kind in kinds) / TRIALS


def test_correlated_images_of_a_patient_are_not_taken_for_evidence() -> None:
    rng, patients = np.random.default_rng(5), np.repeat([f"p{i}" for i in range(40)], 10)

    def pair(known):  # two equally good models that err on whole patients
        right = (np.repeat(rng.random(40) < 0.8, 10) for _ in range(2))
        return tuple([answers(r, patients if known else None)] for r in right)

    assert alarms(lambda: pair(known=True)) <= MOST_ALARMS
    assert alarms(lambda: pair(known=False)) > 0.3  # what patients are for


@pytest.mark.parametrize(
    ("between", "n_seeds"),
    [(0.0, 3), (0.03, 3), (0.1, 3), (0.1, 2)],
    ids=["images only", "both", "seeds", "two seeds"],
)
def test_chance_in_training_is_not_taken_for_evidence(between, n_seeds) -> None:
    rng = np.random.default_rng(7)

    def arm():  # a seed moves the accuracy of a model; both arms are alike
        rates = 0.7 + between * rng.normal(size=n_seeds)
        return [answers(rng.random(200) < rate) for rate in rates]

    assert alarms(lambda: (arm(), arm())) <= MOST_ALARMS


def test_identical_answers_to_few_images_prove_little() -> None:
    few, many = (random(0.8, n) for n in (60, 2000))
    verdict = compare([few], [few], "accuracy")
    assert verdict.kind == "cannot_tell"
    assert (verdict.difference, verdict.high) == pytest.approx((0, 3 / 60))
    assert compare([many], [many], "accuracy").kind == "as_good"


def test_what_is_undefined_cannot_be_told() -> None:
    one = dataclasses.replace(random(0.8), targets=np.zeros(400, np.int64))
    verdict = compare([one], [one], "macro_auc")
    assert verdict.kind == "cannot_tell"
    assert math.isnan(verdict.low)
    assert verdict.msg.id == "verdict.undefined"


def two_labels(shares: tuple[float, float], seed: int = 0) -> Predictions:
    """120 images; of the second label two have it."""
    rng = np.random.default_rng(0)
    targets = (rng.random((120, 2)) < shares).astype(np.float32)
    targets[:2, 1] = 1
    logits = np.random.default_rng(seed).normal(size=(120, 2)).astype(np.float32)
    ids = tuple(map(str, range(120)))
    return Predictions(ids, targets, logits, "val", seed, ("common", "rare"), "multilabel")


def test_a_label_that_hardly_anybody_has_is_left_out_and_named() -> None:
    one, two = two_labels((0.5, 0.0), 1), two_labels((0.5, 0.0), 2)
    verdict = compare([one], [two], "macro_auc")
    areas = [METRICS["auc"].fn(p.probabilities(), p.targets)[0] for p in (one, two)]
    assert verdict.difference == pytest.approx(areas[0] - areas[1])
    assert verdict.low < verdict.difference < verdict.high
    assert verdict.left_out == ("rare",)
    assert "without rare" in load_catalogue(Path(ROOT) / "app" / "locale").render(verdict.msg)
    assert compare([one], [two], "exact_match").left_out == ()


def test_where_no_label_has_enough_there_is_no_interval_and_they_are_named() -> None:
    rare = two_labels((0.0, 0.0))
    rare.targets[:2, 0] = 1
    verdict = compare([rare], [rare], "macro_auc")
    assert math.isnan(verdict.low)
    assert (verdict.scarce, verdict.left_out) == (("common", "rare"), ())
    assert (verdict.msg.id, verdict.msg.params["classes"]) == ("verdict.scarce", ["common", "rare"])


def test_the_same_seed_gives_the_same_verdict() -> None:
    pair = [random(0.8, seed=1), random(0.8, seed=2)], [random(0.8, seed=3), random(0.8, seed=4)]
    assert compare(*pair, "accuracy", seed=5) == compare(*pair, "accuracy", seed=5)


def test_several_labels_can_be_compared() -> None:
    y = (RNG.random((300, 3)) < 0.4).astype(np.float32)
    y[RNG.random((300, 3)) < 0.1] = np.nan
    ids = tuple(map(str, range(300)))
    good, poor = (
        Predictions(
            *(ids, y, (np.nan_to_num(y) * gain + RNG.normal(size=(300, 3))).astype(np.float32)),
            *("val", 0, ("a", "b", "c"), "multilabel"),
        )
        for gain in (4, 1)
    )
    assert compare([good], [poor], "macro_auc").kind == "better"


@pytest.mark.parametrize(
    ("pair", "code"),
    [
        (([random(0.8, 40)], [random(0.8, 60)]), "pairs_differ"),
        (([random(0.8)] * 2, [random(0.8)]), "pairs_differ"),
        (([], []), "pairs_empty"),
        (([random(0.8)], []), "pairs_empty"),
    ],
    ids=["images", "seeds", "nothing", "one side"],
)
def test_only_the_same_images_can_be_compared(pair, code) -> None:
    with pytest.raises(DataError, match=code):
        compare(*pair, "accuracy")


def test_only_the_same_truth_can_be_compared() -> None:
    one = random(0.8)
    patients = np.array(["p", "q"] * 200)
    for change in ({"targets": 1 - one.targets}, {"patients": patients}):
        with pytest.raises(DataError, match="pairs_other_truth"):
            compare([one], [dataclasses.replace(one, **change)], "accuracy")
    known = dataclasses.replace(one, patients=patients)
    with pytest.raises(DataError, match="pairs_other_truth"):
        compare([known], [dataclasses.replace(one, patients=patients[::-1])], "accuracy")


def test_a_verdict_is_on_one_value() -> None:
    with pytest.raises(ConfigError, match="metric_per_class"):
        compare([random(0.8)], [random(0.8)], "auc")


def test_the_sentence_has_the_numbers() -> None:
    made = Verdict("worse", "ece", -0.0123, -0.02, -0.004, 0.01, 0.008, 1000, 30, 1)
    text = load_catalogue(Path(ROOT) / "app" / "locale").render(made.msg)
    for part in ("Worse by 1.2 points", "−2.0 to −0.4", "1,000 images", "30 patients", "one seed"):
        assert part in text
    assert "patient" not in str(dataclasses.replace(made, n_patients=None).msg)
