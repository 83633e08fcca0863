import dataclasses

import numpy as np
import pytest
from scipy import special
from sklearn import metrics as reference

from kd_core.errors import ExportError
from kd_core.evaluate import METRICS, Predictions, compare, read_predictions, score
from kd_core.evaluate.decide import at_half, calibrated_logits, cuts, decided
from kd_core.evaluate.predictions import write_predictions

RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 2, 200)
LOGITS = (RNG.normal(0, 1, (200, 2)) + np.eye(2)[TRUTH]).astype(np.float32)
TWO = Predictions(tuple(map(str, range(200))), TRUTH, LOGITS, "val", 0, ("healthy", "ill"))
LABELS = dataclasses.replace(
    TWO, targets=np.column_stack([TRUTH, 1 - TRUTH]).astype(np.float32), task="multilabel"
)


def test_platt_of_two_classes_is_a_sigmoid_of_the_log_odds() -> None:
    own = dataclasses.replace(TWO, calibration={"method": "platt", "a": 2.0, "b": -0.5})
    odds = LOGITS[:, 1].astype(float) - LOGITS[:, 0]
    np.testing.assert_allclose(own.probabilities()[:, 1], special.expit(2 * odds - 0.5), atol=1e-9)


def test_platt_of_labels_has_one_line_a_label() -> None:
    calibration = {"method": "platt", "a": [2.0, 1.0], "b": [0.0, 1.0]}
    own = dataclasses.replace(LABELS, calibration=calibration).probabilities()
    np.testing.assert_allclose(own[:, 1], special.expit(LOGITS[:, 1].astype(float) + 1), atol=1e-9)


@pytest.mark.parametrize("values", [{"method": "magic"}, {"method": "platt", "a": 1.0}, {"T": 0.0}])
def test_an_unknown_calibration_is_an_error(values) -> None:
    with pytest.raises(ExportError, match="calibration_unknown"):
        calibrated_logits(LOGITS, "classification", values)


@pytest.mark.parametrize("cut", [0.0, 0.2, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("one", [TWO, LABELS], ids=["two classes", "labels"])
def test_half_is_where_the_threshold_was(one, cut) -> None:
    own = dataclasses.replace(one, threshold=cut)
    moved = own.at_half()
    said = (moved > 0.5).astype(int) if one is LABELS else moved.argmax(1)
    np.testing.assert_array_equal(said, own.predicted())
    column = own.probabilities()[:, 1]
    assert (own.predicted() == (column >= cut)).all() if one is TWO else True


def test_a_threshold_that_is_a_probability_is_reached_by_it() -> None:
    p = TWO.probabilities()
    for row in range(50):
        cut = float(p[row, 1])
        assert decided(p, "classification", cut)[row] == 1
        assert at_half(p, "classification", cut)[row].argmax() == 1


def test_metrics_that_count_answers_see_the_threshold_and_others_do_not() -> None:
    own = dataclasses.replace(TWO, threshold=0.2)
    before, after = score(TWO, repeats=0), score(own, repeats=0)
    said = own.predicted()
    assert after["accuracy"].value == pytest.approx(reference.accuracy_score(TRUTH, said))
    assert after["sensitivity:ill"].value == pytest.approx(reference.recall_score(TRUTH, said))
    assert after["mcc"].value == pytest.approx(reference.matthews_corrcoef(TRUTH, said))
    assert after["accuracy"].value != before["accuracy"].value
    for name in ("macro_auc", "brier", "ece", "ap:ill"):
        assert after[name].value == before[name].value
    assert METRICS["f1"].of_answers
    assert compare([own], [TWO], "accuracy", repeats=50).difference == pytest.approx(
        after["accuracy"].value - before["accuracy"].value
    )


def test_more_than_two_classes_have_no_threshold() -> None:
    assert cuts(0.3, "classification", 3) is None


def test_each_image_can_have_a_threshold_of_its_own() -> None:
    cut = np.where(np.arange(200)[:, None] < 100, 0.2, 0.8) * np.ones((1, 2))
    for one in (TWO, LABELS):
        own = dataclasses.replace(one, threshold=cut)
        halves = [dataclasses.replace(one, threshold=value) for value in (0.2, 0.8)]
        said = np.concatenate([halves[0].predicted()[:100], halves[1].predicted()[100:]])
        np.testing.assert_array_equal(own.predicted(), said)
        moved = own.at_half()
        np.testing.assert_array_equal(moved > 0.5 if one is LABELS else moved.argmax(1), said)


def test_a_file_of_predictions_knows_its_operating_point(tmp_path) -> None:
    own = dataclasses.replace(
        LABELS, calibration={"method": "platt", "a": [2.0, 1.0], "b": [0.0, 1.0]},
        threshold=(0.2, 0.7),
    )  # fmt: skip
    write_predictions(tmp_path / "p.parquet", own)
    again = read_predictions(tmp_path / "p.parquet")
    assert again.threshold == (0.2, 0.7)
    np.testing.assert_array_equal(again.logits, LOGITS)
    np.testing.assert_array_equal(again.predicted(), own.predicted())
