import dataclasses
import json

import numpy as np
import pytest
from sklearn import metrics as reference

from kd_core.config import DataSettings, OperatingSettings, StudySettings
from kd_core.evaluate import Predictions
from kd_core.evaluate.decide import decided
from kd_core.export import OnnxModel
from kd_core.slides.answers import answers_of
from kd_core.study.graph import expand
from kd_core.study.operating import fit_operating, write_operating
from tests.helpers_data import tiny_data
from tests.helpers_onnx import small_file

RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 2, 400)
LOGITS = (3 * RNG.normal(0, 1, (400, 2)) + 2 * np.eye(2)[TRUTH]).astype(np.float32)
TWO = Predictions(tuple(map(str, range(400))), TRUTH, LOGITS, "val", 0, ("healthy", "ill"))
YOUDEN = OperatingSettings(calibration="temperature", rule="youden")


def test_a_study_that_asks_for_nothing_has_no_operating_point() -> None:
    assert fit_operating(TWO, OperatingSettings()) is None
    assert fit_operating(TWO, OperatingSettings(value=0.4)) is None


def test_the_threshold_lies_on_calibrated_probabilities() -> None:
    found = fit_operating(TWO, YOUDEN)
    own = dataclasses.replace(TWO, calibration=found.calibration, threshold=found.threshold)
    false, true, _ = reference.roc_curve(TRUTH, own.probabilities()[:, 1])
    said = own.predicted()
    reached = reference.recall_score(TRUTH, said) + reference.recall_score(1 - TRUTH, 1 - said) - 1
    assert reached == pytest.approx((true - false).max())
    assert found.points[0].sensitivity == pytest.approx(reference.recall_score(TRUTH, said))
    assert found.calibration["T"] > 1.2  # these logits are far too sure


def test_sensitivity_is_kept_on_the_images_that_it_was_fitted_on() -> None:
    rule = OperatingSettings(rule="sensitivity", value=0.95)
    found = fit_operating(TWO, rule)
    said = dataclasses.replace(TWO, threshold=found.threshold).predicted()
    assert reference.recall_score(TRUTH, said) >= 0.95


def test_the_class_to_be_found_is_the_ill_one_wherever_it_stands() -> None:
    turned = dataclasses.replace(
        TWO, classes=("ill", "healthy"), targets=1 - TRUTH, logits=LOGITS[:, ::-1]
    )
    rule = OperatingSettings(rule="sensitivity", value=0.95)
    there, here = fit_operating(TWO, rule), fit_operating(turned, rule)
    assert (here.points[0].label, there.points[0].label) == ("ill", "ill")
    said = dataclasses.replace(turned, threshold=here.threshold).predicted()
    assert reference.recall_score(TRUTH, 1 - said) >= 0.95
    asked = fit_operating(turned, rule.change(positive="healthy"))
    assert asked.points[0].label == "healthy"


def test_what_three_classes_cannot_have_is_said() -> None:
    three = dataclasses.replace(
        TWO, logits=np.column_stack([LOGITS, LOGITS[:, 0] - 5]), classes=("a", "b", "c")
    )
    found = fit_operating(three, OperatingSettings(calibration="platt", rule="youden"))
    assert found.threshold is None
    assert found.calibration["method"] == "temperature"
    assert [msg["id"] for msg in found.left_out] == ["operating.no_platt", "operating.no_threshold"]


def test_the_file_says_what_the_predictions_say(tmp_path) -> None:
    data = dataclasses.replace(tiny_data(classes=2), classes=("healthy", "ill"))
    file = small_file(tmp_path / "model.onnx", data)
    found = fit_operating(TWO, OperatingSettings(calibration="platt", rule="youden"))
    write_operating(file, found)
    contract = OnnxModel(file).contract
    assert contract.threshold == found.threshold
    assert contract.calibration == found.calibration
    own = dataclasses.replace(TWO, calibration=found.calibration, threshold=found.threshold)
    answers = answers_of(LOGITS.astype(float), contract)
    np.testing.assert_array_equal(answers.chosen, own.predicted())
    np.testing.assert_allclose(answers.probabilities, own.probabilities(), atol=1e-12)
    np.testing.assert_array_equal(
        answers.chosen, decided(answers.probabilities, "classification", contract.threshold)
    )


def test_every_run_of_a_study_has_its_rule_and_old_runs_keep_their_identity() -> None:
    study = StudySettings(data=DataSettings(dataset="sample"))
    plain, ruled = expand(study), expand(study.change(operating=YOUDEN))
    assert {run.operating for run in ruled} == {YOUDEN}
    assert "operating" not in json.dumps(plain[0].identity())
    assert plain[0].config_hash({}) != ruled[0].config_hash({})
