import numpy as np
import pytest

from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.rare import SCARCE, counted, left_out, scarce
from kd_core.evaluate.robustness import CLEAN, robustness
from kd_core.evaluate.scores import rests_on, score
from tests.helpers_statistics import labels, two_classes

RNG = np.random.default_rng(0)


def with_positives(*numbers: int, n: int = 100, **more):
    """Predictions of labels of which so many images have each."""
    truth = np.stack([np.arange(n) < k for k in numbers], 1).astype(float)
    return labels(0.2 + 0.4 * truth + 0.4 * RNG.random(truth.shape), truth, **more)


def test_either_side_may_be_too_small() -> None:
    assert left_out(with_positives(SCARCE - 1, SCARCE, 50, 100 - SCARCE, 99)) == ("a", "e")


def test_patients_count_where_they_are_known() -> None:
    patients = np.array([f"p{i // 3}" for i in range(100)])  # nine images are three patients
    assert left_out(with_positives(9, 50)) == ()
    assert left_out(with_positives(9, 50, patients=patients)) == ("a",)


def test_what_is_not_known_is_on_neither_side() -> None:
    targets = np.array([[1.0, 1.0]] * 10 + [[0.0, np.nan]] * 10)
    assert counted(targets, 2).tolist() == [True, False]


def test_nothing_is_left_out_where_nothing_would_remain() -> None:
    few = two_classes(RNG.random(20), np.arange(20) < 2)
    assert left_out(few) == ()
    assert scarce(few) == ("healthy", "ill")
    assert len(scarce(with_positives(1, 2))) == 2


@pytest.mark.parametrize("metric", ["macro_auc", "balanced_accuracy", "f1", "average_precision"])
def test_a_mean_is_over_what_counts_and_says_so(metric) -> None:
    both = with_positives(40, 2)
    alone = labels(both.probabilities()[:, :1], both.targets[:, :1])
    found, theirs = score(both, [metric])[metric], score(alone, [metric])[metric]
    assert found.left_out == ("b",)
    assert (found.value, found.low, found.high) == pytest.approx(
        (theirs.value, theirs.low, theirs.high)
    )
    assert METRICS[metric].of(both) == pytest.approx(found.value)


def test_figures_of_single_labels_stay() -> None:
    found = score(with_positives(40, 3), ["auc", "exact_match"])
    assert set(found) == {"auc:a", "auc:b", "exact_match"}
    assert all(one.left_out == () for one in found.values())


def test_a_rare_class_of_several_is_left_out_too() -> None:
    truth = np.repeat([0, 1, 2], [40, 40, 2])
    logits = RNG.normal(size=(82, 3)).astype(np.float32) + np.eye(3, dtype=np.float32)[truth]
    few = Predictions(tuple(map(str, range(82))), truth, logits, "val", 0, ("x", "y", "z"))
    found = score(few, ["balanced_accuracy", "sensitivity"])
    assert found["balanced_accuracy"].left_out == ("z",)
    assert found["balanced_accuracy"].value == pytest.approx(
        (found["sensitivity:x"].value + found["sensitivity:y"].value) / 2
    )


def test_curves_leave_out_the_same() -> None:
    one = {CLEAN: [with_positives(40, 2)], ("blur", 1): [with_positives(40, 2)]}
    found = robustness({"m": one}, "macro_auc", "m", repeats=50)
    assert found.left_out == ("b",)
    assert np.isfinite(found.curves[0].levels[1].low)


def test_a_mean_rests_on_little_more_than_its_smaller_class() -> None:
    uneven = two_classes(RNG.random(300), np.arange(300) < 10)
    of_image, spec = np.arange(300), METRICS["balanced_accuracy"]
    assert rests_on(uneven, spec, of_image) == pytest.approx(10.6, abs=0.1)
    even = two_classes(RNG.random(300), np.arange(300) % 2)
    assert rests_on(even, spec, of_image) == pytest.approx(299)
    assert rests_on(even, METRICS["accuracy"], of_image) == 300
    assert rests_on(even, METRICS["macro_auc"], of_image) == 150  # two areas that are one
